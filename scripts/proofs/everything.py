#!/usr/bin/env python3
"""Make a tree with every kind of entry that a Linux file system has.

    everything.py DIR [--deep] [--huge] [--crowd N]

DIR must not be there. --deep adds paths longer than PATH_MAX, --huge a file over 4 GiB, --crowd a
folder with N entries. What this user may not make, or this file system cannot hold, is printed on
a line that starts `skipped:`. The same call makes the same content, so a proof can be repeated.
"""
import argparse
import os
import random
import socket
import struct
import subprocess

MIB = 1 << 20
SEED = 20261122
NAMES = [b"plain.txt", b"with space", b"-dash", b"new\nline", b"back\\slash", b"\\x41", b"quote'\"", b"tab\there",
         "Kabupaten Gunungkidul é 漢字".encode(), b"latin1-\xe9", b"\xff\xfe\x80", b"half-\xe2\x82", b"\x01\x02\x1b[31m",
         b"surrogate-\xed\xa0\x80", b"*", b"?[a]", b"#hash", b"...", b"l" * 255, b"\xe9" * 255]


def skipped(what, error):
    print(f"skipped: {what}: {error}", flush=True)


def attempt(what, act, *args, **named):
    """Do what this user or file system may not allow, and say so if it does not."""
    try:
        act(*args, **named)
    except (OSError, subprocess.CalledProcessError) as error:
        skipped(what, getattr(error, "strerror", None) or error)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def files(root, rng):
    os.mkdir(f"{root}/files")
    for name in NAMES:
        write(os.fsencode(f"{root}/files/") + name, name * 7 + rng.randbytes(200))
    # Sizes on both sides of what a chunk, a frame and a pack may hold.
    for size in (0, 1, 16383, 16384, 65536, 262143, 262144, 262145, 4 * MIB, 40 * MIB):
        write(f"{root}/files/random-{size}", rng.randbytes(size))
    text = b" ".join(b"%x" % rng.getrandbits(20) for _ in range(40_000))
    for i in range(8):
        write(f"{root}/files/letter-{i}", text[: 20_000 * i] + b"%d" % i + text[20_000 * i:])
    write(f"{root}/files/zeros", bytes(3 * MIB))
    os.mkdir(f"{root}/files/empty folder")
    for i in range(1500):
        write(f"{root}/files/empty folder.{i:04}", b"%d\n" % i)


def sparse(path, size, pieces):
    """A file of `size` bytes that is a hole except for 100 KiB at each of `pieces`."""
    rng = random.Random(size)
    with open(path, "wb") as f:
        for offset in pieces:
            f.seek(offset)
            f.write(rng.randbytes(100_000))
        f.truncate(size)


def links(root):
    os.mkdir(f"{root}/links")
    for target, name in [("../files/plain.txt", "relative"), ("/nowhere/at all", "dangling"), ("..", "up"),
                         (b"\xff\xe9", b"bytes"), ("x" * 4000, "long")]:
        os.symlink(os.fsencode(target), os.fsencode(f"{root}/links/") + os.fsencode(name))
    write(f"{root}/links/hard-1", b"one file, three names")
    os.link(f"{root}/links/hard-1", f"{root}/links/hard-2")
    os.link(f"{root}/links/hard-1", f"{root}/files/hard-3")
    os.link(f"{root}/links/dangling", f"{root}/links/hard-link-of-a-symlink", follow_symlinks=False)


def specials(root):
    os.mkdir(f"{root}/specials")
    os.mkfifo(f"{root}/specials/fifo", 0o620)
    os.link(f"{root}/specials/fifo", f"{root}/specials/fifo-again")
    # Bound by a short path: an address holds 108 bytes.
    here = os.open(f"{root}/specials", os.O_PATH)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"/proc/self/fd/{here}/socket")
    listener.close()
    os.close(here)
    for name, kind, device in [("null", 0o020000, (1, 3)), ("loop", 0o060000, (7, 200)), ("far", 0o020000, (4000, 70000))]:
        attempt(f"device {name}", os.mknod, f"{root}/specials/{name}", kind | 0o640, os.makedev(*device))


