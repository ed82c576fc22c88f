#!/usr/bin/env python3
"""A sixth regency's pack: a text and a TOML file are written here, checked, looked at, and put in force. No program."""
import hashlib

from fleet import Site, hold, prove, say

TEXT = """Pasal 3
(1) Setiap Perangkat Daerah wajib mencadangkan datanya ke Pusat Data.
(2) Cadangan sebagaimana dimaksud pada ayat (1) diuji paling sedikit 1 (satu) kali dalam 1 (satu) tahun.
(3) Kepala Dinas menetapkan petugas cadangan.
"""
PACK = """type = "pulih/regulation/v1"
name = "{name}"
version = 1
regency = "33.19"
title = "Peraturan Bupati Nomor 6 Tahun 2027 tentang Pencadangan"
title_en = "Regulation 6 of 2027 of the Regent on Backups"
text_sha256 = "{sha256}"

[[clause]]
id = "3-1"
at = "Pasal 3 ayat (1)"
kind = "automatic"
words = "Setiap Perangkat Daerah wajib mencadangkan datanya ke Pusat Data"
words_en = "Every office backs its data up to the data centre"
reading = "Semua Perangkat Daerah yang terdaftar tercakup."
reading_en = "All registered offices are covered."
pass = "coverage.opds > 0 && coverage.percent == 100"
entries = ["snapshot-accepted"]
remedy = "Cadangkan data setiap Perangkat Daerah."
remedy_en = "Back up the data of every office."

[[clause]]
id = "3-2"
at = "Pasal 3 ayat (2)"
kind = "both"
words = "diuji paling sedikit 1 (satu) kali dalam 1 (satu) tahun"
words_en = "tested once a year at least"
reading = "Ada pemulihan uji yang berhasil dalam 366 hari terakhir."
reading_en = "A restore passed within the last 366 days."
pass = "drills.days <= 366"
remedy = "Jalankan uji pemulihan."
remedy_en = "Run a drill."
attest = [{{ item = "berita-acara", asks = "Berita acara uji ada.", asks_en = "There are minutes of the test." }}]

[[clause]]
id = "3-3"
at = "Pasal 3 ayat (3)"
kind = "manual"
words = "Kepala Dinas menetapkan petugas cadangan"
words_en = "The head of the Dinas appoints who is in charge of backups"
remedy = "Tetapkan petugas."
remedy_en = "Appoint somebody."
attest = [{{ item = "penetapan", asks = "Petugas ditetapkan.", asks_en = "Somebody is appointed." }}]
"""
NAME = "kabupaten-6-2027"


def verdicts(site):
    return {its["clause"]: its["verdict"] for its in site.json("comply")["regulations"][0]["clauses"]}


def main(work):
    pack, text = f"{work}/{NAME}.toml", f"{work}/{NAME}.txt"
    with open(text, "w") as file:
        file.write(TEXT)
    with open(pack, "w") as file:
        file.write(PACK.format(name=NAME, sha256=hashlib.sha256(TEXT.encode()).hexdigest()))
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    say(" ".join(site.controller("regulation", "check", pack).well().split()))
    before = site.json("comply", "--pack", pack)["regulations"][0]
    hold(before["in_force"] is None and len(before["clauses"]) == 3, f"it is looked at before: {before}")
    site.acting("siti", "regulation", "apply", pack).well()
    hold(verdicts(site) == {"3-1": "not-met", "3-2": "untested", "3-3": "to-attest"}, verdicts(site))
    server.write("a", "isi")
    site.approve("app-1", "surat")
    server.backup("surat").json()
    site.acting("siti", "attest", "give", "3-3", "--regulation", NAME, "--item", "penetapan", "--opinion", "met", "--by",
                "Kepala Dinas", "--letter", "800/1", "--until", "1y", "--document", text).well()
    hold(verdicts(site) == {"3-1": "met", "3-2": "untested", "3-3": "met"}, verdicts(site))
    say("3(1) is not met, and met once its office is covered; 3(2) is untested; 3(3) is met once it was stated")
    site.stop()
    return "a pack of 3 clauses of a regency that Pulih does not know: checked, in force, judged; no program changed"


if __name__ == "__main__":
    prove(main)
