#!/usr/bin/env python3
"""Verify a bundle of evidence without Pulih: written from docs/contracts/evidence.md and ledger.md, from C2SP and
RFC 6962, 8032 and 8785. Python 3.9 and nothing else.

    verify-evidence.py PATH --site SITE=SHA256:… [--site …] [--json]

Status 0: no problem. 1: a problem. 2: bad usage, also without a fingerprint.
"""
import argparse
import base64
import binascii
import calendar
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
KIB = 1024
LABEL = r"[a-z0-9][a-z0-9._-]{0,62}"
HEX64 = r"[0-9a-f]{64}"
# What there can be, and how many bytes of it at most; {S} is a site.
PLACES = [(re.compile(pattern.replace("{S}", "(?P<site>%s)" % LABEL) + r"\Z"), what, limit) for pattern, what, limit in [
    (r"bundle\.json", "about", 64 * KIB),
    (r"witness/%s" % LABEL, "witness", KIB),
    (r"manifests/(?P<point>[0-9a-f]{32}/%s/[0-9]{10}-(?P<hash>%s))" % (LABEL, HEX64), "manifest", KIB * KIB),
    (r"{S}/keys", "keys", 64 * KIB),
    (r"{S}/checkpoint", "checkpoint", 64 * KIB),
    (r"{S}/checkpoints/(?P<n>[0-9]{20})", "kept", 64 * KIB),
    (r"{S}/tile/entries/(?P<path>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?", "bundle", 16_777_472),
    (r"{S}/tile/(?P<level>0|[1-9][0-9]?)/(?P<path>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?", "tile", 8 * KIB),
    (r"{S}/entries/(?P<n>[0-9]{20})", "proof", 128 * KIB),
    (r"{S}/entries/(?P<n>[0-9]{20})\.json", "entry", 65_534),
    (r"{S}/consistency/(?P<n>[0-9]{20})", "consistency", 64 * KIB),
    (r"{S}/cosigned/%s/(?P<n>[0-9]{20})" % LABEL, "cosigned", 64 * KIB),
    (r"{S}/objects/(?P<kind>drills|keys|plans|policies|proofs|recipes)/(?P<hash>%s)" % HEX64, "object", 64 << 20),
]]
NAMING = {"drill-ended": ("drills", "log"), "key-accepted": ("keys", "statement"), "ledger-diverged": ("proofs", "proof"),
          "plan-applied": ("plans", "object"), "policy-applied": ("policies", "object"),
          "recipe-applied": ("recipes", "object")}
# Fields that an entry of a kind has, for the kinds that a step needs.
FIELDS = {
    "site-created": "role name key", "user-added": "user name roles key", "policy-applied": "policy version object",
    "drill-announced": "drill kind points scratch_bytes policy until", "drill-opened": "drill announcement",
    "drill-started": "drill", "drill-ended": "drill outcome milliseconds steps log leftovers text",
    "drill-step": "drill step what outcome began milliseconds phases files bytes total_files total_bytes text",
    "drill-missed": "schedule kind class occurrence due reason", "drill-attested": "drill ended opinion findings",
    "alarm": "alarm subject text",
}
NUMBERS = {"milliseconds", "steps", "leftovers", "step", "files", "bytes", "total_files", "total_bytes", "occurrence",
           "scratch_bytes", "version"}
PHASES = ("approve", "fetch", "decrypt", "write", "verify", "check")


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


def times(number, point):
    result = NEUTRAL
    for bit in bin(number)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


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
    minus = (Q - a[0], a[1], 1, Q - a[3])
    x, y, z, _ = add(times(s, GENERATOR), times(k, minus))
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
    def __init__(self, text):
        parts = text.split("+", 2)
        if len(parts) != 3 or not re.fullmatch(r"[^\s+]{1,255}", parts[0]):
            raise damaged("a key that is none")
        self.text, self.name = text, parts[0]
        data = unbase64(parts[2])
        self.public = data[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        if len(data) != 33 or data[0] != 1 or parts[1] != self.id.hex():
            raise damaged("a key whose hash does not fit, or of another type")

    def fingerprint(self):
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.public).digest()).decode().rstrip("=")


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


