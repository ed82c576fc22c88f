#!/usr/bin/env python3
"""How fast the gateway takes objects in and heartbeats, and in how much memory, beside what this machine does alone."""
import multiprocessing
import os
import re
import shutil
import socket
import statistics
import subprocess
import time

from fleet import Cannot, Peer, Site, hold, policy, prove, room, say

AGENTS, OBJECTS, SIZE = 8, 8, 32 << 20
BEATS, SECONDS, LINES = 1000, 10, 40
ROUNDS = 3


class Line:
    """One connection that stays, as an agent has it."""

    def __init__(self, peer):
        self.peer = peer
        tcp = socket.create_connection((peer.host, peer.port), 120)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = peer.context.wrap_socket(tcp, server_hostname=peer.host)
        self.rest = b""

    def send(self, method, path, body):
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.peer.host}\r\ncontent-length: {len(body)}\r\n"
        self.stream.sendall(f"{head}pulih-lineage: {self.peer.lineage}\r\n\r\n".encode())
        self.stream.sendall(body)
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.stream.recv(65536)
        top, _, self.rest = self.rest.partition(b"\r\n\r\n")
        length = int((re.search(rb"(?i)content-length: (\d+)", top) or [0, 0])[1])
        while len(self.rest) < length:
            self.rest += self.stream.recv(65536)
        answer, self.rest = self.rest[:length], self.rest[length:]
        status = int(top.split(b" ")[1])
        hold(status < 300, f"{method} {path}: {status} {answer[:300]}")


def objects(folder, agent, count):
    """Files of random bytes with the names that the gateway wants."""
    os.makedirs(folder, exist_ok=True)
    paths = [f"{folder}/{agent}-{n}" for n in range(count)]
    for path in paths:
        with open(path, "wb") as file:
            for _ in range(SIZE >> 20):
                file.write(os.urandom(1 << 20))
    listed = subprocess.run(["b3sum", *paths], capture_output=True, text=True, check=True).stdout
    return [(path, line.split(" ")[0]) for path, line in zip(paths, listed.splitlines())]


def copy(files, to):
    """What the machine does alone: read, hash, write, sync."""
    for path, _ in files:
        target = f"{to}/{os.path.basename(path)}"
        subprocess.run(f"tee '{target}' <'{path}' | b3sum >/dev/null && sync '{target}'", shell=True, check=True)


def upload(peer, vault, files):
    line = Line(peer)
    for path, digest in files:
        with open(path, "rb") as file:
            line.send("PUT", f"/v1/objects/vaults/{vault}/packs/{digest[:2]}/{digest}", file.read())


def together(work):
    """Runs each of these beside the others: (wall seconds, their own CPU seconds)."""
    before = os.times()
    start = time.monotonic()
    processes = [multiprocessing.Process(target=target, args=args) for target, args in work]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    wall, after = time.monotonic() - start, os.times()
    hold(all(process.exitcode == 0 for process in processes), "one of them failed")
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def peak(site):
    with open(f"/proc/{site.serving.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def beat(peer, rate, seconds, begin, out):
    line = Line(peer)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = f'{{"at":"{now}","program":"proof","datasets":[],"jobs":[],"alarms":[]}}'.encode()
    took = []
    for n in range(int(rate * seconds)):
        due = begin + n / rate
        time.sleep(max(0, due - time.monotonic()))
        line.send("POST", "/v1/report", body)
        # From when it was due: whoever waits for a turn waits.
        took.append(time.monotonic() - due)
    out.put(took)


def main(work):
    if not shutil.which("b3sum"):
        raise Cannot("b3sum is not here")
    room(work, 3 * AGENTS * OBJECTS * SIZE * (ROUNDS + 2) // 2 >> 20)
    site = Site(work)
    site.opd("dinkes")
    # As fast as the machine lets it.
    unbound = policy(f"{work}/policy.toml", 2, lambda text: re.sub(r"(?s)bandwidth = \[.*?\n\]", "", text)
                     .replace("share_percent = 50", "share_percent = 100"))
    site.apply("siti", unbound).well()
    servers = [site.server(f"app-{n}", "dinkes") for n in range(AGENTS)]
    peers = [Peer(server) for server in servers]
    vaults = [server.vault() for server in servers]
    rates, alone, without = [], [], []
    for number in range(ROUNDS):
        files = [objects(f"{work}/objects", f"{number}-{n}", OBJECTS) for n in range(AGENTS)]
        total = AGENTS * OBJECTS * SIZE / 1e6
        target = f"{work}/copies"
        os.makedirs(target, exist_ok=True)
        base, _ = together([(copy, (its, target)) for its in files])
        shutil.rmtree(target)
        wall, cpu = together([(upload, (peer, vault, its)) for peer, vault, its in zip(peers, vaults, files)])
        shutil.rmtree(f"{work}/objects")
        own = wall - cpu / os.cpu_count()
        alone.append(total / base)
        rates.append(base / wall)
        without.append(base / own)
        say(f"{total:.0f} MB: copied with hash and sync {total / base:.0f} MB/s; through the gateway {total / wall:.0f} MB/s, "
            f"without the peers' own {cpu:.1f} s of CPU {total / own:.0f} MB/s; peak of memory {peak(site):.0f} MiB")
    memory = peak(site)
    queue = multiprocessing.Queue()
    begin = time.monotonic() + 2
    beats = [multiprocessing.Process(target=beat, args=(peers[n % AGENTS], BEATS / LINES, SECONDS, begin, queue))
             for n in range(LINES)]
    for process in beats:
        process.start()
    took = sorted(seconds for _ in beats for seconds in queue.get())
    for process in beats:
        process.join()
    p50, p99 = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
    say(f"{len(took)} heartbeats in {SECONDS} s over {LINES} lines: median {p50:.1f} ms, p99 {p99:.1f} ms, worst {took[-1] * 1000:.1f} ms")
    ratio, left = statistics.median(rates), statistics.median(without)
    figures = (f"{ratio:.2f} of a plain copy ({left:.2f} without the peers' CPU; target 0.80), {memory:.0f} MiB (target 200), "
               f"heartbeats p99 {p99:.1f} ms (target 50)")
    hold(left >= 0.8 and memory < 200 and p99 < 50, f"missed: {figures}")
    return figures


prove(main)
