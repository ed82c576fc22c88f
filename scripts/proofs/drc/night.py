#!/usr/bin/env python3
"""The whole night, with every site and server on an address of its own: three datasets of two servers are
complete at both sites; the Pusat Data is deleted; the plan comes back at the DRC, bit for bit, with its
record; agents go on at the DRC meanwhile; a new Pusat Data is filled from it, and they go on there.
"""
import os
import shutil

import fleet
from fleet import QUICK, Drc, Site, fill, hold, policy, prove, room, run, say, seeded, until
from hosts import Hosts
from night import SERVICES, Keeper, declare, recover, rehearsed, same, server

DATASETS = {"letters": "app-1", "archive": "app-1", "map": "app-2"}


def main(work):
    room(work, 3000)
    _, rng = seeded()
    with Hosts("pusat", "drc", "app-1", "app-2", "baru") as hosts:
        return play(work, rng, hosts)


def at(host):
    return {"address": host.address, "host": host.address, "within": host.within}


def tree(its, dataset):
    return f"{its.folder}/{dataset}"


def snapshots(site):
    return {dataset: its["snapshot"] for dataset, its in site.points().items()}


def saved(site, servers, before, words, seconds=300):
    """Waits until every dataset has a point that was not there before, by the daemons' own schedule."""
    until(words, seconds, lambda: all(snapshots(site).get(name, before.get(name)) != before.get(name) for name in DATASETS))
    return snapshots(site)


def change(servers, rng):
    for dataset, name in DATASETS.items():
        fill(tree(servers[name], dataset), rng, 12, 30_000)


def check(site, its):
    """By someone who knows nothing of it, every byte of the vault."""
    words = [fleet.AGENT, "check", "--store", site.store, "--vault", its.vault(), "--identity", its.identity, "--read-data"]
    run(words, {"PULIH_STATE": f"{site.work}/nobody"}).well()


def restored(site, its, dataset, words):
    target = f"{site.work}/restored"
    its.restore("latest", target, store=site.store, dataset=dataset, vault=its.vault()).well()
    entries, _ = same(tree(its, dataset), target + tree(its, dataset))
    shutil.rmtree(target)
    say(f"{words}: {dataset}, {entries} entries without a difference")


