#!/usr/bin/env python3
"""Compare two trees entry by entry, also where paths are longer than PATH_MAX.

    compare.py WANTED GOT

Type, mode, owner, time to the nanosecond, size, content, link target, device number, attributes
(access lists and capabilities among them), which names are one file, and that holes stayed holes.
Each difference is a line; then one line of figures. Status 1 if anything differs.

rsync cannot do this: a path is one string to it, and one of more than 4,096 bytes names nothing.
Here every folder is opened from the folder above it.
"""
import os
import stat
import sys

BLOCK = 1 << 20
# A file system may round what it allocates: only what is clearly a filled hole counts.
SLACK_BYTES = 4 << 20
PRINTED = 50


class Comparison:
    def __init__(self):
        self.entries = self.bytes = self.differences = 0
        self.names = ({}, {})

    def differs(self, path, what):
        self.differences += 1
        if self.differences <= PRINTED:
            shown = path if len(path) < 300 else path[:140] + b" ... " + path[-140:]
            print(f"{shown.decode('utf-8', 'backslashreplace')!r}: {what}")

    def entry(self, dirs, name, path):
        found = [os.stat(name, dir_fd=at, follow_symlinks=False) for at in dirs]
        self.entries += 1
        want, got = found
        if stat.S_IFMT(want.st_mode) != stat.S_IFMT(got.st_mode):
            return self.differs(path, f"type {want.st_mode:o}, got {got.st_mode:o}")
        for field in ("st_mode", "st_uid", "st_gid", "st_mtime_ns"):
            if getattr(want, field) != getattr(got, field):
                self.differs(path, f"{field} {getattr(want, field)}, got {getattr(got, field)}")
        self.same_names(found, path)
        self.attributes(dirs, name, path)
        if stat.S_ISDIR(want.st_mode):
            self.folder(dirs, name, path)
        elif stat.S_ISREG(want.st_mode):
            self.file(dirs, name, path, found)
        elif stat.S_ISLNK(want.st_mode):
            if len({os.readlink(name, dir_fd=at) for at in dirs}) > 1:
                self.differs(path, "target of the link")
        elif stat.S_ISCHR(want.st_mode) or stat.S_ISBLK(want.st_mode):
            if want.st_rdev != got.st_rdev:
                self.differs(path, f"device {want.st_rdev}, got {got.st_rdev}")

    def same_names(self, found, path):
        """Names of one file must be names of one file on the other side too.

        The count of links alone says nothing: other names may lie outside of the tree.
        """
        if stat.S_ISDIR(found[0].st_mode) or all(st.st_nlink == 1 for st in found):
            return
        first = [names.setdefault((st.st_dev, st.st_ino), path) for names, st in zip(self.names, found)]
        if first[0] != first[1]:
            self.differs(path, f"one file with {first[0]!r}, got one with {first[1]!r}")

    def attributes(self, dirs, name, path):
        both = []
        for at in dirs:
            there = b"/proc/self/fd/%d/%s" % (at, name)
            try:
                its = os.listxattr(there, follow_symlinks=False)
                both.append({key: os.getxattr(there, key, follow_symlinks=False) for key in its})
            except OSError as error:
                both.append(error.strerror)
        if both[0] != both[1]:
            self.differs(path, f"attributes {both[0]}, got {both[1]}")

    def folder(self, dirs, name, path):
        below = [os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at) for at in dirs]
        try:
            listed = [set(os.listdir(at)) for at in below]
            want, got = ({os.fsencode(child) for child in its} for its in listed)
            prefix = path + b"/" if path else b""
            for child in sorted(want - got):
                self.differs(prefix + child, "missing")
            for child in sorted(got - want):
                self.differs(prefix + child, "was not in the source")
            for child in sorted(want & got):
                self.entry(below, child, prefix + child)
        finally:
            for at in below:
                os.close(at)

    def file(self, dirs, name, path, found):
        want, got = found
        if want.st_size != got.st_size:
            return self.differs(path, f"size {want.st_size}, got {got.st_size}")
        self.bytes += want.st_size
        holes = want.st_size - want.st_blocks * 512
        if holes > SLACK_BYTES and got.st_blocks * 512 > want.st_blocks * 512 + SLACK_BYTES:
            self.differs(path, f"holes were filled: {want.st_blocks} blocks, got {got.st_blocks}")
        try:
            opened = [open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=at), "rb", buffering=0) for at in dirs]
        except PermissionError:
            return self.differs(path, "cannot be read to compare")
        with opened[0] as left, opened[1] as right:
            place = 0
            while place < want.st_size:
                one, other = left.read(BLOCK), right.read(BLOCK)
                if one != other or not one:
                    return self.differs(path, f"content, in the MiB at byte {place}")
                place += len(one)


def compare(wanted, got):
    found = Comparison()
    tops = [os.open(top, os.O_RDONLY | os.O_DIRECTORY) for top in (wanted, got)]
    try:
        found.entry(tops, b".", b"")
    finally:
        for top in tops:
            os.close(top)
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = compare(sys.argv[1], sys.argv[2])
    print(f"{found.entries:,} entries, {found.bytes / BLOCK:,.1f} MiB, {found.differences} differences")
    sys.exit(1 if found.differences else 0)


if __name__ == "__main__":
    main()
