"""What the proofs and the demo do with evidence: a drill, a bundle of it, and both programs that verify one."""
import json
import os
import subprocess
import sys

import fleet
from fleet import ROOT, Done, hold, run

SCRIPT = f"{ROOT}/scripts/verify-evidence.py"


def drill(drc, kind, *wanted, statuses=(0,)):
    """Orders a drill and follows it to its end; what `drill show` says of it then."""
    done = drc.acting("dewi", "--json", "drill", "run", "--kind", kind, *wanted)
    hold(done.status in statuses, f"{done.words}: status {done.status}\n{done.out}{done.err}")
    return json.loads(done.out)


def export(site, out, *more):
    """Writes a bundle; the SITE=FINGERPRINT that stands on paper."""
    made = site.json("evidence", "export", "--out", out, *more)
    hold(made["absent"] == [], f"the store lacks {made['absent']}")
    return f"{made['site']}={made['fingerprint']}"


def by_pulih(bundle, trusted, *more):
    """`evidence verify`: whether it found nothing, and its report. It knows no site."""
    words = [fleet.CONTROLLER, "--json", "evidence", "verify", bundle, *more]
    done = run([*words, *(word for site in trusted for word in ("--site", site))], {"PULIH_CONTROLLER_STATE": "/nonexistent"})
    hold(done.status in (0, 1), f"{done.words}: status {done.status}\n{done.err}")
    return done.status == 0, json.loads(done.out)


def by_script(bundle, trusted, *more):
    """The same by the script that was written from the contract alone."""
    words = [sys.executable, SCRIPT, "--json", bundle, *more]
    words += [word for site in trusted for word in ("--site", site)]
    process = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    done = Done(process, " ".join(words[:4]))
    hold(done.status in (0, 1), f"{done.words}: status {done.status}\n{done.err}")
    return done.status == 0, json.loads(done.out)


def codes(report):
    return sorted({its["code"] for its in report["problems"]})


def verified(bundle, trusted, *more):
    """Both find nothing, and say the same of what is in it; the report of Pulih's own."""
    (good, own), (fine, other) = by_pulih(bundle, trusted, *more), by_script(bundle, trusted, *more)
    hold(good and fine, f"{bundle}: {own['problems'][:3]} {other['problems'][:3]}")
    for field in ("entries", "drills", "sites"):
        hold(own[field] == other[field], f"{bundle}: of {field} one says {own[field]}, the other {other[field]}")
    return own


class Witness:
    """The machine of the Inspektorat: a folder of its own, and a stick."""

    def __init__(self, work):
        self.state, self.stick, self.name = f"{work}/witness", f"{work}/stick", "inspektorat"
        os.mkdir(self.stick)
        made = self.json("init", "--name", "inspektorat-33.19")
        self.key, self.fingerprint = made["key"], made["fingerprint"]

    def json(self, *words):
        return run([fleet.CONTROLLER, "--json", "--state", self.state, "witness", *words], {}).json()

    def round(self, site):
        """Asked at the site, signed here, taken there: up to which size."""
        site.json("evidence", "witness", "ask", "--out", self.stick)
        self.json("sign", self.stick)
        return site.json("evidence", "witness", "take", self.stick)["size"]

    def watch(self, site):
        key = site.json("evidence", "key", "list")["keys"][-1]["key"]
        self.json("trust", "--site", f"{site.role}-33.19", "--key", key)
        site.acting(site.admin, "evidence", "witness", "add", self.name, "--name", "Ketua Tim",
                    "--institution", "Inspektorat", "--key", self.key).well()
