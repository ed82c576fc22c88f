#!/usr/bin/env python3
"""Two years of two sites by clocks that are moved by hand: silent servers, a cut line, drills that pass, fail and are
missed, a plan in two versions, an independent test, words that end. The test reckons every figure of the continuity test
report from its own record; the program then makes the report of what the sites left, and its data is that one.
PROVE_QUICK: five weeks in place of the years.
"""
import fleet
from fleet import hold, prove, say
from years import read, told


def main(work):
    years = told(work)
    say(years.said)
    uji = fleet.for_trials(work)
    for name, more in (("laporan", ()), ("report", ("--english",))):
        made = years.report(uji, f"{work}/{name}.pdf", *more)
        for kind in ("json", "csv"):
            hold(read(f"{work}/{name}.{kind}") == years.expected[kind], f"{name}.{kind} is not what the story reckoned")
        say(f"{name}.pdf: {made['pages']} pages, of data {made['data_sha256'][:16]}: JSON and CSV are the story's own, byte for byte")
    return years.said


if __name__ == "__main__":
    prove(main)
