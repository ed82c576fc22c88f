"""One tool with an empty store, to be put through its steps on one tree.

The box is a folder with the store, the tool's private cache and home, its keys and the folder to
restore into; nothing of the tool lies outside of it, so removing the box leaves the next tool the
same machine.
"""
import os
import shlex

from .measure import drop_caches, measure, wait_quiet
from .places import remove_tree, tree_size
from .tools import TOOLS


class Box:
    def __init__(self, work, tool, tree, quiet_s=0):
        self.tool, self.entry, self.quiet_s = tool, TOOLS[tool], quiet_s
        self.folder = f"{work}/box"
        self.log_path = f"{work}/log/{tool}.{os.path.basename(tree)}.log"
        self.parent = os.path.dirname(tree)
        self.values = dict(bin=self.entry["binary"], repo=f"{self.folder}/repo", cache=f"{self.folder}/cache",
                           keys=f"{self.folder}/keys", dst=f"{self.folder}/restored", name=os.path.basename(tree),
                           n=0, last=0)
        remove_tree(self.folder)
        for key in ("cache", "keys", "dst"):
            os.makedirs(self.values[key])
        os.makedirs(os.path.dirname(self.log_path), exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        remove_tree(self.folder)

    def run(self, step, cold=True):
        """Run init, backup or restore; what it cost, and what the store holds afterwards."""
        if step == "restore":
            remove_tree(self.values["dst"])
            os.makedirs(self.values["dst"])
        quoted = {key: shlex.quote(str(value)) for key, value in self.values.items()}
        env = dict(PATH=os.environ["PATH"], HOME=self.values["cache"], LANG="C.UTF-8", TZ="UTC")
        env.update({key: value.format(**self.values) for key, value in self.entry.get("env", {}).items()})
        dropped = cold and drop_caches()
        wait_quiet(self.quiet_s)
        cost = measure(self.entry[step].format(**quoted), self.parent, env, self.log_path)
        cost["cold"] = dropped
        cost["ok"] = cost["rc"] == 0 or cost["rc"] in self.entry.get("warnings", ())
        cost["store_bytes"], cost["store_files"] = tree_size(self.values["repo"])
        if step == "backup":
            self.values["last"] = self.values["n"]
            self.values["n"] += 1
        return cost

    def restored(self):
        """The restored tree's folder; it may not be there."""
        return self.entry["restored"].format(**self.values)
