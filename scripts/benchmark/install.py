"""Brings the peers here: from Debian, crates.io and PyPI, by the clients as this machine has them set up.

Each step that fails says so in a line and leaves the rest to go on: a missing peer is left out of a
run, it does not stop it.
"""
import os
import shutil
import subprocess
import sys

from .places import BENCH_DIR, PEERS, log, remove_tree
from .tools import TOOLS, version

# What the harness itself calls, and what bupstash and borg are built against.
PACKAGES = ("restic time zstd b3sum python3-venv pkg-config libsodium-dev"
            " libacl1-dev libssl-dev liblz4-dev libzstd-dev libxxhash-dev").split()
CRATES = (("rustic-rs", "rustic", "--version=0.11.4"), ("bupstash", "bupstash", "--version=0.12.0"))
BORG = "borgbackup==1.4.5"
# Debian release here -> where a newer restic comes from.
NEXT_RELEASE = {"bookworm": "trixie"}


def install():
    os.makedirs(f"{PEERS}/bin", exist_ok=True)
    if os.geteuid() == 0:
        _call("apt", ["apt-get", "update", "-q"])
        _call("apt", ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES], DEBIAN_FRONTEND="noninteractive")
    else:
        log("not root: these Debian packages have to be there:", *PACKAGES)
    _newer_restic()
    _borg()
    for crate, binary, wanted in CRATES:
        _crate(crate, binary, wanted)
    for name in TOOLS:
        log(f"{name:14} {version(name) or 'not there'}")


def _call(label, argv, cwd=PEERS, **env):
    """Run a command, its output to a log; whether it succeeded."""
    path = f"{PEERS}/install-{label}.log"
    with open(path, "ab") as out:
        try:
            done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **env})
        except OSError as error:
            log(f"{label}: {error}")
            return False
    if done.returncode:
        log(f"{label}: {' '.join(argv[:2])} failed, see {path}")
    return done.returncode == 0


def _crate(crate, binary, wanted):
    if os.path.exists(f"{PEERS}/bin/{binary}"):
        return
    log(f"cargo install {crate} (rustic takes 20 minutes on two cores)")
    # A target folder that stays until success: an install broken off goes on where it was.
    build = f"{BENCH_DIR}/build"
    if _call(crate, ["nice", "cargo", "install", crate, wanted, "--locked", "--root", PEERS], CARGO_TARGET_DIR=build):
        remove_tree(build)


def _borg():
    if os.path.exists(f"{PEERS}/venv/bin/borg"):
        return
    log(f"pip install {BORG}")
    if _call("borg", [sys.executable, "-m", "venv", f"{PEERS}/venv"]):
        _call("borg", [f"{PEERS}/venv/bin/pip", "install", BORG])


def _newer_restic():
    """The next Debian release's restic, unpacked beside this release's: a static binary, it needs nothing else.

    Through a package list of its own, so that nothing else on this machine ever comes from that release.
    """
    target = f"{PEERS}/bin/restic-0.18"
    if os.path.exists(target):
        return
    source = _next_release_source()
    if not source:
        log("restic-0.18: no newer Debian release known for this machine's mirror; left out")
        return
    private = f"{PEERS}/apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        os.makedirs(f"{private}/{folder}", exist_ok=True)
    with open(f"{private}/sources.list", "w") as f:
        f.write(source)
    options = [f"-oDir::Etc::sourcelist={private}/sources.list", "-oDir::Etc::sourceparts=/dev/null",
               f"-oDir::State::lists={private}/lists", f"-oDir::Cache={private}/cache", "-oAPT::Sandbox::User=root"]
    unpacked = f"{private}/unpacked"
    steps = (["apt-get", *options, "update", "-q"], ["apt-get", *options, "download", "-q", "restic"],
             ["bash", "-c", f"dpkg-deb -x restic_*.deb {unpacked}"])
    if all(_call("restic", step, cwd=private) for step in steps):
        shutil.copy2(f"{unpacked}/usr/bin/restic", target)
    else:
        log("restic-0.18: not available here; left out")
    remove_tree(private)


def _next_release_source():
    """A sources.list line for the next release, at the mirror that this machine uses for its own."""
    try:
        with open("/etc/os-release") as f:
            here = dict(line.rstrip().split("=", 1) for line in f if "=" in line).get("VERSION_CODENAME", "").strip('"')
        listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN)",
                                 "Created-By: Packages", "Component: main"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    for line in listed.splitlines():
        if line.split()[1:] == [here, "Debian"] and here in NEXT_RELEASE:
            return f"deb {line.split()[0]} {NEXT_RELEASE[here]} main\n"
    return None
