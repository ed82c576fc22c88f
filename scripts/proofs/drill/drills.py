#!/usr/bin/env python3
"""Drills that nobody can leave out: by schedule one that passes and one that fails because a byte of a pack was flipped,
one that the power ends, and one that never starts. All stand in the ledger, and the export alone tells the same.
"""
import glob
import os
import signal

import evidence
from first import drills, ended, offices, scheduled
from fleet import Drc, Site, hold, prove, room, say, seeded, until
from night import Keeper


def flip(store):
    """One bit in the middle of every pack; done twice it is as it was."""
    packs = glob.glob(f"{store}/vaults/*/data/*/*")
    hold(packs, "the store has no packs")
    for pack in packs:
        os.chmod(pack, 0o600)
        with open(pack, "r+b") as file:
            file.seek(os.path.getsize(pack) // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))


def workers(drc):
    """Processes that restore for this DRC's drills."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"work" in words and drc.state.encode() in words:
            found.append(int(pid))
    return found


def power_cut(drc, keeper):
    """In the middle of a restore everything of the DRC is gone; it is `aborted` at the next start, with its time."""
    keeper.process.send_signal(signal.SIGSTOP)
    until("a drill restores", 120, lambda: os.listdir(drc.scratch) and workers(drc))
    drc.kill()
    for pid in workers(drc):
        os.kill(pid, signal.SIGKILL)
    keeper.process.send_signal(signal.SIGCONT)
    hold(os.listdir(drc.scratch), "nothing was being restored")
    drc.start()
    its = ended(drc, "aborted")
    hold(its["leftovers"] == 0 and its["milliseconds"] is not None, f"it ended another way: {its}")
    until("what was restored is gone", 60, lambda: its["drill"] not in os.listdir(drc.scratch))
    return its


def main(work):
    room(work, 1000)
    _, rng = seeded()
    site, drc = Site(work), Drc(work)
    drc.pair(site)
    keeper = Keeper(drc).start()
    offices(site, drc, keeper.recipient, rng)
    site.kill()
    scheduled(drc, work, 2)
    passed = ended(drc, "passed")
    flip(drc.store)
    failed = ended(drc, "failed")
    why = sorted({step["text"] for step in failed["steps"] if step["outcome"] == "failed"})
    hold(why and failed["leftovers"] == 0, f"a flipped byte is no reason: {failed}")
    say(f"{passed['drill']} passed; after one bit of each pack {failed['drill']} failed: {why[0]}")
    flip(drc.store)
    cut = power_cut(drc, keeper)
    say(f"{cut['drill']} was ended by the power after {cut['milliseconds']} ms: {cut['outcome']}, nothing left over")
