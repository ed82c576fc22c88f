"""Questions put to Pulih alone, one function each; the same may be asked of a peer with --tools.

    incompressible   how fast are backup and restore where neither compression nor duplicates help?
    startup          what does starting the command cost?
    fragmentation    does restoring the hundredth day of a file take longer than the first?
    local_index      how large, fast and heavy is the local index at 10 and 100 million chunks?
"""
import json
import os
import random
import statistics
import subprocess
import time

from .box import Box
from .measure import drop_caches
from .places import CARGO_TARGET, GIB, MIB, ROOT, commit, log, machine, remove_tree
from .tools import PULIH, TOOLS, available, version

STARTS = 50
DAYS = 100
PAGE = 4096


class Failed(Exception):
    """A step of the tool did not succeed; what it said is in its log."""


def _step(box, step, cold=True):
    cost = box.run(step, cold)
    if not cost["ok"]:
        raise Failed(f"{step} failed with {cost['rc']}, see {box.log_path}")
    return cost


def _same(path, other):
    with open(path, "rb") as a, open(other, "rb") as b:
        while True:
            x, y = a.read(MIB), b.read(MIB)
            if x != y:
                return False
            if not x:
                return True


def _restore(box, tree):
    cost = _step(box, "restore")
    if not _same(f"{tree}/data.bin", f"{box.restored()}/data.bin"):
        raise Failed("the restored file has other bytes")
    return cost


def _random_file(tree, nbytes, rng):
    os.makedirs(tree)
    with open(f"{tree}/data.bin", "wb") as f:
        for at in range(0, nbytes, MIB):
            f.write(rng.randbytes(min(MIB, nbytes - at)))


def incompressible(work, tool, scale):
    """Backup and restore of 1 GiB of random bytes, both with a cold page cache."""
    tree, nbytes = f"{work}/extra/incompressible", int(GIB * scale)
    _random_file(tree, nbytes, random.Random("incompressible"))
    with Box(work, tool, tree) as box:
        _step(box, "init")
        backup = _step(box, "backup")
        restore = _restore(box, tree)
    return {"backup MB/s": round(nbytes / 1e6 / backup["wall_s"], 1), "backup CPU s": backup["cpu_s"],
            "restore MB/s": round(nbytes / 1e6 / restore["wall_s"], 1), "restore CPU s": restore["cpu_s"],
            "store bytes per byte": round(backup["store_bytes"] / nbytes, 4)}


def startup(_work, tool, _scale):
    """Median milliseconds of asking for the version, warm; /bin/true beside it is the floor."""
    entry = TOOLS[tool]
    return {"start, median ms": _median_ms([entry["binary"], entry["version"]]),
            "start of /bin/true, median ms": _median_ms(["/bin/true"])}


def _median_ms(argv):
    times = []
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    for _ in range(STARTS):
        # Not subprocess: its own cost would be a good part of a few milliseconds.
        start = time.perf_counter()
        os.waitpid(os.posix_spawn(argv[0], argv, os.environ, file_actions=quiet), 0)
        times.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(times), 2)


def fragmentation(work, tool, scale):
    """A file of 256 MiB of which 1 % of the pages change each day: restoring it on day 1 and on day 100.

    On each of the two days the latest snapshot is restored. The rewritten pages come from all over the
    file, so by day 100 its pieces lie in the packs of a hundred days.
    """
    tree, rng = f"{work}/extra/fragmentation", random.Random("fragmentation")
    nbytes = max(PAGE * 100, int(256 * MIB * scale))
    _random_file(tree, nbytes, rng)
    backups = []
    with Box(work, tool, tree) as box:
        _step(box, "init")
        for day in range(1, DAYS + 1):
            if day > 1:
                _change_pages(f"{tree}/data.bin", nbytes, rng)
            backups.append(_step(box, "backup", cold=False))
            if day == 1:
                first = _restore(box, tree)
        last = _restore(box, tree)
    grew = (backups[-1]["store_bytes"] - backups[0]["store_bytes"]) / (DAYS - 1)
    return {"restore of day 1, s": first["wall_s"], f"restore of day {DAYS}, s": last["wall_s"],
            f"day {DAYS} to day 1": round(last["wall_s"] / first["wall_s"], 2),
            "backup of a day, median s": round(statistics.median(b["wall_s"] for b in backups[1:]), 2),
            "store grew per changed byte": round(grew / (nbytes * 0.01), 1)}


def _change_pages(path, nbytes, rng):
    with open(path, "r+b") as f:
        for _ in range(nbytes // PAGE // 100):
            f.seek(rng.randrange(nbytes // PAGE) * PAGE)
            f.write(rng.randbytes(PAGE))


def local_index(work, tool, scale):
    """Filling the agent's index of known chunks and asking it, with the memory that both take.

    Not a question that a peer's command answers: Pulih's own library, through a small program.
    """
    if tool != PULIH:
        return {}
    subprocess.run(["cargo", "build", "--release", "-p", "pulih-vault", "--example", "chunk_map"], cwd=ROOT, check=True)
    answers = {}
    for millions in (10, 100):
        folder, chunks = f"{work}/extra/index", int(millions * 1e6 * scale)
        remove_tree(folder)
        os.makedirs(folder)
        with open(f"{folder}.json", "w+") as report:
            argv = ["/usr/bin/time", "-q", "-f", "%M", "-o", f"{folder}.rss",
                    f"{CARGO_TARGET}/release/examples/chunk_map", folder, str(chunks)]
            if subprocess.run(argv, stdout=report).returncode:
                raise Failed(f"the local index of {chunks} chunks failed")
            report.seek(0)
            said = json.load(report)
        with open(f"{folder}.rss") as f:
            peak = int(f.read()) / 1024
        which = f"{chunks / 1e6:g} M chunks"
        answers |= {f"{which}: peak memory, MiB": round(peak, 1), f"{which}: on disk, MiB": round(said["bytes"] / MIB),
                    f"{which}: filled in, s": said["fill_s"], f"{which}: opened in, s": said["open_s"],
                    f"{which}: lookups of known ids per second": said["known_per_s"],
                    f"{which}: lookups of unknown ids per second": said["unknown_per_s"]}
    return answers


def measure_all(work, tools, scale):
    found = dict(load(work), machine=machine(), commit=commit())
    runnable, _ = available(tools)
    for tool in runnable:
        answers = dict(version=version(tool), scale=scale)
        for ask in (incompressible, startup, fragmentation, local_index):
            log(f"extra: {tool}, {ask.__name__}")
            remove_tree(f"{work}/extra")
            drop_caches()
            try:
                answers[ask.__name__] = ask(work, tool, scale)
            except Failed as why:
                log(f"  {why}")
                answers[ask.__name__] = {"failed": "yes"}
            log(f"  {answers[ask.__name__]}")
        found["tools"][tool] = answers
    remove_tree(f"{work}/extra")
    with open(f"{work}/extra.json", "w") as f:
        json.dump(found, f, indent=1)


def load(work):
    try:
        with open(f"{work}/extra.json") as f:
            return json.load(f)
    except FileNotFoundError:
        return dict(tools={})