def open_checkpoint(data, key):
    """Size and root of a checkpoint that the key signed."""
    if len(data) > 64 * KIB:
        raise damaged("it is too long")
    text, signatures = open_note(data)
    lines = text[:-1].split("\n")
    if not all(lines) or len(lines) < 3:
        raise damaged("it is no checkpoint")
    size, root = number(lines[1]), unbase64(lines[2])
    if len(root) != 32:
        raise damaged("its root is no hash")
    its = [blob for name, blob in signatures if name == key.name and blob[:4] == key.id]
    if not any(has_signed(key.public, text.encode(), blob[4:]) for blob in its):
        raise Problem("bad-signature" if its else "unknown-key", "it is not signed by " + key.text)
    if lines[0] != key.name:
        raise Problem("wrong-origin", "it is of %s, not of %s" % (lines[0], key.name))
    if len(lines) != 3:
        raise damaged("it has more than three lines")
    return size, root


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


class Follower:
    """Reads the entries of a log in order."""

    def __init__(self, site, key, whole_log, tell):
        self.site, self.key, self.whole_log, self.tell = site, key, whole_log, tell
        self.people, self.named, self.entries, self.has_first, self.last = {}, {}, 0, False, None
        self.drills, self.schedules, self.wrong = {}, {}, []

    def follow(self, index, data):
        self.entries += 1
        try:
            self.check(index, data)
        except Problem as problem:
            self.tell(problem.code, "%s entry %d" % (self.site, index), str(problem))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
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
        if entry["site"] != self.site:
            raise ValueError("it is of another site")
        match = re.fullmatch("pulih/ledger/(.*)/v1", kind, re.DOTALL)
        kind = match[1] if match else ""
        if index == 0:
            self.has_first = True
            if kind != "site-created" or entry.get("key") != self.key.text:
                raise Problem("key-chain", "it does not say that the log begins with this key")
        for field in FIELDS.get(kind, "").split():
            if field not in entry or (field in NUMBERS) != (type(entry[field]) is int) or entry[field] is None:
                raise ValueError("%s of %s" % (field, kind))
        if kind in NAMING:
            self.named.setdefault((NAMING[kind][0], entry[NAMING[kind][1]]), index)
        if kind.startswith("drill-"):
            self.drill(index, kind[6:], entry)
        self.act(kind, entry, actor)

    def act(self, kind, entry, actor):
        person = isinstance(actor, dict) and actor.get("type") == "person"
        if "act" in entry and not person:
            raise Problem("act", "it is signed as a person's, and is no person's")
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
        if kind == "user-added":
            self.people.setdefault(entry["user"], []).append(Key(entry["key"]))

    # ---- drills

    def drill(self, index, what, entry):
        if what == "missed":
            self.occurrence(index, entry["schedule"], entry["occurrence"], entry.get("count", 1))
            return
        if what == "announced":
            seconds(entry["until"])
            if "schedule" in entry and "occurrence" in entry:
                self.occurrence(index, entry["schedule"], entry["occurrence"], 1)
            elif {"schedule", "occurrence", "due"} & set(entry):
                self.wrong.append("entry %d has a part of schedule, occurrence and due" % index)
            if entry["drill"] in self.drills:
                self.wrong.append("entry %d announces %s again" % (index, entry["drill"]))
            else:
                self.drills[entry["drill"]] = {"announced": entry, "steps": [], "wrong": []}
            return
        its = self.drills.get(entry["drill"])
        if what == "step":
            for phase in PHASES:
                if type(entry["phases"][phase]) is not int:
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
        else:
            its.setdefault(what, entry)

    def occurrence(self, index, schedule, occurrence, count):
        first = occurrence - max(count, 1) + 1
        newest = self.schedules.setdefault(schedule, 0 if self.whole_log else first - 1)
        if first < 1 or first != newest + 1:
            self.wrong.append("entry %d has the occurrence %d of %s, after %d" % (index, occurrence, schedule, newest))
        self.schedules[schedule] = max(newest, occurrence)

    def judge(self, its):
        announced, steps, ended = its["announced"], its["steps"], its.get("ended")
        wrong, started = its["wrong"], its.get("started")
        if started and "sample_percent" in announced and not {"size", "cosigner", "cosignature"} <= set(started):
            wrong.append("a sample without a co-signature")
        if started and "auditor" in announced and "opened" not in its:
            wrong.append("it started before the auditor opened it")
        tried = {"%s/%s/%s" % (s.get("vault"), s.get("dataset"), s.get("manifest")) for s in steps if "manifest" in s}
        if not tried <= set(announced["points"]):
            wrong.append("a step tried what was not announced")
        for step in steps:
            if sum(step["phases"][phase] for phase in PHASES) > step["milliseconds"] + len(PHASES):
                wrong.append("the phases of a step took longer than it")
            if step["outcome"] not in ("passed", "failed", "skipped"):
                wrong.append("a step with another outcome than there is")
        if ended is None:
            if self.last and seconds(announced["until"]) + 86_400 <= seconds(self.last):
                wrong.append("nothing says how it ended")
            return
        recipes = {"application " + recipe.split("/")[0] for recipe in announced.get("recipes", [])}
        good = (started is not None and ended["leftovers"] == 0 and all(s["outcome"] == "passed" for s in steps)
                and set(announced["points"]) <= tried and recipes <= {s["what"] for s in steps})
        bears = {"passed": good, "failed": started is not None and not good, "missed": not started and not steps,
                 "aborted": True, "skipped": True}
        if not bears.get(ended["outcome"], False):
            wrong.append("it ended as %s, which its steps do not bear" % ended["outcome"])
        if ended["steps"] != len(steps):
            wrong.append("its end counts other steps than there are")
        if not started and ended["milliseconds"]:
            wrong.append("it took time without having started")
        for step in steps:
            if step["outcome"] == "passed" and step["step"] in its.get("not_ok", ()):
                wrong.append("step %d passed, and the log says otherwise" % step["step"])

    def read_log(self, digest, data):
        not_ok = set()
        for line in data.split(b"\n"):
            try:
                its = json.loads(line)
                if its["ok"] is False:
                    not_ok.add(its["step"])
            except (ValueError, KeyError, TypeError):
                pass
        for its in self.drills.values():
            if its.get("ended", {}).get("log") == digest:
                its["not_ok"] = not_ok


