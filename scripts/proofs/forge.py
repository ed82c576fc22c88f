"""What somebody makes of a bundle of evidence who has a site's key, or has not: entries and files that are others.

Hashes and notes are those of scripts/verify-evidence.py; what a verifier has no use for, signing, is here.
"""
import base64
import hashlib
import importlib.util
import json
import os
import shutil

import evidence

_spec = importlib.util.spec_from_file_location("verify_evidence", evidence.SCRIPT)
verifier = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(verifier)

WIDTH = 256


class Signer:
    """A secret key of a site, as it lies in its folder (`ledger.key`)."""

    def __init__(self, text):
        name, _, secret = text.strip().removeprefix("PRIVATE+KEY+").split("+", 2)
        digest = hashlib.sha512(base64.b64decode(secret)[1:]).digest()
        self.scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self.prefix, self.name = digest[32:], name
        public = self.times(self.scalar)
        self.id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        self.public = public
        self.verifier = f"{name}+{self.id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"

    @classmethod
    def other(cls, name):
        """Somebody's key who gives it this name."""
        seed = hashlib.sha256(b"somebody else").digest()
        return cls(f"PRIVATE+KEY+{name}+00000000+{base64.b64encode(bytes([1]) + seed).decode()}")

    @staticmethod
    def times(scalar):
        x, y, z, _ = verifier.both_times(scalar, verifier.GENERATOR, 0, verifier.NEUTRAL)
        inverse = pow(z, -1, verifier.Q)
        x, y = x * inverse % verifier.Q, y * inverse % verifier.Q
        return (y | (x & 1) << 255).to_bytes(32, "little")

    def sign(self, message):
        """RFC 8032, 5.1.6."""
        once = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % verifier.ORDER
        point = self.times(once)
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little")
        return point + ((once + k * self.scalar) % verifier.ORDER).to_bytes(32, "little")

    def note(self, text):
        blob = base64.b64encode(self.id + self.sign(text.encode())).decode()
        return f"{text}\n\u2014 {self.name} {blob}\n".encode()


def root_of(hashes):
    """RFC 6962, 2.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return verifier.node_hash(root_of(hashes[:left]), root_of(hashes[left:]))


def packed(entries):
    """An entry bundle, or a part of a batch."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpacked(data):
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        entries.append(data[at + 2:end])
        at = end
    return entries


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def get(path):
    with open(path, "rb") as file:
        return file.read()


def change(path, at=None):
    """One bit of a file is another: that in the middle, or that of the byte `at`."""
    data = bytearray(get(path))
    data[len(data) // 2 if at is None else at] ^= 1
    put(path, bytes(data))


class Log:
    """A site's log in a bundle that is a folder, and that has all of it."""

    def __init__(self, bundle, site):
        self.site, self.folder = site, f"{bundle}/{site}"

    def path(self, name):
        return f"{self.folder}/{name}"

    def size(self):
        return int(get(self.path("checkpoint")).split(b"\n")[1])

    def name_of(self, level, index, width):
        return self.path(f"tile/{level}/{verifier.path_of(index)}" + ("" if width == WIDTH else f".p/{width}"))

    def bundles(self):
        """The paths of its entry bundles."""
        size = self.size()
        return [self.name_of("entries", at // WIDTH, min(WIDTH, size - at)) for at in range(0, size, WIDTH)]

    def entries(self):
        return [entry for path in self.bundles() for entry in unpacked(get(path))]

    def sign(self, entries, signer, keeps_checkpoints=False):
        """Another log in its place: these entries, all tiles of them, and their checkpoint by this key."""
        for part in ("tile", "consistency", *(() if keeps_checkpoints else ("checkpoints",))):
            shutil.rmtree(self.path(part), ignore_errors=True)
        row = leaves = [verifier.leaf_hash(entry) for entry in entries]
        level = 0
        while row:
            for at in range(0, len(row), WIDTH):
                some = row[at:at + WIDTH]
                put(self.name_of(level, at // WIDTH, len(some)), b"".join(some))
            row = [verifier.full_root(row[at:at + WIDTH]) for at in range(0, len(row) - WIDTH + 1, WIDTH)]
            level += 1
        for at in range(0, len(entries), WIDTH):
            some = entries[at:at + WIDTH]
            put(self.name_of("entries", at // WIDTH, len(some)), packed(some))
        root = base64.b64encode(root_of(leaves)).decode()
        note = signer.note(f"{signer.name}\n{len(entries)}\n{root}\n")
        put(self.path("checkpoint"), note)
        put(self.path(f"checkpoints/{len(entries):020}"), note)


def read(entry):
    return json.loads(entry)


def written(entry):
    return verifier.canonical(entry).encode()


def kind(entry):
    return read(entry)["type"].split("/")[2]
