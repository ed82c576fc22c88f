#!/usr/bin/env python3
"""A DRC whose store is a bucket on SeaweedFS with Object Lock: what it pulled is held by the bucket itself
until the date that the ledgers fixed, and no identity deletes it before."""
import time

from bucket import BUCKET, IDENTITIES, PREFIX, Bucket, attack, dev_s3, seconds
from fleet import Drc, Site, fill, prove, say, seeded, until


def main(work):
    _, rng = seeded()
    dev_s3("start", f"{work}/weed")
    try:
        return on_a_bucket(work, rng)
    finally:
        dev_s3("stop", f"{work}/weed")


def on_a_bucket(work, rng):
    keys = {who: dev_s3("env", f"{work}/weed", who) for who in IDENTITIES}
    admin = Bucket(keys["admin"])
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "letters", "archive")
    drc = Drc(work, store=f"s3://{BUCKET}/{PREFIX}", environment=keys["admin"])
    drc.pair(site)
    for dataset in ("letters", "archive"):
        fill(server.tree, rng, 40, 30_000)
        server.backup(dataset).json()
    until("both datasets are complete at the DRC", 120, lambda: len(drc.points()) == 2)
    kept = min(seconds(its["keep_until"]) for its in drc.points().values())

    def held():
        objects = [its for its in admin.versions() if f"{PREFIX}/vaults/" in its[0]]
        return len(objects) > 6 and all(admin.locked_until(*its) >= kept for its in objects)
    until("every object is locked until the ledger's date", 180, held)
    say(f"every object at the DRC is locked in COMPLIANCE mode until {time.strftime('%Y-%m-%d', time.gmtime(kept))} or later")
    objects, refused = attack(keys, admin)
    say(f"{refused} attempts by {', '.join(IDENTITIES)} to delete {objects} objects or shorten their locks: all refused")
    site.kill()
    server.reader = keys["reader"]
    site.store = drc.store
    entries, _ = server.restored("latest", dataset="archive")
    say(f"with the Pusat Data gone: {entries} entries restored from the bucket without a difference")
    return f"{objects} objects locked, {refused} attempts to delete or unlock by {len(IDENTITIES)} identities refused"


if __name__ == "__main__":
    prove(main)
