#!/usr/bin/env python3
"""Drills that nobody can leave out: by schedule one that passes and one that fails because a byte of a pack was flipped,
one that the power ends, and one that never starts. All stand in the ledger, and the export alone tells the same.
"""
import glob
import os
import signal
import time

import evidence
import fleet
from first import drills, ended, offices, scheduled
from fleet import Drc, Site, hold, prove, room, say, seeded, until
from night import Keeper


def flip(store):
    """One bit in the middle of every pack; done twice it is as it was."""
    packs = glob.glob(f"{store}/vaults/*/packs/*/*")
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


def restoring(drc):
    """Stops the worker of a drill when its log has a file, and returns it; a drill is over within a second."""
    end = time.monotonic() + 1
    while not any(os.path.getsize(log) > 200 for log in glob.glob(f"{drc.state}/drill-*.log")):
        if time.monotonic() > end:
            return []
    found = workers(drc)
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    if any(its["outcome"] is None for its in drills(drc)):
        return found
    for pid in found:
        os.kill(pid, signal.SIGCONT)
    return []


def power_cut(drc):
    """In the middle of a restore everything of the DRC is gone; it is `aborted` at the next start, with its time."""
    stopped = until("a drill restores", 240, lambda: restoring(drc))
    drc.kill()
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)
    hold(os.listdir(drc.scratch), "nothing was being restored")
    drc.start()
    its = ended(drc, "aborted")
    hold(its["leftovers"] == 0 and its["milliseconds"] > 0, f"it ended another way: {its}")
    until("what was restored is gone", 60, lambda: its["drill"] not in os.listdir(drc.scratch))
    return its


def bundle_of(drc, work, name, wanted):
    """The export alone tells the same of each drill, by both programs."""
    trusted = evidence.export(drc, f"{work}/{name}")
    found = evidence.verified(f"{work}/{name}", [trusted])
    told = {its["drill"]: its["outcome"] for its in found["drills"]}
    hold(wanted.items() <= told.items(), f"the export tells {told}, and not {wanted}")
    return found


def power_story(work, rng):
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
    cut = power_cut(drc)
    say(f"{cut['drill']} was ended by the power after {cut['milliseconds']} ms: {cut['outcome']}, nothing left over")
    drc.stop()
    found = bundle_of(drc, work, "bukti", {its["drill"]: its["outcome"] for its in (passed, failed, cut)})
    say(f"the export tells the same, {len(found['drills'])} drills in all")
    drc.kill()


def never_started(work, rng):
    """A build for trials, whose clock goes on by ten hours: nobody brought the keys, and then nobody served the site."""
    clock = f"{work}/clock"

    def at(seconds):
        with open(f"{clock}.new", "w") as file:
            file.write(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)))
        os.replace(f"{clock}.new", clock)
    begin = int(time.time())
    at(begin)
    fleet.CONTROLLER = fleet.for_trials(work)
    environment = {"PULIH_UJI_CLOCK": clock}
    site, drc = Site(work, environment=environment), Drc(work, environment=environment)
    drc.pair(site)
    offices(site, drc, Keeper(drc).recipient, rng, files=10)
    site.kill()
    scheduled(drc, work, 2, 'restore = "0 * * * *"')
    hour = begin - begin % 3600 + 3600
    at(hour + 60)
    until("a drill waits for its keys", 120, lambda: any(its["state"] == "announced" for its in drills(drc)))
    drc.kill()
    at(hour + 10 * 3600)
    drc.start()
    its = ended(drc, "missed")
    until("what came meanwhile was written down", 120, lambda: len(drc.json("drill", "list")["missed"]) >= 8)
    numbers = [one["occurrence"] for one in drc.json("drill", "list")["missed"]]
    say(f"{its['drill']}, announced and never started: missed ({its['text']}); occurrences {min(numbers)} to {max(numbers)} missed too")
    drc.stop()
    found = bundle_of(drc, work, "bukti-uji", {its["drill"]: "missed"})
    hold(all(one["uji"] for one in found["sites"]), f"the export of a build for trials does not say so: {found['sites']}")
    say("the export tells the same, and that its clock was not the world's")
    return len(numbers)


def main(work):
    room(work, 1000)
    _, rng = seeded()
    for folder in ("listrik", "uji"):
        os.mkdir(f"{work}/{folder}")
    power_story(f"{work}/listrik", rng)
    missed = never_started(f"{work}/uji", rng)
    return f"drills that passed, failed by a flipped bit, were cut by the power, never started ({missed} more never announced): each in ledger and export"


if __name__ == "__main__":
    prove(main)
