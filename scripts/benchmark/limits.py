"""What this machine can do at best with the same data: the floor under every tool's times.

Each figure is the fastest of several runs of one plain command, without a store, an index or a key:
a floor is what is possible, so a noisy neighbour must not raise it. floor_s() turns the figures into
the least seconds that a phase can take.
"""
import json
import os
import shlex
import sys

from .measure import drop_caches, measure, wait_quiet
from .overlay import Overlay
from .places import GIB, log, machine, remove_tree, tree_size

WRITE_FILES = 20_000


class Stopwatch:
    """Times commands in a work folder; what they print goes to a log there."""

    def __init__(self, work, repeat, quiet_s):
        self.work, self.repeat, self.quiet_s = work, repeat, quiet_s

    def fastest(self, command, nbytes=None, cold=False, makes=None):
        """The fastest run's seconds and cores kept busy by it and by others; None where it cannot be run.

        makes: the file or folder that it writes, removed before each run.
        """
        runs = []
        for _ in range(self.repeat):
            if makes:
                remove_tree(makes)
            if cold and not drop_caches():
                return None
            wait_quiet(self.quiet_s)
            runs.append(measure(command, self.work, dict(os.environ), f"{self.work}/log/limits.log"))
        if any(run["rc"] for run in runs):
            log(f"  failed: {command}")
            return None
        best = min(runs, key=lambda run: run["wall_s"])
        wall = max(best["wall_s"], 0.001)
        return dict(seconds=wall, mb_s=round(nbytes / 1e6 / wall, 1) if nbytes else None,
                    cores=round(best["cpu_s"] / wall, 2), foreign_cores=round(best["foreign_cpu_s"] / wall, 2))


def _of_dataset(watch, root):
    Overlay.switch(root, 1)
    nbytes, files = tree_size(root)
    copy, packed = f"{watch.work}/limits-copy", f"{watch.work}/limits-tar.zst"
    q = shlex.quote(root)
    each = f"find {q} -type f -print0 | xargs -0 "
    lstat = f"find {q} -printf '%s %T@\\n' > /dev/null"
    tar = f"tar -C {shlex.quote(os.path.dirname(root))} --format=pax --xattrs -cf - {os.path.basename(root)}"
    figures = {
        "read, cold": watch.fastest(f"{each} cat > /dev/null", nbytes, cold=True),
        "read, warm": watch.fastest(f"{each} cat > /dev/null", nbytes),
        "lstat, cold": watch.fastest(lstat, cold=True),
        "lstat, warm": watch.fastest(lstat),
        "tar and zstd -3, one core": watch.fastest(f"{tar} | zstd -3 --single-thread -q > {shlex.quote(packed)}", nbytes),
        "tar and zstd -3, two cores": watch.fastest(f"{tar} | zstd -3 -T2 -q > {shlex.quote(packed)}", nbytes),
        "b3sum, one core": watch.fastest(f"{each} b3sum --num-threads 1 > /dev/null", nbytes),
        "b3sum, all cores": watch.fastest(f"{each} b3sum > /dev/null", nbytes),
        "write the tree (cp -a), warm, no flush": watch.fastest(f"cp -a {q} {shlex.quote(copy)}", nbytes, makes=copy),
    }
    packed_bytes = os.path.getsize(packed)
    for path in (copy, packed):
        remove_tree(path)
    return dict(bytes=nbytes, files=files, packed_bytes=packed_bytes,
                changed_bytes=Overlay(root).changed_bytes(), figures=figures)


def _of_disk(watch):
    path = f"{watch.work}/limits-file"
    q = shlex.quote(path)
    dd = f"dd if=/dev/zero of={q} bs=1M count={GIB >> 20}"
    create = f"for i in range({WRITE_FILES}):\n  with open('%s/%d' % ({path!r}, i), 'wb') as f: f.write(bytes(4096))"
    figures = {
        "write 1 GiB, no flush": watch.fastest(dd, GIB, makes=path),
        "write 1 GiB and fsync": watch.fastest(f"{dd} conv=fsync", GIB, makes=path),
        "read 1 GiB, cold": watch.fastest(f"dd if={q} of=/dev/null bs=1M", GIB, cold=True),
        f"write {WRITE_FILES:,} files of 4 KiB, no flush": watch.fastest(
            f"mkdir {q} && {shlex.quote(sys.executable)} -c {shlex.quote(create)}", WRITE_FILES * 4096, makes=path),
    }
    remove_tree(path)
    return figures


def measure_all(work, data, datasets, repeat, quiet_s):
    os.makedirs(f"{work}/log", exist_ok=True)
    watch = Stopwatch(work, repeat, quiet_s)
    found = load(work) or dict(datasets={})
    found["machine"] = machine()
    for name in datasets:
        log(f"limits: {name}")
        found["datasets"][name] = _of_dataset(watch, f"{data}/{name}")
    log("limits: disk")
    found["disk"] = _of_disk(watch)
    with open(f"{work}/limits.json", "w") as f:
        json.dump(found, f, indent=1)


def load(work):
    try:
        with open(f"{work}/limits.json") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


FLOORS = {
    "first": "the longer of reading all files cold and of tar and zstd -3 on two cores, as if one hid the other wholly",
    "unchanged": "lstat of every file, cold",
    "unchanged_warm": "lstat of every file, warm",
    "day2": "lstat of every file, cold, and reading the changed files at the data set's cold rate",
    "restore": "writing the tree with cp -a from a warm cache, without a flush",
}


def floor_s(found, dataset, phase):
    """The least seconds for a phase, see FLOORS; None where it was not measured."""
    entry = (found or {}).get("datasets", {}).get(dataset)
    if not entry or phase not in FLOORS:
        return None

    def seconds(label):
        figure = entry["figures"].get(label)
        return figure["seconds"] if figure else None

    read, lstat = seconds("read, cold"), seconds("lstat, cold")
    compress = seconds("tar and zstd -3, two cores")
    if phase == "first":
        return max(read, compress) if read and compress else None
    if phase == "unchanged":
        return lstat
    if phase == "unchanged_warm":
        return seconds("lstat, warm")
    if phase == "day2":
        return lstat + read * entry["changed_bytes"] / entry["bytes"] if read and lstat else None
    return seconds("write the tree (cp -a), warm, no flush")
