#!/usr/bin/env python3
"""A DRC that pulls while everything goes wrong: lines that break at any byte, answers that lie, a store
that is wiped or encrypted at the Pusat Data, a disk that is full at the DRC. After each, what is
visible at the DRC is whole, nothing good is lost, and with an honest line it is in step again.
"""
import os
import shutil
import subprocess

import fleet
from fleet import MIB, QUICK, Cannot, Drc, Site, fill, hold, prove, room, run, say, seeded
from liar import Liar, head_of

DATASETS = ("letters", "archive", "map")


def visible(drc):
    """The manifests that the DRC's store shows."""
    found = set()
    for folder, _, names in os.walk(f"{drc.store}/vaults"):
        if "/snapshots/" in folder:
            found |= {f"{os.path.basename(folder)}/{name}" for name in names}
    return found


def sound(server, drc):
    """Every visible snapshot is whole: read to the last byte, chunk by chunk, with the identity."""
    if not visible(drc):
        return 0
    # By someone who knows nothing of it: what the agent's own state has is no matter here.
    check = [fleet.AGENT, "check", "--store", drc.store, "--identity", server.identity, "--read-data"]
    run(check, {"PULIH_STATE": f"{drc.work}/nobody"}).well()
    return len(visible(drc))


def packs(site):
    return sorted(os.path.relpath(os.path.join(folder, name), site.store)
                  for folder, _, names in os.walk(f"{site.store}/vaults") if "/packs/" in f"{folder}/" for name in names)


def cut_anywhere(rng):
    """Each object breaks off once or twice, at any byte, and then comes."""
    tries = {}

    def fault(name, content):
        tries[name] = tries.get(name, 0) + 1
        return ("cut", rng.randrange(len(content) + 1)) if tries[name] <= rng.choice((1, 2)) and content else None
    return fault


def busy(rng):
    return lambda name, content: ("status", rng.choice((500, 429, 503))) if rng.random() < 0.2 else None


def one_of(victims, what):
    return lambda name, content: what(content) if name in victims else None


def flipped(rng):
    def flip(content):
        at = rng.randrange(len(content))
        return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1:]
    return flip


def rounds(drc, most):
    """Pulls until nothing is missing; says after how many rounds."""
    for number in range(1, most + 1):
        whole, came = drc.replicate()
        if whole:
            return number
    hold(False, f"not in step after {most} rounds: {came}")


def main(work):
    room(work, 1500)
    _, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", *DATASETS)
    drc = Drc(work)
    drc.pair(site)
    drc.stop()
    figures = []

    def saved(size):
        fill(server.tree, rng, 40, 40_000, large=size * MIB)
        for dataset in DATASETS:
            server.backup(dataset).json()

    def against(words, fault, in_step):
        """A round (or more) against the liar, then one with an honest Pusat Data."""
        head = head_of(site, drc)
        site.kill()
        before = visible(drc)
        with Liar(site, head, fault) as liar:
            if in_step:
                taken = rounds(drc, 12)
                end = f"in step after {taken} rounds"
            else:
                whole, came = drc.replicate()
                hold(not whole, f"{words}: the DRC says that nothing is missing")
                end = f"{len(came.get('refused', []))} refused"
            asked = liar.asked
        hold(before <= visible(drc), f"{words}: what was visible is gone")
        points = sound(server, drc)
        site.start()
        drc.in_step()
        hold(sound(server, drc) == len(drc_wanted(site)), f"{words}: not all snapshots are here in the end")
        say(f"{words}: {asked} requests, {end}, {points} snapshots whole meanwhile; then in step")
        figures.append(f"{words} {end}")

    size = 8 if QUICK else 40
    saved(size)
    against("line cut at any byte", cut_anywhere(rng), True)
    saved(size)
    against("500, 429 and 503", busy(rng), True)
    for words, what in [("wrong bytes", flipped(rng)), ("short bytes", lambda content: content[:len(content) // 2]),
                        ("empty bytes", lambda content: b""), ("a pack that vanished", lambda content: ("status", 404))]:
        known = set(packs(site))
        saved(2)
        fresh = [name for name in packs(site) if name not in known]
        hold(fresh, "nothing new was stored")
        against(words, one_of({rng.choice(fresh)}, what), False)
    hold("pull-refused" in drc.alarms(), "nobody was alarmed")

    known = visible(drc)
    for words, strike in [("store encrypted before the next pull", encrypt), ("store wiped before the next pull", wipe)]:
        site.kill()
        safe = f"{work}/safe"
        shutil.copytree(site.store, safe)
        strike(site.store, rng)
        site.start() if words.startswith("store encrypted") else None
        whole, came = drc.replicate()
        hold(known <= visible(drc) and sound(server, drc) == len(known), f"{words}: the DRC lost something")
        server.restore("latest", f"{work}/restored", store=drc.store, dataset="letters").well()
        shutil.rmtree(f"{work}/restored")
        say(f"{words}: {len(known)} snapshots at the DRC as before, restored from there; the round says: {'in step' if whole else 'not whole'}")
        if site.serving.poll() is None:
            site.kill()
        shutil.rmtree(site.store)
        os.rename(safe, site.store)
        figures.append(f"{words} {len(known)} snapshots kept")
    site.start()
    figures.append(full_disk(work, site, server, rng))
    return "; ".join(figures)


def drc_wanted(site):
    return {f"{its['dataset']}/{its['manifest']}" for its in site.of_kind("snapshot-accepted")}


def encrypt(store, rng):
    """As ransomware does it: every file of the vaults has other bytes of the same length."""
    for folder, _, names in os.walk(f"{store}/vaults"):
        for name in names:
            path = os.path.join(folder, name)
            os.chmod(path, 0o600)
            with open(path, "r+b") as file:
                file.write(rng.randbytes(os.path.getsize(path)))


def wipe(store, rng):
    shutil.rmtree(f"{store}/vaults")


def full_disk(work, site, server, rng):
    """A second DRC whose disk is too small: it says so, what it has is whole, and with room it goes on."""
    disk = f"{work}/small"
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], capture_output=True).returncode:
        raise Cannot("a small disk cannot be mounted here (root is needed)")
    try:
        site.acting("siti", "pair", "end", "drc-33.19", "--reason", "a second one").well()
        drc = Drc(work, "drc2", store=f"{disk}/store")
        drc.pair(site)
        drc.stop()
        whole, came = drc.replicate()
        hold(not whole, f"it should be full: {came}")
        hold("store-full" in drc.alarms(), f"nobody was told: {drc.alarms()}")
        points = sound(server, drc)
        subprocess.run(["mount", "-o", "remount,size=900m", disk], check=True)
        drc.in_step()
        hold(sound(server, drc) == len(drc_wanted(site)), "not all snapshots came once there was room")
        say(f"disk full: {points} snapshots whole meanwhile; with room in step")
        return f"disk full, {points} whole meanwhile, then in step"
    finally:
        drc.controller("status")
        subprocess.run(["umount", "-l", disk])


if __name__ == "__main__":
    prove(main)
