#!/usr/bin/env python3
"""The catalog is deleted and made again from the ledger: status and the plan of deletions are as before."""
import glob
import json
import os

from fleet import MIB, Site, fill, hold, prove, say, seeded

# Of the moment, and not of the site.
MOMENT = ("at", "exposure_seconds", "last_seen", "seen")


def without_moment(value):
    if isinstance(value, dict):
        return {name: without_moment(its) for name, its in value.items() if name not in MOMENT}
    return [without_moment(its) for its in value] if isinstance(value, list) else value


def told(site):
    """What the site tells: by command, as text that can be compared."""
    shown = {}
    for words in ("status", "retain", "agent list", "opd list", "user list", "approve list", "grant list", "policy show"):
        shown[words] = json.dumps(without_moment(site.json(*words.split())), indent=1, sort_keys=True)
    return shown


def compare(before, after, when):
    """Every answer, so that all that differs is told at once."""
    found = []
    for words, was in before.items():
        then, now = was.splitlines(), after[words].splitlines()
        gone, new = [its.strip() for its in then if its not in now], [its.strip() for its in now if its not in then]
        if was != after[words]:
            found.append(f"{words}: {gone[:10] or 'the same lines'} became {new[:10] or 'the same lines in another order'}")
    hold(not found, f"not as before {when}: " + "; ".join(found))


def main(work):
    _, rng = seeded()
    site = Site(work)
    for opd in ("dinkes", "disdik"):
        site.opd(opd)
    servers = [site.server("app-1", "dinkes"), site.server("app-2", "disdik"), site.server("app-3", "disdik")]
    for server in servers:
        site.approve(server.name, "letters", "archive")
        fill(server.tree, rng, 50, 20_000)
    # Of several in a day the first takes its tiers; of the others those stay that are newest.
    for number in range(9):
        for server in servers[:2]:
            server.write("changing", rng.randbytes(MIB))
            server.backup("letters").well()
    for server in servers:
        server.backup("archive").well()
    asked = servers[0].agent("--json", "ask", "--store", site.url, "--dataset", "letters", "--reason", "berkas terhapus").json()
    site.acting("walidata-dinkes", "grant", "give", asked["request"], "--until", "1h").well()
    servers[1].agent("--json", "ask", "--store", site.url, "--dataset", "letters", "--reason", "uji").json()
    site.controller("agent", "revoke", "app-3", "--reason", "server ditarik").well()

    before = told(site)
    plan = json.loads(before["retain"])["plan"]
    packs = sum(len(its) for its in plan["packs"].values())
    hold(plan["snapshots"] and packs, f"nothing could be deleted, so nothing is compared: {plan}")
    say(f"{len(site.points())} datasets, {len(site.accepted())} snapshots; "
        f"the plan: {len(plan['snapshots'])} of them and {packs} packs")
    site.stop()
    catalog = glob.glob(f"{site.state}/catalog.sqlite*")
    hold(catalog, f"no catalog in {os.listdir(site.state)}")
    for path in catalog:
        os.remove(path)
    say(site.controller("rebuild").well().strip())
    site.start()
    # When an agent was last heard of is not on the ledger: it is heard again.
    for server in servers[:2]:
        server.agent("snapshots", "--store", site.url).well()
    compare(before, told(site), "after rebuild")
    say("status, plan of deletions, agents, OPD, people, approvals, grants and policy are as before")

    # And it goes on.
    for server in servers[:2]:
        server.write("changing", rng.randbytes(MIB))
        server.backup("letters").well()
        server.restored("latest", dataset="letters")
    servers[2].backup("letters").badly("revoked")
    between = told(site)
    # Once more, over a catalog that is there.
    site.stop()
    site.controller("rebuild").well()
    site.start()
    for server in servers[:2]:
        server.agent("snapshots", "--store", site.url).well()
    compare(between, told(site), "after the second rebuild")
    return (f"{len(site.accepted())} snapshots, {len(plan['snapshots'])} of them and {packs} packs in the plan: "
            f"{len(before)} answers equal after each of 2 rebuilds")


if __name__ == "__main__":
    prove(main)
