"""What a tree holds, and where a restored tree differs from it.

Runs as a process of its own ('python3 -m benchmark.manifest'): the manifest of 200,000 files takes
hundreds of MiB, which must not weigh on the process that starts and measures the tools.
"""
import hashlib
import json
import os
import stat
import subprocess
import sys

from .places import MIB, SCRIPTS

FIELDS = ("kind", "content", "mode", "owner", "mtime_ns", "hardlink", "xattrs")


def of_tree(root):
    """{relative path: values of FIELDS}. A hard link names the first path of the same file."""
    out, inodes = {}, {}

    def visit(path, rel):
        st = os.lstat(path)
        content, first, xattrs = None, "", []
        if stat.S_ISREG(st.st_mode):
            content = f"{st.st_size}:{_digest(path)}"
            if st.st_nlink > 1:
                first = inodes.setdefault(st.st_ino, rel)
        elif stat.S_ISLNK(st.st_mode):
            content = os.readlink(path)
        if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
            xattrs = [[name, os.getxattr(path, name).hex()] for name in sorted(os.listxattr(path))]
        out[rel] = [stat.S_IFMT(st.st_mode), content, stat.S_IMODE(st.st_mode), [st.st_uid, st.st_gid],
                    st.st_mtime_ns, first, xattrs]
        if stat.S_ISDIR(st.st_mode):
            for name in sorted(os.listdir(path)):
                visit(os.path.join(path, name), f"{rel}/{name}" if rel else name)

    visit(os.fsencode(root).decode("utf-8", "surrogateescape"), "")
    return out


def _digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(MIB):
            h.update(block)
    return h.hexdigest()


def differences(wanted, got):
    """Count of paths per kind of difference; kinds that do not occur are left out."""
    bad = dict.fromkeys(("missing", "extra", "content", "mode_owner", "file_mtime", "dir_mtime", "hardlink", "xattr"), 0)
    for path, entry in wanted.items():
        if path not in got:
            bad["missing"] += 1
            continue
        want, have = dict(zip(FIELDS, entry)), dict(zip(FIELDS, got[path]))

        def differs(*fields):
            return any(want[f] != have[f] for f in fields)

        bad["content"] += differs("kind", "content")
        # A symlink's mode is always 0777, and its owner says nothing.
        bad["mode_owner"] += not stat.S_ISLNK(want["kind"]) and differs("mode", "owner")
        # The root is the folder that the harness made to restore into.
        bad["dir_mtime" if stat.S_ISDIR(want["kind"]) else "file_mtime"] += bool(path) and differs("mtime_ns")
        bad["hardlink"] += differs("hardlink")
        bad["xattr"] += differs("xattrs")
    bad["extra"] = sum(path not in wanted for path in got)
    return {kind: count for kind, count in bad.items() if count}


def bytes_right(found):
    """Whether every file is there with its bytes, and none besides."""
    return not {"missing", "extra", "content"} & set(found)


def in_child(*args):
    done = subprocess.run([sys.executable, "-m", __name__, *args], cwd=SCRIPTS, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def main(action, first, second):
    if action == "write":
        with open(second, "w") as f:
            json.dump(of_tree(first), f)
        return
    with open(first) as f:
        wanted = json.load(f)
    # Through JSON once more, so that both sides are made of the same types.
    print(json.dumps(differences(wanted, json.loads(json.dumps(of_tree(second))))))


if __name__ == "__main__":
    main(*sys.argv[1:])
