#!/usr/bin/env python3
"""The report of the two years once more, as of the same checkpoints: by another process with another clock, zone and
language, from a copy of the site in another place, and with more entries written after the checkpoints. The same bytes.
"""
import hashlib
import shutil

import fleet
from fleet import hold, prove, say
from years import read, told


def main(work):
    years, uji = told(work), fleet.for_trials(work)
    shutil.copytree(f"{years.folder}/drc", f"{work}/elsewhere")
    with open(f"{work}/elsewhere/store", "w") as file:
        file.write(f"{work}/elsewhere/objects")
    with open(f"{work}/clock", "w") as file:
        file.write("2035-03-01T12:00:00Z\n")
    away = {"PULIH_UJI_CLOCK": f"{work}/clock", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1"}
    figures = []
    for language, more in (("Indonesian", ()), ("English", ("--english",))):
        first = years.report(uji, f"{work}/{language}-1.pdf", *more)
        again = years.report(uji, f"{work}/{language}-2.pdf", *more, state=f"{work}/elsewhere", environment=away)
        hold(first["pdf_sha256"] == again["pdf_sha256"] and first["pages"] == again["pages"], f"{first} {again}")
        for kind in ("pdf", "json", "csv"):
            one, other = (read(f"{work}/{language}-{n}.{kind}") for n in (1, 2))
            hold(one == other and one, f"the {language} {kind} is another")
        hold(hashlib.sha256(read(f"{work}/{language}-1.pdf")).hexdigest() == first["pdf_sha256"], "the hash is of another file")
        say(f"{language}: {first['pages']} pages, SHA-256 {first['pdf_sha256'][:16]} both times")
        figures.append(f"{len(read(f'{work}/{language}-1.pdf')):,} bytes")
    return f"PDF, JSON and CSV in two languages the same twice: {' and '.join(figures)}"


if __name__ == "__main__":
    prove(main)
