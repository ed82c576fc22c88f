#!/usr/bin/env python3
"""Verify a bundle of evidence without Pulih: written from docs/contracts/evidence.md and ledger.md, from C2SP and
RFC 6962, 8032 and 8785. Python 3.9 and nothing else.

    verify-evidence.py PATH --site SITE=SHA256:… [--site …] [--witness NAME=SHA256:…]… [--since TIME] [--json]

PATH is a folder, or a ustar archive. Status 0: no problem. 1: a problem. 2: bad usage, also without a fingerprint.

In this file: BLAKE3; Ed25519; notes and co-signatures; trees; entries; drills; where a bundle is read from; its files;
one site's log (steps 1 to 7 and 11 of the contract); logs beside each other (steps 8 to 10); the command.
"""
import argparse
import base64
import binascii
import calendar
import functools
import hashlib
import json
import os
import re
import stat
import struct
import sys
import time

MAX_FILES, MAX_SITES, MAX_NAME = 4_000_000, 64, 200
MAX_SIZE = 1 << 48
MAX_DRAWN = 100_000
CLOCKS = 3600
KIB = 1024
LABEL = r"[a-z0-9][a-z0-9._-]{0,62}"
HEX64 = r"[0-9a-f]{64}"
# What there can be, and how many bytes of it at most; {S} is a site.
PLACES = [(re.compile(pattern.replace("{S}", "(?P<site>%s)" % LABEL) + r"\Z"), what, limit) for pattern, what, limit in [
    (r"bundle\.json", "about", 64 * KIB),
    (r"witness/(?P<id>%s)" % LABEL, "witness", KIB),
    (r"manifests/(?P<point>[0-9a-f]{32}/%s/[0-9]{10}-(?P<hash>%s))" % (LABEL, HEX64), "manifest", KIB * KIB),
    (r"{S}/keys", "keys", 64 * KIB),
    (r"{S}/checkpoint", "checkpoint", 64 * KIB),
    (r"{S}/checkpoints/(?P<n>[0-9]{20})", "kept", 64 * KIB),
    (r"{S}/tile/entries/(?P<path>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?", "bundle", 16_777_472),
    (r"{S}/tile/(?P<level>0|[1-9][0-9]?)/(?P<path>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?", "tile", 8 * KIB),
    (r"{S}/entries/(?P<n>[0-9]{20})", "proof", 128 * KIB),
    (r"{S}/entries/(?P<n>[0-9]{20})\.json", "entry", 65_534),
    (r"{S}/consistency/(?P<n>[0-9]{20})", "consistency", 64 * KIB),
    (r"{S}/cosigned/(?P<other>%s)/(?P<n>[0-9]{20})" % LABEL, "cosigned", 64 * KIB),
    (r"{S}/objects/(?P<kind>drills|keys|plans|policies|proofs|recipes|regulations)/(?P<hash>%s)" % HEX64, "object", 64 << 20),
]]
NAMING = {"drill-ended": ("drills", "log"), "key-accepted": ("keys", "statement"), "ledger-diverged": ("proofs", "proof"),
          "plan-applied": ("plans", "object"), "policy-applied": ("policies", "object"),
          "recipe-applied": ("recipes", "object"), "regulation-applied": ("regulations", "object"),
          "key-rotated": ("keys", "statement")}
# Fields that an entry of a kind has, for the kinds that a step needs.
FIELDS = {
    "site-created": "role name key", "user-added": "user name roles key", "policy-applied": "policy version object",
    "drill-announced": "drill kind points scratch_bytes policy until", "drill-opened": "drill announcement",
    "drill-started": "drill", "drill-ended": "drill outcome milliseconds steps log leftovers text",
    "drill-step": "drill step what outcome began milliseconds phases files bytes total_files total_bytes text",
    "drill-missed": "schedule kind occurrence due reason", "drill-attested": "drill ended opinion findings",
    "alarm": "alarm subject text", "recovery-begun": "recovery target points",
    "site-paired": "peer role name key ca_sha256 card_sha256", "site-adopted": "from size root cards",
    "ledger-diverged": "from size root proof reason", "witness-added": "witness name institution key",
    "checkpoint-witnessed": "witness size root time", "key-proposed": "key possession reason",
    "key-accepted": "peer key proposal statement", "key-rotated": "key proposal", "site-unpaired": "peer reason",
    "ledger-resumed": "size proof reason", "attestation-ended": "attestation reason",
    "attestation-given": "attestation regulation clause item opinion by letter document_sha256 until",
    "audit-held": "audit subject by body letter document_sha256 held findings",
}
# Those that it may have.
OPTIONAL = {
    "site-created": "uji", "user-added": "opd decree until", "attestation-given": "text", "audit-held": "accreditation",
    "drill-announced": "class schedule occurrence due plan plan_version recipes sample_percent auditor",
    "drill-started": "size cosigner cosignature", "drill-step": "vault dataset manifest", "drill-missed": "class count",
    "drill-attested": "document_sha256", "recovery-begun": "disaster plan reason server", "site-adopted": "disaster",
    "key-rotated": "peer statement",
}
# What they are; texts, where nothing is said here.
NUMBERS = {"milliseconds", "steps", "leftovers", "step", "files", "bytes", "total_files", "total_bytes", "occurrence",
           "scratch_bytes", "version", "size", "proposal", "plan_version", "sample_percent", "count"}
TEXTS = {"points", "roles", "recipes", "cards"}
TIMES = {"until", "due", "began", "time", "held"}
OBJECTS = {"phases", "auditor"}
# What people do and sign, and no site by itself.
BY_PEOPLE = {"attestation-ended", "attestation-given", "audit-held", "dataset-classified", "drill-attested", "drill-opened",
             "expiry-resumed", "incident-reported", "ledger-resumed", "opd-described", "plan-applied", "recipe-applied",
             "regulation-applied", "report-issued", "witness-added", "witness-removed"}
# What a site measures by itself, and no person can say.
BY_SITE_ALONE = {"copy-verified", "traffic-measured"}
# What an auditor does and signs, who acts in nothing else.
BY_AUDITOR = ("attestation-ended", "attestation-given", "audit-held", "drill-attested", "drill-opened")
PHASES = ("approve", "fetch", "decrypt", "write", "verify", "check")


# What Python says of a value that is another one than was thought.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class Problem(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def damaged(text):
    return Problem("damaged", text)