# ---- The bundle -----------------------------------------------------------------------------------------------

class Bundle:
    def __init__(self, root):
        self.root, self.files, self.sites = root, {}, {}
        self.report = {"type": "pulih/evidence-verified/v1", "sites": [], "problems": [], "remarks": [], "drills": [],
                       "entries": 0}

    def tell(self, code, where, text):
        if len(self.report["problems"]) < 1000:
            self.report["problems"].append({"code": code, "where": str(where), "text": text})

    def remark(self, text):
        if len(self.report["remarks"]) < 1000:
            self.report["remarks"].append(text)

    def list(self):
        folders, seen = [""], 0
        while folders:
            below = folders.pop()
            for entry in os.scandir(os.path.join(self.root, below)):
                name = (below + "/" if below else "") + entry.name
                about = entry.stat(follow_symlinks=False)
                is_name = re.fullmatch("[A-Za-z0-9._/-]{1,200}", name) and not re.search(r"(^|/)(\.|/|$)", name)
                seen += 1
                if seen > MAX_FILES:
                    self.tell("limit", "the bundle", "too many files")
                    return
                if stat.S_ISDIR(about.st_mode) and is_name:
                    folders.append(name)
                elif not stat.S_ISREG(about.st_mode) or not is_name:
                    self.tell("limit", name[:220], "a link, or a name that is none")
                else:
                    self.take(name, about.st_size)

    def take(self, name, size):
        for pattern, what, limit in PLACES:
            match = pattern.match(name)
            parts = match.groupdict() if match else {}
            if not match or parts.get("site") in ("witness", "manifests") or int(parts.get("n") or 0) > MAX_SIZE \
                    or int(parts.get("width") or 1) > 255 or int(parts.get("level") or 0) > 63:
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

    def read(self, name):
        limit = self.files[name][2]
        with open(os.open(os.path.join(self.root, name), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
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


class Site:
    """Steps 1 to 6, 10 and 11 of one site."""

    def __init__(self, bundle, site, given):
        self.bundle, self.site, self.given, self.tell = bundle, site, given, bundle.tell

    def verify(self, points):
        if self.given is None:
            self.bundle.remark("of %s no fingerprint was given: what it says supports nothing" % self.site)
        self.key = self.chain()
        data = self.key and self.bundle.need(self.site + "/checkpoint")
        if data is None:
            return
        try:
            self.size, self.root = open_checkpoint(data, self.key)
            if self.size > MAX_FILES * 256:
                raise Problem("limit", "it is of more entries than the tiles of a bundle can be of")
        except Problem as problem:
            self.tell(problem.code, self.site + "/checkpoint", str(problem))
            return
        self.whole, kept = True, self.kept()
        self.rows()
        follower = Follower(self.site, self.key, self.first == 0, self.tell)
        self.before(follower)
        roots = self.walk(follower, kept)
        for size, (name, root) in kept.items():
            if size in roots and roots[size] != root:
                self.tell("fork", name, "its root is not the log's at that size")
            elif size not in roots and self.whole:
                self.tell("root-mismatch", name, "no tile says what the root was")
        self.objects(follower)
        uji = self.key.name.startswith("pulih-ledger-uji/")
        if uji:
            self.bundle.remark("UJI: the log of %s was made with a clock that is not the world's" % self.site)
        self.bundle.report["sites"].append({
            "site": self.site, "origin": self.key.name, "fingerprint": self.key.fingerprint(),
            "given": self.given is not None, "size": self.size, "root": base64.b64encode(self.root).decode(),
            "from": min(self.first * 256, self.size), "uji": uji, "cosigners": []})
        self.close(follower, points)

    def chain(self):
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
        if len(keys) > 1:
            self.tell("key-chain", name, "more than one key: this version verifies no change of keys")
        return keys[0]

    def kept(self):
        found = {}
        for name in self.bundle.of(self.site, "kept"):
            data, of = self.bundle.read(name), int(self.bundle.files[name][1]["n"])
            if data is None:
                continue
            try:
                size, root = open_checkpoint(data, self.key)
                if size != of:
                    raise damaged("it is of %d entries" % size)
                if size > self.size:
                    raise Problem("rolled-back", "it is of more entries than the newest checkpoint")
                found[size] = name, root
            except Problem as problem:
                self.tell(problem.code, name, str(problem))
        return found

    def name_of(self, level, index, width):
        part = "" if width == 256 else ".p/%d" % width
        return "%s/tile/%s/%s%s" % (self.site, level, path_of(index), part)

    def width(self, level, index):
        return min(256, (self.size >> 8 * level) - index * 256)

    def tile(self, level, index):
        width = self.width(level, index)
        name = self.name_of(level, index, width)
        data = self.bundle.need(name)
        if data is None:
            return None
        if len(data) != width * 32:
            self.tell("damaged", name, "it has not the bytes of %d hashes" % width)
            return None
        hashes = [data[i:i + 32] for i in range(0, len(data), 32)]
        if width == 256:
            above = self.above(level + 1, index)
            if above is not None and full_root(hashes) != above:
                self.tell("root-mismatch", name, "its root is not the hash above it")
            if above is None or full_root(hashes) != above:
                return None
        return hashes

    def above(self, level, index):
        row = self.levels.get(level, [])
        return row[index] if index < len(row) else None

    def rows(self):
        """All levels above the leaves, from the root down."""
        self.levels, self.last = {}, None
        mine = {self.name_of(level, index, self.width(level, index)) for level, index in self.tiles()}
        bundles = {self.name_of("entries", i, self.width(0, i)): i for i in range(-(-self.size // 256))}
        for what, names in (("tile", mine), ("bundle", bundles)):
            for name in self.bundle.of(self.site, what):
                if name not in names:
                    self.bundle.remark(name + " is no part of this log, and was not read")
        self.first = min((bundles[n] for n in bundles if n in self.bundle.files), default=-(-self.size // 256))
        for level, index in sorted(self.tiles(), key=lambda its: (-its[0], its[1])):
            if level == 0:
                continue
            hashes = self.tile(level, index)
            self.whole &= hashes is not None
            self.levels.setdefault(level, []).extend(hashes or [None] * self.width(level, index))
        if self.size % 256:
            self.last = self.tile(0, self.size // 256)
        root = self.root_at(self.size, self.last)
        if root != self.root:
            self.whole, self.last = False, None
            self.levels = {level: [None] * len(row) for level, row in self.levels.items()}
            if root is not None:
                self.tell("root-mismatch", self.site + "/checkpoint", "the tiles have another root")

    def tiles(self):
        level = 0
        while self.size >> 8 * level:
            yield from ((level, index) for index in range(-(-(self.size >> 8 * level) // 256)))
            level += 1

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
        head, empty, checkpoint = data.partition(b"\n\n")
        try:
            lines = head.decode().split("\n")
        except UnicodeDecodeError:
            raise damaged("it is not UTF-8") from None
        if not empty or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 2 or not lines[1].startswith("index ") \
                or len(lines) > 65:
            raise damaged("it is no tlog-proof")
        proof = [unbase64(line) for line in lines[2:]]
        if any(len(its) != 32 for its in proof):
            raise damaged("a hash that is none")
        its = number(lines[1][6:])
        if open_checkpoint(checkpoint, self.key) != (self.size, self.root) or its != index or index >= self.size:
            raise Problem("root-mismatch", "it is for another checkpoint or entry")
        if inclusion_root(leaf_hash(entry), index, self.size, proof) != self.root:
            raise Problem("root-mismatch", "it does not lead to the root")

    def walk(self, follower, kept):
        roots, of_tile = {}, {}
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
                follower.read_log(parts["hash"], data)
        for (kind, digest), index in sorted(follower.named.items()):
            name = "%s/objects/%s/%s" % (self.site, kind, digest)
            if name not in self.bundle.files:
                self.tell("missing", name, "entry %d names it" % index)

    def close(self, follower, points):
        self.bundle.report["entries"] += follower.entries
        if not self.whole:
            if follower.drills or follower.wrong:
                self.bundle.remark("the drills of %s were not judged: not all entries are there" % self.site)
            return
        if follower.entries and not follower.has_first:
            self.tell("missing", self.site, "the log's first entry is not there")
        for text in follower.wrong:
            self.tell("drill", self.site, text)
        for drill, its in sorted(follower.drills.items()):
            follower.judge(its)
            for text in its["wrong"]:
                self.tell("drill", "%s drill %s" % (self.site, drill), text)
            points.update(its["announced"]["points"])
            self.bundle.report["drills"].append({
                "drill": drill, "kind": its["announced"]["kind"], "outcome": its.get("ended", {}).get("outcome", "open"),
                "qualifying": "auditor" in its["announced"]})


def verify(root, given):
    bundle, points = Bundle(root), set()
    bundle.list()
    if len(bundle.sites) > MAX_SITES:
        bundle.tell("limit", "the bundle", "too many sites")
    for site in sorted(set(given) - set(bundle.sites)):
        bundle.tell("missing", site, "a fingerprint of this site was given, and nothing of it is there")
    if not bundle.sites:
        bundle.tell("missing", "the bundle", "it has no site's log")
    for site in sorted(bundle.sites)[:MAX_SITES]:
        Site(bundle, site, given.get(site)).verify(points)
    passed_over = 0
    for name, (what, parts, _) in sorted(bundle.files.items()):
        if what == "manifest":
            data = bundle.read(name)
            if data is not None and blake3(data) != parts["hash"]:
                bundle.tell("object", name, "its bytes are not those of its name")
            if parts["point"] not in points:
                bundle.tell("object", name, "no drill names this point")
        passed_over += what in ("witness", "cosigned", "consistency")
    if passed_over:
        bundle.remark("%d files with co-signatures and proofs for other tools were not looked into" % passed_over)
    return bundle.report


def main():
    parser = argparse.ArgumentParser(description="Verify a bundle of evidence (docs/contracts/evidence.md).")
    parser.add_argument("path")
    parser.add_argument("--site", action="append", default=[], metavar="SITE=SHA256:…")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    given = {}
    for text in arguments.site:
        site, is_given, fingerprint = text.partition("=")
        if not is_given or not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", fingerprint):
            parser.error("--site is SITE=SHA256:… as the Berita Acara has it")
        given[site] = fingerprint
    if not given:
        parser.error("give the fingerprint of one site at least: --site SITE=SHA256:…")
    try:
        report = verify(arguments.path, given)
    except OSError as error:
        parser.error(str(error))
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for site in report["sites"]:
            print("%(site)s: %(size)d entries, root %(root)s, key %(fingerprint)s" % site)
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
