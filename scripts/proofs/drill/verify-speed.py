#!/usr/bin/env python3
"""A bundle of a busy Pusat Data's log, of 1,000,000 entries, on one core: how long verifying all of it takes.

Made by crates/evidence/examples/verify_speed.rs: recovery points, one entry in a thousand a person's act, a checkpoint
in each 1,024 of which the bundle has the newest 1,000. What is timed is the verifier, files and all, as they lie in the
page cache: what it takes of the processor, kernel too, which is what it takes by the wall where nothing else runs.
"""
import json
import os
import resource

import fleet
from fleet import QUICK, hold, prove, room, run, say

ENTRIES = 50_000 if QUICK else 1_000_000
SECONDS = 3.0


def main(work):
    room(work, 400 if QUICK else 4000)
    program = ["cargo", "run", "--quiet", "--locked", "--release", "-p", "pulih-evidence", "--example", "verify_speed", "--"]
    # Built first; then one core, whatever this machine has.
    run([*program, f"{work}/first", "100"], {}, cwd=fleet.ROOT).well()
    one = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    timed = [*one, *program, f"{work}/log", str(ENTRIES)]
    # Made first, and verified once more alone.
    run(timed, {}, cwd=fleet.ROOT).well()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    came = run(timed, {}, cwd=fleet.ROOT).well()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rounds = [json.loads(line) for line in came.splitlines()]
    hold(all(its["entries"] == ENTRIES for its in rounds), f"not all entries were read: {rounds}")
    took = sorted(its["seconds"] for its in rounds)
    say(f"rounds by the wall: {took}; load {os.getloadavg()[0]:.1f}")
    # cargo's own time, before the program begins, is in it.
    processor = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(rounds)
    figures = f"{ENTRIES} entries, {rounds[0]['acts']} acts: {processor:.2f} s of one core a round, " \
              f"{took[len(took) // 2]:.2f} s by the wall (target {SECONDS:.0f} s for 1,000,000)"
    hold(processor * (1_000_000 / ENTRIES) < SECONDS, f"missed: {figures}")
    return figures


if __name__ == "__main__":
    prove(main)
