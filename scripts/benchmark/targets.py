"""What Pulih has promised, and whether it keeps it.

A ratio is Pulih's median over that of the best peer in the same row, and each row may have another
best peer: the promise is to beat the best of all at each thing, not one tool at everything.
"""
from dataclasses import dataclass

from .places import MIB
from .tools import PULIH

BACKUPS = ("first", "unchanged", "unchanged_warm", "day2")
# At most this ratio to the best peer, per data set.
RATIOS = (
    ("first backup, time", "first", "wall_s", {"office": 0.60, "manyfiles": 0.80, "dump": 0.60}),
    ("unchanged and warm, time", "unchanged_warm", "wall_s", {"manyfiles": 0.70}),
    ("day 2, time", "day2", "wall_s", {"office": 0.80, "manyfiles": 0.80, "dump": 0.60}),
    ("restore, time", "restore", "wall_s", {"office": 0.80, "manyfiles": 0.70, "dump": 0.80}),
    ("store after the first backup", "first", "store_bytes", {"office": 0.92, "manyfiles": 0.95, "dump": 1.00}),
    ("growth on day 2", "day2", "growth", {"office": 0.45, "manyfiles": 0.80, "dump": 0.20}),
)
# At most so many MiB, on every data set.
PEAKS = (("peak memory of a backup", BACKUPS, 150), ("peak memory of a restore", ("restore",), 250))


@dataclass
class Verdict:
    what: str
    dataset: str
    pulih: str
    best: str
    reached: str
    target: str
    met: bool | None

    @property
    def word(self):
        return "not measured" if self.met is None else "met" if self.met else "**missed**"


def verdicts(results):
    out = []
    for what, phase, field, limits in RATIOS:
        out += [_ratio(results, what, dataset, phase, field, limit) for dataset, limit in limits.items()]
    for what, phases, limit in PEAKS:
        out += [_peak(results, what, dataset, phases, limit) for dataset in RATIOS[0][3]]
    return out


def _ratio(results, what, dataset, phase, field, limit):
    def value(tool):
        if field == "growth":
            return results.growth(dataset, phase, tool)
        return results.median(dataset, phase, tool, field)

    def text(x):
        return "" if x is None else f"{x:.2f} s" if field == "wall_s" else f"{x / MIB:.2f} MiB"

    pulih, (peer, best) = value(PULIH), results.best_peer(value)
    failed = results.failed(dataset, phase, PULIH)
    ratio = pulih / best if pulih is not None and best else None
    met = False if failed else None if ratio is None else ratio <= limit
    return Verdict(what, dataset, "failed" if failed else text(pulih), f"{text(best)} ({peer})" if peer else "",
                   "" if ratio is None else f"{ratio:.3f}", f"≤ {limit:.2f}", met)


def _peak(results, what, dataset, phases, limit):
    peaks = [results.median(dataset, phase, PULIH, "rss_mib") for phase in phases]
    failed = any(results.failed(dataset, phase, PULIH) for phase in phases)
    # A phase that is missing may have been the one with the peak.
    peak = None if None in peaks else max(peaks)
    met = False if failed else None if peak is None else peak <= limit
    reached = "failed" if failed else "" if peak is None else f"{peak:.0f} MiB"
    return Verdict(what, dataset, reached, "", "", f"≤ {limit} MiB", met)
