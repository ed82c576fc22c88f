"""Medians out of the records of all runs so far.

Always of one build of a tool: where --append brought records of several, only the newest build's
count. Of the repetitions those count that had the machine to themselves; where there are none, all
do, and the figure is marked as noisy.
"""
import json
import statistics

from .tools import PULIH, TOOLS

BEFORE = {"unchanged": "first", "unchanged_warm": "unchanged", "day2": "unchanged_warm"}


def _quiet(record):
    return record["foreign_cpu_s"] <= 0.15 * record["wall_s"] + 0.1


class Results:
    def __init__(self, work):
        try:
            with open(f"{work}/results.json") as f:
                self.saved = json.load(f)
        except FileNotFoundError:
            self.saved = dict(records=[], versions={}, missing={}, parameters={}, machine={}, commit="unknown")
        newest = {(r["dataset"], r["tool"]): r["build"] for r in self.saved["records"]}
        self.rows = {}
        for r in self.saved["records"]:
            if r["build"] == newest[r["dataset"], r["tool"]]:
                self.rows.setdefault((r["dataset"], r["phase"], r["tool"]), []).append(r)
        self.tools = [t for t in TOOLS if any(key[2] == t for key in self.rows)]
        self.peers = [t for t in self.tools if t != PULIH]
        self.datasets = list(dict.fromkeys(key[0] for key in self.rows))

    def records(self, dataset, phase, tool):
        return self.rows.get((dataset, phase, tool), [])

    def failed(self, dataset, phase, tool):
        """Whether a repetition of it ended with an error, or any restore of the data set with wrong bytes.

        What cannot be restored was no backup: then none of the tool's figures for it count.
        """
        restores = self.records(dataset, "restore", tool)
        return not (all(r["ok"] for r in self.records(dataset, phase, tool)) and all(r.get("bytes_right") for r in restores))

    def noisy(self, dataset, phase, tool):
        records = self.records(dataset, phase, tool)
        return bool(records) and not any(_quiet(r) for r in records)

    def median(self, dataset, phase, tool, field):
        """None where there is nothing, or nothing that succeeded."""
        records = self.records(dataset, phase, tool)
        if not records or self.failed(dataset, phase, tool):
            return None
        return statistics.median(r[field] for r in [r for r in records if _quiet(r)] or records)

    def growth(self, dataset, phase, tool):
        """Bytes by which the phase made the store larger."""
        after = self.median(dataset, phase, tool, "store_bytes")
        before = self.median(dataset, BEFORE[phase], tool, "store_bytes")
        return None if after is None or before is None else after - before

    def best_peer(self, value_of):
        """(tool, value) of the least value among the peers, (None, None) where there is none."""
        values = [(value_of(t), t) for t in self.peers if value_of(t) is not None]
        return min(values)[::-1] if values else (None, None)
