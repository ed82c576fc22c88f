#!/usr/bin/env python3
"""Entries appended durably in batches of 1,024: to a ledger alone, and to a site's record, whose catalog follows
(controller/examples/append_speed.rs). Beside it, what the disk takes for as many objects of the same sizes with two
syncs each: what is slower than 5,000 a second there is slow by its disk.
"""
import statistics

from fleet import QUICK, example, hold, prove, room, run, say

ENTRIES = 10_240 if QUICK else 51_200
ROUNDS = 3
TARGET = 5000


def main(work):
    room(work, 600 * ROUNDS)
    program = example("pulih-controller", "append_speed")
    found = []
    for number in range(ROUNDS):
        its = run([program, f"{work}/{number}", str(ENTRIES)], {}).json()
        found.append(its)
        say(f"{ENTRIES} entries: ledger {ENTRIES / its['ledger_seconds']:.0f}/s, with the catalog {ENTRIES / its['record_seconds']:.0f}/s; "
            f"{its['objects']} objects of the same sizes, two syncs each: {its['disk_seconds']:.2f} s, {ENTRIES / its['disk_seconds']:.0f}/s")
    rate = {name: ENTRIES / statistics.median(its[f"{name}_seconds"] for its in found) for name in ("ledger", "record", "disk")}
    sync = statistics.median(its["disk_seconds"] / its["objects"] for its in found) * 1000
    figures = (f"{rate['ledger']:.0f} entries/s to the ledger, {rate['record']:.0f} with the catalog (target {TARGET}); "
               f"the disk alone for as many objects {rate['disk']:.0f}/s, {sync:.1f} ms an object")
    hold(min(rate["ledger"], rate["record"]) >= TARGET, f"missed: {figures}")
    return figures


if __name__ == "__main__":
    prove(main)
