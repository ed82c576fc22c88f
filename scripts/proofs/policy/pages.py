#!/usr/bin/env python3
"""The pages of the two years' report, in both languages, as poppler reads and renders them: each figure of the data stands
there as a person reads it, every page has a picture, no word leaves its page or lies on another, and no label of the other
language stands there. With PROVE_PAGES=FOLDER the pictures stay in it, to be looked at.
"""
import os

import fleet
import paper
from fleet import hold, prove, say
from years import told


def main(work):
    years, uji = told(work), fleet.for_trials(work)
    folder = os.environ.get("PROVE_PAGES") or f"{work}/pages"
    figures = []
    for language, more in (("id", ()), ("en", ("--english",))):
        pdf = f"{work}/{language}.pdf"
        made = years.report(uji, pdf, *more)
        said, says = paper.text(pdf), paper.Says(language)
        wanted = {paper.solid(its) for its in says.figures(years.data)}
        missing = sorted(its for its in wanted if its not in said)
        hold(not missing, f"{language}: of {len(wanted)} figures and names these are on no page: {missing[:20]}")
        foreign = says.foreign(said, years.data)
        hold(not foreign, f"{language}: not translated: {foreign}")
        pages, words = paper.placed(pdf)
        pictures = paper.rendered(pdf, f"{folder}/{language}")
        hold(pages == made["pages"] == len(pictures), f"{pages} pages, {made['pages']} were made, {len(pictures)} pictures")
        hold(said.count(made["data_sha256"][:16]) >= pages, "the hash of the data is not on each page")
        say(f"{language}: {pages} pages, {words} words, each in its place; {len(wanted)} figures and names read again")
        figures.append(f"{language} {pages} pages, {len(wanted)} figures and names")
    return f"{'; '.join(figures)}; nothing cut off, overlapping or untranslated"


if __name__ == "__main__":
    prove(main)