# ---- BLAKE3 ---------------------------------------------------------------------------------------------------

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTED = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def blake3_compress(cv, block, counter, length, flags):
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    s = [*cv, *IV[:4], counter & 0xFFFFFFFF, counter >> 32, length, flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(QUARTERS):
            for word, right, left in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                s[a] = (s[a] + s[b] + word) & 0xFFFFFFFF
                x = s[d] ^ s[a]
                s[d] = (x >> right | x << 32 - right) & 0xFFFFFFFF
                s[c] = (s[c] + s[d]) & 0xFFFFFFFF
                x = s[b] ^ s[c]
                s[b] = (x >> left | x << 32 - left) & 0xFFFFFFFF
        m = [m[i] for i in PERMUTED]
    return [s[i] ^ s[i + 8] for i in range(8)]


def blake3_chunk(data, number, root):
    cv = IV
    blocks = range(0, max(len(data), 1), 64)
    for at in blocks:
        last = at == blocks[-1]
        flags = (1 if at == 0 else 0) | (2 | root if last else 0)
        block = data[at:at + 64]
        cv = blake3_compress(cv, block, number, len(block), flags)
    return cv


def blake3(data):
    def subtree(first, count, root):
        if count == 1:
            return blake3_chunk(data[first * 1024:(first + 1) * 1024], first, root)
        half = 1 << (count - 1).bit_length() - 1
        both = subtree(first, half, 0) + subtree(first + half, count - half, 0)
        return blake3_compress(IV, struct.pack("<16I", *both), 0, 64, 4 | root)
    return struct.pack("<8I", *subtree(0, max(1, -(-len(data) // 1024)), 8)).hex()


# ---- Ed25519 (RFC 8032) ---------------------------------------------------------------------------------------

Q = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D2 = 2 * -121665 * pow(121666, -1, Q) % Q
ROOT_OF_MINUS_1 = pow(2, (Q - 1) // 4, Q)
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % Q, (p[1] + p[0]) * (q[1] + q[0]) % Q
    c, d = p[3] * q[3] * D2 % Q, 2 * p[2] * q[2] % Q
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % Q, g * h % Q, f * g % Q, e * h % Q


def double(p):
    a, b = p[0] * p[0] % Q, p[1] * p[1] % Q
    h = a + b
    e, g = h - (p[0] + p[1]) ** 2 % Q, a - b
    f = 2 * p[2] * p[2] % Q + g
    return e * f % Q, g * h % Q, f * g % Q, e * h % Q


def both_times(m, p, n, q):
    """m p + n q, bit by bit of both at once."""
    result, sums = NEUTRAL, {(1, 0): p, (0, 1): q, (1, 1): add(p, q)}
    for bit in range(max(m.bit_length(), n.bit_length()) - 1, -1, -1):
        result = double(result)
        its = sums.get((m >> bit & 1, n >> bit & 1))
        if its:
            result = add(result, its)
    return result


@functools.lru_cache(maxsize=1024)
def on_curve(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2 ** 255 - 1)
    if y >= Q:
        return None
    d = D2 * pow(2, -1, Q)
    square = (y * y - 1) * pow(d * y * y + 1, -1, Q) % Q
    x = pow(square, (Q + 3) // 8, Q)
    if x * x % Q != square:
        x = x * ROOT_OF_MINUS_1 % Q
    if x * x % Q != square or not x and sign:
        return None
    x = Q - x if x & 1 != sign else x
    return x, y, 1, x * y % Q


GENERATOR = on_curve(b"\x58" + b"\x66" * 31)


def has_signed(public, message, signature):
    if len(signature) != 64:
        return False
    a, s = on_curve(public), int.from_bytes(signature[32:], "little")
    if a is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    x, y, z, _ = both_times(s, GENERATOR, k, (Q - a[0], a[1], 1, Q - a[3]))
    inverse = pow(z, -1, Q)
    x, y = x * inverse % Q, y * inverse % Q
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# ---- Notes (C2SP signed-note, tlog-checkpoint) ----------------------------------------------------------------

def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise damaged("something is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise damaged("base64 in another form than there is")
    return data


class Key:
    """A key that signs notes (type 1), or co-signs checkpoints (type 4)."""

    def __init__(self, text, kind=1):
        parts = text.split("+", 2)
        if len(parts) != 3 or not re.fullmatch(r"[^\s+]{1,255}", parts[0]):
            raise damaged("a key that is none")
        self.text, self.name = text, parts[0]
        data = unbase64(parts[2])
        self.public = data[1:]
        self.id = self.id_as(kind)
        if len(data) != 33 or data[0] != kind or parts[1] != self.id.hex():
            raise damaged("a key whose hash does not fit, or of another type")

    def id_as(self, kind):
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([kind]) + self.public).digest()[:4]

    def as_cosigner(self):
        """The same key where it co-signs other logs."""
        its = self.id_as(4)
        data = base64.b64encode(b"\x04" + self.public).decode()
        return Key("%s+%s+%s" % (self.name, its.hex(), data), 4)

    def fingerprint(self):
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.public).digest()).decode().rstrip("=")


def key_in_entry(text, kind=1):
    try:
        return Key(text, kind)
    except (Problem, AttributeError) as error:
        raise ValueError(error) from None


def open_note(data):
    """Text and signature lines, none of them believed."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise damaged("it is not UTF-8") from None
    if any(c < " " and c != "\n" for c in text) or "\n\n" not in text or not text.endswith("\n"):
        raise damaged("it is no signed note")
    body, lines = text.rsplit("\n\n", 1)
    signatures = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^\\s+]{1,255}) (\\S+)", line)
        blob = unbase64(match[2]) if match else b""
        if len(blob) < 5 or len(signatures) == 64:
            raise damaged("a signature line that is none")
        signatures.append((match[1], blob))
    return body + "\n", signatures


def is_note_of(data, text, keys):
    """Whether it is a note of just this text that one of the keys signed; without keys, whoever signed it."""
    try:
        found, lines = open_note(data)
    except Problem:
        return False
    return found == text and (keys is None or any(
        name == key.name and blob[:4] == key.id and has_signed(key.public, text.encode(), blob[4:])
        for name, blob in lines for key in keys))


class Checkpoint:
    """A checkpoint that the keys of a log signed; co-signatures in it are not believed yet."""

    def __init__(self, data, chain):
        if len(data) > 64 * KIB:
            raise damaged("it is too long")
        self.text, self.lines = open_note(data)
        lines = self.text[:-1].split("\n")
        if not all(lines) or len(lines) < 3:
            raise damaged("it is no checkpoint")
        self.size, self.root = number(lines[1]), unbase64(lines[2])
        if len(self.root) != 32:
            raise damaged("its root is no hash")
        for key in chain.of_checkpoint(self.size):
            its = [blob for name, blob in self.lines if name == key.name and blob[:4] == key.id]
            if not any(has_signed(key.public, self.text.encode(), blob[4:]) for blob in its):
                raise Problem("bad-signature" if its else "unknown-key", "it is not signed by " + key.text)
        if lines[0] != chain.origin:
            raise Problem("wrong-origin", "it is of %s, not of %s" % (lines[0], chain.origin))
        if len(lines) != 3:
            raise damaged("it has more than three lines")

    def names(self, key):
        return any(name == key.name and blob[:4] == key.id for name, blob in self.lines)

    def by(self, key):
        """The time of the newest co-signature by a key that verifies, and its bytes after the key's id."""
        found = None
        for name, blob in self.lines:
            if name != key.name or blob[:4] != key.id or len(blob) < 12:
                continue
            at = int.from_bytes(blob[4:12], "big")
            message = b"cosignature/v1\ntime %d\n" % at + self.text.encode()
            if at < 1 << 63 and (found is None or at >= found[0]) and has_signed(key.public, message, blob[12:]):
                found = at, blob[4:]
        return found


# What a log signs of itself beside checkpoints: how many lines it has, and in which are its size and root.
SIGNED = {"pulih/ledger/head/v1": (6, 2, 3), "pulih/ledger/batch/v1": (5, 3, 4)}


def size_and_root(data, keys):
    """What one of the keys signed of its log: a checkpoint, one in a request, a head, the head of a batch."""
    notes = [data, data[2:2 + int.from_bytes(data[:2], "big")]]
    try:
        notes.append(read_proof(data, "old")[2])
    except Problem:
        pass
    for note in notes:
        try:
            text, signatures = open_note(note)
            lines = text[:-1].split("\n")
            kind = lines[0] if lines[0] in SIGNED else None
            count, size, root = SIGNED.get(kind, (len(lines), 1, 2))
            if len(lines) != count or len(lines) < 3 or not all(lines):
                continue
            origin, size, root = lines[1 if kind else 0], number(lines[size]), unbase64(lines[root])
        except Problem:
            continue
        is_signed = any(key.name == origin and name == origin and blob[:4] == key.id
                        and has_signed(key.public, text.encode(), blob[4:]) for name, blob in signatures for key in keys)
        if is_signed and len(root) == 32:
            return size, root
    return None


class Chain:
    """The keys of a log, each with the size from which on it signs."""

    def __init__(self, keys):
        self.keys, self.froms, self.origin = keys, [0], keys[0].name

    @property
    def newest(self):
        return self.keys[len(self.froms) - 1]

    def of_batch(self, start):
        return [key for since, key in zip(self.froms, self.keys) if since <= start][-1]

    def of_checkpoint(self, size):
        """The key that signs a checkpoint of this size; both, where one hands over to the next."""
        old, new = self.of_batch(max(size - 1, 0)), self.of_batch(size)
        return [old] if old is new else [old, new]


def number(text):
    if not re.fullmatch("0|[1-9][0-9]{0,15}", text) or int(text) > MAX_SIZE:
        raise damaged("%r is no number" % text[:40])
    return int(text)


# ---- Trees (RFC 6962, C2SP tlog-tiles) ------------------------------------------------------------------------

def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def full_root(hashes):
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def inclusion_root(leaf, index, size, proof):
    """The root that a proof leads to (RFC 6962, 2.1.1; the algorithm of RFC 9162, 2.1.3.2)."""
    at, last, result = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return None
        if at & 1 or at == last:
            result = node_hash(step, result)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, step)
        at, last = at >> 1, last >> 1
    return result if last == 0 else None


def is_consistent(old, old_root, size, root, proof):
    """Whether a tree goes on from an older one (the algorithm of RFC 9162, 2.1.4.2)."""
    if old in (0, size):
        return not proof and old_root == (root if old else hashlib.sha256(b"").digest())
    if old > size:
        return False
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = now = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, now = node_hash(step, before), node_hash(step, now)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, step)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and now == root


def read_proof(data, head):
    """The number after `head`, hashes and checkpoint of a proof in a file."""
    first, empty, checkpoint = data.partition(b"\n\n")
    try:
        text = first.decode()
        checkpoint.decode()
    except UnicodeDecodeError:
        raise damaged("it is not UTF-8") from None
    if not empty or not text.startswith(head + " "):
        raise damaged("it does not begin %r" % head)
    lines = text[len(head) + 1:].split("\n")
    proof = [unbase64(line) for line in lines[1:]]
    if len(proof) > 63 or any(len(its) != 32 for its in proof):
        raise damaged("a hash that is none")
    return number(lines[0]), proof, checkpoint


def path_of(index):
    groups = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        groups.append("x%03d" % (index % 1000))
    return "/".join(reversed(groups))


# ---- Entries (RFC 8785) ---------------------------------------------------------------------------------------

def canonical(value, depth=0):
    if isinstance(value, (dict, list)) and depth >= 32:
        raise ValueError("it is nested too deep")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(n) + ":" + canonical(value[n], depth + 1) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(v, depth + 1) for v in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and abs(value) < 2 ** 53:
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    raise ValueError("a number that is not whole, or too large")


def seconds(text):
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text, re.ASCII):
        raise ValueError("%r is no time" % (text,))
    its = time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    if its.tm_sec > 59:
        raise ValueError("%r is no time" % (text,))
    return calendar.timegm(its)


def point_of(step):
    """What a step tried, as points are announced."""
    parts = [step.get(name) for name in ("vault", "dataset", "manifest")]
    return None if None in parts else "/".join(parts)


def has_null(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(has_null(its) for its in parts)


def is_as_it_should_be(field, value):
    """Whether a field of an entry has a value of its kind."""
    if field in NUMBERS:
        return type(value) is int and value >= 0
    if field in TEXTS:
        return isinstance(value, list) and all(isinstance(its, str) for its in value)
    if field == "findings":
        return isinstance(value, list) and all(
            isinstance(its, dict) and all(isinstance(its.get(name), str) for name in ("text", "owner", "until"))
            for its in value)
    if field == "uji":
        return isinstance(value, bool)
    if field in OBJECTS:
        return isinstance(value, dict)
    if not isinstance(value, str):
        return False
    if field in TIMES:
        seconds(value)
    return True


def no_number(text):
    raise ValueError("%s is no number" % text)


def line_of_log(line):
    """A line of a drill's raw log: text, and an object in which what is looked at stands once."""
    pairs = json.loads(line.decode(), object_pairs_hook=tuple, parse_constant=no_number,
                       parse_int=lambda text: int(text) if re.fullmatch("0|[1-9][0-9]{0,19}", text) else None)
    names = [name for name, _ in pairs if name in ("step", "ok", "file")] if isinstance(pairs, tuple) else []
    if len(names) != len(set(names)):
        raise ValueError("a name stands twice")
    return dict(pairs)


class Follower:
    """Reads the entries of a log in order."""

    def __init__(self, site, key, whole_log, tell):
        self.site, self.key, self.whole_log, self.tell = site, key, whole_log, tell
        self.people, self.named, self.entries, self.has_first, self.last = {}, {}, 0, False, None
        self.drills, self.schedules, self.wrong, self.site_at = {}, {}, [], -1 << 63
        # Of other logs, and of who co-signs.
        self.recovered, self.paired, self.witnesses, self.seen, self.proofs = set(), [], [], [], []
        self.resumed = []
        # Of people: what was said of each, when each acted, and with which key; and plans.
        self.said_of, self.acted, self.acted_with, self.plans = {}, {}, {}, {}
        self.witness_keys, self.role = [], None
        # Of keys: what was proposed, what was handed over with the sites that were paired then, and those now.
        self.proposed, self.rotated, self.peers = {}, {}, set()

    def follow(self, index, data):
        self.entries += 1
        try:
            self.check(index, data)
        except Problem as problem:
            self.tell(problem.code, "%s entry %d" % (self.site, index), str(problem))
        except UNREADABLE as error:
            self.tell("entry", "%s entry %d" % (self.site, index), "it is not as it should be: %s" % error)

    def check(self, index, data):
        entry = json.loads(data.decode())
        if not isinstance(entry, dict) or len(data) > 65_534 or canonical(entry).encode() != data:
            raise ValueError("it is not canonical")
        kind, at, actor = entry["type"], entry["at"], entry["actor"]
        if not isinstance(kind, str):
            raise ValueError("its type is no text")
        seconds(at)
        self.last = at
        if not isinstance(actor, dict):
            raise ValueError("it does not say who did it")
        if actor == {"type": "site"}:
            # The largest time that the site itself has written: people have clocks of their own.
            self.site_at = max(self.site_at, seconds(at))
        if entry["site"] != self.site:
            raise ValueError("it is of another site")
        match = re.fullmatch("pulih/ledger/(.*)/v1", kind, re.DOTALL)
        kind = match[1] if match else ""
        if index == 0:
            self.has_first, self.role = True, entry.get("role")
            if kind != "site-created" or entry.get("key") != self.key.text:
                raise Problem("key-chain", "it does not say that the log begins with this key")
        elif kind == "site-created":
            raise Problem("key-chain", "a log begins once, with its first entry")
        must, may = FIELDS.get(kind, "").split(), OPTIONAL.get(kind, "").split()
        if must and has_null(entry):
            raise ValueError("a field of it is null")
        for field in must + may:
            if not (is_as_it_should_be(field, entry[field]) if field in entry else field in may):
                raise ValueError("%s of %s" % (field, kind))
        if kind in NAMING and NAMING[kind][1] in entry:
            self.named.setdefault((NAMING[kind][0], entry[NAMING[kind][1]]), index)
        self.said(index, kind, entry)
        if kind.startswith("drill-"):
            self.drill(index, kind[6:], entry, data)
        self.act(index, kind, entry, actor)

    def said(self, index, kind, entry):
        """What it says of other logs, of who co-signs, and of points."""
        if kind == "site-paired":
            self.paired.append((entry["peer"], key_in_entry(entry["key"])))
            self.peers.add(entry["peer"])
        elif kind == "site-unpaired":
            self.peers.discard(entry["peer"])
        elif kind == "key-accepted":
            self.paired.append((entry["peer"], key_in_entry(entry["key"])))
        elif kind == "key-proposed":
            key_in_entry(entry["key"])
            self.proposed[index] = entry
        elif kind == "key-rotated":
            key_in_entry(entry["key"])
            self.rotated[index] = entry, set(self.peers)
        elif kind == "witness-added":
            self.witnesses.append(key_in_entry(entry["key"], 4))
            self.witness_keys.append((entry["witness"], self.witnesses[-1].fingerprint()))
        elif kind == "plan-applied":
            self.plans.setdefault(entry["plan"], []).append((index, entry["object"]))
        elif kind == "ledger-resumed":
            self.resumed.append((index, entry["size"]))
        elif kind == "recovery-begun":
            self.recovered.update(entry["points"])
        elif kind in ("checkpoint-witnessed", "site-adopted", "ledger-diverged"):
            of = self.site if kind == "checkpoint-witnessed" else entry["from"]
            try:
                root = unbase64(entry["root"])
            except (Problem, TypeError) as error:
                raise ValueError(error) from None
            if len(root) != 32:
                raise ValueError("root")
            self.seen.append((index, of, entry["size"], root))
            if kind == "ledger-diverged":
                self.proofs.append((of, entry["proof"]))

    def act(self, index, kind, entry, actor):
        person = isinstance(actor, dict) and actor.get("type") == "person"
        if "act" in entry and not person:
            raise Problem("act", "it is signed as a person's, and is no person's")
        # Whoever has the site's console adds the first person, who then adds the others.
        if not person and (kind in BY_PEOPLE or kind == "user-added" and self.people):
            raise Problem("act", "%s is what a person does, and it is signed by none" % kind)
        if person and kind in BY_SITE_ALONE:
            raise Problem("act", "%s is what a site measures, and a person says it" % kind)
        if person:
            keys = [key for key in self.people.get(actor["user"], []) if key.fingerprint() == actor["key"]]
            line = entry.get("act")
            if not keys or not isinstance(line, str) or "\n" in line:
                raise Problem("act", "it is not signed, or the log gave that person no such key before")
            text = canonical({name: value for name, value in entry.items() if name != "act"}) + "\n"
            try:
                signed, signatures = open_note((text + "\n" + line + "\n").encode())
            except Problem:
                raise Problem("act", "its signature is none") from None
            if signed != text or not any(
                    name == keys[0].name and blob[:4] == keys[0].id and has_signed(keys[0].public, text.encode(), blob[4:])
                    for name, blob in signatures):
                raise Problem("act", "the signature does not hold")
            if kind not in BY_AUDITOR:
                self.acted.setdefault(actor["user"], []).append((seconds(entry["at"]), index))
                self.acted_with.setdefault(actor["key"], []).append((seconds(entry["at"]), index))
        if kind == "user-added":
            key = key_in_entry(entry["key"])
            self.people.setdefault(entry["user"], []).append(key)
            self.said_of.setdefault(entry["user"], []).append((seconds(entry["at"]), entry["roles"], key, index))

    # ---- drills

    def drill(self, index, what, entry, data):
        if what == "missed":
            self.occurrence(index, entry["schedule"], entry["occurrence"], entry.get("count", 1))
            return
        if what == "announced":
            seconds(entry["until"])
            if "auditor" in entry:
                its = entry["auditor"]
                key_in_entry(its["key"])
                must = ("user", "name", "institution", "mandate")
                may = [name for name in ("operator", "provider") if name in its]
                if not all(isinstance(its[name], str) for name in (*must, *may)):
                    raise ValueError("auditor")
            if "schedule" in entry and "occurrence" in entry:
                self.occurrence(index, entry["schedule"], entry["occurrence"], 1)
                its_own = "%s/%s" % (entry["class"], entry["kind"]) if "class" in entry else "plan/%s" % entry.get("plan")
                if entry["schedule"] != its_own:
                    self.wrong.append("entry %d is of the schedule %s, and announces another drill" % (index, entry["schedule"]))
            elif {"schedule", "occurrence", "due"} & set(entry):
                self.wrong.append("entry %d has a part of schedule, occurrence and due" % index)
            if entry["drill"] in self.drills:
                self.wrong.append("entry %d announces %s again" % (index, entry["drill"]))
            else:
                self.drills[entry["drill"]] = {"announced": entry, "index": index, "steps": [], "wrong": [],
                                               "indexes": {}, "too_early": seconds(entry["at"]) + SLACK < self.site_at,
                                               "sha256": {"announced": hashlib.sha256(data).hexdigest()}}
            return
        its = self.drills.get(entry["drill"])
        if what == "step":
            for phase in PHASES:
                if type(entry["phases"][phase]) is not int or entry["phases"][phase] < 0:
                    raise ValueError("phases")
        if its is None:
            self.wrong.append("entry %d is of %s, which was not announced" % (index, entry["drill"]))
            return
        in_order = {"opened": "started" not in its and "opened" not in its,
                    "started": not {"started", "ended"} & set(its) and not its["steps"],
                    "step": "started" in its and "ended" not in its and entry.get("step") == len(its["steps"]) + 1,
                    "ended": "ended" not in its, "attested": "ended" in its}
        if not in_order.get(what, True):
            its["wrong"].append("entry %d (%s) is out of order" % (index, what))
        if what == "step":
            its["steps"].append(entry)
        elif what not in its:
            its[what] = entry
            its["indexes"][what] = index
            its["sha256"][what] = hashlib.sha256(data).hexdigest()
            if what == "opened":
                its["opened_first"] = not {"started", "ended"} & set(its)

    def occurrence(self, index, schedule, occurrence, count):
        first = occurrence - max(count, 1) + 1
        newest = self.schedules.setdefault(schedule, 0 if self.whole_log else first - 1)
        if first < 1 or first != newest + 1:
            self.wrong.append("entry %d has the occurrence %d of %s, after %d" % (index, occurrence, schedule, newest))
        self.schedules[schedule] = max(newest, occurrence)

    def judge(self, its):
        """Whether its end is what its beginning and its steps bear."""
        announced, steps, ended = its["announced"], its["steps"], its.get("ended")
        wrong, started = its["wrong"], its.get("started")
        if started and "sample_percent" in announced and not {"size", "cosigner", "cosignature"} <= set(started):
            wrong.append("a sample without a co-signature")
        if started and "auditor" in announced and "opened" not in its:
            wrong.append("it started before the auditor opened it")
        if announced.get("sample_percent", 1) not in range(1, 100):
            wrong.append("its sample is no share from 1 to 99 percent")
        of_point = "verify" if announced["kind"] == "verify" else "restore"
        recipes = {"application " + recipe.split("/")[0] for recipe in announced.get("recipes", [])}
        # What people do by hand is not done in a drill: such a step bears nothing.
        by_hand = [s for s in steps if s["outcome"] == "skipped" and s["what"].startswith("manual ")]
        if not {point_of(s) for s in steps} - {None} <= set(announced["points"]):
            wrong.append("a step tried what was not announced")
        for step in steps:
            if step["what"] == of_point:
                is_its = point_of(step) is not None
            else:
                is_its = (step["what"] in recipes or step in by_hand) and not {"vault", "dataset", "manifest"} & set(step)
            if not is_its:
                wrong.append("step %d is nothing that a drill of its kind tries" % step["step"])
            if sum(step["phases"][phase] for phase in PHASES) > step["milliseconds"] + len(PHASES):
                wrong.append("the phases of a step took longer than it")
            if step["outcome"] not in ("passed", "failed", "skipped"):
                wrong.append("a step with another outcome than there is")
        if ended is None:
            if self.last and seconds(announced["until"]) + 86_400 <= seconds(self.last):
                wrong.append("nothing says how it ended")
            return
        passed = [s for s in steps if s["outcome"] == "passed"]
        tried = {point_of(s) for s in passed if s["what"] == of_point}
        good = (started is not None and ended["leftovers"] == 0 and bool(announced["points"])
                and all(s["outcome"] == "passed" for s in steps if s not in by_hand)
                and set(announced["points"]) <= tried and recipes <= {s["what"] for s in passed})
        not_begun = started is None and not steps
        bears = {"passed": good, "failed": started is not None and not good, "missed": not_begun, "aborted": True,
                 "skipped": not_begun}
        if not bears.get(ended["outcome"], False):
            wrong.append("it ended as %s, which its steps do not bear" % ended["outcome"])
        if ended["steps"] != len(steps):
            wrong.append("its end counts other steps than there are")
        if not started and ended["milliseconds"]:
            wrong.append("it took time without having started")
        for step in steps:
            if step["outcome"] == "passed" and step["step"] in its.get("not_ok", ()):
                wrong.append("step %d passed, and the log says otherwise" % step["step"])

    def read_log(self, digest, data, files_of):
        """The raw log of each drill that names it. `files_of`: how many files a point has, as its manifest says."""
        not_ok, files = set(), {}
        for line in data.split(b"\n"):
            try:
                its = line_of_log(line)
                if type(its["step"]) is not int or type(its["ok"]) is not bool:
                    continue
                if not its["ok"]:
                    not_ok.add(its["step"])
                elif type(its.get("file")) is int:
                    files.setdefault(its["step"], set()).add(its["file"])
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                pass
        for its in self.drills.values():
            if its.get("ended", {}).get("log") == digest:
                its["not_ok"] = not_ok.intersection(range(1, len(its["steps"]) + 1))
                self.check_sample(its, files, files_of)

    def check_sample(self, its, files, files_of):
        percent, line = its["announced"].get("sample_percent"), its.get("started", {}).get("cosignature")
        if percent not in range(1, 100) or not isinstance(line, str):
            return
        try:
            blob = unbase64(line.rsplit(" ", 1)[1])
        except (Problem, IndexError):
            blob = b""
        if len(blob) != 76:
            return
        seed = hashlib.sha256(b"pulih/drill/sample/v1\n" + blob[4:]).digest()
        for step in its["steps"]:
            if step["what"] != "restore" or step["outcome"] != "passed":
                continue
            point = "%s/%s/%s" % (step.get("vault"), step.get("dataset"), step.get("manifest"))
            count = files_of(point)
            missing = sample(seed, point, count, percent) - files.get(step["step"], set()) if count else set()
            if missing:
                its["wrong"].append("the log of step %d lacks file %d, which was drawn" % (step["step"], min(missing)))


# ---- Qualifying tests -----------------------------------------------------------------------------------------

ATTEST_SECONDS = 30 * 86_400
# By how much the clocks of people may be off.
SLACK = 86_400


def two_years_before(at):
    year, *rest = time.gmtime(at)[:6]
    there = "%04d-%02d-%02dT%02d:%02d:%02dZ" % (year - 2, *rest)
    for text in (there, there.replace("-02-29T", "-02-28T")):
        try:
            return seconds(text)
        except ValueError:
            pass
    return at


def plain(name):
    """As names are compared: letters' case and runs of spaces apart."""
    return " ".join(name.split()).lower()


def quoted(plan):
    """Each text in quotes of a plan's file."""
    found = set()
    for line in plan.split("\n"):
        rest = line
        while True:
            match = re.search("[\"']", rest)
            end = rest.find(match[0], match.end()) if match else -1
            if end < 0:
                break
            found.add(rest[match.end():end])
            rest = rest[end + 1:]
    return found


def dated(its):
    """When each part of a drill was, by the clock of whoever says so, in the order in which they happened."""
    return [seconds(its[what]["at"]) for what in ("announced", "opened", "started", "ended", "attested") if what in its]


def wrong_with(its):
    """Why a drill does not qualify, by its course."""
    announced, opened, ended, attested = (its.get(what) for what in ("announced", "opened", "ended", "attested"))
    auditor, wrong = announced["auditor"], []
    fingerprint = key_in_entry(auditor["key"]).fingerprint()

    def by_auditor(entry):
        actor = entry["actor"]
        return (actor.get("type"), actor.get("user"), actor.get("key")) == ("person", auditor["user"], fingerprint)
    if announced["kind"] not in ("application", "plan"):
        wrong.append("only a drill of a plan or of applications qualifies")
    if opened is None:
        wrong.append("the auditor has not opened it")
    else:
        if not by_auditor(opened):
            wrong.append("it was opened by another one, or with another key")
        if opened["announcement"] != its["sha256"]["announced"]:
            wrong.append("it was opened for another announcement")
        if not its["opened_first"]:
            wrong.append("it was opened after its start")
    its_dates = dated(its)
    if any(earlier > later + SLACK for earlier, later in zip(its_dates, its_dates[1:])):
        wrong.append("what it was is not dated in the order in which it happened")
    if ended is None:
        return wrong + ["it has not ended"]
    if ended["outcome"] not in ("passed", "failed"):
        wrong.append("it was not tried to its end")
    if attested is None:
        return wrong + ["the auditor has not attested it"]
    if not by_auditor(attested):
        wrong.append("it was attested by another one, or with another key")
    if attested["ended"] != its["sha256"]["ended"]:
        wrong.append("another end was attested")
    if not 0 <= seconds(attested["at"]) - seconds(ended["at"]) <= ATTEST_SECONDS:
        wrong.append("it was attested later than 30 days after its end")
    if attested["opinion"] not in ("met", "met-with-findings"):
        wrong.append("the auditor's opinion is that it was not met")
    return wrong


def against(follower, auditor, its, is_site):
    """What a ledger has against an auditor, from two years before a drill up to its attestation: at the site where the
    test is by the place in the log, however the entries are dated, at the other one by their times."""
    times, key, wrong = dated(its), key_in_entry(auditor["key"]), []
    since, latest, fingerprint = two_years_before(min(times)), max(times) + SLACK, key.fingerprint()
    end = its["indexes"].get("attested")

    def counts(at, index):
        return (end is None or index < end) if is_site else at <= latest
    said = [its for its in follower.said_of.get(auditor["user"], []) if counts(its[0], its[3])]
    known = [its_key.text for _, _, its_key, index in follower.said_of.get(auditor["user"], []) if index < its["index"]]
    if is_site and not known:
        wrong.append("the site does not know the auditor")
    elif is_site and key.text not in known:
        wrong.append("the key is not one that the ledger gave the auditor")
    first = max((i for i, its in enumerate(said) if its[0] <= since), default=0)
    roles = {role for _, its_roles, _, _ in said[first:] for role in its_roles}
    wrong += ["the auditor has, or had, the role " + role for role in sorted(roles - {"auditor"})]
    for user, all_said in sorted(follower.said_of.items()):
        if user != auditor["user"] and any(
                counts(at, index) and its_key.fingerprint() == fingerprint for at, _, its_key, index in all_said):
            wrong.append("the auditor's key is also the key of " + user)
    wrong += ["the auditor's key is also that of the witness " + its for its, of in follower.witness_keys if of == fingerprint]
    acted = follower.acted.get(auditor["user"], []) + follower.acted_with.get(fingerprint, [])
    if any(since <= at and counts(at, index) for at, index in acted):
        wrong.append("the auditor acted at a site within the 24 months before")
    return wrong


def operates(drill, own, others, named):
    """Why an auditor may not test; nothing: the person operates none of it."""
    its = drill["announced"]["auditor"]
    wrong = against(own, its, drill, True)
    for other in others:
        wrong += [why for why in against(other, its, drill, False) if why not in wrong]
    who = {plain(its["user"]), plain(its["name"])}
    if any(plain(text) in who or plain(text.split(",")[0]) == plain(its["name"]) for text in named):
        wrong.append("a recovery plan in force names the auditor")
    houses = [its[house] for house in ("operator", "provider") if its.get(house)]
    if plain(its["institution"]) in map(plain, houses):
        wrong.append("the auditor's institution runs the site or houses it")
    return wrong


def sample(seed, point, files, percent):
    """The numbers of the files that are drawn of a point."""
    wanted = min(max(1, -(-files * percent // 100)), MAX_DRAWN, files)
    drawn, i = set(), 0
    while len(drawn) < wanted:
        digest = hashlib.sha256(seed + point.encode() + i.to_bytes(8, "big")).digest()
        drawn.add(int.from_bytes(digest[:8], "big") % files)
        i += 1
    return drawn


def files_in_manifest(data):
    try:
        text, _ = open_note(data)
        count = json.loads(text)["counts"]["files"]
        return count if type(count) is int and count > 0 else None
    except (Problem, ValueError, KeyError, TypeError, RecursionError):
        return None


# ---- Where a bundle is read from ------------------------------------------------------------------------------

def is_name(name):
    return re.fullmatch("[A-Za-z0-9._/-]{1,200}", name) and not re.search(r"(^|/)(\.|/|$)", name)


class Folder:
    def __init__(self, root):
        self.root = root

    def list(self):
        folders = [""]
        while folders:
            below = folders.pop()
            for entry in os.scandir(os.path.join(self.root, below)):
                name = (below + "/" if below else "") + entry.name
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(about.st_mode) and is_name(name):
                    folders.append(name)
                elif stat.S_ISREG(about.st_mode):
                    yield name, "file", about.st_size
                else:
                    yield name, "limit", 0

    def read(self, name, limit):
        with open(os.open(os.path.join(self.root, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(limit + 1)


def ustar_header(name, size):
    """The one header that a file of a bundle has."""
    prefix, last = b"", name
    if len(name) > 100:
        for at in (i for i, byte in enumerate(name) if byte == 0x2F):
            prefix, last = name[:at], name[at + 1:]
            if len(last) <= 100:
                break
    if len(last) > 100 or len(prefix) > 155 or size >= 1 << 33:
        return None
    fields = (last.ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0",
              b"        ", b"0", bytes(100), b"ustar\x0000", bytes(80), prefix.ljust(155, b"\0"), bytes(12))
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


class Archive:
    """A ustar archive with nothing in it but files, each with its one header, in the order of their names."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.end = os.fstat(self.file.fileno()).st_size
        self.members = {}

    def block(self, at, length=512):
        self.file.seek(at)
        return self.file.read(length)

    def list(self):
        at, before = 0, None
        while len(self.members) <= MAX_FILES:
            header = self.block(at)
            if len(header) < 512:
                yield "the bundle", "damaged", "it is cut off"
                return
            if header == bytes(512):
                if self.block(at + 512) != bytes(512) or at + 1024 != self.end:
                    yield "the bundle", "damaged", "something follows its end"
                return
            prefix, name = (header[range_].split(b"\0")[0] for range_ in (slice(345, 500), slice(0, 100)))
            name = prefix + b"/" + name if prefix else name
            if header[156:157] != b"0":
                yield name.decode(errors="replace"), "limit", 0
                return
            size = header[124:136].split(b"\0")[0]
            size = int(size, 8) if re.fullmatch(b"[0-7]+", size) else None
            try:
                text = name.decode()
            except UnicodeDecodeError:
                size = None
            if size is None or ustar_header(name, size) != header:
                yield "the bundle", "damaged", "a header in it is not as one of a bundle is"
                return
            if before is not None and before >= name:
                yield "the bundle", "damaged", "its files are not in the order of their names"
                return
            content, padding = at + 512, -size % 512
            at, before = content + size + padding, name
            if at > self.end:
                yield "the bundle", "damaged", "it is cut off"
                return
            if self.block(content + size, padding) != bytes(padding):
                yield "the bundle", "damaged", "something stands between its files"
                return
            self.members[text] = content, size
            yield text, "file", size

    def read(self, name, limit):
        content, size = self.members[name]
        return self.block(content, min(size, limit + 1))


# ---- The bundle's files ---------------------------------------------------------------------------------------

class Bundle:
    def __init__(self, path):
        self.source = Folder(path) if os.path.isdir(path) else Archive(path)
        self.files, self.sites = {}, {}
        self.report = {"type": "pulih/evidence-verified/v1", "sites": [], "problems": [], "remarks": [], "drills": [],
                       "entries": 0}

    def tell(self, code, where, text):
        if len(self.report["problems"]) < 1000:
            self.report["problems"].append({"code": code, "where": str(where), "text": text})

    def judged(self, where, step):
        """Does a step; what it cannot be done with is a problem of the bundle, and what others found is told."""
        try:
            return step()
        except UNREADABLE as error:
            self.tell("damaged", where, "it cannot be judged: %s: %s" % (type(error).__name__, error))
            return None

    def remark(self, text):
        if len(self.report["remarks"]) < 1000:
            self.report["remarks"].append(text)

    def list(self):
        for seen, (name, kind, size) in enumerate(self.source.list()):
            if seen >= MAX_FILES:
                self.tell("limit", "the bundle", "too many files")
                return
            if kind == "damaged":
                self.tell("damaged", name, size)
            elif kind != "file" or not is_name(name):
                self.tell("limit", name[:220], "a link, or a name that is none")
            else:
                self.take(name, size)

    def take(self, name, size):
        for pattern, what, limit in PLACES:
            match = pattern.match(name)
            parts = match.groupdict() if match else {}
            if not match or parts.get("site") in ("witness", "manifests") or int(parts.get("n") or 0) > MAX_SIZE \
                    or int(parts.get("width") or 1) > 255 or int(parts.get("level") or 0) > 63:
                continue
            if parts.get("other") in ("witness", "manifests"):
                continue
            if parts.get("path") and path_of(int(re.sub("[x/]", "", parts["path"]))) != parts["path"]:
                continue
            if size > limit:
                self.tell("limit", name, "it is larger than it may be")
                return
            self.files[name] = what, parts, limit
            if parts.get("site"):
                self.sites.setdefault(parts["site"], []).append(name)
            return
        self.remark(name + " is no part of a bundle, and was not read")

    def read(self, name, quiet=False):
        limit = self.files[name][2]
        data = self.source.read(name, limit)
        if len(data) > limit:
            if not quiet:
                self.tell("limit", name, "it is larger than it may be")
            return None
        return data

    def need(self, name):
        if name in self.files:
            return self.read(name)
        self.tell("missing", name, "it must be there")
        return None

    def of(self, site, what):
        return sorted(name for name in self.sites[site] if self.files[name][0] == what)


# ---- One site's log -------------------------------------------------------------------------------------------

class Site:
    """Steps 1 to 7 and 11 of one site."""

    def __init__(self, bundle, site, given):
        self.bundle, self.site, self.given, self.tell = bundle, site, given, bundle.tell

    def verify(self):
        """Whether the log could be read; why not, was told."""
        if self.given is None:
            self.bundle.remark("of %s no fingerprint was given: what it says supports nothing" % self.site)
        self.chain = self.keys()
        data = self.chain and self.bundle.need(self.site + "/checkpoint")
        if data is None:
            return False
        try:
            self.newest, checkpoint = data, Checkpoint(data, self.chain)
            self.size, self.root = checkpoint.size, checkpoint.root
            if self.size > MAX_FILES * 256:
                raise Problem("limit", "it is of more entries than the tiles of a bundle can be of")
        except Problem as problem:
            self.tell(problem.code, self.site + "/checkpoint", str(problem))
            return False
        self.whole, self.has_root = True, False
        self.rows()
        kept = self.kept()
        self.follower = Follower(self.site, self.chain.keys[0], self.first == 0, self.tell)
        self.before(self.follower)
        roots = self.walk(self.follower, kept)
        for size, (name, root) in sorted(kept.items()):
            if size in roots and roots[size] != root:
                self.tell("fork", name, "its root is not the log's at that size")
            elif size not in roots and self.whole:
                self.tell("root-mismatch", name, "no tile says what the root was")
        self.consistency(roots)
        self.objects(self.follower)
        self.uji = self.chain.origin.startswith("pulih-ledger-uji/")
        if self.uji:
            self.bundle.remark("UJI: the log of %s was made with a clock that is not the world's" % self.site)
        self.bundle.report["entries"] += self.follower.entries
        return True

    def keys(self):
        name = self.site + "/keys"
        data = self.bundle.need(name)
        if data is None:
            return None
        try:
            text = data.decode()
            if not text.endswith("\n"):
                raise damaged("its last line is cut off")
            keys = [Key(line) for line in text[:-1].split("\n")]
        except UnicodeDecodeError:
            self.tell("damaged", name, "it is not UTF-8")
            return None
        except Problem as problem:
            self.tell(problem.code, name, str(problem))
            return None
        if keys[0].name not in ("pulih-ledger/" + self.site, "pulih-ledger-uji/" + self.site):
            self.tell("wrong-origin", name, "a key of another name than the site's")
            return None
        if self.given is not None and self.given not in [key.fingerprint() for key in keys]:
            self.tell("unknown-key", name, "no key in it has the fingerprint that was given")
        chain = Chain(keys)
        for old, new in zip(keys, keys[1:]):
            since = self.handed_over(old, new)
            if since is None:
                self.tell("key-chain", name, "no checkpoint is signed by %s and by %s both" % (old.text, new.text))
                since = chain.froms[-1] + 1
            if since <= chain.froms[-1] or new.name != old.name or new.text in [key.text for key in keys[:keys.index(new)]]:
                self.tell("key-chain", name, "%s cannot be the next key" % new.text)
                return None
            chain.froms.append(since)
        return chain

    def handed_over(self, old, new):
        """The size of the first checkpoint that both keys signed."""
        for name in self.bundle.of(self.site, "kept"):
            data = self.bundle.read(name, True)
            try:
                text, lines = open_note(data or b"")
            except Problem:
                continue
            if all(any(who == key.name and blob[:4] == key.id and has_signed(key.public, text.encode(), blob[4:])
                       for who, blob in lines) for key in (old, new)):
                return int(self.bundle.files[name][1]["n"])
        return None

    def kept(self):
        found = {}
        for name in self.bundle.of(self.site, "kept"):
            data, of = self.bundle.read(name), int(self.bundle.files[name][1]["n"])
            if data is None:
                continue
            try:
                its = Checkpoint(data, self.chain)
                if its.size != of:
                    raise damaged("it is of %d entries" % its.size)
                if its.size > self.size:
                    raise Problem("rolled-back", "it is of more entries than the newest checkpoint")
                found[its.size] = name, its.root
            except Problem as problem:
                self.tell(problem.code, name, str(problem))
        return found

    def consistency(self, roots):
        for name in self.bundle.of(self.site, "consistency"):
            data, size = self.bundle.read(name), int(self.bundle.files[name][1]["n"])
            if data is None:
                continue
            try:
                if len(data) > 64 * KIB:
                    raise damaged("it is too long")
                old, proof, checkpoint = read_proof(data, "old")
                note = self.bundle.need("%s/checkpoints/%020d" % (self.site, size))
                if note is None:
                    continue
                if checkpoint != note:
                    raise damaged("its checkpoint is not the one of this size")
                if old not in roots or size not in roots:
                    if self.whole:
                        raise Problem("missing", "one of its two checkpoints is not there, or is not believed")
                elif not is_consistent(old, roots[old], size, roots[size], proof):
                    raise Problem("root-mismatch", "it does not lead from one root to the other")
            except Problem as problem:
                self.tell(problem.code, name, str(problem))

    def name_of(self, level, index, width):
        part = "" if width == 256 else ".p/%d" % width
        return "%s/tile/%s/%s%s" % (self.site, level, path_of(index), part)

    def width(self, level, index):
        return min(256, (self.size >> 8 * level) - index * 256)

    def tile(self, level, index, tell=None):
        tell = tell or self.tell
        width = self.width(level, index)
        name = self.name_of(level, index, width)
        if name not in self.bundle.files:
            tell("missing", name, "it must be there")
            return None
        data = self.bundle.read(name, tell != self.tell)
        if data is None:
            return None
        if len(data) != width * 32:
            tell("damaged", name, "it has not the bytes of %d hashes" % width)
            return None
        hashes = [data[i:i + 32] for i in range(0, len(data), 32)]
        if width == 256:
            above = self.above(level + 1, index)
            if above is not None and full_root(hashes) != above:
                tell("root-mismatch", name, "its root is not the hash above it")
            if above is None or full_root(hashes) != above:
                return None
        return hashes

    def above(self, level, index):
        row = self.levels.get(level, [])
        return row[index] if index < len(row) else None

    def rows(self):
        """All levels above the leaves, from the root down."""
        self.levels, self.last = {}, None
        tiles, self.first = 0, -(-self.size // 256)
        for what in ("tile", "bundle"):
            for name in self.bundle.of(self.site, what):
                parts = self.bundle.files[name][1]
                level, index = int(parts.get("level") or 0), int(re.sub("[x/]", "", parts["path"]))
                width = int(parts["width"] or 256)
                if index >= -(-(self.size >> 8 * level) // 256) or width != self.width(level, index):
                    self.bundle.remark(name + " is no part of this log, and was not read")
                elif what == "tile":
                    tiles += 1
                else:
                    self.first = min(self.first, index)
        self.has_tiles = tiles >= sum(self.tiles_of_levels())
        if not self.has_tiles:
            # Whoever has the key signs any size: nothing is laid out for hashes that nobody brought.
            names = (self.name_of(level, index, self.width(level, index)) for level, index in self.from_the_root())
            lacking = next(name for name in names if name not in self.bundle.files)
            self.tell("missing", lacking, "it must be there, and is not: nothing of this log was read")
            self.whole = False
            return
        for level, index in self.from_the_root():
            if level == 0:
                continue
            hashes = self.tile(level, index)
            self.whole &= hashes is not None
            self.levels.setdefault(level, []).extend(hashes or [None] * self.width(level, index))
        if self.size % 256:
            self.last = self.tile(0, self.size // 256)
        root = self.root_at(self.size, self.last)
        self.has_root = root == self.root
        if not self.has_root:
            self.whole, self.last = False, None
            self.levels = {level: [None] * len(row) for level, row in self.levels.items()}
            if root is not None:
                self.tell("root-mismatch", self.site + "/checkpoint", "the tiles have another root")

    def tiles_of_levels(self):
        """How many tiles the log has, of each level."""
        counts = []
        while self.size >> 8 * len(counts):
            counts.append(-(-(self.size >> 8 * len(counts)) // 256))
        return counts

    def from_the_root(self):
        for level, count in reversed(list(enumerate(self.tiles_of_levels()))):
            yield from ((level, index) for index in range(count))

    def root_at(self, size, leaves):
        root, level = None, 0
        while size >> 8 * level:
            count = size >> 8 * level
            start, end = count // 256 * 256, count % 256
            row = (leaves or []) if level == 0 else self.levels.get(level, [])[start:]
            if len(row) < end or None in row[:end]:
                return None
            while end:
                span = end & -end
                left = full_root(row[end - span:end])
                root = left if root is None else node_hash(left, root)
                end -= span
            level += 1
        return hashlib.sha256(b"").digest() if size == 0 else root

    def root_before(self, size):
        """The root of the first entries, by the tiles as they are read again; None if they do not say."""
        if size > self.size or not self.has_root:
            return None
        leaves = self.tile(0, size // 256, lambda *its: None) if size % 256 else []
        return self.root_at(size, leaves)

    def before(self, follower):
        for name in self.bundle.of(self.site, "proof"):
            index = int(self.bundle.files[name][1]["n"])
            proof, entry = self.bundle.read(name), self.bundle.need(name + ".json")
            if proof is None or entry is None:
                continue
            try:
                self.prove(proof, index, entry)
                if index < self.first * 256:
                    follower.follow(index, entry)
                else:
                    self.bundle.remark(name + " is in the bundles too")
            except Problem as problem:
                self.tell(problem.code, name, str(problem))
        for name in self.bundle.of(self.site, "entry"):
            if name[:-5] not in self.bundle.files:
                self.tell("missing", name, "nothing proves that it is in the log")

    def prove(self, data, index, entry):
        if len(data) > 128 * KIB:
            raise damaged("it is too long")
        its, proof, checkpoint = read_proof(data, "c2sp.org/tlog-proof@v1\nindex")
        if checkpoint != self.newest or its != index:
            raise Problem("root-mismatch", "it is for another entry, or its checkpoint is not the newest one")
        if index >= self.size or inclusion_root(leaf_hash(entry), index, self.size, proof) != self.root:
            raise Problem("root-mismatch", "it does not lead to the root")

    def walk(self, follower, kept):
        roots, of_tile = {}, {}
        if not self.has_tiles:
            return roots
        for size in kept:
            of_tile.setdefault(size // 256, []).append(size)
        for index in range(-(-self.size // 256)):
            hashes = self.tile(0, index) if self.width(0, index) == 256 else self.last
            for size in of_tile.pop(index, []):
                roots[size] = self.root_at(size, hashes)
            good = hashes is not None and self.entries(index, hashes, follower)
            self.whole &= good or index < self.first and hashes is not None
        for size in (size for sizes in of_tile.values() for size in sizes):
            roots[size] = self.root_at(size, [])
        return {size: root for size, root in roots.items() if root is not None}

    def entries(self, index, hashes, follower):
        if index < self.first:
            return False
        name = self.name_of("entries", index, len(hashes))
        if name not in self.bundle.files:
            self.tell("gap", name, "entries of the period are not there")
            return False
        data = self.bundle.read(name)
        if data is None:
            return False
        entries, at = [], 0
        while len(entries) < len(hashes) and at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at:at + 2], "big")
            if end > len(data):
                break
            entries.append(data[at + 2:end])
            at = end
        if len(entries) != len(hashes) or at != len(data):
            self.tell("damaged", name, "it has not exactly %d entries" % len(hashes))
            return False
        for place, (entry, wanted) in enumerate(zip(entries, hashes)):
            if leaf_hash(entry) != wanted:
                self.tell("root-mismatch", name, "entry %d is not the one that was signed" % (index * 256 + place))
                return False
        for place, entry in enumerate(entries):
            follower.follow(index * 256 + place, entry)
        return True

    def objects(self, follower):
        for name in self.bundle.of(self.site, "object"):
            data, parts = self.bundle.read(name), self.bundle.files[name][1]
            if data is None:
                continue
            if blake3(data) != parts["hash"]:
                self.tell("object", name, "its bytes are not those of its name")
            elif parts["kind"] == "drills":
                follower.read_log(parts["hash"], data, self.files_of)
        for (kind, digest), index in sorted(follower.named.items()):
            name = "%s/objects/%s/%s" % (self.site, kind, digest)
            if name not in self.bundle.files:
                self.tell("missing", name, "entry %d names it" % index)

    def files_of(self, point):
        """How many files a point has, by its manifest, if that is in the bundle and is what its name says."""
        name = "manifests/" + point
        data = self.bundle.read(name, True) if self.bundle.files.get(name, ("",))[0] == "manifest" else None
        if data is None or blake3(data) != self.bundle.files[name][1]["hash"]:
            return None
        return files_in_manifest(data)

    def close(self, points):
        follower = self.follower
        points.update(follower.recovered)
        if not self.whole:
            if follower.drills or follower.wrong:
                self.bundle.remark("the drills of %s were not judged: not all entries are there" % self.site)
            return
        if follower.entries and not follower.has_first:
            self.tell("missing", self.site, "the log's first entry is not there")
        for text in follower.wrong:
            self.tell("drill", self.site, text)
        for drill, its in sorted(follower.drills.items()):
            self.bundle.judged("%s drill %s" % (self.site, drill), functools.partial(follower.judge, its))
            for text in its["wrong"]:
                self.tell("drill", "%s drill %s" % (self.site, drill), text)
            points.update(its["announced"]["points"])
            self.bundle.report["drills"].append({
                "drill": drill, "kind": its["announced"]["kind"], "outcome": its.get("ended", {}).get("outcome", "open"),
                "qualifying": its.get("qualifies", False) and not its["wrong"]})


# ---- Logs beside each other -----------------------------------------------------------------------------------

class Together:
    """Steps 8 to 10, for which all logs have been read."""

    def __init__(self, bundle, logs, witnesses, since):
        self.bundle, self.logs, self.given, self.since = bundle, logs, witnesses, since
        self.tell = bundle.tell
        self.by_site = {log.site: log for log in logs}
        self.made_at = self.when_made()

    def when_made(self):
        try:
            return seconds(json.loads(self.bundle.read("bundle.json", True) or b"")["at"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def verify(self, points):
        for log in self.logs:
            if log.whole:
                self.check_keys(log)
        self.witnesses = self.read_witnesses()
        for log in self.logs:
            log.cosigners = self.cosigners(log)
            log.cosigned, log.by_sites = {}, set()
            for name in self.notes_of(log):
                self.cosignatures(log, name)
            if log.whole:
                for drill, its in log.follower.drills.items():
                    self.check_start(log, its)
                    self.tell_of_sample(log, drill, its)
            if log.given is not None:
                self.need_witnesses(log)
            self.bundle.report["sites"].append({
                "site": log.site, "origin": log.chain.origin, "fingerprint": log.chain.newest.fingerprint(),
                "given": log.given is not None, "size": log.size, "root": base64.b64encode(log.root).decode(),
                "from": min(log.first * 256, log.size), "uji": log.uji,
                "cosigners": [{"name": name, "size": size, "time": at} for (name, _), (size, at) in sorted(log.cosigned.items())]})
        self.others()
        for log in self.logs:
            if log.whole:
                for drill, its in sorted(log.follower.drills.items(), key=lambda drill: drill[1]["index"]):
                    if "auditor" in its["announced"]:
                        where = "%s drill %s" % (log.site, drill)
                        self.bundle.judged(where, functools.partial(self.test, log, drill, its))
                if log.follower.role == "drc":
                    self.bundle.remark("how many drills of %s came due was not counted: no policy is read here" % log.site)
        for log in self.logs:
            log.close(points)

    def test(self, log, drill, its):
        """Whether a drill with an auditor was a qualifying test."""
        others = [other for other in self.logs if other is not log]
        named = set()
        for plans in log.follower.plans.values():
            before = [digest for index, digest in plans if index < its["index"]]
            name = "%s/objects/plans/%s" % (log.site, before[-1]) if before else ""
            if name in self.bundle.files:
                named |= quoted((self.bundle.read(name, True) or b"").decode(errors="replace"))
        wrong = wrong_with(its) + operates(its, log.follower, [other.follower for other in others], named)
        if its["too_early"]:
            wrong.append("it is announced at a time before what the site had written by then")
        its["qualifies"] = not wrong
        where = "%s drill %s" % (log.site, drill)
        if wrong:
            self.bundle.remark("%s does not qualify: %s" % (where, "; ".join(wrong)))
            return
        if not {"operator", "provider"} & set(its["announced"]["auditor"]):
            self.bundle.remark("%s qualifies, and its announcement does not say who operates the site" % where)
        unknown = {other.site for other in self.logs if other.first}
        unknown |= {peer for peer, _ in log.follower.paired} - {other.site for other in others}
        if unknown:
            self.bundle.remark("%s qualifies by the entries that are here; not all of the log of %s is" % (
                where, " and ".join(sorted(unknown))))

    def check_keys(self, log):
        """Step 7: each key but the first was proposed, accepted by the paired site, and handed over to, in order."""
        keys, handed = log.chain.keys, sorted(log.follower.rotated.items())
        for number, (old, new) in enumerate(zip(keys, keys[1:])):
            if number >= len(handed):
                self.tell("key-chain", log.site + "/keys", "no entry hands the log over to " + new.text)
                continue
            index, (its, paired) = handed[number]
            where = "%s entry %d" % (log.site, index)
            if its["key"] != new.text or log.chain.of_batch(index + 1) is not new or log.chain.of_batch(index) is not old:
                self.tell("key-chain", where, "it does not hand over to the next key, there")
                continue
            text = "pulih/site-key/v1\n%s\n%s\n%s\n" % (log.chain.origin, old.text, new.text)
            proposed = log.follower.proposed.get(its["proposal"]) if its["proposal"] < index else None
            note = (text + "\n" + str(proposed["possession"]) + "\n").encode() if proposed else b""
            if not proposed or proposed["key"] != new.text or not is_note_of(note, text, [new]):
                self.tell("key-chain", where, "its key was not proposed with that key's own line")
            if paired:
                self.check_statement(log, where, its, text, paired)
        for index, _ in handed[max(len(keys) - 1, 0):]:
            self.tell("key-chain", "%s entry %d" % (log.site, index), "it hands over to no key of the chain")

    def check_statement(self, log, where, its, text, paired):
        """The other site's word for a key."""
        peer, digest = its.get("peer"), its.get("statement")
        if peer not in paired or digest is None:
            self.tell("key-chain", where, "the site was paired, and it names no statement of the other one")
            return
        name = "%s/objects/keys/%s" % (log.site, digest)
        data = self.bundle.read(name) if name in self.bundle.files else None
        if data is None:
            return
        if peer in self.by_site:
            if not is_note_of(data, text, self.by_site[peer].chain.keys):
                self.tell("key-chain", where, "%s is not what %s signed of these two keys" % (name, peer))
        elif is_note_of(data, text, None):
            self.bundle.remark("%s was not verified: there is no log of %s, whose statement it is" % (name, peer))
        else:
            self.tell("key-chain", where, name + " is no statement of these two keys")

    def read_witnesses(self):
        found, named = {}, {key.text for log in self.logs for key in log.follower.witnesses}
        for name, (what, parts, _) in sorted(self.bundle.files.items()):
            data = self.bundle.read(name) if what == "witness" else None
            if data is None:
                continue
            try:
                text = data.decode()
                if not text.endswith("\n"):
                    raise damaged("cut off")
                key = Key(text[:-1], 4)
            except (UnicodeDecodeError, Problem):
                self.tell("damaged", name, "it is not the key of a witness")
                continue
            given = self.given.get(parts["id"])
            if given is not None and given != key.fingerprint():
                self.tell("unknown-key", name, "it has not the fingerprint that was given")
            elif key.text not in named:
                if given is not None:
                    self.tell("unknown-key", name, "no log says that it is a witness's")
                else:
                    self.bundle.remark(name + ": no log says that it is a witness's")
            else:
                if given is None:
                    self.bundle.remark("of %s no fingerprint was given: what it co-signed is told alone" % name)
                found[parts["id"]] = key
        for its in self.given:
            if "witness/" + its not in self.bundle.files:
                self.tell("missing", "witness/" + its, "a fingerprint of it was given, and its key is not there")
        return found

    def cosigners(self, log):
        """Whose co-signatures of a log are looked at, and whether it is a site."""
        keys = [key for other in self.logs if other is not log for key in other.chain.keys]
        keys += [key for peer, key in log.follower.paired if peer != log.site]
        found = {}
        for key in keys:
            its = key.as_cosigner()
            found.setdefault(its.text, (its, True))
        for key in self.witnesses.values():
            found.setdefault(key.text, (key, False))
        return list(found.values())

    def notes_of(self, log):
        for name, (what, parts, _) in sorted(self.bundle.files.items()):
            if what in ("checkpoint", "kept") and parts["site"] == log.site \
                    or what == "cosigned" and parts["other"] == log.site:
                yield name

    def open(self, name, log):
        """A note of a log; what is wrong with it is told where it is read as one."""
        data = self.bundle.read(name, True)
        try:
            return None if data is None else Checkpoint(data, log.chain)
        except Problem:
            return None

    def cosignatures(self, log, name):
        note = self.open(name, log)
        if note is None:
            return
        for key, is_site in log.cosigners:
            if not note.names(key):
                continue
            its = note.by(key)
            if its is None:
                self.tell("cosignature", name, "that of %s does not verify" % key.name)
                continue
            if self.made_at is not None and its[0] > max(self.made_at + CLOCKS, 0):
                self.tell("cosignature", name, "that of %s is of a time after the bundle's" % key.name)
            # Keys can be namesakes.
            newest = log.cosigned.get((key.name, key.text), (0, 0))
            log.cosigned[key.name, key.text] = max(newest, (note.size, its[0]))
            if is_site:
                log.by_sites.add(note.size)
        names, ids = {key.name for key, _ in log.cosigners}, {key.id for key, _ in log.cosigners}
        known = {(key.name, key.id) for key, _ in log.cosigners}
        if any((who in names or blob[:4] in ids) and (who, blob[:4]) not in known for who, blob in note.lines):
            self.tell("cosignature", name, "it has a line of a cosigner's name or key, and not of both")

    def need_witnesses(self, log):
        for its in sorted(self.given):
            key = self.witnesses.get(its)
            newest = log.cosigned.get((key.name, key.text)) if key else None
            if newest is None:
                self.tell("cosignature", log.site, "the witness %s has co-signed nothing of it" % its)
            elif self.since is not None and newest[1] < self.since:
                self.tell("cosignature", log.site, "the newest of the witness %s is older than was asked for" % its)

    def check_start(self, log, its):
        """That a drill started with the first co-signature over its announcement."""
        started = its.get("started", {})
        size, by, line = (started.get(name) for name in ("size", "cosigner", "cosignature"))
        if size is None or by is None or line is None:
            return
        if size <= its["index"]:
            its["wrong"].append("its co-signature is of a checkpoint before its announcement")
            return
        if any(its["index"] < earlier < size for earlier in log.by_sites):
            its["wrong"].append("there was a co-signature before the one that it started with")
            return
        known = {key.text: key for key in [key for key, _ in log.cosigners] + log.follower.witnesses}
        if by not in known:
            its["wrong"].append("its co-signature is of a key that co-signs nothing here")
            return
        name = "%s/checkpoints/%020d" % (log.site, size)
        if name not in self.bundle.files:
            self.tell("missing", name, "a drill started with a co-signature of it")
            return
        note = self.open(name, log)
        if note is None:
            return
        try:
            _, lines = open_note((note.text + "\n" + line + "\n").encode())
        except Problem:
            lines = []
        note.lines = lines
        if len(lines) != 1 or note.by(known[by]) is None:
            its["wrong"].append("its co-signature does not verify")

    def tell_of_sample(self, log, drill, its):
        """What a sample rests on that nobody here can hold it against."""
        if "started" not in its or its["announced"].get("sample_percent") not in range(1, 100):
            return
        sites = [other for other in self.logs if other is not log and other.given is not None]
        believed = {key.as_cosigner().text for other in sites for key in other.chain.keys}
        believed |= {self.witnesses[name].text for name in self.given if name in self.witnesses}
        where, by = "%s drill %s" % (log.site, drill), its["started"].get("cosigner")
        if by is not None and by not in believed:
            self.bundle.remark("%s: its sample is only as good as %s, of which no fingerprint was given" % (where, by[:400]))
        restored = [step for step in its["steps"] if step["what"] == "restore" and step["outcome"] == "passed"]
        points = {point_of(step) for step in restored} - {None}
        lacking = sum(1 for point in points if self.bundle.files.get("manifests/" + point, ("",))[0] != "manifest")
        if lacking:
            self.bundle.remark("%s: of %d points that it tried a sample of no manifest is here, so nothing says of how many "
                               "files it was drawn" % (where, lacking))

    def others(self):
        """What a site co-signed, proved or wrote down of another's log is what that log says."""
        # Of logs that are not here: which root they signed for a size, and where.
        self.absent = {}
        for name, (what, parts, _) in sorted(self.bundle.files.items()):
            if what == "cosigned":
                self.of_other(name, parts["site"], parts["other"], int(parts["n"]))
        for log in self.logs:
            for index, size in log.follower.resumed:
                self.bundle.remark("%s entry %d: a person gave up a past of %d entries that others had seen signed, and went "
                                   "on with what there was then" % (log.site, index, size))
            for index, of, size, root in log.follower.seen:
                its = self.by_site[of].root_before(size) if of in self.by_site else None
                if its is not None and its != root:
                    self.tell("fork", "%s entry %d" % (log.site, index), "the log of %s had another root then" % of)
            for of, digest in log.follower.proofs:
                name = "%s/objects/proofs/%s" % (log.site, digest)
                data = self.bundle.read(name) if name in self.bundle.files else None
                if data is None:
                    continue
                its = self.by_site.get(of)
                keys = its.chain.keys if its else [key for peer, key in log.follower.paired if peer == of]
                signed = size_and_root(data, keys)
                if signed and its:
                    self.hold(its, signed, name)
                elif signed:
                    self.absent.setdefault((of, signed[0]), []).append((name, signed[1]))
        for (site, size), said in sorted(self.absent.items()):
            if len({root for _, root in said}) > 1:
                for name, _ in said:
                    self.tell("fork", name, "%s signed two pasts of %d entries" % (site, size))

    def of_other(self, name, site, other, size):
        own, of = self.by_site.get(site), self.by_site.get(other)
        chains = [of.chain] if of else [Chain([key]) for peer, key in own.follower.paired if peer == other] if own else []
        if not chains:
            self.bundle.remark("%s: nothing here says which key signs the log of %s" % (name, other))
            return
        data, note, problem = self.bundle.read(name), None, None
        if data is None:
            return
        for chain in chains:
            try:
                note = note or Checkpoint(data, chain)
            except Problem as its:
                problem = its
        if note is None:
            self.tell(problem.code, name, str(problem))
        elif note.size != size:
            self.tell("damaged", name, "it is of %d entries" % note.size)
        else:
            if own and not any(note.by(key.as_cosigner()) for key in own.chain.keys):
                self.tell("cosignature", name, "%s has not co-signed it" % site)
            if of:
                self.hold(of, (note.size, note.root), name)
            else:
                self.absent.setdefault((other, note.size), []).append((name, note.root))
                self.bundle.remark("%s: the log of %s is not here, to be held against it" % (name, other))

    def hold(self, log, signed, name):
        """What the log's key signed, beside the log."""
        size, signed_root = signed
        root = log.root_before(size)
        if size > log.size:
            self.tell("rolled-back", name, "%s signed one of %d entries, and shows %d" % (log.site, size, log.size))
        elif root is not None and root != signed_root:
            self.tell("fork", name, "%s signed one of another past" % log.site)


# ---- The command ----------------------------------------------------------------------------------------------

def verify(path, given, witnesses, since):
    bundle, points = Bundle(path), set()
    bundle.list()
    if len(bundle.sites) > MAX_SITES:
        bundle.tell("limit", "the bundle", "too many sites")
    for site in sorted(set(given) - set(bundle.sites)):
        bundle.tell("missing", site, "a fingerprint of this site was given, and nothing of it is there")
    if not bundle.sites:
        bundle.tell("missing", "the bundle", "it has no site's log")
    logs = [Site(bundle, site, given.get(site)) for site in sorted(bundle.sites)[:MAX_SITES]]
    logs = [log for log in logs if bundle.judged(log.site, log.verify)]
    bundle.judged("the bundle", lambda: Together(bundle, logs, witnesses, since).verify(points))
    for name, (what, parts, _) in sorted(bundle.files.items()):
        if what != "manifest":
            continue
        data = bundle.read(name)
        if data is not None and blake3(data) != parts["hash"]:
            bundle.tell("object", name, "its bytes are not those of its name")
        if parts["point"] not in points:
            bundle.tell("object", name, "no entry names this point")
    return bundle.report


def fingerprints(parser, option, texts):
    given = {}
    for text in texts:
        name, is_given, fingerprint = text.partition("=")
        if not is_given or not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", fingerprint):
            parser.error("%s is NAME=SHA256:… as it stands on paper" % option)
        given[name] = fingerprint
    return given


def main():
    parser = argparse.ArgumentParser(description="Verify a bundle of evidence (docs/contracts/evidence.md).")
    parser.add_argument("path")
    parser.add_argument("--site", action="append", default=[], metavar="SITE=SHA256:…")
    parser.add_argument("--witness", action="append", default=[], metavar="NAME=SHA256:…")
    parser.add_argument("--since", metavar="TIME", help="a given witness has co-signed since then: 2026-11-22T01:23:45Z")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    given = fingerprints(parser, "--site", arguments.site)
    witnesses = fingerprints(parser, "--witness", arguments.witness)
    if not given:
        parser.error("give the fingerprint of one site at least: --site SITE=SHA256:…")
    try:
        since = None if arguments.since is None else seconds(arguments.since)
        report = verify(arguments.path, given, witnesses, since)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for site in report["sites"]:
            print("%(site)s: %(size)d entries, root %(root)s, key %(fingerprint)s" % site)
            for its in site["cosigners"]:
                print("  co-signed by %s up to %d entries" % (its["name"], its["size"]))
        for problem in report["problems"]:
            print("PROBLEM %(code)s: %(where)s: %(text)s" % problem)
        for text in report["remarks"]:
            print("remark: " + text)
        for drill in report["drills"]:
            print("drill %(drill)s: %(kind)s, %(outcome)s" % drill)
        print("%d entries, %d problems" % (report["entries"], len(report["problems"])))
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
