#!/usr/bin/env python3
"""A bundle of a busy Pusat Data's log, of 1,000,000 entries, on one core: how long verifying all of it takes.

Made by crates/evidence/examples/verify_speed.rs: recovery points, one entry in a thousand a person's act, a checkpoint
in each 1,024 of which the bundle has the newest 1,000. What is timed is the verifier, files and all, as they lie in the
page cache.
"""
import json
import os

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
    came = run([*one, *program, f"{work}/log", str(ENTRIES)], {}, cwd=fleet.ROOT).well()
    rounds = [json.loads(line) for line in came.splitlines()]
    hold(all(its["entries"] == ENTRIES for its in rounds), f"not all entries were read: {rounds}")
    took = sorted(its["seconds"] for its in rounds)
    say(f"rounds: {took}")
    seconds = took[len(took) // 2] * (1_000_000 / ENTRIES)
    figures = f"{ENTRIES} entries, {rounds[0]['acts']} acts: {took[len(took) // 2]:.2f} s (target {SECONDS:.0f} s for 1,000,000)"
    hold(seconds < SECONDS, f"missed: {figures}")
    return figures


if __name__ == "__main__":
    prove(main)
