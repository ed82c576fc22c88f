"""The night of the disaster, as the demo and the proofs play it: two sites, servers of two offices, a plan,
and what the operator of the DRC then does.
"""
import json
import os
import shutil
import subprocess

import fleet
from compare import compare
from fleet import PROCESSES, Server, hold, until

# Service: title, tier, what has to be back before it, and its datasets as (office, server, dataset).
SERVICES = {
    "surat": ("Surat dan disposisi", 1, [], [("dinkes", "app-1", "letters")]),
    "arsip": ("Arsip perizinan", 2, ["surat"], [("dinkes", "app-1", "archive")]),
    "peta": ("Peta sekolah", 2, ["surat"], [("disdik", "app-2", "map")]),
}


def plan(path, services=None):
    """Writes the recovery plan (docs/contracts/plan.md)."""
    lines = ['type = "pulih/plan/v1"', 'name = "kabupaten"', "version = 1", 'title = "Rencana pemulihan Kabupaten Uji"',
             "[person.dewi]", 'name = "Dewi Lestari, Diskominfo"', 'role = "koordinator pemulihan"',
             'contact = "0811-0000-000"', 'user = "dewi"']
    for name, (title, tier, after, datasets) in (services or SERVICES).items():
        of = ", ".join(f'{{ opd = "{opd}", agent = "{agent}", dataset = "{dataset}" }}' for opd, agent, dataset in datasets)
        lines += [f"[service.{name}]", f'title = "{title}"', f"tier = {tier}", 'rto = "4h"', 'responsible = "dewi"',
                  f"datasets = [{of}]", *([f"after = {json.dumps(after)}"] if after else [])]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


class Keeper:
    """The DRC's recovery identities, and the process that alone holds them."""

    def __init__(self, drc, kind="non-publik"):
        self.drc, self.folder, self.socket = drc, f"{drc.work}/keeper", f"{drc.work}/keeper.sock"
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        made = drc.json("keys", "new", "--class", kind, "--online", "--out", f"{self.folder}/{kind}.key")
        self.recipient = made["recipient"]
        drc.environment["PULIH_KEEPER"] = self.socket

    def start(self):
        arguments = [*self.drc.within, fleet.CONTROLLER, "keys", "serve", "--folder", self.folder]
        self.process = PROCESSES.start(arguments, f"{self.drc.work}/keeper.log", self.drc.environment)
        until("the keeper serves", 30, lambda: os.path.exists(self.socket))
        # Drills are done by whoever serves the site, and that one learns at its start where the keeper is.
        self.drc.stop()
        self.drc.start()
        return self


def server(site, name, opd, recipient, within=()):
    """A server that has enrolled, and whose vault the DRC can read too."""
    its = Server(site, name, within)
    its.agent("enroll", site.url, "--token", site.token(name, opd)).well()
    its.agent("init", "--store", site.url, "--owner", site.owner(opd), "--identity-out", its.identity,
              "--recipient", recipient).well()
    return its


def rehearsed(drc, folder):
    """The plan is in force at the DRC, as it has to be before the night."""
    drc.acting("dewi", "plan", "apply", plan(f"{folder}/rencana.toml")).well()


def declare(drc, reason="ransomware di Pusat Data"):
    drc.acting("dewi", "disaster", "declare", "--reason", reason).well()


def recover(drc, target):
    """The whole plan, into place; what the command says."""
    return drc.controller("--json", "recover", "--plan", "kabupaten", "--target", target, *drc.signed()).json()


def same(wanted, got):
    """Two trees to the bit, by our own comparison and by rsync: (entries, bytes)."""
    found = compare(wanted, got)
    hold(found.differences == 0, f"{found.differences} differences between {wanted} and {got}")
    if shutil.which("rsync"):
        done = subprocess.run(["rsync", "-aHAX", "--checksum", "-n", "--delete", "--itemize-changes", f"{wanted}/", f"{got}/"],
                              capture_output=True, text=True, errors="replace")
        hold(done.returncode == 0 and not done.stdout.strip(), f"rsync: {done.stdout[:500]}{done.stderr[:500]}")
    return found.entries, found.bytes
