#!/usr/bin/env python3
"""Enrolled, and then left alone: the daemon saves two datasets at once, and then on schedule."""
import os
import time

from fleet import Site, fill, policy, prove, say, seeded, until

DATASETS = ("archive", "letters")


def newest(site):
    """The newest recovery point of both datasets, once both have one."""
    points = site.points()
    return len(points) == len(DATASETS) and {name: its["snapshot"] for name, its in points.items()}


def left_alone(site, server, rng, meanwhile=lambda: None):
    """Two datasets saved at once, and by schedule once more; `meanwhile` is done between. The figures."""
    trees = {name: f"{server.folder}/{name}" for name in DATASETS}
    fill(trees["letters"], rng, 300, 20_000)
    fill(trees["archive"], rng, 40, 200_000, large=24 << 20)
    site.approve(server.name, *DATASETS)
    server.datasets(**trees)
    say("enrolled, two datasets approved")
    began = time.monotonic()
    server.start()
    first = until("both datasets have a recovery point", 180, lambda: newest(site))
    took = time.monotonic() - began
    say(f"both are recovery points {took:.0f} s after the daemon began")
    entries = size = 0
    for name in DATASETS:
        found = server.restored("latest", dataset=name, tree=trees[name])
        entries, size = entries + found[0], size + found[1]
    say(f"restored from the site's store and compared: {entries} entries, {size >> 20} MiB, no difference")
    meanwhile()

    for name in DATASETS:
        with open(f"{trees[name]}/new", "w") as file:
            file.write("surat baru")
        # Not only what is new: something that was there changes.
        os.truncate(f"{trees[name]}/0/00007", 3)
    version = site.status()["policy_version"] + 1
    site.apply("siti", policy(f"{site.work}/policy.toml", version, schedule="* * * * *")).well()
    say(f"policy version {version} in force: every minute")
    began = time.monotonic()
    until("a second, scheduled point of each", 420,
          lambda: all(snapshot != first[name] for name, snapshot in newest(site).items()))
    scheduled = time.monotonic() - began
    server.stop()
    for name in DATASETS:
        server.restored("latest", dataset=name, tree=trees[name])
    say(f"the second points came {scheduled:.0f} s later by the schedule; they restore without a difference")
    return (f"2 datasets, {entries} entries and {size >> 20} MiB compared, "
            f"first points after {took:.0f} s, by schedule after {scheduled:.0f} s")


def main(work):
    _, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    return left_alone(site, site.server("app-1", "dinkes"), rng)


if __name__ == "__main__":
    prove(main)
