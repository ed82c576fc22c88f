"""The data sets: office, manyfiles and dump, each with its day 2.

    office     1.5 GiB of all kinds: programs, sources, dumps, pictures, disk images, odd files
    manyfiles  200,000 files of 200 bytes to 8 KiB
    dump       one SQL dump of 1 GiB

Deterministic for a machine and a seed: office copies what is installed there, manyfiles cuts its
texts from it. The machine's own programs and crate sources, nothing that this project builds, so
that a commit of Pulih does not change what Pulih is measured on.
"""
import json
import os
import random

from . import manifest
from .content import Text, copy_real, edit_insert, edit_pages, regular_files, sql_dump, write
from .overlay import Overlay
from .places import MIB, log, remove_tree, tree_size


def office(root, rng, scale):
    def quota(mib):
        return int(mib * MIB * scale)

    overlay, seen = Overlay(root), set()
    copy_real("/usr/share", f"{root}/share", quota(220), seen)
    copy_real("/usr/lib", f"{root}/lib", quota(260), seen)
    copy_real(os.path.expanduser("~/.cargo/registry/src"), f"{root}/src", quota(140), seen)
    os.makedirs(f"{root}/db")
    sql_dump(f"{root}/db/shop.sql", overlay.stage("db/shop.sql"), quota(128), rng, 1)
    sql_dump(f"{root}/db/crm.sql", os.devnull, quota(64), rng, 1)
    _photos(root, rng, quota(320))
    image = _disk_images(root, rng, quota(128))
    _odd_files(f"{root}/edge", rng)
    _office_day2(root, overlay, image, rng, scale)


def _photos(root, rng, left):
    """Incompressible files of 0.2 to 4 MiB."""
    i = 0
    while left > 0:
        n = rng.randrange(200_000, 4_000_000)
        write(f"{root}/photos/{2020 + i % 6}/IMG_{i:05d}.jpg", b"\xff\xd8\xff\xe0" + rng.randbytes(n), 1.6e9 + i * 1e5)
        left, i = left - n, i + 1