def play(work, rng, hosts):
    site, drc = Site(work, **at(hosts["pusat"])), Drc(work, **at(hosts["drc"]))
    drc.pair(site)
    keeper = Keeper(drc).start()
    # Every minute: the night is short.
    site.apply("siti", policy(f"{work}/policy.toml", 2, schedule="* * * * *")).well()
    servers = {}
    for name, opd in (("app-1", "dinkes"), ("app-2", "disdik")):
        site.opd(opd)
        servers[name] = its = server(site, name, opd, keeper.recipient, hosts[name].within)
        its.datasets(**{dataset: tree(its, dataset) for dataset, where in DATASETS.items() if where == name})
        for dataset, where in DATASETS.items():
            if where == name:
                os.makedirs(tree(its, dataset))
                fill(tree(its, dataset), rng, 60 if QUICK else 400, 40_000, large=(2 if QUICK else 30) << 20)
                site.approve(name, dataset)
    rehearsed(drc, work)
    for its in servers.values():
        its.start()
    first = saved(site, servers, {}, "every dataset is at the Pusat Data")
    # What is compared later: nothing changes from here on, and whatever was newer has arrived.
    until("every dataset is at the DRC", 120, lambda: set(drc.points()) == set(DATASETS))
    say(f"{len(first)} datasets of {len(servers)} servers are complete at both sites")

    began = len(drc.of_kind("recovery-step"))
    site.kill()
    for folder in (site.state, site.store):
        shutil.rmtree(folder)
    hosts["pusat"].filter("iifname != lo drop")
    say("the Pusat Data is deleted, and its address answers no more")
    declare(drc)
    target = f"{work}/pulih"
    recover(drc, target)
    entries = size = 0
    for dataset, name in DATASETS.items():
        wanted = tree(servers[name], dataset)
        its = same(wanted, f"{target}/{name}/{dataset}{wanted}")
        entries, size = entries + its[0], size + its[1]
    steps = drc.of_kind("recovery-step")[began:]
    done = [its for its in steps if its["what"] == "restore" and its["outcome"] == "done"]
    hold(len(done) == len(DATASETS), f"the ledger has {len(done)} datasets recovered of {len(DATASETS)}")
    order = [its["dataset"] for its in done]
    hold(order[0] == "letters", f"tier 1 comes first: {order}")
    records = [name for folder, _, names in os.walk(f"{drc.store}/site/drc-33.19/recoveries") for name in names]
    hold(len(records) == 1, f"one record of the recovery: {records}")
    say(f"the plan is back at the DRC: {entries} entries, {size >> 20} MiB without a difference; {len(steps)} steps on the ledger")
    report = drc.controller("disaster", "report").well()
    hold(all(title in report for title, *_ in SERVICES.values()), f"the report names every service:\n{report}")

    before = snapshots(drc)
    change(servers, rng)
    saved(drc, servers, before, "agents go on at the DRC")
    for its in servers.values():
        its.stop()
    own = {its["dataset"] for its in drc.of_kind("snapshot-accepted")}
    hold(own == set(DATASETS), f"the DRC took in {own}")
    # What the daemons saved last may be of the midst of the change: once more by hand, as it is now.
    for dataset, name in DATASETS.items():
        its = servers[name]
        its.agent("backup", "--quiet", "--store", drc.url, "--dataset", dataset, tree(its, dataset)).well()
        restored(drc, its, dataset, "saved to the DRC meanwhile, restored from it")

    new = fill_new_pusat(work, hosts, drc)
    for its in servers.values():
        its.site = new
    numbers = {name: [entry["manifest"] for entry in drc.of_kind("snapshot-accepted") if entry["dataset"] == name][-1]
               for name in DATASETS}
    change(servers, rng)
    before = snapshots(new)
    for its in servers.values():
        its.start()
    # Its policy is the default one: by hand, so that the night ends.
    until("agents know the new Pusat Data", 300, lambda: all(knows(its, new) for its in servers.values()))
    for its in servers.values():
        its.stop()
    for dataset, name in DATASETS.items():
        its = servers[name]
        its.agent("backup", "--quiet", "--store", new.url, "--dataset", dataset, tree(its, dataset)).well()
        hold(snapshots(new)[dataset] > numbers[dataset], f"{dataset} does not go on: {snapshots(new)[dataset]} after {numbers[dataset]}")
        restored(new, its, dataset, "at the new Pusat Data")
    for its in servers.values():
        check(new, its)
    for one, other in ((drc, "pusat-33.19"), (new, "drc-33.19")):
        one.acting(one.admin, "pair", "end", other, "--reason", "terisi").well()
    drc.pair(new)
    drc.in_step()
    for dataset, name in DATASETS.items():
        restored(drc, servers[name], dataset, "and at the DRC, which pulls again")
    return (f"{len(DATASETS)} datasets of {len(servers)} servers, {entries} entries and {size >> 20} MiB bit for bit at the DRC, "
            f"{len(steps)} steps; {len(own)} datasets saved to the DRC meanwhile; failed back, vaults unbroken")


def knows(its, site):
    with open(f"{its.state}/site.json") as file:
        return site.url in file.read()


def fill_new_pusat(work, hosts, drc):
    """docs/contracts/takeover.md, the way back."""
    drc.acting("dewi", "pair", "end", "pusat-33.19", "--reason", "terbakar").well()
    new = Site(work, "baru", **at(hosts["baru"]))
    new.stop()
    own, its = f"{work}/baru.card", f"{work}/drc-baru.card"
    offered = new.json("pair", "offer", "--out", own)["fingerprint"]
    taken = drc.acting("dewi", "--json", "pair", "accept", own, "--fingerprint", offered, "--out", its).json()
    new.acting("siti", "pair", "accept", its, "--fingerprint", taken["fingerprint"]).well()
    came = new.json("replicate", "--once")
    drc.acting("dewi", "disaster", "end", "--reason", "Pusat Data baru sudah terisi").well()
    last = new.json("replicate", "--once")
    new.start()
    drc.acting("dewi", "pair", "move", own, "--fingerprint", offered).well()
    say(f"a new Pusat Data is filled from the DRC: {came['snapshots'] + last['snapshots']} snapshots")
    return new


if __name__ == "__main__":
    prove(main)
