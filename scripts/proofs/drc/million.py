#!/usr/bin/env python3
"""A round of a DRC that is in step over 1,000,000 objects: how long it takes, and in how much memory.

The vaults are as agents make them but for their content (crates/ledger/examples/crowd.rs); the packs are laid into
the DRC's folder as they are, and every snapshot is pulled and verified. Then one more snapshot is accepted, and
`replicate --once` against the serving Pusat Data is measured, as a process from its start to its end: with that
snapshot to come, and once more with nothing.
"""
import os
import sqlite3
import subprocess
import time

import fleet
from fleet import Drc, QUICK, Site, hold, prove, room, run, say

VAULTS = 4
PACKS = 10_000 if QUICK else 250_000
SNAPSHOTS = 12
ROUNDS = 5
SECONDS, MEMORY = 2.0, 200


def crowd(site, first, last):
    """Snapshots of each vault, at a site that is not served."""
    program = ["cargo", "run", "--quiet", "--locked", "--release", "-p", "pulih-ledger", "--example", "crowd", "--"]
    run([*program, site.store, f"{site.state}/ledger.key", f"{site.work}/keys", str(VAULTS), str(PACKS), str(first), str(last)],
        {}, cwd=fleet.ROOT).well()


def pulled(drc):
    """One round in a process of its own: (seconds, MiB at most, what it brought)."""
    began = time.monotonic()
    process = subprocess.Popen([fleet.CONTROLLER, "--json", "replicate", "--once"], env=dict(os.environ, **drc.environment),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    came = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    hold(process.returncode == 0, f"the round fails: {came!r}")
    return took, used.ru_maxrss / 1024, came


def count_objects(drc):
    """What the catalog would know, had the objects come over the line."""
    catalog = sqlite3.connect(f"{drc.state}/catalog.sqlite")
    with catalog:
        for vault in sorted(os.listdir(f"{drc.store}/vaults")):
            names = ((vault, f"vaults/{vault}/packs/{folder}/{name}", 16)
                     for folder in os.listdir(f"{drc.store}/vaults/{vault}/packs")
                     for name in os.listdir(f"{drc.store}/vaults/{vault}/packs/{folder}"))
            catalog.executemany("INSERT OR IGNORE INTO object (vault, name, size) VALUES (?, ?, ?)", names)
    objects = catalog.execute("SELECT COUNT(*) FROM object").fetchone()[0]
    catalog.close()
    return objects


def link_packs(site, drc):
    """The packs of one folder in the other, without a copy."""
    for vault in os.listdir(f"{site.store}/vaults"):
        target = f"{drc.store}/vaults/{vault}"
        os.makedirs(target, exist_ok=True)
        subprocess.run(["cp", "-al", f"{site.store}/vaults/{vault}/packs", f"{target}/"], check=True)


def main(work):
    room(work, 600 if QUICK else 9000)
    site = Site(work)
    site.stop()
    began = time.monotonic()
    crowd(site, 1, SNAPSHOTS)
    site.start()
    drc = Drc(work)
    drc.pair(site)
    drc.stop()
    link_packs(site, drc)
    objects = count_objects(drc)
    say(f"{objects} packs in {VAULTS} vaults, {VAULTS * SNAPSHOTS} snapshots, made in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    came = drc.in_step()
    say(f"in step: {came['snapshots']} snapshots verified and written down in {time.monotonic() - began:.0f} s")
    fresh, idle = [], []
    for number in range(ROUNDS):
        site.stop()
        crowd(site, SNAPSHOTS + 1 + number, SNAPSHOTS + 1 + number)
        site.start()
        fresh.append(pulled(drc))
        idle.append(pulled(drc))
        say(f"one new snapshot in each vault: {fresh[-1][0]:.2f} s, {fresh[-1][1]:.0f} MiB; nothing new: {idle[-1][0]:.2f} s, {idle[-1][1]:.0f} MiB")
    points = {its["points"] for its in drc.status()["datasets"]}
    hold(points == {SNAPSHOTS + ROUNDS}, f"not in step: {points}")
    seconds, memory = sorted(its[0] for its in fresh)[ROUNDS // 2], max(its[1] for its in fresh)
    nothing = sorted(its[0] for its in idle)[ROUNDS // 2]
    figures = (f"{objects} objects in step: a round with {VAULTS} new snapshots {seconds:.2f} s and {memory:.0f} MiB "
               f"(targets {SECONDS:.0f} s, {MEMORY} MiB), with nothing new {nothing:.2f} s")
    hold(seconds < SECONDS and memory < MEMORY, f"missed: {figures}")
    return figures


if __name__ == "__main__":
    prove(main)
