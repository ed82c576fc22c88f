#!/usr/bin/env python3
"""A server put back from an old image resynchronises and is named; a clone is refused and named."""
import os
import shutil

from fleet import Server, Site, fill, fingerprint, hold, prove, say, seeded


def image(of, to):
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(of, to, symlinks=True)


def change(server, rng, number, wanted):
    """Another tree; what it is goes into `wanted` under its number, which stands in it."""
    fill(f"{server.tree}/{number}", rng, 40, 40_000, large=1 << 20)
    server.write("number", f"{server.name} {number}")
    wanted[f"{server.name} {number}"] = fingerprint(server.tree)


def main(work):
    _, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "letters")
    wanted = {}
    change(server, rng, 1, wanted)
    server.backup("letters").well()
    image(server.state, f"{work}/image")
    for number in (2, 3, 4):
        change(server, rng, number, wanted)
        server.backup("letters").well()
    hold(not site.alarms(), site.alarms())

    image(f"{work}/image", server.state)
    change(server, rng, 5, wanted)
    done = server.backup("letters")
    done.well()
    hold("put back from an image" in done.err, done.err)
    hold(site.alarms() == ["rejoined"], site.alarms())
    change(server, rng, 6, wanted)
    server.backup("letters").well()
    hold(site.alarms() == ["rejoined"], site.alarms())
    listed = server.agent("--json", "snapshots", "--store", site.url).json()["snapshots"]
    rejoined = [its["sequence"] for its in listed if its["rejoined"]]
    hold([its["sequence"] for its in listed] == [1, 2, 3, 4, 5, 6] and rejoined == [5], f"sequences and rejoined: {listed}")
    say("put back three snapshots: the next run goes on as snapshot 5, which says so; alarm rejoined; 6 is in turn")

    clone = Server(site, "copy")
    image(server.state, clone.state)
    change(clone, rng, 1, wanted)
    change(server, rng, 7, wanted)
    server.backup("letters").well()
    # It comes with a turn that is past, and is let in until the first one comes again.
    clone.backup("letters").well()
    change(server, rng, 8, wanted)
    server.backup("letters").well()
    hold(site.alarms()[0] == "clone", site.alarms())
    before = fingerprint(f"{site.store}/vaults")
    change(clone, rng, 2, wanted)
    said = clone.backup("letters").badly("another machine")
    hold(fingerprint(f"{site.store}/vaults") == before, "a refused clone has changed the store")
    entry = next(its for its in site.ledger() if its["type"] == "pulih/ledger/clone-refused/v1")
    hold(entry["agent"] == "app-1" and entry["host"] and entry["machine"], entry)
    named = next(its for its in site.status()["alarms"] if its["alarm"] == "clone")
    hold(entry["host"] in named["text"] or "app-1" in named["text"], named)
    change(server, rng, 9, wanted)
    server.backup("letters").well()
    say(f"the clone is refused: {said}")
    say(f"and named: {named['text']}")

    restored = set()
    for its in site.accepted():
        target = f"{work}/back"
        server.restore(its["manifest"].split("-")[1], target).well()
        name = next(name for name in (server, clone) if os.path.isdir(target + name.tree))
        with open(f"{target}{name.tree}/number") as file:
            number = file.read()
        hold(fingerprint(target + name.tree) == wanted[number], f"snapshot {its['manifest']} is not tree {number}")
        restored.add(number)
        shutil.rmtree(target)
    lacking = set(wanted) - restored - {"copy 2"}
    hold(not lacking, f"no recovery point of {lacking}")
    return f"rejoined after 3 lost snapshots, clone refused and named, {len(restored)} snapshots restore bit for bit"


if __name__ == "__main__":
    prove(main)
