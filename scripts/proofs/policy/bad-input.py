#!/usr/bin/env python3
"""Policies and packs that are wrong in each way that there is: checked and applied with the real program, each is refused
with its place and what to do, by both commands, and what is in force stays in force.
"""
import hashlib
import re

from fleet import ROOT, Site, hold, prove, say
from sixth import NAME, PACK, TEXT

POLICY = f"{ROOT}/policies/default.toml"
WITHOUT_TARGETS = re.compile(r"\[class\.publik\.targets\]\n(?:.+\n)+")
DECIDED = 'far = { km = 50, date = "2026-08-01", by = "Kepala Dinas" }'

# What is wrong, how it comes into the file, and what the refusal says.
POLICIES = [
    ("an unknown field", lambda text: text.replace('jitter = "15m"', 'jiter = "15m"'), ["class.strategis.jiter", "jitter"]),
    ("a wrong unit", lambda text: text.replace('rpo_pusat = "4h"', 'rpo_pusat = "4 parsec"'), ["class.strategis.targets.rpo_pusat", "durations m, h"]),
    ("a class without targets", lambda text: WITHOUT_TARGETS.sub("", text), ["class.publik", "targets"]),
    ("a line of crontab that never comes", lambda text: text.replace('"30 1 * * *"', '"30 1 31 2 *"'), ["class.publik.schedules", "never"]),
    ("a time zone that is none", lambda text: text.replace("Asia/Jakarta\"\n", "Asia/Bandung\"\n"), ["time_zone", "Asia/Jakarta"]),
    ("a decision without a decree", lambda text: f"{text}\n[decisions]\n{DECIDED}\n", ["decisions.far", "decree"]),
    ("a decision on no day", lambda text: f'{text}\n[decisions]\n{DECIDED[:-2].replace("08-01", "02-30")}, decree = "1" }}\n', ["decisions.far", "date"]),
]
PACKS = [
    ("an expression that does not compile", "coverage.opds > &&", ["clause.pass", "does not compile"]),
    ("an unknown fact", "coverage.office > 0 &&", ["clause.pass", "no fact `coverage.office`"]),
    ("a fact of another kind", "coverage.opds > 'semua' &&", ["clause.pass", "takes a number"]),
    ("one that would not end: four lists within each other",
     "datasets.all(a, datasets.all(b, datasets.all(c, datasets.all(d, a.approved && d.fresh)))) &&", ["clause.pass", "nested too deeply"]),
    ("one that would not end: a list written out", "[1, 2, 3].all(a, a > 0) &&", ["clause.pass", "list of the facts"]),
    ("one that is nested too deeply", f"{'(' * 30}true{')' * 30} &&", ["clause.pass", "nested too deeply"]),
    ("one too long", f"{'true && ' * 200}", ["clause.pass", "1024 bytes"]),
    ("a function that there is not", "matches(regency.name, '(a+)+$') &&", ["clause.pass", "cannot be called"]),
]


def main(work):
    site = Site(work)
    with open(POLICY) as file:
        policy = file.read()
    held = refused = 0

    def wrong(what, verb, path, wanted, in_force):
        nonlocal held, refused
        for done in (site.controller(verb, "check", path), site.acting("siti", verb, "apply", path)):
            told = done.badly()
            hold(re.search(rf"{re.escape(path.rsplit('/', 1)[1])}:\d+:\d+: ", done.err), f"{what}: no place in {done.err}")
            for text in wanted:
                hold(text in done.err, f"{what}: nothing of {text!r} in {done.err}")
            refused += 1
        line = next(line for line in done.err.splitlines() if re.search(r":\d+:\d+: ", line))
        say(f"{what}: {line.removeprefix(work + '/')[:150]}")
        hold(in_force(), f"{what}: another is in force")
        held += 1
        return told

    path = f"{work}/kebijakan.toml"
    for what, change, wanted in POLICIES:
        with open(path, "w") as file:
            text = policy.replace("\nversion = 1\n", "\nversion = 2\n")
            hold(change(text) != text, f"{what}: nothing is changed")
            file.write(change(text))
        wrong(what, "policy", path, wanted, lambda: site.status()["policy_version"] == 1)

    pack = f"{work}/{NAME}.toml"
    with open(f"{work}/{NAME}.txt", "w") as file:
        file.write(TEXT)
    good = PACK.format(name=NAME, sha256=hashlib.sha256(TEXT.encode()).hexdigest())
    with open(pack, "w") as file:
        file.write(good)
    site.acting("siti", "regulation", "apply", pack).well()

    def first():
        its = site.json("comply")["regulations"]
        return len(its) == 1 and its[0]["version"] == 1 and its[0]["clauses"][0]["verdict"] == "not-met"

    newer = good.replace("version = 1", "version = 2")
    for what, expression, wanted in PACKS:
        with open(pack, "w") as file:
            file.write(newer.replace("coverage.opds > 0 &&", expression))
        wrong(what, "regulation", pack, wanted, first)
    with open(pack, "w") as file:
        file.write(newer.replace("datanya ke Pusat Data\"", "semua datanya\""))
    wrong("words that the regulation does not have", "regulation", pack, ["clause.words"], first)
    with open(pack, "w") as file:
        file.write(newer)
    with open(f"{work}/{NAME}.txt", "a") as file:
        file.write("(4) Ayat yang kemudian ditambahkan.\n")
    wrong("another text than the pack was written for", "regulation", pack, ["text_sha256"], first)
    site.stop()
    return f"{held} kinds of wrong files, {refused} refusals with place and remedy; what was in force stayed so"


if __name__ == "__main__":
    prove(main)
