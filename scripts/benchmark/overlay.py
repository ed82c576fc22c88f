"""Day 2 of a data set: prepared files beside the tree, swapped in and out by rename.

Renames rather than edits, so that every tool meets the same inodes, mtimes and bytes on both days,
however often the days are switched.
"""
import json
import os

DAY_NS = 86_400 * 10**9
OPPOSITE = {"add": "del", "del": "add", "swap": "swap", "move": "move"}


class Overlay:
    def __init__(self, root):
        self.root = root            # .../office; what belongs to day 2 lies in .../office.day2
        self.folder = root + ".day2"
        self.ops = []               # [swap|add|del, path] or [move, old, new]

    def stage(self, rel):
        """Where to write the day-2 file of that path."""
        path = os.path.join(self.folder, "new", rel)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def save(self):
        os.makedirs(self.folder, exist_ok=True)
        times = {}
        for rel in sorted(self._folders_touched()):
            path = os.path.join(self.root, rel)
            if os.path.isdir(path):
                times[rel] = os.stat(path).st_mtime_ns
        with open(f"{self.folder}/ops.json", "w") as f:
            json.dump(dict(ops=self.ops, times=times), f)

    def _folders_touched(self):
        """Folders of all paths in ops, up to the root: renames set their mtimes, switch() sets them right."""
        folders = {""}
        for op in self.ops:
            for rel in op[1:]:
                while rel := os.path.dirname(rel):
                    folders.add(rel)
        return folders

    @classmethod
    def switch(cls, root, day):
        """Make the tree what it is on that day, 1 or 2."""
        self = cls(root)
        flag = f"{self.folder}/is_day2"
        if (day == 2) == os.path.exists(flag):
            return
        with open(f"{self.folder}/ops.json") as f:
            saved = json.load(f)
        new, old = f"{self.folder}/new", f"{self.folder}/old"
        if day == 2:
            self._apply(saved["ops"], new, old)
            open(flag, "w").close()
        else:
            self._apply([[OPPOSITE[op[0]], *op[:0:-1]] for op in reversed(saved["ops"])], old, new)
            os.unlink(flag)
        for rel, ns in saved["times"].items():
            path = os.path.join(root, rel)
            if os.path.isdir(path):
                ns += DAY_NS if day == 2 else 0
                os.utime(path, ns=(ns, ns))

    def _apply(self, ops, source, target):
        for op in ops:
            live = os.path.join(self.root, op[1])
            if op[0] == "move":
                os.rename(live, os.path.join(self.root, op[2]))
                continue
            if op[0] in ("swap", "del"):
                aside = os.path.join(target, op[1])
                os.makedirs(os.path.dirname(aside), exist_ok=True)
                os.rename(live, aside)
            if op[0] in ("swap", "add"):
                os.rename(os.path.join(source, op[1]), live)

    def changed_bytes(self):
        """Bytes of the files that are new or different on day 2: no tool gets by without reading them."""
        with open(f"{self.folder}/ops.json") as f:
            ops = json.load(f)["ops"]
        return sum(os.lstat(os.path.join(self.folder, "new", op[1])).st_size for op in ops if op[0] in ("swap", "add"))
