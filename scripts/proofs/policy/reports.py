#!/usr/bin/env python3
"""Four other reports of the two years, in both languages (of the line nothing was measured in them: no server sent anything
over one; `controller/tests/report.rs` has that report): each is made twice with the same bytes, as of the checkpoints
that were named, its pages are rendered, no word leaves its page or lies on another, and none is untranslated. The page for
the Bupati is one. With PROVE_PAGES=FOLDER the pictures stay in it, to be looked at.
"""
import json
import os

import fleet
import paper
from fleet import hold, prove, say
from years import read, told


def main(work):
    years, uji = told(work), fleet.for_trials(work)
    folder = os.environ.get("PROVE_PAGES") or f"{work}/pages"
    # The last month that was over before the end, and the year of its beginning.
    month = years.last[:7]
    year, number = map(int, month.split("-"))
    month = f"{year}-{number - 1:02}" if number > 1 else f"{year - 1}-12"
    spans = {"coverage": None, "evaluation": ("--year", years.first[:4]),
             "monthly": ("--month", month), "budget": None}
    figures = []
    for kind, span in spans.items():
        for language, more in (("id", ()), ("en", ("--english",))):
            pdf = f"{work}/{kind}-{language}.pdf"
            made = years.report(uji, pdf, *more, kind=kind, span=span)
            again = years.report(uji, f"{work}/{kind}-{language}-2.pdf", *more, kind=kind, span=span)
            hold(made["pdf_sha256"] == again["pdf_sha256"], f"{kind} {language}: made twice it is another")
            data = json.loads(read(pdf.replace(".pdf", ".json")))
            hold(data["type"] == f"pulih/report/{kind}/v1", f"{kind}: {data['type']}")
            sizes = ",".join(str(its["size"]) for its in data["head"]["checkpoints"])
            hold(sizes == years.sizes, f"{kind}: as of {sizes}")
            pages, words = paper.placed(pdf)
            hold(pages == len(paper.rendered(pdf, f"{folder}/{kind}-{language}")) == made["pages"], f"{kind}: {pages} pages")
            hold(kind != "monthly" or pages == 1, f"the page for the Bupati is {pages}")
            foreign = paper.Says(language, kind).foreign(paper.text(pdf), data)
            hold(not foreign, f"{kind} {language}: not translated: {foreign}")
            say(f"{kind} {language}: {pages} pages, {words} words, each in its place; twice {made['pdf_sha256'][:16]}")
        figures.append(f"{kind} {pages}")
    return f"four reports in two languages, pages: {', '.join(figures)}; each the same twice"


if __name__ == "__main__":
    prove(main)
