"""The tools under test, as ordinary command lines.

Each template is a bash command line run in the folder that holds the data set. Placeholders:

    {repo}        the store, not there before init     {cache} {keys}  private folders, there and empty
    {name}        the data set's name, a relative path {dst}           an empty folder to restore into
    {n} {last}    number of this snapshot, of the one to restore

'restored' says where under {dst} the tree lands, 'env' is added to the environment, 'warnings' are
exit codes that say "done, with remarks". Every tool compresses with zstd at level 3 or its own
default that comes nearest, and encrypts: anything less would not be the same job.
"""
import hashlib
import os
import subprocess

from .places import AGENT, PEERS, ROOT, commit, log

PULIH = "pulih"
SECRET = "correct horse battery staple"


def _restic(binary):
    return dict(
        binary=binary, version="version",
        env={"RESTIC_PASSWORD": SECRET, "RESTIC_CACHE_DIR": "{cache}/restic"},
        init="{bin} -q -r {repo} init --repository-version 2",
        backup="{bin} -q -r {repo} backup --compression auto {name}",
        restore="{bin} -q -r {repo} restore latest --target {dst}",
        restored="{dst}/{name}",
    )


TOOLS = {
    PULIH: dict(
        binary=AGENT, version="--version",
        init="{bin} init --store {repo} --state {cache}/state --identity-out {keys}/id --class non-publik",
        backup="{bin} backup --store {repo} --state {cache}/state --dataset {name} {name}",
        restore="{bin} restore --store {repo} --identity {keys}/id latest --target {dst}",
        restored="{dst}/{name}",
    ),
    "restic-0.14": _restic("/usr/bin/restic"),
    "restic-0.18": _restic(f"{PEERS}/bin/restic-0.18"),
    "rustic-0.11": dict(
        binary=f"{PEERS}/bin/rustic", version="--version",
        env={"RUSTIC_PASSWORD": SECRET, "RUSTIC_REPOSITORY": "{repo}", "RUSTIC_CACHE_DIR": "{cache}/rustic",
             "RUSTIC_NO_PROGRESS": "true", "RUSTIC_LOG_LEVEL": "warn"},
        init="{bin} init --set-compression 3",
        backup="{bin} backup {name}",
        restore="{bin} restore latest:{name} {dst}",
        restored="{dst}",
    ),
    "borg-1.4": dict(
        binary=f"{PEERS}/venv/bin/borg", version="--version",
        env={"BORG_PASSPHRASE": SECRET, "BORG_BASE_DIR": "{cache}/borg", "BORG_EXIT_CODES": "modern"},
        # Borg's own range for warnings, such as a file that changed while it was read.
        warnings=range(100, 128),
        init="{bin} init -e repokey {repo}",
        backup="{bin} create --compression zstd,3 {repo}::{n} {name}",
        restore="cd {dst} && {bin} extract {repo}::{last}",
        restored="{dst}/{name}",
    ),
    "bupstash-0.12": dict(
        binary=f"{PEERS}/bin/bupstash", version="version",
        env={"BUPSTASH_REPOSITORY": "{repo}", "BUPSTASH_SEND_LOG": "{cache}/send.log",
             "BUPSTASH_QUERY_CACHE": "{cache}/query.cache"},
        init="{bin} init -r {repo} && {bin} new-key -o {keys}/primary"
             " && {bin} new-sub-key -k {keys}/primary --put -o {keys}/put",
        backup="{bin} put -q -k {keys}/put --compression zstd:3 --xattrs n={n} {name} > /dev/null",
        restore="{bin} restore -q -k {keys}/primary --ownership --xattrs --into {dst} n={last}",
        restored="{dst}",
    ),
}


def version(name):
    """What the tool says of itself, or None where it is not installed or does not run."""
    tool = TOOLS[name]
    try:
        done = subprocess.run([tool["binary"], tool["version"]], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = " ".join(done.stdout.split())
    # A program that says nothing is a stub: it would "succeed" at every phase in no time.
    if done.returncode or not said:
        return None
    return f"{said}, commit {commit()}" if name == PULIH else said


def build_id(name):
    """Tells two builds apart where the version stays the same; medians never mix builds."""
    with open(TOOLS[name]["binary"], "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()[:12]


def build_pulih():
    """Build the agent from this tree. None, or why there is nothing to measure.

    A binary left from an older build does not count: it would be measured under this commit's name.
    """
    log("cargo build --release -p pulih-agent")
    try:
        done = subprocess.run(["cargo", "build", "--release", "-p", "pulih-agent"], cwd=ROOT)
    except OSError:
        return "not built: no cargo here"
    if done.returncode:
        return "not built: cargo build failed"
    return None if os.path.exists(AGENT) else "not built: the package makes no binary pulih-agent yet"


def available(names):
    """(tools that run, {tool: why it does not}), building Pulih if it is among them."""
    runnable, missing = [], {}
    for name in names:
        problem = build_pulih() if name == PULIH else None
        if not problem and version(name) is None:
            problem = "does not run" if os.path.exists(TOOLS[name]["binary"]) else "not installed"
        if problem:
            missing[name] = problem
            log(f"{name}: {problem}; left out")
        else:
            runnable.append(name)
    return runnable, missing
