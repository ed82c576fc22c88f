"""The night of the disaster, as demo and proofs play it: two sites, servers of two offices, a plan, and
what an operator of the DRC then does.
"""
import os
import shutil
import subprocess

import fleet
from compare import compare
from fleet import PROCESSES, Server, hold, run, until

# Service → (title, tier, what has to be back before it, datasets as (office, server, dataset))
SERVICES = {
    "surat": ("Surat dan disposisi", 1, [], [("dinkes", "app-1", "letters")]),
    "arsip": ("Arsip perizinan", 2, ["surat"], [("dinkes", "app-1", "archive")]),
    "peta": ("Peta sekolah", 2, ["surat"], [("disdik", "app-2", "map")]),
}


def plan(path, services=SERVICES):
    """Writes the recovery plan (docs/contracts/plan.md)."""
    lines = ['type = "pulih/plan/v1"', 'name = "kabupaten"', "version = 1", 'title = "Rencana pemulihan layanan Kabupaten Uji"',
             "[person.dewi]", 'name = "Dewi Lestari, Diskominfo"', 'role = "koordinator pemulihan"',
             'contact = "0811-0000-000"', 'user = "dewi"']
    for name, (title, tier, after, datasets) in services.items():
        of = ", ".join(f'{{ opd = "{opd}", agent = "{agent}", dataset = "{dataset}" }}' for opd, agent, dataset in datasets)
        lines += [f"[service.{name}]", f'title = "{title}"', f"tier = {tier}", 'rto = "4h"', 'responsible = "dewi"',
                  f"after = {after!r}".replace("'", '"'), f"datasets = [{of}]"]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


class Keeper:
    """The DRC's recovery identity of a class, and the process that alone holds it."""

    def __init__(self, drc, kind="non-publik"):
        self.drc, self.kind = drc, kind
        made = drc.controller("--json", "keys", "new", "--class", kind, "--online", "--out", f"{drc.work}/{kind}.key").json()
        self.recipient = made["recipient"]


def server(site, name, opd, recipient, within=()):
    """A server that has enrolled, whose vault the DRC can read too."""
    its = Server(site, name, within)
    its.agent("enroll", site.url, "--token", site.token(name, opd)).well()
    its.agent("init", "--store", site.url, "--owner", site.owner(opd), "--identity-out", its.identity,
              "--recipient", recipient).well()
    return its


def same(wanted, got):
    """Two trees to the bit, by our own comparison and by rsync: (entries, bytes)."""
    found = compare(wanted, got)
    hold(found.differences == 0, f"{found.differences} differences between {wanted} and {got}")
    if shutil.which("rsync"):
        done = subprocess.run(["rsync", "-aHAX", "--checksum", "-n", "--delete", "--itemize-changes", f"{wanted}/", f"{got}/"],
                              capture_output=True, text=True, errors="replace")
        hold(done.returncode == 0 and not done.stdout.strip(), f"rsync: {done.stdout[:500]}{done.stderr[:500]}")
    return found.entries, found.bytes
