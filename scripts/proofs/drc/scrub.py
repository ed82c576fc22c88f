#!/usr/bin/env python3
"""Bits flipped, a file cut short and one gone at the DRC: each is found without a key, put aside, and healed
from the Pusat Data; what no site has is named with the snapshots that it costs.
"""
import os

import fleet
from fleet import Drc, Site, fill, hold, prove, run, say, seeded, vault_files


def objects(site, kind):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(f"{site.store}/vaults")
                  for name in names if f"/{kind}/" in f"{folder}/")


def flip(path, rng):
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        at = rng.randrange(os.path.getsize(path))
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << rng.randrange(8)]))


def cut(path, _):
    os.chmod(path, 0o600)
    os.truncate(path, os.path.getsize(path) // 2)


def main(work):
    _, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "letters", "archive")
    for dataset in ("letters", "archive"):
        fill(server.tree, rng, 60, 60_000, large=20 << 20)
        server.backup(dataset).json()
    drc = Drc(work)
    drc.pair(site)
    drc.stop()
    drc.in_step()
    before = vault_files(drc)
    struck = {}
    for kind, strike, words in (("packs", flip, "a bit of a pack"), ("packs", cut, "half of a pack"), ("index", flip, "a bit of an index"),
                                ("reach", lambda path, _: os.remove(path), "a reach that is gone"), ("snapshots", flip, "a bit of a manifest")):
        path = rng.choice([path for path in objects(drc, kind) if path not in struck])
        strike(path, rng)
        struck[path] = words
    hold(vault_files(drc) != before, "nothing was damaged")
    drc.controller("scrub", "--all")
    damaged = {its["object"] for its in drc.of_kind("object-damaged")}
    wanted = {os.path.relpath(path, drc.store) for path in struck}
    hold(wanted <= damaged, f"not found: {[struck[f'{drc.store}/{name}'] for name in wanted - damaged]}")
    healed = {its["object"] for its in drc.of_kind("object-healed")}
    hold(wanted <= healed and vault_files(drc) == before, f"not healed: {wanted - healed}")
    aside = sum(len(names) for _, _, names in os.walk(f"{drc.store}/quarantine"))
    hold(aside >= 4, f"{aside} damaged files were put aside")
    say(f"{', '.join(struck.values())}: found without a key and healed; {aside} put aside")
    run([fleet.AGENT, "check", "--store", drc.store, "--identity", server.identity, "--read-data"],
        {"PULIH_STATE": f"{work}/nobody"}).well()

    # The same pack at both sites: nobody has it.
    pack = rng.choice(objects(drc, "packs"))
    name = os.path.relpath(pack, drc.store)
    for path in (pack, f"{site.store}/{name}"):
        flip(path, rng)
    done = drc.controller("scrub", "--all")
    hold(done.status == 1, f"a pack that nobody has, and status {done.status}")
    lost = [its for its in drc.of_kind("object-lost") if its["object"] == name]
    hold(lost and lost[0]["snapshots"], f"the snapshots that {name} costs are not named")
    say(f"a pack that is damaged at both sites: {len(lost[0]['snapshots'])} snapshots are named that it costs")
    return f"{len(struck)} kinds of damage found without a key and healed, {aside} put aside; a loss at both sites names {len(lost[0]['snapshots'])} snapshots"


if __name__ == "__main__":
    prove(main)
