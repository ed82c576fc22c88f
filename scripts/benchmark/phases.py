"""The run: every tool on every data set through the same phases, in the same order.

    init            create an empty store
    first           first backup, page cache dropped before
    unchanged       the same tree again, cache dropped before
    unchanged_warm  the same tree again straight after
    day2            backup after the day-2 change, cache dropped before
    restore         the latest snapshot into an empty folder, cache dropped before; then checked file
                    by file

Repetitions are the outer loop, so that a noisy quarter of an hour hits all tools rather than one.
"""
import json
import os
import time

from . import manifest
from .box import Box
from .overlay import Overlay
from .places import MIB, commit, log, machine
from .tools import TOOLS, available, build_id, version

PHASES = ("init", "first", "unchanged", "unchanged_warm", "day2", "restore")


class Run:
    def __init__(self, work, data, parameters, append, quiet_s):
        self.work, self.data, self.quiet_s = work, data, quiet_s
        self.path = f"{work}/results.json"
        self.results = dict(records=[], versions={}, missing={})
        if append and os.path.exists(self.path):
            with open(self.path) as f:
                self.results = json.load(f)
            if self.results["parameters"] != parameters:
                raise SystemExit("the results there are of other data sets: run without --append")
        self.results.update(parameters=parameters, machine=machine(), commit=commit())

    def save(self):
        # Renamed into place: a run broken off keeps what it had.
        with open(self.path + ".tmp", "w") as f:
            json.dump(self.results, f)
        os.replace(self.path + ".tmp", self.path)

    def run(self, tools, datasets, repeat):
        runnable, missing = available(tools)
        self.results["missing"] = {t: why for t, why in {**self.results["missing"], **missing}.items() if t not in runnable}
        self.builds = {tool: build_id(tool) for tool in runnable}
        self.results["versions"].update({tool: version(tool) for tool in runnable})
        self.save()
        for rep in range(repeat):
            for dataset in datasets:
                for tool in runnable:
                    log(f"repetition {rep + 1} of {repeat}: {dataset}, {tool}")
                    self._phases(dataset, tool)

    def _phases(self, dataset, tool):
        tree = f"{self.data}/{dataset}"
        Overlay.switch(tree, 1)
        try:
            with Box(self.work, tool, tree, self.quiet_s) as box:
                if not self._phase(box, dataset, "init", "init", cold=False)["ok"]:
                    return
                if not self._phase(box, dataset, "first", "backup")["ok"]:
                    return
                self._phase(box, dataset, "unchanged", "backup")
                self._phase(box, dataset, "unchanged_warm", "backup", cold=False)
                Overlay.switch(tree, 2)
                self._phase(box, dataset, "day2", "backup")
                self._verify(box, self._phase(box, dataset, "restore", "restore"), f"{tree}.day2/manifest2.json")
        finally:
            Overlay.switch(tree, 1)

    def _phase(self, box, dataset, phase, step, cold=True):
        record = dict(tool=box.tool, build=self.builds[box.tool], dataset=dataset, phase=phase,
                      at=time.strftime("%F %T"), **box.run(step, cold))
        self.results["records"].append(record)
        self.save()
        log(f"  {phase:15} wall {record['wall_s']:7.2f}  cpu {record['cpu_s']:7.2f}  rss {record['rss_mib']:6.0f}  "
            f"store {record['store_bytes'] / MIB:7.1f}  foreign {record['foreign_cpu_s']:5.1f}"
            + ("" if record["ok"] else f"   FAILED with {record['rc']}, see {box.log_path}"))
        return record

    def _verify(self, box, record, wanted):
        found = {"missing": "the whole tree"}
        if os.path.isdir(box.restored()):
            found = json.loads(manifest.in_child("verify", wanted, box.restored()))
        record["differences"] = found
        record["bytes_right"] = manifest.bytes_right(found)
        self.save()
        log("  verified:       " + ("all bytes right" if record["bytes_right"] else "WRONG") + (f"  {found}" if found else ""))


def run(work, data, parameters, tools, datasets, repeat, append, quiet_s):
    unknown = [tool for tool in tools if tool not in TOOLS]
    if unknown:
        raise SystemExit(f"no such tool: {', '.join(unknown)}; there are {', '.join(TOOLS)}")
    Run(work, data, parameters, append, quiet_s).run(tools, datasets, repeat)
