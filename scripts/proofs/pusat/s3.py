#!/usr/bin/env python3
"""The same as `scheduled` with the site's store on SeaweedFS with Object Lock: what was accepted is held
by the bucket itself, and no identity deletes it before the date that the ledger fixed."""
import time

from bucket import BUCKET, IDENTITIES, PREFIX, Bucket, attack, dev_s3, seconds
from fleet import Site, hold, prove, say, seeded, until
from scheduled import left_alone


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
    site = Site(work, store=f"s3://{BUCKET}/{PREFIX}", environment=keys["admin"])
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    # Its owner restores with an identity that can only read.
    server.reader = keys["reader"]
    counted = []

    def locks():
        kept = min(seconds(its["keep_until"]) for its in site.points().values())
        vault = f"{PREFIX}/vaults/{server.vault()}/"

        def held():
            objects = [its for its in admin.versions() if its[0].startswith(vault)]
            return len(objects) > 6 and all(admin.locked_until(*its) >= kept for its in objects)
        until("every object of the vault is locked until the ledger's date", 180, held)
        say(f"every object of the vault is locked in COMPLIANCE mode until {time.strftime('%Y-%m-%d', time.gmtime(kept))} or later")
        counted.extend(attack(keys, admin))
        say(f"{counted[1]} attempts by {', '.join(IDENTITIES)} to delete {counted[0]} objects or shorten their locks: all refused")

    figures = left_alone(site, server, rng, locks)
    unlocked = [its for its in admin.versions() if "/vaults/" in its[0] and admin.locked_until(*its) < time.time()]
    hold(not unlocked, f"not locked: {unlocked}")
    objects, refused = attack(keys, admin)
    say(f"and once more after the second points: {refused} attempts on {objects} objects")
    return f"{figures}; {counted[1] + refused} attempts to delete or unlock by {len(IDENTITIES)} identities refused, {objects} objects"


if __name__ == "__main__":
    prove(main)
