#!/usr/bin/env python3
"""How fast a DRC brings a dataset back from its directory store, beside a plain copy of the same tree: both until
they are on the disk, in the same run, in turns. The time in which the restored files are read again and held
against the snapshot is told apart: a copy does nothing of the kind.

PROVE_GIB says how many GiB.
"""
import os
import random
import shutil
import statistics
import subprocess
import time

from fleet import MIB, QUICK, Drc, Site, fill, hold, prove, room, say
from night import Keeper, server as server_for

GIB = float(os.environ.get("PROVE_GIB") or (0.25 if QUICK else 4))
ROUNDS = 1 if QUICK else 3
TARGET = 0.8


def copied(tree, to):
    """Seconds of a plain copy, until it is on the disk."""
    began = time.monotonic()
    subprocess.run(["cp", "-a", tree, to], check=True)
    subprocess.run(["sync", "-f", to], check=True)
    return time.monotonic() - began


def cold(path):
    """Both begin with nothing of their source in memory, where this user may say so."""
    subprocess.run(["sync", "-f", path], check=True)
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("1")
    except OSError:
        pass


def main(work):
    size = int(GIB * (1 << 30))
    room(work, 4 * size // MIB + 1024)
    site, drc = Site(work), Drc(work)
    keeper = Keeper(drc).start()
    site.opd("dinkes")
    server = server_for(site, "app-1", "dinkes", keeper.recipient)
    site.approve("app-1", "berkas")
    # Half of it in large files, half in small ones; all of it as little compressible as what offices have.
    rng = random.Random(1)
    fill(server.tree, rng, max(64, size // 2 // 65536), 131072)
    for number in range(8):
        with open(f"{server.tree}/besar-{number}", "wb") as file:
            for _ in range(max(1, size // 16 // MIB)):
                file.write(rng.randbytes(MIB))
    server.backup("berkas").well()
    drc.pair(site)
    drc.in_step()
    site.stop()
    rates, withs = [], []
    for number in range(ROUNDS):
        copy, back = f"{work}/copy-{number}", f"{work}/back-{number}"
        cold(work)
        alone = copied(server.tree, copy)
        cold(work)
        record = drc.acting("dewi", "--json", "recover", "berkas", "--target", back).json()
        step = record["steps"][0]
        hold(step["outcome"] == "done", step["text"])
        phases = step["phases"]
        restored = (phases["fetch"] + phases["write"]) / 1000
        subprocess.run(["diff", "-r", "--no-dereference", server.tree, f"{back}/app-1/berkas{server.tree}"], check=True)
        rates.append(alone / restored)
        withs.append(alone / (step["milliseconds"] / 1000))
        say(f"{step['bytes'] / 1e6:.0f} MB in {step['files']} files: copied in {alone:.2f} s; brought back in {restored:.2f} s "
            f"(waiting for the store {phases['fetch'] / 1000:.2f} s of it), read again in {phases['verify'] / 1000:.2f} s")
        shutil.rmtree(copy)
        shutil.rmtree(back)
    ratio, whole = statistics.median(rates), statistics.median(withs)
    figures = f"{ratio:.2f} of the speed of a plain copy (target {TARGET}), {whole:.2f} with all of it read again"
    hold(ratio >= TARGET, f"missed: {figures}")
    return figures


prove(main)
