#!/usr/bin/env python3
"""One file comes back over the gateway under a walidata's grant, and nothing without one."""
from fleet import Peer, Site, fill, fingerprint, hold, prove, say, seeded, vault_objects


def main(work):
    _, rng = seeded()
    site = Site(work)
    for opd in ("dinkes", "disdik"):
        site.opd(opd)
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "letters")
    fill(server.tree, rng, 200, 20_000)
    server.backup("letters").well()
    one = f"{server.tree}/3/00003"

    refused = []

    def nothing(spec, target):
        """Not a file is written."""
        said = server.restore(spec, f"{work}/{target}", store=site.url, dataset="letters").badly("grant")
        hold(not fingerprint(f"{work}/{target}"), f"without a grant something was restored: {fingerprint(f'{work}/{target}')}")
        refused.append(said)

    nothing("latest", "none")
    nothing(f"latest:{one}", "none")
    say(f"without a grant: {refused[0]}")
    # Nor does a peer of its own get a pack's bytes, whole or in part.
    peer = Peer(server)
    packs = vault_objects(site, server.vault(), "packs")
    for name in packs:
        status, code, _ = peer.send("GET", f"/v1/objects/{name}")
        hold((status, code) == (403, "forbidden"), f"GET {name}: {status} {code}")
    say(f"{len(packs)} packs asked for by hand with the server's certificate: 403 each")

    asked = server.agent("--json", "ask", "--store", site.url, "--dataset", "letters", "--reason", "berkas terhapus").json()
    nothing("latest", "asked")
    for person in ("siti", "walidata-disdik"):
        site.acting(person, "grant", "give", asked["request"]).badly("walidata")
    nothing("latest", "others")
    site.acting("walidata-dinkes", "grant", "give", asked["request"], "--until", "1h").well()
    server.restore(f"latest:{one}", f"{work}/one", store=site.url, dataset="letters").well()
    got, wanted = fingerprint(f"{work}/one"), fingerprint(server.tree)
    hold(got == {one.lstrip("/"): wanted["3/00003"]}, f"of one file {got}")
    server.restore("latest", f"{work}/all", store=site.url, dataset="letters").well()
    hold(fingerprint(f"{work}/all{server.tree}") == wanted, "what came back under the grant differs")
    say("asked, given by the OPD's walidata and by nobody else: one file came back, then all")
    site.acting("walidata-dinkes", "grant", "end", asked["request"], "--reason", "selesai").well()
    nothing("latest", "ended")
    kinds = [its["type"].split("/")[2] for its in site.ledger() if its["type"].startswith("pulih/ledger/restore-")]
    for kind in ("restore-asked", "restore-grant-given", "restore-grant-used", "restore-grant-ended"):
        hold(kind in kinds, f"the ledger has no {kind}: {kinds}")
    return (f"{len(refused)} restores without a grant brought nothing, {len(packs)} packs refused, "
            f"1 file and then {len(wanted)} under one")


if __name__ == "__main__":
    prove(main)