def metadata(root):
    folder = f"{root}/metadata"
    os.mkdir(folder)
    for mode in (0o000, 0o400, 0o644, 0o1777, 0o2755, 0o4755, 0o6711):
        write(f"{folder}/mode-{mode:04o}", b"mode")
        # One without any permission cannot be read by its own owner either.
        if mode or os.geteuid() == 0:
            attempt(f"mode {mode:04o}", os.chmod, f"{folder}/mode-{mode:04o}", mode)
    for seconds in (-86_400 * 365, 0, 1, 2**31 + 5, 2**33):
        write(f"{folder}/time{seconds}", b"time")
        attempt(f"time {seconds}", os.utime, f"{folder}/time{seconds}", ns=(0, seconds * 10**9 + 123_456_789))
    write(f"{folder}/owned", b"owned")
    attempt("owner 12345:54321", os.chown, f"{folder}/owned", 12345, 54321)
    write(f"{folder}/attributes", b"attributes")
    attempt("user attribute", os.setxattr, f"{folder}/attributes", "user.pulih", b"\x00\xff bytes")
    attempt("empty attribute", os.setxattr, f"{folder}/attributes", "user.empty", b"")
    attempt("long attribute", os.setxattr, f"{folder}/attributes", b"user.long", b"v" * 2000)
    attempt("trusted attribute", os.setxattr, f"{folder}/attributes", "trusted.pulih", b"root's")
    attempt("attribute of a folder", os.setxattr, folder, "user.folder", b"yes")
    attempt("access list", run, "setfacl", "-m", "u:12345:rw,g:54321:r", f"{folder}/attributes")
    os.mkdir(f"{folder}/inherits")
    attempt("default access list", run, "setfacl", "-d", "-m", "u:12345:rx", f"{folder}/inherits")
    write(f"{folder}/capable", b"capable")
    # cap_net_raw, effective and permitted, version 2: what `setcap cap_net_raw+ep` writes.
    capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
    attempt("capability", os.setxattr, f"{folder}/capable", "security.capability", capability)


def deep(root):
    """Folders in folders until the path is twice PATH_MAX; made one step at a time."""
    at = os.open(root, os.O_RDONLY)
    for i in range(40):
        name = f"deep-{i:02}-" + "d" * 200
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        with open(os.open("file", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=below), "wb") as f:
            f.write(b"level %d" % i)
        os.symlink("file", "link", dir_fd=below)
        os.close(at)
        at = below
    os.close(at)


def crowd(root, entries):
    os.mkdir(f"{root}/crowd")
    at = os.open(f"{root}/crowd", os.O_RDONLY)
    for i in range(entries):
        handle = os.open(f"entry-{i * 7919 % entries:07}", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=at)
        if i % 10 == 0:
            os.write(handle, b"%d" % i)
        os.close(handle)
    os.close(at)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("--deep", action="store_true")
    p.add_argument("--huge", action="store_true")
    p.add_argument("--crowd", type=int, default=0, metavar="N")
    a = p.parse_args()
    os.umask(0o022)
    os.makedirs(os.path.dirname(os.path.abspath(a.dir)), exist_ok=True)
    os.mkdir(a.dir)
    files(a.dir, random.Random(SEED))
    os.mkdir(f"{a.dir}/sparse")
    sparse(f"{a.dir}/sparse/middle", 64 * MIB, [0, 20 * MIB, 64 * MIB - 100_000])
    sparse(f"{a.dir}/sparse/all-hole", 16 * MIB, [])
    sparse(f"{a.dir}/sparse/hole-at-the-end", 8 * MIB + 1, [MIB])
    links(a.dir)
    specials(a.dir)
    metadata(a.dir)
    if a.deep:
        deep(a.dir)
    if a.huge:
        sparse(f"{a.dir}/sparse/over-4-GiB", (4 << 30) + 12345, [0, (1 << 32) - 50_000, (1 << 32) + 8_000])
        with open(f"{a.dir}/sparse/over-4-GiB", "r+b") as f:
            f.seek(1 << 31)
            for _ in range(64):
                f.write(random.Random(SEED).randbytes(4 * MIB))
    if a.crowd:
        crowd(a.dir, a.crowd)


if __name__ == "__main__":
    main()
