#!/usr/bin/env python3
"""Backups over bad lines: one that breaks off every 30 s, and one of 1 Mbit/s that loses packets.

Site and server are in network namespaces of their own that a bridge joins; tbf sets the
rate, nftables takes packets away. What crossed the line is what the server's end counted.
"""
import os
import threading
import time

from fleet import MIB, QUICK, Site, fill, hold, prove, room, say, seeded
from hosts import Hosts

LOSS_PERCENT = 2
# Of each period the line is silent for so long, and then for a moment knows no connection any more,
# as a modem that has dialled in again.
PERIOD, SILENT, FORGOTTEN = 30, 5, 1
RUNS = 5


def both(hosts):
    return hosts["site"], hosts["server"]


def rate(hosts, bits):
    for host in both(hosts):
        host.rate(bits)


def filter_both(hosts, rule):
    for host in both(hosts):
        host.filter(rule)


def crossed(hosts):
    """Bytes that both ends have sent until now: (to the site, to the server)."""
    return hosts["server"].sent(), hosts["site"].sent()


class Breaks:
    """Breaks the line off, every 30 seconds."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.over, self.times = threading.Event(), 0
        self.thread = threading.Thread(target=self.go_on)

    def go_on(self):
        while not self.over.wait(PERIOD - SILENT - FORGOTTEN):
            filter_both(self.hosts, "iifname != lo drop")
            self.times += 1
            self.over.wait(SILENT)
            filter_both(self.hosts, "iifname != lo meta l4proto tcp reject with tcp reset")
            self.over.wait(FORGOTTEN)
            filter_both(self.hosts, "")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        filter_both(self.hosts, "")


def stored(site):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(f"{site.store}/vaults")
               for name in names)


def through(hosts, site, server, words):
    """Backs up until a run succeeds: (which run, its seconds, bytes over the line to each, bytes stored)."""
    before, was = crossed(hosts), stored(site)
    began = time.monotonic()
    for number in range(1, RUNS + 1):
        done = server.backup("letters")
        if done.status == 0:
            break
        say(f"{words}: run {number} ends with status {done.status}: {done.err.strip().splitlines()[-1]}")
    hold(done.status == 0, f"{words}: none of {RUNS} runs got through\n{done.err}")
    took = time.monotonic() - began
    after = crossed(hosts)
    up, down, grown = after[0] - before[0], after[1] - before[1], stored(site) - was
    hold(grown > 0, f"{words}: nothing was stored")
    entries, _ = server.restored("latest", dataset="letters")
    say(f"{words}: run {number} got through in {took:.0f} s; {entries} entries restored without a difference; "
        f"{up / MIB:.1f} MiB crossed for {grown / MIB:.1f} MiB stored (x {up / grown:.2f}), {down / MIB:.2f} MiB back")
    return number, took, up, grown


def main(work):
    room(work, 2000)
    _, rng = seeded()
    with Hosts("site", "server") as hosts:
        return over_bad_lines(work, rng, hosts)


def over_bad_lines(work, rng, hosts):
    at = hosts["site"]
    site = Site(work, address=at.address, host=at.address, within=at.within)
    site.opd("dinkes")
    figures = []

    server = site.server("app-1", "dinkes", within=hosts["server"].within)
    site.approve("app-1", "letters")
    fill(server.tree, rng, 500, 60_000, large=(150 if QUICK else 320) * MIB)
    rate(hosts, "20mbit")
    with Breaks(hosts) as breaks:
        run, took, up, grown = through(hosts, site, server, "20 Mbit/s, broken off every 30 s")
        times = breaks.times
    hold(times >= 2, f"the line was broken off {times} times only: too little was sent")
    figures.append(f"20 Mbit/s broken off {times} times: run {run}, {took:.0f} s, {grown / MIB:.0f} MiB stored, "
                   f"{up / grown:.2f} times that crossed")

    slow = site.server("app-2", "dinkes", within=hosts["server"].within)
    site.approve("app-2", "letters")
    fill(slow.tree, rng, 100, 20_000, large=(3 if QUICK else 10) * MIB)
    rate(hosts, "1mbit")
    filter_both(hosts, f"iifname != lo numgen random mod 100 < {LOSS_PERCENT} drop")
    run, took, up, grown = through(hosts, site, slow, f"1 Mbit/s with {LOSS_PERCENT} % loss")
    figures.append(f"1 Mbit/s with {LOSS_PERCENT} % loss: run {run}, {took:.0f} s, {grown / MIB:.1f} MiB stored, "
                   f"{up / grown:.2f} times that crossed")
    return "; ".join(figures)


if __name__ == "__main__":
    prove(main)