def _disk_images(root, rng, nbytes):
    """A base image, a copy with 1 % of its pages rewritten, and one with 64 insertions that shift the rest."""
    programs = Text(["/usr/lib/x86_64-linux-gnu", "/usr/lib/gcc"], (".so", ".a", ".o"), 48 * MIB)
    blocks = []
    for _ in range(nbytes // 65536):
        x = rng.random()
        blocks.append(bytes(65536) if x < 0.25 else rng.randbytes(65536) if x < 0.45 else programs.cut(rng, 65536))
    image = b"".join(blocks)
    write(f"{root}/vm/base.img", image)
    write(f"{root}/vm/edited.img", edit_pages(image, rng, 1))
    write(f"{root}/vm/shifted.img", edit_insert(image, rng, 64))
    return image


def _odd_files(edge, rng):
    """What a restore has to get right and a benchmark's data set usually lacks."""
    write(f"{edge}/empty", b"")
    write(f"{edge}/one", b"x")
    for n in range(10):
        write(f"{edge}/hard{n}_a", rng.randbytes(5000))
        os.link(f"{edge}/hard{n}_a", f"{edge}/hard{n}_b")
    os.symlink("../db/shop.sql", f"{edge}/link")
    os.symlink("/nowhere/at/all", f"{edge}/dangling")
    write(f"{edge}/größe ✓ name with spaces\nand newline", b"unicode\n")
    write(f"{edge}/setuid", b"#!/bin/sh\n")
    os.chmod(f"{edge}/setuid", 0o4755)
    write(f"{edge}/private", b"secret\n")
    os.chmod(f"{edge}/private", 0o600)
    if os.geteuid() == 0:
        os.chown(f"{edge}/private", 1234, 5678)
    write(f"{edge}/tagged", b"has an extended attribute\n")
    os.setxattr(f"{edge}/tagged", "user.note", b"keep me")
    os.makedirs(f"{edge}/emptydir")
    os.mkfifo(f"{edge}/fifo")
    with open(f"{edge}/sparse", "wb") as f:
        f.truncate(16 * MIB)
        f.seek(8 * MIB)
        f.write(rng.randbytes(MIB))


def _office_day2(root, overlay, image, rng, scale):
    """1.4 % of the ordinary files change, come or go; a dump and a disk image change; a folder moves."""
    files = regular_files(root, ("vm/", "db/", "photos/", "edge/"))
    for k, rel in enumerate(rng.sample(files, len(files) * 14 // 1000)):
        with open(os.path.join(root, rel), "rb") as f:
            data = f.read()
        kind = k % 14
        if kind < 2:
            overlay.ops.append(["del", rel])
            continue
        if kind < 4:
            rel, op, data = rel + ".new", "add", data + rng.randbytes(3000)
        else:
            at, op = rng.randrange(len(data) + 1), "swap"
            if kind < 8:
                data += rng.randbytes(600)
            else:
                data = data[:at] + rng.randbytes(200) + data[at + (200 if kind < 11 else 0):]
        write(overlay.stage(rel), data)
        overlay.ops.append([op, rel])
    overlay.ops.append(["swap", "db/shop.sql"])
    write(overlay.stage("vm/base.img"), edit_insert(edit_pages(image, rng, 0.5), rng, 2))
    overlay.ops.append(["swap", "vm/base.img"])
    for k in range(max(1, int(3 * scale))):
        write(overlay.stage(f"photos/2025/IMG_new{k}.jpg"), rng.randbytes(2_000_000))
        overlay.ops.append(["add", f"photos/2025/IMG_new{k}.jpg"])
    if os.path.isdir(f"{root}/photos/2021"):
        overlay.ops.append(["move", "photos/2021", "photos/2021-holiday"])
    overlay.save()


def manyfiles(root, rng, scale):
    text = Text(["/usr/share", "/usr/include"],
                (".txt", ".h", ".html", ".py", ".js", ".xml", ".json", ".md", ".css", "copyright"), 64 * MIB)

    def content(i):
        n = int(200 * (8192 / 200) ** rng.random())
        body = rng.randbytes(n) if rng.random() < 0.2 else text.cut(rng, n)
        return (b"# file %d %016x\n" % (i, rng.getrandbits(64)) + body)[:n]

    folders, per_folder = max(1, int(2000 * scale)), 100
    for d in range(folders):
        base = f"{root}/{d // 50:03d}/{d:04d}"
        os.makedirs(base)
        for k in range(per_folder):
            with open(f"{base}/f{k:03d}.dat", "wb") as f:
                f.write(content(d * per_folder + k))
    overlay, total = Overlay(root), folders * per_folder
    for k, i in enumerate(rng.sample(range(total), total // 100)):
        d = i // per_folder
        rel = f"{d // 50:03d}/{d:04d}/f{i % per_folder:03d}.dat"
        if k % 10 < 2:
            overlay.ops.append(["del", rel])
            continue
        op, rel = ("add", rel + ".new") if k % 10 < 4 else ("swap", rel)
        write(overlay.stage(rel), content(total + i))
        overlay.ops.append([op, rel])
    overlay.save()


def dump(root, rng, scale):
    os.makedirs(root)
    overlay = Overlay(root)
    sql_dump(f"{root}/dump.sql", overlay.stage("dump.sql"), int(1024 * MIB * scale), rng, 2)
    overlay.ops.append(["swap", "dump.sql"])
    overlay.save()


DATASETS = {"office": office, "manyfiles": manyfiles, "dump": dump}


def generate(data, names, scale, seed):
    """Make the data sets that are not there yet, with a manifest of each day."""
    os.makedirs(data, exist_ok=True)
    wanted, noted = dict(scale=scale, seed=seed), parameters(data)
    if noted not in (None, wanted):
        raise SystemExit(f"the data sets there are of {noted}, not {wanted}: remove them or choose another --work")
    with open(f"{data}/parameters.json", "w") as f:
        json.dump(wanted, f)
    for name in names:
        root = f"{data}/{name}"
        # The last file written: where it is missing, a run was broken off.
        if os.path.exists(f"{root}.day2/manifest2.json"):
            continue
        log("generate", name)
        remove_tree(root)
        remove_tree(f"{root}.day2")
        DATASETS[name](root, random.Random(f"{seed}/{name}"), scale)
        for day in (1, 2):
            Overlay.switch(root, day)
            manifest.in_child("write", root, f"{root}.day2/manifest{day}.json")
        Overlay.switch(root, 1)
        nbytes, files = tree_size(root)
        log(f"  {name}: {nbytes / MIB:.0f} MiB in {files} files")


def parameters(data):
    """Scale and seed of the data sets there, None where there are none."""
    try:
        with open(f"{data}/parameters.json") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def require(data, names):
    """Say what to do where a data set is missing, before hours of running end with it."""
    for name in names:
        if not os.path.exists(f"{data}/{name}.day2/manifest2.json"):
            raise SystemExit(f"the data set {name} is missing: run 'gen' first")
    return parameters(data)
