"""Two years of two sites, told by a test under moved clocks, and the reports that the program makes of what it leaves."""
import json
import os
import subprocess

from fleet import QUICK, ROOT, Wrong, hold, run

TEST = "every_figure_of_weeks" if QUICK else "every_figure_of_two_years"


class Years:
    """What the test left: the DRC's folder, the report's data as it reckoned it, and what to ask for."""

    def __init__(self, folder, said):
        self.folder, self.said = folder, said
        self.expected = {kind: read(f"{folder}/expected.{kind}") for kind in ("json", "csv")}
        with open(f"{folder}/asked") as file:
            self.first, self.last, self.sizes = file.read().split()
        self.data = json.loads(self.expected["json"])

    def report(self, controller, out, *more, kind="continuity", span=None, state=None, environment=None):
        """The program makes a report; what it says of it."""
        words = [controller, "--json", "report", kind, *(span or ("--from", self.first, "--to", self.last)), "--checkpoint",
                 self.sizes, "--number", "400.12/7/2028", "--out", out, *more]
        return run(words, {"PULIH_CONTROLLER_STATE": state or f"{self.folder}/drc", **(environment or {})}).json()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def told(work):
    """The years of this run of the proof: the first part that needs them has them told."""
    logs = os.environ.get("PROVE_LOGS")
    folder = f"{os.path.dirname(logs)}/years" if logs else f"{work}/years"
    if not os.path.exists(f"{folder}/said"):
        subprocess.run(["rm", "-rf", "--", folder], check=True)
        os.makedirs(f"{folder}/drc")
        with open(f"{folder}/said", "w") as file:
            file.write(tell(folder))
    with open(f"{folder}/said") as file:
        return Years(folder, file.read())


def tell(folder):
    words = ["cargo", "test", "--locked", "--workspace", "--features", "pulih-controller/uji", "--lib", "--", "--include-ignored",
             "--nocapture", f"tests::history::{TEST}"]
    done = subprocess.run(words, cwd=ROOT, env=dict(os.environ, PULIH_HISTORY_OUT=folder), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise Wrong(f"the years do not hold: {done.stdout[-8000:]}")
    lines = [line.split("history: ", 1)[1] for line in done.stdout.splitlines() if "history: " in line]
    hold(len(lines) == 1, f"the test says nothing: {done.stdout[-2000:]}")
    return lines[0]
