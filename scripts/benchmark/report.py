"""All that was measured as one Markdown page: the promises first, then the figures behind them.

Made to be published as it is: no host names, no folders.
"""
from . import extra, limits
from .phases import PHASES
from .places import MIB
from .results import BEFORE, Results
from .targets import verdicts
from .tools import PULIH, TOOLS

DISTURBED = "~"
FORMS = {"s": ".2f", "MiB": ".2f", "MiB of memory": ".0f", "files": ".0f"}
FIGURE_STARTS = ("", *"-0123456789")


def write(work):
    """Write report.md in the work folder; its text."""
    results, floors = Results(work), limits.load(work)
    parts = [_head(results, floors, extra.load(work)), _targets(results), _times(results, floors), *_matrices(results),
             _restores(results), _limits(floors), _extra(extra.load(work))]
    text = "\n".join(part for part in parts if part)
    with open(f"{work}/report.md", "w") as f:
        f.write(text)
    return text


def _table(title, header, rows, remark=""):
    """A section with a table; a column of figures stands to the right, one with words to the left."""
    if not rows:
        return ""
    figures = [all(str(cell)[:1] in FIGURE_STARTS for cell in column) for column in zip(*rows)]
    lines = [f"## {title}", ""]
    if remark:
        lines += [remark, ""]
    lines += ["| " + " | ".join(header) + " |", "|" + "".join("--:|" if f else "---|" for f in figures)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _head(results, floors, more):
    saved = results.saved
    m = saved["machine"] or (floors or {}).get("machine") or more.get("machine") or {}
    lines = ["# Pulih beside its peers", ""]
    if m:
        lines.append(f"Machine: {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB of memory, Linux {m['kernel']}. "
                     f"Pulih at commit {saved['commit']}.")
    if saved["records"]:
        cold = all(r["cold"] for r in saved["records"] if r["phase"] in ("first", "unchanged", "day2", "restore"))
        times = sorted(r["at"] for r in saved["records"])
        lines += [f"Data sets of scale {saved['parameters']['scale']}, seed {saved['parameters']['seed']}; page cache "
                  + ("dropped before each cold phase" if cold else "**not dropped**: nothing here is cold")
                  + f". Measured from {times[0]} to {times[-1]}.",
                  f"Medians of the repetitions that had the machine to themselves; {DISTURBED} marks a figure where none had."]
    lines.append("")
    rows = [(t, saved["versions"].get(t, "")) for t in results.tools]
    rows += [(t, f"**{why}**") for t, why in saved["missing"].items()]
    return "\n".join(lines) + "\n" + _table("Versions", ("tool", "version"), rows)


def _targets(results):
    rows = [(v.what, v.dataset, v.pulih, v.best, v.reached, v.target, v.word) for v in verdicts(results)]
    count = [row[-1] for row in rows]
    remark = f"{count.count('met')} met, {count.count('**missed**')} missed, {count.count('not measured')} not measured."
    return _table("Targets", ("what", "data set", "Pulih", "best peer", "ratio", "target", "verdict"), rows, remark)


def _cell(results, dataset, phase, tool, value, unit):
    if not results.records(dataset, phase, tool):
        return ""
    if value is None:
        return "failed"
    # Other programs lengthen times; sizes and counts are what they are.
    marked = unit == "s" and results.noisy(dataset, phase, tool)
    return f"{value:{FORMS[unit]}}" + (DISTURBED if marked else "")


def _ratio(value, other):
    return f"{value / other:.2f}" if value is not None and other else ""


def _rows(results, phases, value_of, unit):
    """(data set, phase, cells): each tool's value and Pulih's ratio to the best peer."""
    for dataset in results.datasets:
        for phase in phases:
            values = {tool: value_of(dataset, phase, tool) for tool in results.tools}
            if not any(results.records(dataset, phase, tool) for tool in results.tools):
                continue
            best = results.best_peer(values.get)[1]
            cells = [_cell(results, dataset, phase, tool, values[tool], unit) for tool in results.tools]
            yield dataset, phase, [*cells, _ratio(values.get(PULIH), best)]


def _times(results, floors):
    def wall(dataset, phase, tool):
        return results.median(dataset, phase, tool, "wall_s")

    rows = []
    for dataset, phase, cells in _rows(results, PHASES, wall, "s"):
        floor, pulih = limits.floor_s(floors, dataset, phase), wall(dataset, phase, PULIH)
        best = results.best_peer(lambda tool: wall(dataset, phase, tool))[1]
        least = f"{floor:.2f}" if floor else ""
        rows.append((f"{dataset} {phase}", *cells, least, _ratio(pulih, floor), _ratio(best, floor)))
    meaning = "; ".join(f"*{phase}* {text}" for phase, text in limits.FLOORS.items())
    header = ("phase", *results.tools, "Pulih / best peer", "floor", "Pulih / floor", "best peer / floor")
    remark = (f"The floor is what the machine itself needs: {meaning}. A tool that skips what it knows already, "
              "or reads in parallel, can go below it.")
    return _table("Time, s", header, rows, remark)


def _matrices(results):
    """One table per further quantity, each with Pulih's ratio to the best peer."""
    def plain(field, unit=1):
        def value(dataset, phase, tool):
            found = results.median(dataset, phase, tool, field)
            return None if found is None else found / unit
        return value

    def growth(dataset, phase, tool):
        found = results.growth(dataset, phase, tool)
        return None if found is None else found / MIB

    backups = [phase for phase in PHASES if phase not in ("init", "restore")]
    for title, phases, value_of, unit in (
            ("CPU, s", PHASES, plain("cpu_s"), "s"),
            ("Peak memory of the largest process, MiB", PHASES, plain("rss_mib"), "MiB of memory"),
            ("Store, MiB", backups, plain("store_bytes", MIB), "MiB"),
            ("Growth of the store, MiB", list(BEFORE), growth, "MiB"),
            ("Files in the store", backups, plain("store_files"), "files"),
            ("Left unflushed: a sync after the command, s", ("first", "day2", "restore"), plain("sync_s"), "s")):
        rows = [(f"{dataset} {phase}", *cells) for dataset, phase, cells in _rows(results, phases, value_of, unit)]
        yield _table(title, ("phase", *results.tools, "Pulih / best peer"), rows)


def _restores(results):
    rows = []
    for dataset in results.datasets:
        for tool in results.tools:
            records = results.records(dataset, "restore", tool)
            if records:
                right = sum(r["ok"] and r.get("bytes_right", False) for r in records)
                other = records[-1].get("differences", {})
                found = ", ".join(f"{kind} {count}" for kind, count in other.items()) or "none"
                rows.append((dataset, tool, f"{right} of {len(records)}", found))
    header = ("data set", "tool", "all bytes right", "differences, number of paths")
    return _table("Restores, checked file by file", header, rows)


def _limits(floors):
    if not floors:
        return ""
    rows = []
    groups = [(name, entry["figures"]) for name, entry in floors["datasets"].items()] + [("disk", floors["disk"])]
    for name, figures in groups:
        for label, figure in figures.items():
            if figure:
                rows.append((name, label, f"{figure['seconds']:.2f}", figure["mb_s"] or "", figure["cores"],
                             figure["foreign_cores"]))
    sizes = [f"{name} {entry['bytes'] / MIB:.1f} MiB in {entry['files']} files, "
             f"{entry['packed_bytes'] / MIB:.1f} MiB as a tar.zst, "
             f"{entry['changed_bytes'] / MIB:.1f} MiB in files that day 2 changes"
             for name, entry in floors["datasets"].items()]
    header = ("of", "what", "s", "MB/s", "its cores", "others' cores")
    return _table("Limits of the machine", header, rows, "; ".join(sizes) + ".")


def _extra(more):
    tools = [t for t in TOOLS if t in more["tools"]]
    rows = []
    for group in ("incompressible", "startup", "fragmentation"):
        labels = dict.fromkeys(label for t in tools for label in more["tools"][t].get(group, {}))
        rows += [(group, label, *(more["tools"][t].get(group, {}).get(label, "") for t in tools)) for label in labels]
    scales = {more["tools"][t]["scale"] for t in tools}
    return _table("Extra", ("question", "figure", *tools), rows, "" if scales == {1.0} else f"At scale {sorted(scales)}.")
