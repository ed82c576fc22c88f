#!/usr/bin/env python3
"""`status` of a Pusat Data with 2,000 datasets, each with two years of hourly points that are all kept, their jobs,
approvals and some suspicions and alarms: how long the command takes, as a process from its start to its end.

The catalog is built by SQL beside a ledger that knows nothing of it; what `status` says is held against what was
built. It needs some 20 GiB: where there is less, PROVE_WORK names another folder.
"""
import datetime
import hashlib
import sqlite3
import statistics
import time

from fleet import QUICK, Site, hold, prove, room, say

DATASETS, AGENTS = (200, 20) if QUICK else (2000, 200)
POINTS = 2 * 365 * 24
JOBS = 100
ALARMS = 50_000
ROUNDS = 15
TARGET = 0.1


def stamp(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def vault(agent):
    return hashlib.sha256(f"vault {agent}".encode()).hexdigest()[:32]


def points(catalog, now):
    """Every hour's point of each dataset, in the order in which the tables are sorted."""
    number = 1_000_000
    rows = ("WITH RECURSIVE hour (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM hour WHERE n + 1 < :points) "
            "INSERT INTO snapshot (vault, dataset, name, captured, accepted, keep_until, tiers, stored_bytes, partial, late, number) "
            "SELECT :vault, :dataset, printf('%010d-%064d', n, :number + n), strftime('%Y-%m-%dT%H:%M:%SZ', :began + n * 3600, 'unixepoch'), "
            ":began + n * 3600, :until, 'hour', 1000000 + n, 0, 0, :number + n FROM hour")
    newest = "SELECT name, captured, accepted, keep_until, tiers, stored_bytes, late FROM snapshot WHERE vault = ? AND dataset = ? AND name LIKE ?"
    stands = "INSERT INTO standing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    expected = {}
    for its, dataset in sorted((vault(n), f"data-{k:04}") for n in range(AGENTS) for k in range(DATASETS // AGENTS)):
        began = now - (POINTS - 1) * 3600 - 600
        with catalog:
            catalog.execute(rows, {"vault": its, "dataset": dataset, "points": POINTS, "began": began, "number": number,
                                   "until": now + 400 * 86400})
            name = f"{POINTS - 1:010}-{number + POINTS - 1:064}"
            last = catalog.execute(newest, (its, dataset, name)).fetchone()
            catalog.execute(stands, (its, dataset, POINTS, POINTS, 1000000 + POINTS - 1, *last, last[2], last[3]))
        expected[its, dataset] = name
        number += POINTS
    return expected


def people(catalog, now, names):
    """Whose the datasets are, and what their servers said."""
    with catalog:
        for n in range(AGENTS):
            agent, opd = f"app-{n:03}", f"opd-{n // 5:02}"
            catalog.execute("INSERT OR IGNORE INTO opd (name, title) VALUES (?, ?)", (opd, f"Dinas {opd}"))
            catalog.execute("INSERT INTO agent (name, opd, enrolled, enrolment) VALUES (?, ?, ?, ?)", (agent, opd, now, n))
            catalog.execute("INSERT INTO vault (id, agent, class, described, key, keyed) VALUES (?, ?, 'strategis', 0, '', ?)", (vault(n), agent, n))
            catalog.execute("INSERT INTO lineage (id, agent, number, machine, host, refused) VALUES (?, ?, ?, 'm', 'h', 0)", (f"{n:032}", agent, n))
            report = '{"at":"%s","program":"proof","datasets":[],"jobs":[],"alarms":[]}' % stamp(now)
            catalog.execute("INSERT INTO presence (agent, seen, host, report) VALUES (?, ?, 'h', ?)", (agent, now, report))
        agents = {vault(n): (f"app-{n:03}", f"opd-{n // 5:02}") for n in range(AGENTS)}
        for at, (its, dataset) in enumerate(names):
            agent, opd = agents[its]
            catalog.execute("INSERT INTO approval (id, opd, vault, dataset, by, letter, document, until) VALUES (?, ?, ?, ?, 'x', 'x', 'x', ?)",
                            (f"a-{at}", opd, its, dataset, now + 86400))
            jobs = ((agent, dataset, stamp(now - 3600 * n), stamp(now - 3600 * n), "failed" if at % 10 == 0 and n == 0 else "done",
                     "the disk" if n == 0 else None) for n in range(JOBS))
            catalog.executemany("INSERT INTO job (agent, dataset, began, ended, outcome, error, read_bytes, stored_bytes, unread) "
                                "VALUES (?, ?, ?, ?, ?, ?, 1, 1, 0)", jobs)
            for raised in range(3) if at % 20 == 0 else ():
                catalog.execute("INSERT INTO suspicion (id, vault, dataset, since, measure, text, raised, ended) VALUES (?, ?, ?, ?, 'x', 'x', ?, ?)",
                                (f"s-{at}-{raised}", its, dataset, now - raised, now, now if raised else None))
        alarms = ((now - 60 * (ALARMS - n) * 20, "peer-silent", "x", "x" * 100) for n in range(ALARMS))
        catalog.executemany("INSERT INTO alarm (at, alarm, subject, text) VALUES (?, ?, ?, ?)", alarms)


def main(work):
    room(work, 3_000 if QUICK else 27_000)
    site = Site(work)
    site.stop()
    began, now = time.monotonic(), int(time.time())
    catalog = sqlite3.connect(f"{site.state}/catalog.sqlite")
    catalog.execute("PRAGMA synchronous = OFF")
    expected = points(catalog, now)
    people(catalog, now, list(expected))
    catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = catalog.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0] >> 20
    catalog.close()
    say(f"{len(expected)} datasets of {POINTS} points: {size} MiB, built in {time.monotonic() - began:.0f} s")
    site.start()
    took = []
    for _ in range(ROUNDS):
        start = time.monotonic()
        done = site.controller("--json", "status")
        took.append(time.monotonic() - start)
        rows = done.json()["datasets"]
        hold({(row["vault"], row["dataset"]): row["snapshot"] for row in rows} == expected, "status has other points than there are")
    hold(all(row["approved"] for row in rows), "not every dataset is approved")
    hold(sum(row["suspicion"] is not None for row in rows) == -(-len(rows) // 20), "suspicions are missing")
    hold(sum(row["error"] == "the disk" for row in rows) == -(-len(rows) // 10), "errors of jobs are missing")
    middle, first, worst = statistics.median(took[1:]), took[0], max(took[1:])
    figures = (f"status of {len(rows)} datasets with {POINTS} points each: {middle * 1000:.0f} ms (target {TARGET * 1000:.0f}), "
               f"the first {first * 1000:.0f} ms, the worst of the others {worst * 1000:.0f} ms; catalog {size} MiB")
    hold(middle < TARGET, f"missed: {figures}")
    return figures


if __name__ == "__main__":
    prove(main)
