"""Pages of a report as others read them: poppler renders them, says where each word lies, and what they say."""
import json
import os
import re
import shutil
import subprocess

from fleet import ROOT, Cannot, hold

WORDS = f"{ROOT}/crates/report/typ/words"
WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)</word>')
PAGE = re.compile(r'<page width="([\d.]+)" height="([\d.]+)">')
# Points that stay free at each edge.
MARGIN = 20
# Letters of the mark across each page of a clock that is not the world's are taller than any other.
MARK = 30


def solid(text):
    """Without white space: a page breaks lines where it has to."""
    return "".join(text.split())


def poppler(program, *arguments):
    if not shutil.which(program):
        raise Cannot(f"{program} is not here (apt-get install poppler-utils)")
    return subprocess.run([program, *arguments], capture_output=True, check=True).stdout.decode()


def text(pdf):
    return solid(poppler("pdftotext", "-raw", pdf, "-"))


def rendered(pdf, folder):
    """A picture of each page, for people to look at; their paths. None of them is empty."""
    os.makedirs(folder, exist_ok=True)
    poppler("pdftoppm", "-r", "72", "-png", pdf, f"{folder}/page")
    paths = sorted(f"{folder}/{name}" for name in os.listdir(folder))
    for path in paths:
        hold(os.path.getsize(path) > 3000, f"{path} shows nothing")
    return paths


def placed(pdf):
    """Each page with its words: nothing leaves the page, and no word lies on another."""
    pages = poppler("pdftotext", "-bbox", pdf, "-").split("<page ")[1:]
    words = 0
    for number, page in enumerate(pages, 1):
        width, height = map(float, PAGE.search(f"<page {page}").groups())
        boxes = [(*map(float, its[:4]), its[4]) for its in WORD.findall(page)]
        boxes = [its for its in boxes if its[3] - its[1] < MARK or its[4] not in "UJI"]
        hold(boxes, f"page {number} has no word")
        for left, top, right, bottom, word in boxes:
            inside = left >= MARGIN and top >= MARGIN and right <= width - MARGIN and bottom <= height - MARGIN
            hold(inside, f"page {number}: {word!r} at {left:.0f}, {top:.0f} to {right:.0f}, {bottom:.0f} leaves the page")
        boxes.sort(key=lambda its: its[1])
        for place, one in enumerate(boxes):
            for other in boxes[place + 1:]:
                if other[1] >= one[3]:
                    break
                hold(not covers(one, other), f"page {number}: {one[4]!r} and {other[4]!r} lie on each other")
        words += len(boxes)
    return len(pages), words


def covers(one, other):
    """Whether two words share more than a third of the smaller one: boxes have the line's height, letters less."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return False
    size = min((its[2] - its[0]) * (its[3] - its[1]) for its in (one, other))
    return across * down > size / 3


class Says:
    """How values of a kind of report are written in a language (docs/contracts/report.md)."""

    def __init__(self, language, kind="continuity"):
        self.all = {"id": {}, "en": {}}
        for name in ("shared", kind):
            with open(f"{WORDS}/{name}.json") as file:
                for one, labels in json.load(file).items():
                    self.all[one].update(labels)
        self.language, self.w = language, self.all[language]

    def number(self, value):
        return f"{value:,}".replace(",", self.w["thousands"])

    def exact(self, ms):
        """2 d 04:12:30.250."""
        seconds, rest = divmod(ms, 1000)
        days, of_day = divmod(seconds, 86400)
        said = f"{of_day // 3600:02}:{of_day // 60 % 60:02}:{of_day % 60:02}"
        said += f"{self.w['decimal']}{rest:03}" if rest else ""
        return f"{self.number(days)}{self.w['unit-day']}{said}" if days else said

    def percent(self, hundredths):
        return f"{hundredths // 100}{self.w['decimal']}{hundredths % 100:02}%"

    def figures(self, data):
        """Every figure and every name that the pages of a continuity test report have to have."""
        for its in data["rpo"]:
            yield its["dataset"]
            yield from (self.exact(its[name] * 1000) for name in ("p95_seconds", "worst_seconds"))
            if its["exposure_seconds"] is not None:
                yield self.exact(its["exposure_seconds"] * 1000)
            yield self.percent(its["inside_hundredths"])
        for its in data["rto_services"] + data["rto_datasets"] + data["steps"]:
            if its["milliseconds"] is not None:
                yield self.exact(its["milliseconds"])
        for its in data["rto_datasets"]:
            yield from (self.exact(ms) for ms in (its["phases"] or {}).values() if ms)
        for its in data["checkpoints"]:
            yield from (its["root"], self.number(its["size"]))
        for its in data["entries"]:
            yield from (its["sha256"], str(its["index"]))
        yield from (its["fingerprint"] for its in data["minutes"]["keys"] + data["minutes"]["witnesses"])
        yield from (its["text"] for its in data["findings"])
        yield from (data["test"]["drill"], data["test"]["log"], data["test"]["plan_hash"], data["judgement"]["document_sha256"])
        yield from (person[name] for person in data["organisation"] for name in ("name", "role", "contact"))
        for regulation in data["regulations"]:
            yield from (regulation["hash"], regulation["text_sha256"])
            for clause in regulation["clauses"]:
                yield clause["where"]
                yield self.both(clause["words"])
                yield self.both(clause["why"])
                yield self.w[f"verdict-{clause['verdict']}"]

    def both(self, its):
        return its["en"] if self.language == "en" and its["en"] else its["id"]

    def foreign(self, said, data):
        """Labels of the other language that stand on the pages, and in no text of the data."""
        other = self.all["en" if self.language == "id" else "id"]
        own = solid(json.dumps(self.w, ensure_ascii=False) + json.dumps(data, ensure_ascii=False)).lower()
        labels = (solid(part) for its in other.values() if isinstance(its, str) for part in re.split(r"\{[a-z]+\}", its))
        return [label for label in labels if len(label) >= 10 and label.lower() not in own and label in said]
