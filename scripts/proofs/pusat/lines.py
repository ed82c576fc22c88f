#!/usr/bin/env python3
"""Backups over bad lines: one that breaks off every 30 s, and one of 1 Mbit/s that loses packets.

Site and server are in network namespaces of their own, with a pair of veth between them; tbf sets the
rate, nftables takes packets away. What crossed the line is what the server's end counted.
"""
import os
import shutil
import subprocess
import threading
import time

from fleet import MIB, QUICK, Cannot, Site, fill, hold, prove, room, say, seeded

SITE, SERVER = f"pulih-site-{os.getpid()}", f"pulih-server-{os.getpid()}"
LOSS_PERCENT = 2
# Of each period the line is silent for so long, and then for a moment knows no connection any more,
# as a modem that has dialled in again.
PERIOD, SILENT, FORGOTTEN = 30, 5, 1
RUNS = 5


def command(*words, check=True, within=None, stdin=None):
    words = ["ip", "netns", "exec", within, *words] if within else list(words)
    done = subprocess.run(words, input=stdin, capture_output=True, text=True)
    hold(not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def ends():
    return ((SITE, "line0", "10.77.0.1"), (SERVER, "line1", "10.77.0.2"))


def lay():
    """Two namespaces and a line between them."""
    if os.geteuid():
        raise Cannot("network namespaces need root")
    for name in ("ip", "tc", "nft"):
        if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            raise Cannot(f"{name} is not here (sudo apt-get install -y iproute2 nftables)")
    for namespace, _, _ in ends():
        done = subprocess.run(["ip", "netns", "add", namespace], capture_output=True, text=True)
        if done.returncode:
            raise Cannot(f"network namespaces are not allowed here: {done.stderr.strip()}")
    command("ip", "link", "add", "line0", "netns", SITE, "type", "veth", "peer", "name", "line1", "netns", SERVER)
    for namespace, link, address in ends():
        command("ip", "addr", "add", f"{address}/24", "dev", link, within=namespace)
        command("ip", "link", "set", link, "up", within=namespace)
        command("ip", "link", "set", "lo", "up", within=namespace)
        # Segments as they go over a line, not joined to 64 KiB: a packet that is lost is one packet.
        if shutil.which("ethtool"):
            command("ethtool", "-K", link, "tso", "off", "gso", "off", "gro", "off", within=namespace, check=False)
        command("ip", "link", "set", link, "gso_max_segs", "1", within=namespace, check=False)
        filtering(namespace, "")


def take_up():
    for namespace, _, _ in ends():
        command("ip", "netns", "del", namespace, check=False)


def rate(bits):
    for namespace, link, _ in ends():
        command("tc", "qdisc", "replace", "dev", link, "root", "tbf", "rate", bits, "burst", "32kb", "latency", "300ms",
                within=namespace)


def filtering(namespace, rule):
    """What happens to each packet that arrives at this end: nothing, or this rule."""
    chain = f"chain arriving {{\ntype filter hook input priority 0\n{rule}\n}}"
    table = f"add table inet line\ndelete table inet line\ntable inet line {{\n{chain}\n}}\n"
    command("nft", "-f", "-", within=namespace, stdin=table)


def filter_both(rule):
    for namespace, _, _ in ends():
        filtering(namespace, rule)


def crossed():
    """Bytes that both ends have sent until now: (to the site, to the server)."""
    sent = []
    for namespace, link, _ in reversed(ends()):
        sent.append(int(command("cat", f"/sys/class/net/{link}/statistics/tx_bytes", within=namespace)))
    return sent


class Breaks:
    """Breaks the line off, every 30 seconds."""

    def __init__(self):
        self.over, self.times = threading.Event(), 0
        self.thread = threading.Thread(target=self.go_on)

    def go_on(self):
        while not self.over.wait(PERIOD - SILENT - FORGOTTEN):
            filter_both("iifname != lo drop")
            self.times += 1
            self.over.wait(SILENT)
            filter_both("iifname != lo meta l4proto tcp reject with tcp reset")
            self.over.wait(FORGOTTEN)
            filter_both("")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        filter_both("")


def stored(site):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(f"{site.store}/vaults")
               for name in names)


def through(site, server, words):
    """Backs up until a run succeeds: (which run, its seconds, bytes over the line to each, bytes stored)."""
    before, was = crossed(), stored(site)
    began = time.monotonic()
    for number in range(1, RUNS + 1):
        done = server.backup("letters")
        if done.status == 0:
            break
        say(f"{words}: run {number} ends with status {done.status}: {done.err.strip().splitlines()[-1]}")
    hold(done.status == 0, f"{words}: none of {RUNS} runs got through\n{done.err}")
    took = time.monotonic() - began
    after = crossed()
    up, down, grown = after[0] - before[0], after[1] - before[1], stored(site) - was
    hold(grown > 0, f"{words}: nothing was stored")
    entries, _ = server.restored("latest", dataset="letters")
    say(f"{words}: run {number} got through in {took:.0f} s; {entries} entries restored without a difference; "
        f"{up / MIB:.1f} MiB crossed for {grown / MIB:.1f} MiB stored (x {up / grown:.2f}), {down / MIB:.2f} MiB back")
    return number, took, up, grown


def main(work):
    room(work, 2000)
    _, rng = seeded()
    try:
        lay()
        return over_bad_lines(work, rng)
    finally:
        take_up()


def over_bad_lines(work, rng):
    site = Site(work, address="10.77.0.1", host="10.77.0.1", within=["ip", "netns", "exec", SITE])
    site.opd("dinkes")
    figures = []

    server = site.server("app-1", "dinkes", within=["ip", "netns", "exec", SERVER])
    site.approve("app-1", "letters")
    fill(server.tree, rng, 500, 60_000, large=(150 if QUICK else 320) * MIB)
    rate("20mbit")
    with Breaks() as breaks:
        run, took, up, grown = through(site, server, "20 Mbit/s, broken off every 30 s")
        times = breaks.times
    hold(times >= 2, f"the line was broken off {times} times only: too little was sent")
    figures.append(f"20 Mbit/s broken off {times} times: run {run}, {took:.0f} s, {grown / MIB:.0f} MiB stored, "
                   f"{up / grown:.2f} times that crossed")

    slow = site.server("app-2", "dinkes", within=["ip", "netns", "exec", SERVER])
    site.approve("app-2", "letters")
    fill(slow.tree, rng, 100, 20_000, large=(3 if QUICK else 10) * MIB)
    rate("1mbit")
    filter_both(f"iifname != lo numgen random mod 100 < {LOSS_PERCENT} drop")
    run, took, up, grown = through(site, slow, f"1 Mbit/s with {LOSS_PERCENT} % loss")
    figures.append(f"1 Mbit/s with {LOSS_PERCENT} % loss: run {run}, {took:.0f} s, {grown / MIB:.1f} MiB stored, "
                   f"{up / grown:.2f} times that crossed")
    return "; ".join(figures)


if __name__ == "__main__":
    prove(main)
