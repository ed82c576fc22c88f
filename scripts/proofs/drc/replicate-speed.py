#!/usr/bin/env python3
"""How fast a DRC pulls 8 GiB in objects of 32 MiB, beside `rclone sync --checksum` of the same objects over
the same line in the same run. Every byte that Pulih takes is hashed before it is stored.

PROVE_GIB says how many GiB, PROVE_RATE the line's rate (1gbit).
"""
import os
import re
import shutil
import subprocess
import time

from fleet import MIB, QUICK, Cannot, Drc, PROCESSES, Site, hold, policy, prove, room, say, until
from hosts import Hosts

GIB = float(os.environ.get("PROVE_GIB") or (1 if QUICK else 8))
RATE = os.environ.get("PROVE_RATE", "1gbit")
ROUNDS = 1 if QUICK else 3


def noise(path, size):
    """Bytes that neither compress nor repeat."""
    key = os.urandom(16).hex()
    with open(path, "wb") as out:
        subprocess.run(f"head -c {size} /dev/zero | openssl enc -aes-128-ctr -K {key} -iv {'0' * 32} -nosalt",
                       shell=True, check=True, stdout=out, stderr=subprocess.DEVNULL)


def synced(folder):
    subprocess.run(["sync", "-f", folder], check=True)


def by_rclone(hosts, source, target):
    """Seconds of rclone from one host's folder to another's: with checksums, until it is on the disk."""
    serving = PROCESSES.start([*hosts["pusat"].within, "rclone", "serve", "sftp", source, "--addr", f"{hosts['pusat'].address}:2222",
                               "--user", "drc", "--pass", "drc", "--read-only"], f"{target}.log", {})
    remote = [":sftp:", "--sftp-host", hosts["pusat"].address, "--sftp-port", "2222", "--sftp-user", "drc", "--sftp-pass",
              subprocess.run(["rclone", "obscure", "drc"], capture_output=True, text=True, check=True).stdout.strip()]
    probe = [*hosts["drc"].within, "rclone", "lsf", *remote]
    until("rclone serves", 30, lambda: subprocess.run(probe, capture_output=True).returncode == 0)
    began = time.monotonic()
    done = subprocess.run([*hosts["drc"].within, "rclone", "sync", *remote, target, "--checksum", "--transfers", "8"],
                          capture_output=True, text=True)
    synced(target)
    took = time.monotonic() - began
    serving.kill()
    serving.wait()
    hold(done.returncode == 0, f"rclone: {done.stderr[-2000:]}")
    return took


def stored(folder):
    sizes = [os.path.getsize(os.path.join(below, name)) for below, _, names in os.walk(folder) for name in names]
    return sum(sizes), len(sizes)


def main(work):
    for name in ("rclone", "openssl"):
        if not shutil.which(name):
            raise Cannot(f"{name} is not here (sudo apt-get install -y {name})")
    room(work, int(GIB * 1024 * 3.2))
    with Hosts("pusat", "drc") as hosts:
        return over_the_line(work, hosts)


def over_the_line(work, hosts):
    at = hosts["pusat"]
    site = Site(work, address=at.address, host=at.address, within=at.within)
    unbound = policy(f"{work}/policy.toml", 2, lambda text: re.sub(r"(?s)bandwidth = \[.*?\n\]", "", text)
                     .replace("share_percent = 50", "share_percent = 100"))
    site.apply("siti", unbound).well()
    site.opd("dinkes")
    server = site.server("app-1", "dinkes", within=at.within)
    site.approve("app-1", "letters")
    noise(f"{server.tree}/large", int(GIB * 1024) * MIB)
    server.backup("letters").json()
    os.remove(f"{server.tree}/large")
    vaults = f"{site.store}/vaults"
    size, count = stored(vaults)
    say(f"{size / MIB:.0f} MiB in {count} objects over a line of {RATE}")
    for host in ("pusat", "drc"):
        hosts[host].rate(RATE, burst="1mb")
    ours, theirs = [], []
    for number in range(ROUNDS):
        target = f"{work}/rclone"
        os.mkdir(target)
        theirs.append(by_rclone(hosts, vaults, target))
        hold(stored(target)[0] == size, "rclone did not bring all")
        shutil.rmtree(target)
        drc = Drc(work, f"drc{number}", within=hosts["drc"].within)
        drc.acting("dewi", "policy", "apply", unbound).well()
        drc.pair(site)
        drc.stop()
        began = time.monotonic()
        drc.in_step()
        synced(drc.store)
        ours.append(time.monotonic() - began)
        hold(stored(f"{drc.store}/vaults")[0] == size, "the DRC has not all")
        say(f"rclone {theirs[-1]:.1f} s ({size / theirs[-1] / 1e6:.0f} MB/s), Pulih {ours[-1]:.1f} s ({size / ours[-1] / 1e6:.0f} MB/s)")
        shutil.rmtree(drc.store)
        site.acting("siti", "pair", "end", "drc-33.19", "--reason", "diukur").well()
    ratio = sorted(their / own for their, own in zip(theirs, ours))[len(ours) // 2]
    figures = f"{ratio:.2f} of the speed of rclone sync --checksum ({size / MIB:.0f} MiB over {RATE}, median of {ROUNDS}; target 1.00)"
    hold(ratio >= 1, f"missed: {figures}")
    return figures


if __name__ == "__main__":
    prove(main)
