#!/usr/bin/env python3
"""Two servers of two offices, a Pusat Data, a DRC: the policy's line comes, the DRC announces a drill, restores, and ends
it; the bundle is exported, everything else is deleted, and two programs verify it with a fingerprint from paper.
"""
import shutil

import evidence
from fleet import Drc, Site, fill, hold, policy, prove, room, say, seeded, until
from night import Keeper, server


def scheduled(drc, work, version, line='restore = "* * * * *"'):
    """The DRC's policy asks for drills of the class."""
    path = policy(f"{work}/drills-{version}.toml", version, lambda text: f"{text}\n[class.non-publik.drills]\n{line}\nwindow = \"1h\"\n")
    drc.acting("dewi", "policy", "apply", path).well()


def offices(site, drc, recipient, rng, files=60):
    """Two servers with a dataset each, complete at the DRC."""
    for name, opd, dataset in (("app-1", "dinkes", "rekam-medis"), ("app-2", "disdik", "rapor")):
        site.opd(opd)
        its = server(site, name, opd, recipient)
        site.approve(name, dataset)
        fill(its.tree, rng, files, 40_000, large=4 << 20)
        its.backup(dataset).json()
    until("both are at the DRC", 120, lambda: set(drc.points()) == {"rekam-medis", "rapor"})


def drills(drc):
    return drc.json("drill", "list")["drills"]


def ended(drc, outcome, seconds=300):
    """Waits for a drill that ended so, and shows it."""
    def look():
        return next((its["drill"] for its in drills(drc) if its["outcome"] == outcome), None)
    until(f"a drill has {outcome}", seconds, look)
    return drc.json("drill", "show", look())


def main(work):
    room(work, 500)
    _, rng = seeded()
    site, drc = Site(work), Drc(work)
    drc.pair(site)
    offices(site, drc, Keeper(drc).start().recipient, rng)
    scheduled(drc, work, 2)
    its = ended(drc, "passed")
    hold(its["schedule"] == "non-publik/restore" and its["leftovers"] == 0 and len(its["steps"]) == 2, f"the drill was another: {its}")
    hold(all(step["files"] == step["total_files"] > 0 for step in its["steps"]), f"not all was restored: {its}")
    took = {phase: sum(step["phases"][phase] for step in its["steps"]) for phase in its["steps"][0]["phases"]}
    say(f"drill {its['drill']}, due {its['due']}: 2 datasets, {sum(step['files'] for step in its['steps'])} files restored and read again; ms: {took}")
    bundle = f"{work}/bukti"
    trusted = evidence.export(drc, bundle)
    for one in (site, drc):
        one.kill()
        shutil.rmtree(one.state)
        shutil.rmtree(one.store)
    found = evidence.verified(bundle, [trusted])
    hold(any(one["drill"] == its["drill"] and one["outcome"] == "passed" for one in found["drills"]), f"the bundle has {found['drills']}")
    say(f"the bundle alone: {found['entries']} entries of {len(found['sites'])} sites, {len(found['drills'])} drills, no problem by either program")
    return f"a scheduled drill of 2 datasets announced, passed, exported, and verified offline by two programs; {found['entries']} entries"


if __name__ == "__main__":
    prove(main)
