#!/usr/bin/env python3
"""Kuantan Singingi's pack with three clauses, one that is measured, one that is stated, one that is both: put in force at
a DRC, judged by `comply`, and shown by the continuity test report, whose pages have those three and no other.
"""
import hashlib

import evidence
from first_pack import NAME, three
from fleet import ROOT, Drc, Site, hold, prove, say
from night import Keeper, server
from paper import text

CLAUSES = {"56-2": "automatic", "54-1-c": "manual", "29-5": "both"}


def verdicts(drc):
    return {its["clause"]: its["verdict"] for its in drc.json("comply")["regulations"][0]["clauses"]}


def attest(drc, document, clause, item):
    drc.acting("dewi", "attest", "give", clause, "--regulation", NAME, "--item", item, "--opinion", "met", "--by", "Dewi, Diskominfo",
               "--letter", "800/1", "--until", "1y", "--document", document).well()


def main(work):
    site, drc = Site(work), Drc(work)
    drc.pair(site)
    keeper = Keeper(drc).start()
    site.opd("dinkes")
    its = server(site, "app-1", "dinkes", keeper.recipient)
    its.write("surat", "isi surat")
    site.approve("app-1", "letters")
    its.backup("letters").json()
    drc.in_step()
    pack = three(work, ROOT, CLAUSES)
    drc.acting("dewi", "regulation", "apply", pack, "--text", f"{ROOT}/policies/packs/{NAME}.txt").well()
    hold(verdicts(drc) == {"56-2": "met", "54-1-c": "to-attest", "29-5": "not-met"}, verdicts(drc))
    attest(drc, pack, "54-1-c", "sertifikat-kelayakan")
    attest(drc, pack, "29-5", "kriteria")
    # What is stated turns nothing that is measured.
    hold(verdicts(drc) == {"56-2": "met", "54-1-c": "met", "29-5": "not-met"}, verdicts(drc))
    drc.acting("dewi", "dataset", "classify", "letters", "--agent", "app-1", "--confidentiality", "terbatas", "--by", "Kepala BPS",
               "--letter", "800/4").well()
    hold(verdicts(drc) == {"56-2": "met", "54-1-c": "met", "29-5": "met"}, verdicts(drc))
    say("56(2) is measured, 54(1)c stated, 29(5) both: met once it was stated and measured")
    evidence.drill(drc, "restore", "letters")
    drc.in_step()
    made = drc.json("report", "continuity", "--from", "2025-01-01", "--to", "2090-01-01", "--out", f"{work}/laporan.pdf")
    data = drc.json("comply")["regulations"][0]
    said = text(f"{work}/laporan.pdf")
    for clause in data["clauses"]:
        for its in ("where", "words", "why"):
            hold("".join(clause[its].split()) in said, f"the page of {clause['clause']} has no {its}: {clause[its]}")
    hold("Pasal55ayat(3)" not in said.replace("Pasal55ayat(4)", ""), "another clause stands there")
    with open(f"{work}/laporan.pdf", "rb") as file:
        hold(hashlib.sha256(file.read()).hexdigest() == made["pdf_sha256"], "the PDF has another hash")
    say(f"the report: {made['pages']} pages, three clauses with words and verdict, {made['pdf_sha256'][:16]}")
    drc.stop()
    site.stop()
    return f"a pack of three clauses, judged, stated, and on the {made['pages']} pages of a PDF"


if __name__ == "__main__":
    prove(main)
