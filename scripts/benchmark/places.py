"""Where things lie, and what this place is: paths, the machine, the project's commit.

What ends up in a report comes from machine() and commit(): neither names the host or a folder,
since reports are published.
"""
import os
import re
import shutil
import subprocess
import sys
import time

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(SCRIPTS)
BENCH_DIR = os.path.abspath(os.environ.get("PULIH_BENCH_DIR") or f"{ROOT}/target/bench")
PEERS = f"{BENCH_DIR}/peers"
CARGO_TARGET = os.path.abspath(os.environ.get("CARGO_TARGET_DIR") or f"{ROOT}/target")
AGENT = f"{CARGO_TARGET}/release/pulih-agent"

MIB = 1 << 20
GIB = 1 << 30


def log(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def remove_tree(path):
    """Remove whatever lies there.

    Files by sixteen processes at once: where the file system frees blocks synchronously, an unlink waits
    for milliseconds, and a restored tree of 200,000 files would take ten minutes to remove.
    """
    if os.path.lexists(path):
        files = subprocess.Popen(["find", path, "-type", "f", "-print0"], stdout=subprocess.PIPE)
        subprocess.run(["xargs", "-0", "-r", "-n", "100", "-P", "16", "rm", "-f", "--"], stdin=files.stdout, check=True)
        files.wait()
        subprocess.run(["rm", "-rf", "--", path], check=True)


def tree_size(path):
    """(bytes, files) of the regular files under path; apparent size, so that holes count."""
    total = files = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += os.lstat(os.path.join(folder, name)).st_size
            files += 1
    return total, files


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return dict(cpu=model[1] if model else os.uname().machine, cores=os.cpu_count(),
                memory_gib=round(memory / GIB, 1), kernel=".".join(os.uname().release.split(".")[:2]))


def commit():
    """The project's commit, and whether the tree differs from it."""
    if not shutil.which("git"):
        return "unknown"

    def git(*args):
        done = subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return head + (" with uncommitted changes" if git("status", "--porcelain") else "")
