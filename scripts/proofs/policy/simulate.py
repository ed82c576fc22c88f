#!/usr/bin/env python3
"""What a change of schedule, tiers and limits would keep, cost and break in a year, asked of a real site before it is applied:
fewer points and a quota that is passed by a weaker policy, more of both by a stronger one, twice the same, and nothing applied.
"""
import os

from fleet import ROOT, Site, hold, prove, say

DEFAULT = f"{ROOT}/policies/default.toml"
OFTEN = 'schedules = ["15 12 * * *", "0 21 * * *"]'
WEAKER = [
    (OFTEN, 'schedules = ["0 21 * * sun"]'),
    ('rpo_pusat = "24h"\nrpo_drc = "48h"', 'rpo_pusat = "8d"\nrpo_drc = "9d"'),
    ('daily = "35d"\nweekly = "13w"\nmonthly = "13mo"', 'daily = "7d"\nmonthly = "2mo"'),
    ('quota = "1TiB"', 'quota = "1MiB"'),
]
STRONGER = [(OFTEN, 'schedules = ["@hourly"]'), ('daily = "35d"\nweekly = "13w"\nmonthly = "13mo"', 'daily = "90d"\nweekly = "13w"\nmonthly = "13mo"')]


def write(path, changes):
    with open(DEFAULT) as file:
        text = file.read().replace("\nversion = 1\n", "\nversion = 2\n")
    for old, new in changes:
        hold(old in text, f"the default policy has no {old!r}")
        text = text.replace(old, new)
    with open(path, "w") as file:
        file.write(text)
    return path


def main(work):
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "surat")
    for number in range(3):
        server.write(f"surat-{number}", os.urandom(300_000))
        server.backup("surat").well()

    def simulated(path, *more):
        found = site.json("policy", "simulate", path, *more)
        hold(len(found["datasets"]) == 1, f"of {len(found['datasets'])} datasets")
        return found, found["datasets"][0]["now"], found["datasets"][0]["then"]

    weaker = write(f"{work}/lemah.toml", WEAKER)
    found, now, then = simulated(weaker)
    hold(then["points"] < now["points"] and then["runs"] < now["runs"], f"weaker keeps {then['points']} of {now['points']}")
    hold(then["apart_seconds"]["month"] > now["apart_seconds"]["month"], "points do not lie further apart")
    quota = [its for its in found["breaks"] if its["kind"] == "quota"]
    hold(len(quota) == 1 and quota[0]["opd"] == "dinkes" and quota[0]["remedy"], f"no broken quota in {found['breaks']}")
    hold(found["weakens"] > 0, "nothing is said to weaken")
    say(f"weaker: {now['points']} -> {then['points']} points, {now['runs']} -> {then['runs']} runs; {quota[0]['text']}")
    at = found["at"]
    hold(simulated(weaker, "--at", at)[0] == simulated(weaker, "--at", at)[0], "twice the same moment, twice another answer")

    found, now, more = simulated(write(f"{work}/kuat.toml", STRONGER))
    hold(more["points"] > now["points"] and more["received_bytes"] > now["received_bytes"], f"stronger keeps no more: {more}")
    hold(not [its for its in found["breaks"] if its["kind"] == "quota"], f"a quota is broken: {found['breaks']}")
    say(f"stronger: {now['points']} -> {more['points']} points, {now['received_bytes']} -> {more['received_bytes']} bytes over the line")

    text = site.controller("policy", "simulate", weaker).well()
    hold("Nothing is applied" in text and "quota" in text, text)
    hold(site.status()["policy_version"] == 1, "a policy was applied")
    site.apply("siti", weaker).well()
    hold(site.status()["policy_version"] == 2, "and now it is not")
    site.stop()
    return f"{now['points']} points in a year, {then['points']} by the weaker and {more['points']} by the stronger policy; the quota that breaks is named with its day"


if __name__ == "__main__":
    prove(main)
