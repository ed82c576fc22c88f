#!/usr/bin/env python3
"""Restore a Pulih snapshot without Pulih.

Needs: a store that is a folder, an age identity file that opens it, the programs `age` and
`zstd`, Python 3.9 or later. `b3sum` makes it faster. Written from docs/format.md alone.

  rescue.py list    --store DIR --identity FILE
  rescue.py restore --store DIR --identity FILE SNAPSHOT --target DIR
  rescue.py --self-test

SNAPSHOT is the beginning of an id that `list` prints, or `latest`. Run `restore` as root to
get owners and devices back. The store is only read; nothing is written outside the target
(and TMPDIR, if it is set: decrypted data passes through temporary files, removed at the end).

Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but some entries could not be restored.
"""
import argparse, array, atexit, base64, binascii, bisect, collections, errno, hashlib, json, os
import re, shutil, signal, stat, subprocess, sys, tempfile
from types import SimpleNamespace

MIB = 1 << 20
MAX_NOTE, MAX_PACK, MAX_INDEX = MIB, 256 * MIB, 128 * MIB        # format, section 1
MAX_FRAME, MAX_CHUNK, MAX_NODE = 16 * MIB, 4 * MIB, MIB          # sections 4, 5, 8
BATCH = 32 * MIB                       # plaintext held in memory at a time, more or less
HEX32, HEX64 = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
DATASET = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
DESCRIPTION = re.compile(r"([1-9][0-9]{0,9})-([0-9a-f]{64})")
MANIFEST = re.compile(r"([0-9]{10})-([0-9a-f]{64})")


class Misuse(Exception):
    """The command cannot be carried out as it was typed: exit 2."""


class Failed(Exception):
    """Nothing more can be done: exit 1."""


class Damaged(Exception):
    """Something in the store is not what the format says, or not what was signed."""


# ---- Report: what the person in front of the screen must know --------------------------------

problems = []           # entries that could not be restored, or not wholly: exit 3
unchecked = []          # what --unverified let pass, in words
checked = collections.Counter()


def say(text):
    print(text, file=sys.stderr, flush=True)


def problem(text):
    problems.append(text)
    say("NOT RESTORED  " + text)


def warn(text):
    say("WARNING  " + text)


def not_checked(text):
    if text not in unchecked:
        unchecked.append(text)
        say("NOT CHECKED  " + text)


def show(name):
    """A name for the screen: no control characters, whatever the name holds."""
    if isinstance(name, bytes):
        name = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(name))


# ---- BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), in pure Python --------------------
# Many 1 KiB chunks are hashed at once: word i of all of them stands in one large integer, in
# lanes of 64 bits of which the upper 32 are kept zero.

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXES = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16


def pack_lanes(words):
    return int.from_bytes(array.array("Q", words).tobytes(), sys.byteorder)


def unpack_lanes(number, lanes):
    return array.array("Q", number.to_bytes(8 * lanes, sys.byteorder))


def words_of(data):
    words = array.array("I", data)
    if sys.byteorder == "big":
        words.byteswap()
    return words


def compress(cv, block, counter, length, flags, lanes):
    ones = pack_lanes([1]) if lanes == 1 else int.from_bytes(b"\1\0\0\0\0\0\0\0" * lanes, "little")
    mask = ones * 0xFFFFFFFF
    v = list(cv) + [ones * IV[0], ones * IV[1], ones * IV[2], ones * IV[3],
                    counter, 0, ones * length, ones * flags]
    for turn in range(7):
        for k, (a, b, c, d) in enumerate(MIXES):
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + block[2 * k]) & mask
            vd ^= va
            vd = (vd >> 16 | vd << 16) & mask
            vc = (vc + vd) & mask
            vb ^= vc
            vb = (vb >> 12 | vb << 20) & mask
            va = (va + vb + block[2 * k + 1]) & mask
            vd ^= va
            vd = (vd >> 8 | vd << 24) & mask
            vc = (vc + vd) & mask
            vb ^= vc
            vb = (vb >> 7 | vb << 25) & mask
            v[a], v[b], v[c], v[d] = va, vb, vc, vd
        block = [block[i] for i in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]


def hash_lanes(data, first, lanes, start, flags, root):
    """The chaining values of `lanes` chunks of equal length, as eight arrays."""
    length = len(data) // lanes
    blocks = max(1, -(-length // 64))
    words = words_of(data + bytes(lanes * blocks * 64 - len(data)))
    cv = [pack_lanes([word] * lanes) for word in start]
    counter = pack_lanes(range(first, first + lanes))
    for b in range(blocks):
        block = [pack_lanes(words[b * 16 + w::blocks * 16]) for w in range(16)]
        now = flags | (CHUNK_START if b == 0 else 0) | ((CHUNK_END | root) if b == blocks - 1 else 0)
        cv = compress(cv, block, counter, min(64, length - 64 * b), now, lanes)
    return [unpack_lanes(word, lanes) for word in cv]


def blake3(data, key=None):
    start, flags = (words_of(key), KEYED) if key else (IV, 0)
    if len(data) <= 1024:
        cvs = hash_lanes(data, 0, 1, start, flags, ROOT)
    else:
        cvs, whole = [array.array("Q") for _ in range(8)], len(data) // 1024
        steps = [(i, min(256, whole - i)) for i in range(0, whole, 256)]
        for first, lanes in steps + ([(whole, 1)] if len(data) % 1024 else []):
            part = data[first * 1024:(first + lanes) * 1024]
            for mine, more in zip(cvs, hash_lanes(part, first, lanes, start, flags, 0)):
                mine.extend(more)
    while len(cvs[0]) > 1:
        count = len(cvs[0])
        pairs = count // 2
        block = [pack_lanes(w[side:2 * pairs:2]) for side in (0, 1) for w in cvs]
        up = compress([pack_lanes([w] * pairs) for w in start], block, 0, 64,
                      flags | PARENT | (ROOT if count == 2 else 0), pairs)
        cvs = [unpack_lanes(w, pairs) + old[2 * pairs:] for w, old in zip(up, cvs)]
    return b"".join(w[0].to_bytes(4, "little") for w in cvs)


# ---- Ed25519 verification (RFC 8032, section 5.1.7) ------------------------------------------

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(s, p):
    q = (0, 1, 1, 0)
    while s:
        if s & 1:
            q = point_add(q, p)
        p, s = point_add(p, p), s >> 1
    return q


def same_point(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def decode_point(data):
    """The point of 32 bytes, or None; non-canonical encodings are refused."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)


BASE = decode_point(bytes.fromhex("58" + "66" * 31))


def ed25519_valid(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = decode_point(public), decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or same_point(point_mul(8, a), (0, 1, 1, 0)):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return same_point(point_mul(s, BASE), point_add(r, point_mul(k, a)))


# ---- Temporary files and programs ------------------------------------------------------------

class Work:
    """The folder for temporary files, one in memory for hashing, and the programs."""

    def __init__(self, where):
        self.folder = self.new_folder(os.environ.get("TMPDIR") or where)
        self.fast = self.folder
        try:
            room = os.statvfs("/dev/shm")
            if room.f_bavail * room.f_frsize >= 8 * BATCH:
                self.fast = self.new_folder("/dev/shm")
        except OSError:
            pass
        self.age = shutil.which("age") or shutil.which("rage")
        self.zstd = shutil.which("zstd")
        self.b3sum = shutil.which("b3sum")
        if self.b3sum and not self.b3sum_works():
            warn(f"{self.b3sum} does not give the results that it should: not used")
            self.b3sum = None
        if not self.b3sum:
            say("No b3sum here: hashing in Python, some 10 MB a second. Everything is checked all the same.")

    @staticmethod
    def new_folder(where):
        folder = tempfile.mkdtemp(prefix=".pulih-rescue-", dir=where)
        atexit.register(shutil.rmtree, folder, True)
        return os.path.abspath(folder)

    def need_programs(self):
        for name, found in (("age", self.age), ("zstd", self.zstd)):
            if not found:
                raise Failed(f"the program `{name}` is not here: install it, or put it on the PATH")

    def run(self, what, command, stdin=None, limit=0, out=None):
        """Run a program. Its output goes to the file `out`, or is returned if no longer than `limit`."""
        with tempfile.TemporaryFile(dir=self.folder) as errors:
            child = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, cwd=self.folder,
                                     stdout=out or subprocess.PIPE, stderr=errors)
            data = b"" if out else child.stdout.read(limit + 1)
            if len(data) > limit:
                child.kill()
            code = child.wait()
            if child.stdout:
                child.stdout.close()
            if len(data) > limit:
                raise Damaged(f"{what}: more than the {limit} bytes that it may have")
            if code:
                errors.seek(0)
                why = show(" | ".join(errors.read(600).decode("utf-8", "replace").splitlines()))
                raise Damaged(f"{what}: {os.path.basename(command[0])} failed: {why}")
        return data

    def file(self, data=b""):
        handle = tempfile.TemporaryFile(dir=self.folder)
        handle.write(data)
        handle.seek(0)
        return handle

    def hash_many(self, blobs, key=None):
        """The BLAKE3 (keyed, if there is a key) of each of the byte strings."""
        if not self.b3sum:
            return [blake3(blob, key) for blob in blobs]
        found, names, held = [], [], 0
        for number, blob in enumerate(blobs, 1):
            names.append(f"h{number}")
            held += len(blob)
            with open(os.path.join(self.fast, names[-1]), "wb") as handle:
                handle.write(blob)
            if len(names) == 1000 or held >= 2 * BATCH or number == len(blobs):
                found += self.b3sum_files([os.path.join(self.fast, name) for name in names], key)
                for name in names:
                    os.unlink(os.path.join(self.fast, name))
                names, held = [], 0
        return found

    def hash_file(self, path):
        if self.b3sum:
            return self.b3sum_files([path])[0]
        with open(path, "rb") as handle:
            return blake3(handle.read(MAX_PACK))

    def b3sum_files(self, paths, key=None):
        with self.file(key or b"") as stdin:
            command = [self.b3sum, "--no-names"] + (["--keyed"] if key else []) + ["--"] + paths
            try:
                lines = self.run("hashing", command, stdin, 65 * len(paths) + 1).split()
                if len(lines) != len(paths) or any(len(line) != 64 for line in lines):
                    raise ValueError("not one hash for each file")
                return [bytes.fromhex(line.decode()) for line in lines]
            except (Damaged, ValueError) as why:
                raise Failed(f"b3sum cannot hash: {why}; take it off the PATH to do without it")

    def b3sum_works(self):
        data, key = bytes(i % 251 for i in range(1025)), b"whats the Elvish word for friend"
        try:
            return (self.hash_many([data, b""], key) == [blake3(data, key), blake3(b"", key)]
                    and self.hash_many([data]) == [blake3(data)])
        except (Failed, OSError):
            return False

    def age_opens(self, what, source, identity, limit=0, out=None):
        """Decrypt: `source` is a path, or bytes."""
        head = source[:65 * 1024] if isinstance(source, bytes) else read_start(source, 65 * 1024)
        check_age_header(what, head)
        stdin = self.file(source) if isinstance(source, bytes) else open(source, "rb")
        with stdin:
            return self.run(what, [self.age, "-d", "-i", identity], stdin, limit, out)

    def unzip(self, what, data, length):
        with self.file(data) as stdin:
            plain = self.run(what, [self.zstd, "-d", "-c", "-q", "--memory=128MiB"], stdin, length)
        if len(plain) != length:
            raise Damaged(f"{what}: {len(plain)} bytes where {length} were announced")
        return plain


def read_start(path, length):
    with open(path, "rb") as handle:
        return handle.read(length)


def check_age_header(what, head):
    """Section 2: at most 64 KiB and 256 stanzas, before `age` sees it."""
    if head.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----"):
        lines = [line.strip() for line in head.split(b"\n")[1:] if line.strip()]
        lines = lines[:lines.index(b"-----END AGE ENCRYPTED FILE-----")] if \
            b"-----END AGE ENCRYPTED FILE-----" in lines else lines[:-1]
        head = from_base64(b"".join(lines)[:4 * (len(b"".join(lines)) // 4)].decode("ascii", "replace"))
    end = head[:64 * 1024].find(b"\n--- ")
    if not head.startswith(b"age-encryption.org/v1\n") or end < 0:
        raise Damaged(f"{what}: not an age file, or its header has more than 64 KiB")
    if head[:end].count(b"\n-> ") > 256:
        raise Damaged(f"{what}: its age header has more than 256 stanzas")


def zstd_content_size(head):
    """The content size that a zstd frame's header states, or None (RFC 8878, section 3.1.1.1)."""
    if len(head) < 6 or head[:4] != b"\x28\xb5\x2f\xfd":
        return None
    bits = head[4]
    single, width = bits >> 5 & 1, (0, 2, 4, 8)[bits >> 6]
    width = 1 if single and not width else width
    at = 5 + (not single) + (0, 1, 2, 4)[bits & 3]
    if not width or bits & 3 or len(head) < at + width:     # a dictionary is not allowed either
        return None
    return int.from_bytes(head[at:at + width], "little") + (256 if width == 2 else 0)


# ---- Small parsers ---------------------------------------------------------------------------

class Reader:
    """Reads binary parts from the front; everything short or too large is `Damaged`."""

    def __init__(self, what, data):
        self.what, self.data, self.at = what, data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damaged(f"{self.what}: ends too early, at byte {len(self.data)}")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self, most=2 ** 64 - 1, least=0):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                if (shift and not byte) or not least <= value <= most:
                    break
                return value
        raise Damaged(f"{self.what}: a number before byte {self.at} is too long, below {least} or above {most}")

    def hashes(self, most=2 ** 32):
        return [self.take(32).hex() for _ in range(self.varint(most))]

    def start(self, magic, vault):
        if self.take(8) != magic or self.take(16).hex() != vault:
            raise Damaged(f"{self.what}: does not begin with {magic[:7].decode()} version 1 and this vault's id")

    def frame_list(self):
        """Section 5: a list of (kind, compressed bytes, lengths of the chunks)."""
        for _ in range(self.varint(65536)):
            kind, packed, lengths, total = self.take(1)[0], self.varint(MAX_PACK, 1), array.array("I"), 0
            for _ in range(self.varint(65536, 1)):
                lengths.append(self.varint(MAX_CHUNK, 1))
                total += lengths[-1]
            if total > MAX_FRAME:
                raise Damaged(f"{self.what}: a frame of {total} bytes, more than {MAX_FRAME}")
            yield kind, packed, lengths


def ascending(what, items):
    if any(a >= b for a, b in zip(items, items[1:])):
        raise Damaged(f"{what}: hashes that do not ascend")
    return items


def from_base64(text, length=None):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Damaged(f"not base64: {show(text)[:60]!r}")
    if length is not None and len(data) != length:
        raise Damaged(f"base64 of {len(data)} bytes where {length} are due")
    return data


def no_twins(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


def no_number(text):
    raise ValueError(f"{text[:40]} is no whole number")


def parse_json(what, data):
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=no_twins,
                           parse_constant=no_number, parse_float=no_number)
    except (ValueError, RecursionError) as why:
        raise Damaged(f"{what}: not the JSON that is due: {show(why)}")
    if not isinstance(value, dict):
        raise Damaged(f"{what}: not a JSON object")
    return value


def field(value, name, kind, most=None):
    """A field that must be there; a number must be from 0 to `most`."""
    found = value.get(name)
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise Damaged(f"field `{name}` is absent or of the wrong kind")
    if kind is int and not 0 <= found <= (2 ** 64 - 1 if most is None else most):
        raise Damaged(f"field `{name}` is {found}, outside 0 to {most}")
    return found


def matching(pattern, text, name):
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise Damaged(f"{name} is {show(text)[:80]!r}")
    return text


def escape(name):
    """Section 8: bytes as the text that stands in JSON."""
    text = name.decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    return re.sub("[\udc80-\udcff]", lambda m: "\\x%02x" % (ord(m.group()) - 0xDC00), text)


def unescape(text):
    if not isinstance(text, str):
        raise Damaged("a name that is not a string")
    try:
        parts = re.split(r"(\\\\|\\x[0-9a-f]{2})", text)
        if any("\\" in part for part in parts[::2]):
            raise ValueError("a backslash that begins no escape")
        name = b"".join(part.encode("utf-8") if i % 2 == 0 else
                        b"\\" if part == "\\\\" else bytes.fromhex(part[2:]) for i, part in enumerate(parts))
        if escape(name) != text:
            raise ValueError("not escaped as the format says")
    except ValueError as why:
        raise Damaged(f"name {show(text)[:80]!r}: {show(why)}")
    return name


def safe_path(text):
    path = unescape(text)
    parts = path.split(b"/")
    if len(path) > 65535 or b"\0" in path or any(p in (b"", b".", b"..") or len(p) > 255 for p in parts):
        raise Damaged(f"unsafe path {show(text)[:200]!r}")
    return path


def walk_order(path):
    return path.replace(b"/", b"\0")        # `/` below every other byte; no path has a NUL


# ---- Signed notes (https://c2sp.org/signed-note) ---------------------------------------------

def split_note(data):
    """The text and the list of (key name, key hash, signature)."""
    try:
        message = data.decode("utf-8")
    except ValueError:
        raise Damaged("signed note: not UTF-8")
    text, blank, lines = message.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", message):
        raise Damaged("signed note: no signatures at its end, or control characters in it")
    signatures = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)", line)
        raw = from_base64(match.group(2)) if match else b""
        if len(raw) < 5 or len(signatures) == 100:
            raise Damaged("signed note: a line that is no signature, or more than 100")
        signatures.append((match.group(1), raw[:4], raw[4:]))
    return (text + "\n").encode("utf-8"), signatures


def key_hash(name, public):
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def signed_by(text, signatures, name, public):
    mine = [s for n, h, s in signatures if n == name and h == key_hash(name, public)]
    return bool(mine) and all(ed25519_valid(public, text, s) for s in mine)


def verifier_key(text, name):
    """The 32 bytes of a verifier key `<name>+<hash>+<base64 of 1 and the key>`."""
    parts = text.split("+", 2) if isinstance(text, str) else []
    if len(parts) != 3 or parts[0] != name:
        raise Damaged(f"no verifier key of {name}: {show(text)[:120]!r}")
    raw = from_base64(parts[2], 33)
    if raw[0] != 1 or key_hash(name, raw[1:]).hex() != parts[1]:
        raise Damaged(f"verifier key of {name}: its kind or hash is wrong")
    return raw[1:]


def fingerprint(public):
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


# ---- The vault: descriptions, secrets, manifests (sections 1, 3, 10) -------------------------

def read_object(path, limit):
    """Bytes of a store's file, if it is one and not longer than its kind may be."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
            info = os.fstat(handle.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > limit:
                raise Damaged(f"{path}: not a file, or {info.st_size} bytes where {limit} are the most")
            return handle.read(limit)
    except OSError as why:
        raise Damaged(f"{path}: cannot be read: {why.strerror}")


def names_in(folder):
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


class Vault:
    def __init__(self, work, store, vault, identity, owner, unverified):
        self.work, self.id, self.identity, self.unverified = work, vault, identity, unverified
        self.folder = os.path.join(store, "vaults", vault)
        self.owner_print, self.owner_key = owner          # a fingerprint, a key, or None each
        self.known = {}

    def object(self, path, digest, limit):
        path = os.path.join(self.folder, path)
        data = read_object(path, limit)
        if self.work.hash_many([data])[0].hex() != digest:
            raise Damaged(f"{path}: its bytes do not have the hash in its name: damaged; try another copy of the store")
        checked["objects by their hash"] += 1
        return data

    def owner_of(self, text):
        """The owner's public key: given, or named by the description and of the known fingerprint."""
        if self.owner_key:
            return self.owner_key
        if "owner" not in text:
            if not self.unverified:
                raise Damaged("the description does not hold the owner's public key, and a fingerprint alone verifies "
                              "nothing: give the key, --owner pulih-owner+HASH+BASE64, or type --unverified")
            return None
        public = verifier_key(text["owner"], "pulih-owner")
        if self.owner_print and fingerprint(public) != self.owner_print:
            raise Damaged(f"signed by another owner, {fingerprint(public)}, than the right one, {self.owner_print}")
        return public

    def one_description(self, name):
        number, digest = matching(DESCRIPTION, name, "a description's name").split("-")
        text, signatures = split_note(self.object(f"vault/{name}", digest, MAX_NOTE))
        value = parse_json(f"description {name}", text)
        if value.get("type") != "pulih/vault/v1" or value.get("vault") != self.id or \
                field(value, "number", int) != int(number):
            raise Damaged(f"description {name}: of another type, vault or number")
        public = self.owner_of(value)
        if public is None:
            not_checked("the owner's signature of the vault's description: there is no public key to check it with. "
                        "Anyone who can write to the store can have made all that follows")
        elif not signed_by(text, signatures, "pulih-owner", public):
            raise Damaged(f"description {name}: not signed by the owner")
        elif not self.owner_print and not self.owner_key:
            not_checked("that the owner's key is the right one: no fingerprint was given. The store names "
                        + fingerprint(public))
        else:
            checked["descriptions by the owner's signature"] += 1
        value["owner public"] = public
        return value

    def description(self, name):
        """A description whose chain of predecessors, down to number 1, is whole and signed."""
        chain = []
        while name is not None and name not in self.known:
            value = self.one_description(name)
            chain.append((name, value))
            before = value.get("predecessor")
            if (before is None) != (value["number"] == 1) or (before is not None and int(
                    matching(DESCRIPTION, before, "predecessor").split("-")[0]) != value["number"] - 1):
                raise Damaged(f"description {name}: its predecessor is not the description before it")
            name = before
        self.known.update(chain)
        return chain[0][1] if chain else self.known[name]

    def in_force(self):
        names = [n for n in names_in(os.path.join(self.folder, "vault")) if DESCRIPTION.fullmatch(n)]
        first = None
        for name in sorted(names, key=lambda n: -int(n.split("-")[0])):
            try:
                self.description(name)
                return name
            except Damaged as why:
                first = first or why
                warn(f"description {name} passed over: {why}")
        raise Failed(f"no description of vault {self.id} can be used: {first or 'there is none in ' + self.folder}")

    def secrets(self, name):
        value = self.description(name)
        armored = field(value, "secrets", str).encode()
        plain = self.work.age_opens(f"the secrets in description {name}", armored, self.identity, MAX_NOTE)
        secrets = parse_json("secrets", plain)
        if secrets.get("type") != "pulih/secrets/v1" or secrets.get("vault") != self.id:
            raise Damaged(f"the secrets in description {name}: of another type or vault")
        return from_base64(field(secrets, "id_key", str), 32)

    def manifest_names(self, dataset):
        found = []
        for folder in names_in(os.path.join(self.folder, "snapshots")):
            if DATASET.fullmatch(folder) and dataset in (None, folder):
                found += [(folder, name) for name in names_in(os.path.join(self.folder, "snapshots", folder))
                          if MANIFEST.fullmatch(name)]
        return found

    def manifest(self, dataset, name):
        sequence, digest = name.split("-")
        what = f"manifest {dataset}/{name}"
        text, signatures = split_note(self.object(f"snapshots/{dataset}/{name}", digest, MAX_NOTE))
        value = parse_json(what, text)
        if value.get("type") != "pulih/manifest/v1" or value.get("vault") != self.id or \
                value.get("dataset") != dataset or field(value, "sequence", int) != int(sequence) or sequence == "0" * 10:
            raise Damaged(f"{what}: of another type, vault, dataset or sequence than its name")
        under = self.description(field(value, "description", str))
        agent = f"pulih-agent/{self.id}"
        rebuilt, owner = field(value, "rebuilt", bool), under["owner public"]
        good = signed_by(text, signatures, agent, verifier_key(under.get("agent"), agent))
        if not good and rebuilt and owner:
            good = signed_by(text, signatures, "pulih-owner", owner)
        if good:
            checked["manifests by their signature"] += 1
        elif rebuilt and not owner:                          # only with --unverified
            not_checked(f"the signature of {what}: it may be the owner's, whose key is not known")
        else:
            raise Damaged(f"{what}: not signed by the agent of description {value['description']}")
        tree = value.get("tree")
        if tree is not None:
            if not isinstance(tree, dict):
                raise Damaged(f"{what}: field `tree` is no object")
            tree = (from_base64(field(tree, "root", str), 24), field(tree, "level", int, 11))
        matching(HEX64, value.get("reach"), "reach")
        field(value, "partial", bool), field(value, "captured", str)
        counts = value.get("counts") if isinstance(value.get("counts"), dict) else {}
        return SimpleNamespace(id=digest, dataset=dataset, sequence=int(sequence), root=tree, counts=counts,
                               **{k: value.get(k) for k in ("captured", "partial", "rebuilt", "reach", "description")})


# ---- What a snapshot can be read from: reach and indexes (sections 6, 7) ---------------------

def read_reach(vault, digest, below=8):
    """Packs {hash: stored bytes} and the set of indexes, the chain below applied first."""
    r = Reader(f"reach {digest}", vault.object(f"reach/{digest}", digest, MAX_INDEX))
    r.start(b"PLHREAC\x01", vault.id)
    depth = r.take(1)[0]
    if depth > below:
        raise Damaged(f"{r.what}: a chain of {depth} where {below} are the most")
    base = r.take(32).hex() if depth else None
    gone, packs, last = ascending(r.what, r.hashes()), {}, ""
    for _ in range(r.varint(2 ** 32)):
        pack = r.take(32).hex()
        packs[pack] = r.varint(MAX_PACK, 1)
        r.varint(), r.varint()  # live bytes and all bytes: for sites, not for reading
        if pack <= last:
            raise Damaged(f"{r.what}: packs that do not ascend")
        last = pack
    index_gone, indexes = ascending(r.what, r.hashes()), ascending(r.what, r.hashes())
    if r.at != len(r.data):
        raise Damaged(f"{r.what}: bytes after its end")
    if not base:
        if gone or index_gone:
            raise Damaged(f"{r.what}: something gone where there is no base")
        return packs, set(indexes), 0
    all_packs, all_indexes, base_depth = read_reach(vault, base, depth - 1)
    if base_depth != depth - 1 or set(gone) - all_packs.keys() or set(index_gone) - all_indexes:
        raise Damaged(f"{r.what}: does not fit the reach below it, {base}")
    for pack in gone:
        del all_packs[pack]
    all_packs.update(packs)
    return all_packs, (all_indexes - set(index_gone)) | set(indexes), depth


class Chunks:
    """Where each chunk is: a database in a temporary file, so that size does not cost memory."""

    def __init__(self, vault, manifest, id_key):
        try:
            import sqlite3
        except ImportError:
            raise Failed("this Python has no sqlite3 module: install the complete Python package")
        self.vault, self.work, self.id_key = vault, vault.work, id_key
        self.db = sqlite3.connect(os.path.join(self.work.folder, "db"), isolation_level=None)
        self.db.executescript("""PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; BEGIN;
            CREATE TABLE frames(pack, frame, at, packed, plain, PRIMARY KEY(pack, frame)) WITHOUT ROWID;
            CREATE TABLE chunks(id BLOB PRIMARY KEY, pack, frame, at, length, kind, gone) WITHOUT ROWID;
            CREATE INDEX metadata ON chunks(pack) WHERE kind > 0;
            CREATE TABLE nodes(id BLOB PRIMARY KEY, pack, data BLOB, good);
            CREATE TABLE entries(n INTEGER PRIMARY KEY, line BLOB, same);
            CREATE TABLE wants(pack, frame, at, length, id BLOB, n, place);""")
        self.packs, self.gone, self.covered, self.absorbed, self.hashed = [], {}, set(), set(), set()
        sizes, indexes, _ = read_reach(vault, manifest.reach)
        self.sizes = sizes
        for digest in sorted(indexes):
            try:
                self.load_index(digest)
            except Damaged as why:
                warn(f"what only this index covers is lost: {why}")
        if len(self.covered) < len(sizes):
            warn(f"{len(sizes) - len(self.covered)} of the snapshot's {len(sizes)} packs are in no index that can be read")

    def load_index(self, digest):
        r = Reader(f"index {digest}", self.vault.object(f"index/{digest}", digest, MAX_INDEX))
        r.start(b"PLHINDX\x01", self.vault.id)
        listed = [(r.take(32).hex(), r.varint(MAX_PACK, 1)) for _ in range(r.varint(4096, 1))]
        r.hashes(4096)                                                     # superseded indexes
        frame = self.work.age_opens(r.what, r.data[r.at:], self.vault.identity, MAX_INDEX)
        length = zstd_content_size(frame[:18])
        if length is None or length > MAX_INDEX:
            raise Damaged(f"{r.what}: not a zstd frame with a content size of at most {MAX_INDEX} bytes")
        body = Reader(r.what, self.work.unzip(r.what, frame, length))
        del frame, r
        for pack, stored in listed:
            self.load_pack(body, pack, stored, self.sizes.get(pack) if pack not in self.covered else None)
        if body.at != len(body.data):
            raise Damaged(f"{body.what}: bytes after its end")

    def load_pack(self, body, pack, stored, wanted):
        frames = list(body.frame_list())
        ids = body.take(24 * sum(len(lengths) for _, _, lengths in frames))
        if wanted is None:                  # not in the snapshot's reach, or known from another index
            return
        if wanted != stored or sum(packed for _, packed, _ in frames) > stored:
            raise Damaged(f"{body.what}: pack {pack} has other sizes here than in the reach, or frames too long for it")
        number, at, i = len(self.packs), 0, 0
        self.packs.append(pack)
        self.covered.add(pack)
        try:
            size = os.stat(self.path_of(number)).st_size
            if size != stored:
                self.gone[number] = f"has {size} bytes where {stored} are due"
        except OSError as why:
            self.gone[number] = f"cannot be read: {why.strerror}"
        if number in self.gone:
            warn(f"pack {self.path_of(number)} {self.gone[number]}; what is needed from it is lost")
        for frame, (kind, packed, lengths) in enumerate(frames):
            self.db.execute("INSERT INTO frames VALUES(?,?,?,?,?)", (number, frame, at, packed, sum(lengths)))
            at, place, rows = at + packed, 0, []
            for length in lengths:
                rows.append((ids[i:i + 24], number, frame, place, length, kind, number in self.gone))
                i, place = i + 24, place + length
            if kind <= 2:                                                  # others are passed over
                self.db.executemany("""INSERT INTO chunks VALUES(?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET
                    pack=excluded.pack, frame=excluded.frame, at=excluded.at, length=excluded.length,
                    kind=excluded.kind, gone=0 WHERE gone AND NOT excluded.gone""", rows)

    def path_of(self, number):
        return os.path.join(self.vault.folder, "packs", self.packs[number][:2], self.packs[number])

    def find(self, chunk):
        """(pack, frame, place in the frame, length) or None."""
        return self.db.execute("SELECT pack, frame, at, length FROM chunks WHERE id=?", (chunk,)).fetchone()

    def decrypted(self, number):
        """A pack's plaintext as a temporary file; of a damaged pack, the part that could be had."""
        path, out = self.path_of(number), self.work.file()
        try:
            if number not in self.hashed:
                self.hashed.add(number)
                if self.work.hash_file(path).hex() == self.packs[number]:
                    checked["packs by their hash"] += 1
                else:
                    warn(f"pack {path} does not have the hash in its name: damaged; its good parts are used")
            self.work.age_opens(f"pack {path}", path, self.vault.identity, out=out)
        except (Damaged, OSError) as why:
            warn(str(why))
        return out

    def frames_of(self, number, wanted):
        """Yields lists of (frame, plaintext or None) for frames of one pack, some MiB at a time."""
        with self.decrypted(number) as pack:
            group, held = [], 0
            for frame in sorted(wanted):
                row = self.db.execute("SELECT frame, at, packed, plain FROM frames WHERE pack=? AND frame=?",
                                      (number, frame)).fetchone()
                if group and held + row[3] > BATCH:
                    yield self.unzip(number, pack, group)
                    group, held = [], 0
                group.append(row)
                held += row[3]
            if group:
                yield self.unzip(number, pack, group)

    def unzip(self, number, pack, group):
        parts = []
        try:
            for frame, at, packed, plain in group:
                pack.seek(at)
                parts.append(pack.read(packed))
                if len(parts[-1]) != packed or zstd_content_size(parts[-1][:18]) != plain:
                    raise Damaged(f"pack {self.packs[number]}, frame {frame}: cut short, or not a zstd frame of {plain} bytes")
            what = f"pack {self.packs[number]}, frames {group[0][0]} to {group[-1][0]}"
            data = self.work.unzip(what, b"".join(parts), sum(row[3] for row in group))
        except Damaged as why:
            if len(group) > 1:                       # one of them is bad: find out which
                return [pair for row in group for pair in self.unzip(number, pack, [row])]
            warn(str(why))
            return [(group[0][0], None)]
        found, at = [], 0
        for frame, _, _, plain in group:
            found.append((frame, data[at:at + plain]))
            at += plain
        return found

    def verify(self, blobs, ids):
        """Which of the blobs are the chunks of these ids."""
        good = [digest[:24] == chunk for digest, chunk in zip(self.work.hash_many(blobs, self.id_key), ids)]
        checked["chunks by their id"] += sum(good)
        return good

    # Nodes of the tree and lists: kept, once read, since neighbours are needed soon.

    def fetch(self, ids):
        """Bring nodes or lists in and verify them; what cannot be had is found out by `node`."""
        missing = collections.defaultdict(list)
        for chunk in ids:
            if not self.db.execute("SELECT 1 FROM nodes WHERE id=?", (chunk,)).fetchone():
                place = self.find(chunk)
                if place and place[0] not in self.gone:
                    missing[place[0]].append((chunk,) + place[1:])
        for number, rows in missing.items():
            if number not in self.absorbed:
                self.absorbed.add(number)
                rows = {*rows, *self.db.execute(
                    "SELECT id, frame, at, length FROM chunks WHERE pack=? AND kind > 0", (number,))}
            by_frame = collections.defaultdict(list)
            for row in rows:
                by_frame[row[1]].append(row)
            for group in self.frames_of(number, by_frame):
                for frame, data in group:
                    self.db.executemany("INSERT OR IGNORE INTO nodes VALUES(?,?,?,0)", (
                        (chunk, number, data[at:at + length]) for chunk, _, at, length in by_frame[frame]
                        if data is not None))
        blobs, chunks = [], []
        for i, chunk in enumerate(dict.fromkeys(ids)):
            row = self.db.execute("SELECT data FROM nodes WHERE id=? AND NOT good", (chunk,)).fetchone()
            if row:
                blobs.append(row[0])
                chunks.append(chunk)
            if sum(map(len, blobs)) > BATCH:
                self.keep_good(blobs, chunks)
                blobs, chunks = [], []
        self.keep_good(blobs, chunks)

    def keep_good(self, blobs, chunks):
        if blobs:
            good = self.verify(blobs, chunks)
            self.db.executemany("UPDATE nodes SET good=1 WHERE id=?", [(c,) for c, g in zip(chunks, good) if g])
            self.db.executemany("UPDATE nodes SET data=NULL, good=-1 WHERE id=?",
                                [(c,) for c, g in zip(chunks, good) if not g])

    def node(self, chunk):
        self.fetch([chunk])
        row = self.db.execute("SELECT data FROM nodes WHERE id=? AND good=1", (chunk,)).fetchone()
        if not row:
            place = self.find(chunk)
            raise Damaged(f"chunk {base64.b64encode(chunk).decode()} " + (
                f"cannot be read from pack {self.packs[place[0]]}" if place else "is in no index of this snapshot"))
        return row[0]


# ---- Tree and entries (section 8) ------------------------------------------------------------

def lines_of(data):
    if len(data) > MAX_NODE or not data.endswith(b"\n"):
        raise Damaged(f"a tree node of {len(data)} bytes, more than {MAX_NODE} or without a newline at its end")
    return data[:-1].split(b"\n")


def entry_lines(chunks, node, level):
    """The lines of the tree's leaves, in order; a part that is lost is a problem, and passed over."""
    lines = lines_of(chunks.node(node))
    if level == 0:
        yield from lines
        return
    children, last = [], None
    for line in lines:
        value = parse_json("tree node", line)
        first = safe_path(field(value, "first", str))
        if last is not None and walk_order(first) <= walk_order(last):
            raise Damaged(f"a tree node whose children do not ascend, at {show(first)}")
        last = first
        children.append((first, from_base64(field(value, "node", str), 24), field(value, "entries", int)))
    chunks.fetch([child for _, child, _ in children])
    for first, child, entries in children:
        seen = 0
        try:
            for line in entry_lines(chunks, child, level - 1):
                seen += 1
                yield line
        except Damaged as why:
            problem(f"the {entries - seen} entries after the first {seen} from {show(first)} on: {why}")
            continue
        if seen != entries:
            warn(f"the tree announces {entries} entries from {show(first)} on and holds {seen}")


def parse_entry(line):
    v = parse_json("entry", line)
    e = SimpleNamespace(path=safe_path(v.get("path")), type=v.get("type"), note=v.get("note"), unread=v.get("unread"))

    def optional(name, kind, most=2 ** 63 - 1):
        return field(v, name, kind, most) if name in v else None
    try:
        if e.type not in ("file", "dir", "link", "fifo", "char", "block", "socket"):
            raise Damaged(f"type {show(e.type)!r} is not known")
        e.mode = int(matching(re.compile("[0-7]{1,5}"), v["mode"], "mode"), 8) & 0o7777 if "mode" in v else None
        e.uid, e.gid = optional("uid", int, 2 ** 32 - 2), optional("gid", int, 2 ** 32 - 2)
        e.mtime = None
        if "mtime" in v:
            seconds, part = matching(re.compile(r"-?[0-9]{1,12}\.[0-9]{9}"), v["mtime"], "mtime").split(".")
            e.mtime = int(seconds) * 10 ** 9 + int(part)
        e.size, e.depth, e.sparse = optional("size", int) or 0, optional("depth", int, 4) or 0, v.get("sparse") is True
        e.chunks = [from_base64(c, 24) for c in optional("chunks", list) or []]
        e.holes, last = [], 0
        for hole in optional("holes", list) or []:
            start, length = pair_of(hole, 2)
            if start < last or not length or start + length > e.size:
                raise Damaged("holes that overlap, do not ascend, are empty or pass the end")
            e.holes.append((start, length))
            last = start + length
        if len(e.chunks) > 64:
            raise Damaged(f"{len(e.chunks)} ids in an entry, more than 64")
        e.target = unescape(v.get("target")) if e.type == "link" else None
        if e.type == "link" and (not e.target or b"\0" in e.target):
            raise Damaged("a symlink to nothing, or with a NUL in its target")
        e.rdev = pair_of(v.get("rdev"), 2) if e.type in ("char", "block") else None
        e.links = tuple(pair_of(v["links"], 3)[:2]) if "links" in v and e.type != "dir" else None
        e.xattrs = {unescape(k): from_base64(x) for k, x in (optional("xattrs", dict) or {}).items()}
    except Damaged as why:
        raise Damaged(f"{show(e.path)}: {why}")
    return e


def pair_of(value, count):
    if not isinstance(value, list) or len(value) != count or \
            any(not isinstance(n, int) or isinstance(n, bool) or not 0 <= n < 2 ** 64 for n in value):
        raise Damaged(f"not a list of {count} numbers")
    return value


def content_ids(chunks, ids, depth):
    if depth == 0:
        yield from ids
        return
    chunks.fetch(ids)
    for chunk in ids:
        data = chunks.node(chunk)
        if not data or len(data) % 24:
            raise Damaged("a chunk list that is no whole number of ids")
        yield from content_ids(chunks, [data[i:i + 24] for i in range(0, len(data), 24)], depth - 1)


# ---- The target: nothing is ever written outside it ------------------------------------------

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """Files are reached from the target's own descriptor, part by part, never through a symlink."""

    def __init__(self, path):
        self.root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.is_root, self.folders, self.writers = os.geteuid() == 0, collections.OrderedDict(), collections.OrderedDict()

    def folder(self, path):
        if path in self.folders:
            self.folders.move_to_end(path)
            return self.folders[path]
        here = os.dup(self.root)
        try:
            for part in path.split(b"/") if path else []:
                try:
                    down = os.open(part, FOLDER, dir_fd=here)
                except FileNotFoundError:
                    os.mkdir(part, 0o700, dir_fd=here)          # its own entry is lost, or was never there
                    down = os.open(part, FOLDER, dir_fd=here)
                os.close(here)
                here = down
        except OSError:
            os.close(here)
            raise
        self.folders[path] = here
        if len(self.folders) > 64:
            os.close(self.folders.popitem(last=False)[1])
        return here

    def at(self, path):
        above, _, name = path.rpartition(b"/")
        return self.folder(above), name

    def create(self, e, same):
        folder, name = self.at(e.path)
        if same is not None:
            other, its_name = self.at(same)
            folder, name = self.at(e.path)
            os.link(its_name, name, src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)
        elif e.type == "dir":
            os.mkdir(name, 0o700, dir_fd=folder)
        elif e.type == "link":
            os.symlink(e.target, name, dir_fd=folder)
        elif e.type == "file":
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
            try:
                os.ftruncate(handle, e.size)
            finally:
                os.close(handle)
        else:
            kind = {"fifo": stat.S_IFIFO, "char": stat.S_IFCHR, "block": stat.S_IFBLK}[e.type]
            old = os.umask(0)
            try:
                os.mknod(name, kind | (e.mode or 0) & 0o777, os.makedev(*e.rdev) if e.rdev else 0, dir_fd=folder)
            finally:
                os.umask(old)

    def write(self, n, entry, place, data):
        """Write a piece of a file's content, which leaves the holes out, where it belongs."""
        if n not in self.writers:
            e = entry(n)
            folder, name = self.at(e.path)
            starts, content, at = [], [], 0              # file offset and content offset of each stretch
            for start, length in e.holes + [(e.size, 0)]:
                starts.append(at)
                content.append(content[-1] + before if content else 0)
                before, at = start - at, start + length
            self.writers[n] = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), e, starts, content
            if len(self.writers) > 64:
                os.close(self.writers.popitem(last=False)[1][0])
        self.writers.move_to_end(n)
        handle, e, starts, content = self.writers[n]
        view = memoryview(data)
        while view:
            i = bisect.bisect_right(content, place) - 1
            room = content[i + 1] - place if i + 1 < len(content) else e.size - (starts[i] + place - content[i])
            if room <= 0:
                return                                   # longer than `size`: reported when it was planned
            piece, offset = view[:room], starts[i] + place - content[i]
            for start, part in solid_parts(piece, offset) if e.sparse else [(offset, piece)]:
                while part:
                    done = os.pwrite(handle, part, start)
                    start, part = start + done, part[done:]
            place, view = place + len(piece), view[len(piece):]

    def close_writers(self):
        for handle, *_ in self.writers.values():
            os.close(handle)
        self.writers.clear()

    def finish(self, e):
        """Owner, attributes, mode and time, in the order in which none undoes another."""
        folder, name = self.at(e.path)
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder) \
            if e.type in ("file", "dir") else None
        whole = []
        try:
            if self.is_root and e.uid is not None and e.gid is not None:
                os.chown(name, e.uid, e.gid, dir_fd=folder, follow_symlinks=False)
            place = opened if opened is not None else b"/proc/self/fd/%d/%s" % (folder, name)
            for attribute, value in e.xattrs.items():
                if self.is_root or not attribute.startswith((b"security.", b"trusted.")):
                    try:
                        os.setxattr(place, attribute, value, follow_symlinks=opened is not None)
                    except OSError as why:
                        whole.append(f"attribute {show(attribute)}: {why.strerror}")
            if e.mode is not None and opened is not None:
                os.fchmod(opened, e.mode if self.is_root else e.mode & ~0o6000)
            if e.mtime is not None:
                if opened is not None:
                    os.utime(opened, ns=(e.mtime, e.mtime))
                else:
                    os.utime(name, ns=(e.mtime, e.mtime), dir_fd=folder, follow_symlinks=False)
        finally:
            if opened is not None:
                os.close(opened)
        return "; ".join(whole)


def solid_parts(data, offset):
    """The parts of a sparse file's content that are not blocks of 4096 zeros: (offset, bytes)."""
    at, start = 0, None
    while at < len(data):
        end = min(len(data), at + 4096 - (offset + at) % 4096)
        if any(data[at:end].tobytes().strip(b"\0")):
            start = at if start is None else start
        elif start is not None:
            yield offset + start, data[start:at]
            start = None
        at = end
    if start is not None:
        yield offset + start, data[start:]


# ---- Restore ---------------------------------------------------------------------------------

class Restore:
    def __init__(self, chunks, manifest, target):
        self.chunks, self.db, self.manifest, self.target = chunks, chunks.db, manifest, target
        self.lost, self.total, self.kinds = {}, collections.Counter(), collections.Counter()
        self.linked, self.failed = {}, set()
        disk = os.fstatvfs(target.root)
        self.room = disk.f_bavail * disk.f_frsize

    def entry(self, n):
        return parse_entry(self.db.execute("SELECT line FROM entries WHERE n=?", (n,)).fetchone()[0])

    def plan(self):
        """Read the tree; write down each entry and each piece of content that it needs."""
        n, last = 0, None
        if self.manifest.root is None:
            return
        for line in entry_lines(self.chunks, *self.manifest.root):
            n += 1
            try:
                e = parse_entry(line)
                if last is not None and walk_order(e.path) <= walk_order(last):
                    problem(f"{show(e.path)}: out of order in the tree, after {show(last)}; restored if nothing is there")
                last = e.path
                self.kinds["unread" if e.unread and e.type == "file" else e.type] += 1
                if e.note:
                    say(f"NOTE  {show(e.path)}: {show(e.note)} while it was read for this snapshot")
                if e.unread:
                    problem(f"{show(e.path)}: was not read when the snapshot was made: {show(e.unread)}")
                    if e.type == "file":
                        continue
                same = self.linked.get(e.links) if e.links else None
                if same and same[1] != e.type:
                    problem(f"{show(e.path)}: said to be one file with an entry of another type")
                    same = None
                if e.type == "file" and not same:
                    self.plan_file(n, e)
                if e.links and not same:
                    self.linked[e.links] = (n, e.type)
                self.db.execute("INSERT INTO entries VALUES(?,?,?)", (n, line, same[0] if same else None))
            except Damaged as why:
                problem(str(why))
        self.db.execute("CREATE INDEX want ON wants(pack, frame, at)")

    def plan_file(self, n, e):
        place, rows, room = 0, [], e.size - sum(length for _, length in e.holes)
        try:
            for chunk in content_ids(self.chunks, e.chunks, e.depth):
                found = self.chunks.find(chunk)
                if not found:
                    raise Damaged(f"chunk {base64.b64encode(chunk).decode()} is in no index of this snapshot")
                if found[0] in self.chunks.gone:
                    self.lose(n, found[3], f"pack {self.chunks.packs[found[0]]} {self.chunks.gone[found[0]]}")
                else:
                    rows.append(found + (chunk, n, place))
                place += found[3]
                if place > room:
                    raise Damaged(f"its content is longer than its size, {e.size}, allows")
                if len(rows) == 10000:
                    self.db.executemany("INSERT INTO wants VALUES(?,?,?,?,?,?,?)", rows)
                    rows.clear()
                    self.check_room(0 if e.sparse else place)
            if place < room:
                self.lose(n, room - place, "the snapshot holds less content than the file's size")
        except Damaged as why:
            self.db.execute("DELETE FROM wants WHERE n=?", (n,)) if place > 0 else None
            raise Damaged(f"{show(e.path)}: {why}")
        self.db.executemany("INSERT INTO wants VALUES(?,?,?,?,?,?,?)", rows)
        self.total["files"] += 1
        self.total["planned"] += 0 if e.sparse else place
        self.check_room(0)

    def lose(self, n, length, why):
        before = self.lost.get(n, (0, why))
        self.lost[n] = (before[0] + length, before[1])

    def check_room(self, more):
        if self.total["planned"] + more > self.room:
            raise Failed(f"the target has room for {self.room} bytes and the snapshot needs more, "
                         f"{self.total['planned'] + more} or above: choose another target. Nothing was restored")

    def create(self):
        for n, line, same in self.db.execute("SELECT n, line, same FROM entries ORDER BY n"):
            e = parse_entry(line)
            try:
                if e.type == "socket":
                    self.failed.add(n)               # means nothing without the program that made it
                elif same is not None and same in self.failed:
                    raise OSError(errno.ENOENT, "the file that it is one with was not restored")
                else:
                    self.target.create(e, self.entry(same).path if same is not None else None)
                    self.total["entries"] += 1
            except (OSError, OverflowError) as why:
                self.failed.add(n)
                problem(f"{show(e.path)} ({e.type}): {getattr(why, 'strerror', None) or why}")
                self.total["files"] -= e.type == "file" and same is None

    def fill(self):
        packs = [row[0] for row in self.db.execute("SELECT DISTINCT pack FROM wants ORDER BY pack")]
        for i, pack in enumerate(packs, 1):
            say(f"pack {i} of {len(packs)}")
            frames = [row[0] for row in self.db.execute("SELECT DISTINCT frame FROM wants WHERE pack=?", (pack,))]
            for group in self.chunks.frames_of(pack, frames):
                self.fill_from(pack, group)
        self.target.close_writers()

    def fill_from(self, pack, group):
        rows, blobs = [], []
        for frame, data in group:
            for at, length, chunk in self.db.execute(
                    "SELECT DISTINCT at, length, id FROM wants WHERE pack=? AND frame=?", (pack, frame)):
                rows.append((frame, at, chunk))
                blobs.append(data[at:at + length] if data is not None else b"")
        for (frame, at, _), blob, good in zip(rows, blobs, self.chunks.verify(blobs, [row[2] for row in rows])):
            for n, place, length in self.db.execute(
                    "SELECT n, place, length FROM wants WHERE pack=? AND frame=? AND at=?", (pack, frame, at)).fetchall():
                if n in self.failed:
                    continue
                if not good:
                    self.lose(n, length, f"pack {self.chunks.packs[pack]}, frame {frame}: damaged")
                    continue
                try:
                    self.target.write(n, self.entry, place, blob)
                    self.total["bytes"] += length
                except OSError as why:
                    raise Failed(f"cannot write to the target: {why.strerror}: {show(self.entry(n).path)}; "
                                 "empty the target and start again")

    def finish(self):
        for n, (length, why) in sorted(self.lost.items()):
            if n not in self.failed:
                problem(f"{show(self.entry(n).path)}: {length} bytes of it are lost, zeros stand in their place: {why}")
                self.total["files"] -= 1
        for n, line, same in self.db.execute("SELECT n, line, same FROM entries ORDER BY n DESC"):
            if n not in self.failed and same is None:
                e = parse_entry(line)
                try:
                    why = self.target.finish(e)
                except OSError as error:
                    why = error.strerror
                if why:
                    problem(f"{show(e.path)}: restored, but not all of its owner, mode, time and attributes: {why}")


# ---- Commands --------------------------------------------------------------------------------

def identity_facts(path):
    """The vaults and owners that the identity file's comments name."""
    try:
        data = read_start(path, MIB)
    except OSError as why:
        raise Misuse(f"the identity file {path} cannot be read: {why.strerror}")
    if data.startswith((b"age-encryption.org/", b"-----BEGIN AGE")):
        raise Misuse(f"{path} is itself encrypted. Open it first, onto a disk in memory: age -d -o /dev/shm/key {path}")
    text = data.decode("utf-8", "replace")
    return [sorted(set(re.findall(rf"(?m)^# *pulih {name}: *(\S+)\s*$", text))) for name in ("vault", "owner")]


def open_vault(args, where):
    vaults, owners = identity_facts(args.identity)
    vaults = [args.vault] if args.vault else vaults
    there = [name for name in names_in(os.path.join(args.store, "vaults")) if HEX32.fullmatch(name)]
    if not there:
        raise Misuse(f"{args.store} is no store: it has no folder vaults/ with a vault in it")
    if not vaults:
        vaults = there
        say("The identity file names no vault, and --vault was not given; in the store: " + ", ".join(there))
    if len(vaults) > 1:
        raise Misuse("which vault? Give --vault, one of " + ", ".join(map(show, vaults)))
    if vaults[0] not in there:
        raise Misuse(f"vault {show(vaults[0])} is not in this store; there are: {', '.join(there)}")
    owners = [args.owner] if args.owner else owners
    if len(owners) > 1:
        raise Misuse("which owner? Give --owner, one of " + ", ".join(map(show, owners)))
    owner = (None, None)
    if owners and owners[0].startswith("pulih-owner+"):
        try:
            key = verifier_key(owners[0], "pulih-owner")
        except Damaged as why:
            raise Misuse(str(why))
        owner = (fingerprint(key), key)
    elif owners:
        if not FINGERPRINT.fullmatch(owners[0]):
            raise Misuse(f"{show(owners[0])} is no fingerprint; one is SHA256: and 43 characters")
        owner = (owners[0], None)
    elif not args.unverified:
        raise Misuse("whose vault is this? Without the owner's fingerprint anyone who can write to the store can hand you "
                     "files of their own. It stands in the identity file (`# pulih owner: SHA256:...`) and in the "
                     "papers; give it with --owner. If it cannot be found: --unverified, which checks no owner")
    work = Work(where)
    work.need_programs()
    return Vault(work, os.path.abspath(args.store), vaults[0], os.path.abspath(args.identity), owner, args.unverified)


def choose(vault, wanted, dataset):
    names = vault.manifest_names(dataset)
    if not names:
        raise Failed(f"no snapshot in {vault.folder}/snapshots" + (f"/{dataset}" if dataset else ""))
    if wanted != "latest":
        found = [pair for pair in names if pair[1].split("-")[1].startswith(wanted.lower())]
        if len(found) != 1 or not wanted:
            raise Misuse(f"{len(found)} snapshots begin with {show(wanted)!r}; see `list`")
        try:
            return vault.manifest(*found[0])
        except Damaged as why:
            raise Failed(str(why))
    datasets = sorted({pair[0] for pair in names})
    if len(datasets) > 1:
        raise Misuse("latest of which dataset? Give --dataset, one of " + ", ".join(datasets))
    best = None
    for pair in sorted(names, key=lambda pair: pair[1], reverse=True):
        if best and int(pair[1].split("-")[0]) < best.sequence:
            break
        try:
            manifest = vault.manifest(*pair)
        except Damaged as why:
            warn(f"a snapshot was passed over: {why}")
            continue
        if manifest.partial:
            say(f"{manifest.id[:12]} (sequence {manifest.sequence}) is partial, no recovery point: passed over")
        elif best:
            raise Misuse(f"two snapshots have sequence {best.sequence}: choose {best.id[:12]} or {manifest.id[:12]}")
        else:
            best = manifest
    if not best:
        raise Failed("no whole snapshot can be used")
    return best


def command_list(args):
    vault = open_vault(args, None)
    force, bad = vault.in_force(), 0
    print(f"vault {vault.id}, description {force[:14]}, class {show(vault.known[force].get('class'))}")
    print(f"{'SNAPSHOT':14}{'DATASET':24}{'SEQ':>6}  {'CAPTURED':22}{'FILES':>10}{'BYTES':>18}")
    for dataset, name in vault.manifest_names(args.dataset):
        try:
            m = vault.manifest(dataset, name)
            flags = [f for f in ("partial", "rebuilt") if getattr(m, f)]
            flags += [] if m.description == force else [f"description {m.description.split('-')[0]}, not the one in force"]
            print(f"{m.id[:12]:14}{dataset:24}{m.sequence:>6}  {show(m.captured)[:20]:22}{show(m.counts.get('files'))[:9]:>10}"
                  f"{show(m.counts.get('bytes'))[:17]:>18}  {' '.join(flags)}")
        except Damaged as why:
            bad += 1
            print(f"{name.split('-')[1][:12]:14}{dataset:24}{int(name[:10]):>6}  REFUSED: {why}")
    summary([f"{bad} snapshots were refused"] if bad else [])
    return 1 if bad else 0


def command_restore(args):
    if args.target and os.path.lexists(args.target):
        if not os.path.isdir(args.target) or os.listdir(args.target):
            raise Misuse(f"the target {args.target} must be absent or an empty folder")
    vault = open_vault_at(args)
    force = vault.in_force()
    manifest = choose(vault, args.snapshot, args.dataset)
    say(f"Snapshot {manifest.id[:12]} of {manifest.dataset}, sequence {manifest.sequence}, captured {show(manifest.captured)}"
        + (", PARTIAL: no recovery point" if manifest.partial else "") + (", rebuilt" if manifest.rebuilt else ""))
    if force != manifest.description:
        warn(f"the snapshot was made under description {manifest.description[:14]}, but {force[:14]} is in force. "
             "If the agent's key was changed because it was stolen, do not trust this snapshot")
    try:
        try:
            id_key = vault.secrets(manifest.description)
        except Damaged as why:                               # its recipients may have been replaced since
            if force == manifest.description:
                raise
            warn(f"{why}; the secrets of the description in force are tried")
            id_key = vault.secrets(force)
        chunks = Chunks(vault, manifest, id_key)
        restore = Restore(chunks, manifest, Target(args.target))
        restore.plan()
    except Damaged as why:
        raise Failed(str(why))
    restore.create()
    restore.fill()
    restore.finish()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(restore.kinds.items()))
    lines = [f"Restored {restore.total['files']} files whole (hard links count once), {restore.total['bytes']} bytes, "
             f"{restore.total['entries']} entries in all, to {args.target}",
             f"In the snapshot: {kinds or 'nothing'}; the manifest counts {show(json.dumps(manifest.counts))}"]
    if restore.kinds["socket"]:
        lines.append(f"{restore.kinds['socket']} sockets passed over: their programs make them again")
    if not restore.target.is_root:
        lines.append("Not root: owners, setuid and setgid bits, security.* and trusted.* attributes were left out")
    else:
        lines.append("Owners are the numbers in the snapshot; this machine's names for them may differ")
    summary(lines + ([f"{len(problems)} entries or parts NOT RESTORED, listed above"] if problems else []))
    return 3 if problems else 0


def open_vault_at(args):
    made = not os.path.lexists(args.target)
    vault = None
    try:
        if made:
            os.makedirs(args.target, 0o700)
        vault = open_vault(args, args.target)
    except OSError as why:
        raise Misuse(f"the target {args.target}: {why.strerror}")
    finally:
        if made and vault is None and os.path.isdir(args.target) and not os.listdir(args.target):
            os.rmdir(args.target)
    return vault


def summary(lines):
    for line in lines:
        print(line)
    for what, count in sorted(checked.items()):
        print(f"Checked: {count} {what}")
    for what in unchecked:
        print(f"NOT CHECKED: {what}")
    print("Not checked, for a store alone cannot tell: that no newer snapshot was taken away")


# ---- Self-test -------------------------------------------------------------------------------

ED25519_VECTORS = (     # RFC 8032, section 7.1: public key, message, signature
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"))
BLAKE3_VECTORS = (      # official: length of the input, hash, keyed hash
    (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"),
    (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213", "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"),
    (1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11", "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e"),
    (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7", "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"),
    (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444", "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"),
    (3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3", "68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a"),
    (8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b", "954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5"),
    (31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47", "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419"),
    (102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085", "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7"))


def refuses(function, *values):
    try:
        function(*values)
    except Damaged:
        return True
    return False


def vector_results(folder):
    """The test vectors of tests/vectors that a reader can check: (what, whether it is right)."""
    def cases(name):
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as handle:
            return json.load(handle)["cases"]

    def refused_or(case, function, make=bytes.fromhex):
        """None for a case that is to be read; whether it is refused for one that is not."""
        return refuses(function, make(case["refused"])) if "refused" in case else None

    def outcome(name, case, refused, good):
        try:
            right = good() if refused is None else refused
        except Damaged as why:
            say(f"{name}: {why}")
            right = False
        return f"vector {name} {show(json.dumps(case))[:100]}", right

    def varint(data):
        r = Reader("varint", data)
        return r.varint(), r.at

    def frame_list(data):
        return list(Reader("frame list", data).frame_list())

    def shapes(frames):
        return [{"kind": kind, "stored": stored, "chunks": list(lengths)} for kind, stored, lengths in frames]

    def blob(name):
        with open(os.path.join(folder, name), "rb") as handle:
            return handle.read()

    def reach(case, known):
        """Read through `read_reach`, which takes the chain below from the store: here, from `known`."""
        def stored(path, digest, limit):
            return known[digest]
        data = bytes.fromhex(case.get("object") or case["refused"])
        known[blake3(data).hex()] = data
        packs, indexes, below = read_reach(SimpleNamespace(id=case["vault"], object=stored), blake3(data).hex())
        return {"packs": packs, "indexes": sorted(indexes), "below": below}

    def reach_due(case):
        return {"packs": {p["hash"]: p["stored"] for p in case["whole"]["packs"]},
                "indexes": case["whole"]["indexes"], "below": case["below"]}

    def header(case):
        r = Reader("index", bytes.fromhex(case.get("header") or case["refused"]))
        r.start(b"PLHINDX\x01", case["vault"])
        packs = [{"hash": r.take(32).hex(), "stored": r.varint(MAX_PACK, 1)} for _ in range(r.varint(4096, 1))]
        return packs, r.hashes(4096), r.at == len(r.data)

    def entry(line):
        e = parse_entry(line.encode("utf-8").rstrip(b"\n"))
        found = {"path": e.path.hex(), "mode": e.mode, "mtime": list(divmod(e.mtime, 10 ** 9))}
        found.update({"target": e.target.hex()} if e.type == "link" else {})
        found.update({"chunks": [c.hex() for c in e.chunks]} if e.type == "file" else {})
        found.update({"xattrs": {k.hex(): x.hex() for k, x in e.xattrs.items()}} if e.xattrs else {})
        return found

    def note(case):
        text, signatures = split_note(case["note"].encode("utf-8"))
        signer = case.get("verifier_key") or case["signer"]
        name = signer.split("+")[0]
        return text.decode("utf-8"), signed_by(text, signatures, name, verifier_key(signer, name)), \
            signed_by(text + b"x", signatures, name, verifier_key(signer, name))

    results = []
    for case in cases("varint"):
        results.append(outcome("varint", case, refused_or(case, varint), lambda: varint(bytes.fromhex(case["bytes"])) == (
            int(case["value"]), len(case["bytes"]) // 2)))
    for case in cases("escape"):
        results.append(outcome("escape", case, refused_or(case, unescape, str), lambda: (
            unescape(case["text"]).hex(), escape(bytes.fromhex(case["bytes"]))) == (case["bytes"], case["text"])))
    for case in cases("chunk-id"):
        data = bytes(i % 251 for i in range(case["length"]))
        results.append(outcome("chunk-id", case, None, lambda: blake3(data, bytes.fromhex(case["id_key"]))[:24]
                               == bytes.fromhex(case["id"]) == from_base64(case["json"], 24)))
    for case in cases("frame-list"):
        results.append(outcome("frame-list", case, refused_or(case, frame_list), lambda: shapes(
            frame_list(bytes.fromhex(case["list"]))) == case["frames"]))
    known = {}
    for case in cases("reach"):
        results.append(outcome("reach", case, refused_or(case, lambda c: reach(c, known), lambda _: case),
                               lambda: reach(case, known) == reach_due(case) and case["hash"] in known))
    for case in cases("index-header"):
        results.append(outcome("index-header", case, refused_or(case, header, lambda _: case), lambda: header(case) == (
            case["packs"], case["supersedes"], True)))
    for case in cases("entry"):
        results.append(outcome("entry", case, refused_or(case, entry, str), lambda: entry(case["line"]) == {
            k: v for k, v in case.items() if k != "line"}))
    for case in cases("note"):
        results.append(outcome("note", case, None, lambda: note(case) == (case["text"], True, False)
                               and fingerprint(verifier_key(case["verifier_key"], case["verifier_key"].split("+")[0]))
                               == case["fingerprint"]))
    for case in cases("manifest"):
        results.append(outcome("manifest", case, None, lambda: note(case)[1:] == (True, False)
                               and json.loads(note(case)[0]) == case["value"]))
    case = cases("description")[0]
    text, signatures = split_note(blob(case["file"]))
    description, owner = parse_json("description", text), verifier_key(case["owner"], "pulih-owner")
    results.append(("vector description", signed_by(text, signatures, "pulih-owner", owner)
                    and case["name"] == "1-" + blake3(blob(case["file"])).hex()
                    and fingerprint(owner) == case["owner_fingerprint"] and all(
                        description[k] == case[k] for k in ("vault", "class", "created", "chunker", "recipients", "agent"))))
    for name in ("pack", "index"):
        results.append((f"vector {name} hash", blake3(blob(cases(name)[0]["file"])).hex() == cases(name)[0]["hash"]))
    if not (shutil.which("age") and shutil.which("zstd")):
        say("No age or no zstd here: the sealed vectors were not opened")
        return results
    try:
        return results + sealed_vector_results(cases, blob, shapes, description)
    except Damaged as why:
        return results + [(f"sealed vectors: {why}", False)]


def sealed_vector_results(cases, blob, shapes, description):
    """Those for which age and zstd are needed."""
    work, results = Work(None), []

    def opened(what, data, identity, limit):
        with tempfile.NamedTemporaryFile("w", dir=work.folder) as key:
            key.write(identity + "\n")
            key.flush()
            return work.age_opens(what, data, key.name, limit)

    case = cases("description")[0]
    secrets = parse_json("secrets", opened("secrets", description["secrets"].encode(), case["identity"], MAX_NOTE))
    results.append(("vector secrets", [from_base64(secrets[k], 32).hex() for k in ("id_key", "boundary_secret")]
                    + [secrets["index_identity"]] == [case[k] for k in ("id_key", "boundary_secret", "index_identity")]))
    case = cases("pack")[0]
    plain = opened("pack", blob(case["file"]), case["identity"], MAX_PACK)
    stored, lengths = [f["stored"] for f in case["frames"]], [n for f in case["frames"] for n in f["chunks"]]
    content = work.unzip("pack", plain, sum(lengths))        # zstd passes over the tables by itself
    ends = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    table = Reader("table", plain[sum(stored) + 8:])
    table.start(b"PLHPACK\x01", case["vault"])
    results += [("vector pack plaintext", (len(plain), blake3(plain).hex()) == (case["plain_bytes"], case["plain_hash"])),
                ("vector pack content", blake3(content).hex() == case["content_hash"]),
                ("vector pack table", shapes(table.frame_list()) == case["frames"]),
                ("vector pack ids", [blake3(content[a:b], bytes.fromhex(case["id_key"]))[:24].hex()
                                     for a, b in zip(ends, ends[1:])] == case["ids"])]
    case = cases("index")[0]
    for identity in case["identities"]:
        r = Reader("index", blob(case["file"]))
        r.start(b"PLHINDX\x01", case["vault"])
        listed = [(r.take(32).hex(), r.varint(MAX_PACK, 1)) for _ in range(r.varint(4096, 1))]
        r.hashes(4096)
        frame = opened("index", r.data[r.at:], identity, MAX_INDEX)
        body, packs = Reader("index", work.unzip("index", frame, zstd_content_size(frame[:18]))), []
        for digest, size in listed:
            frames = shapes(body.frame_list())
            ids = [body.take(24).hex() for f in frames for _ in f["chunks"]]
            packs.append({"hash": digest, "stored": size, "frames": frames, "ids": ids})
        results.append(("vector index", packs == case["packs"] and body.at == len(body.data)))
    return results


def self_test():
    results = []
    for public, message, signature in ED25519_VECTORS:
        public, message, signature = map(bytes.fromhex, (public, message, signature))
        high = signature[:32] + (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")
        results += [("Ed25519 vector", ed25519_valid(public, message, signature)),
                    ("Ed25519 other message", not ed25519_valid(public, message + b"x", signature)),
                    ("Ed25519 S not below L", not ed25519_valid(public, message, high)),
                    ("Ed25519 other R", not ed25519_valid(public, message, bytes([signature[0] ^ 1]) + signature[1:]))]
    results.append(("Ed25519 key of small order", not ed25519_valid(b"\1" + bytes(31), b"", b"\1" + bytes(63))))
    for length, plain, keyed in BLAKE3_VECTORS:
        data = bytes(i % 251 for i in range(length))
        results += [(f"BLAKE3 of {length}", blake3(data).hex() == plain),
                    (f"BLAKE3 keyed of {length}", blake3(data, b"whats the Elvish word for friend").hex() == keyed)]
    for name, text in ((b"a/b", "a/b"), (b"a\\b", "a\\\\b"), (b"\xff\xc3\xa9\xe2\x82x", "\\xff\u00e9\\xe2\\x82x"),
                       (b"\xed\xa0\x80", "\\xed\\xa0\\x80"), (b"\\x41", "\\\\x41"), (b"", "")):
        results += [(f"escape {name!r}", escape(name) == text), (f"unescape {text!r}", unescape(text) == name)]
    for text in ("\\", "\\x4", "\\x41", "\\xFF", "\\n", "\\xc3\\xa9", "\ud800", None):
        results.append((f"unescape refuses {text!r}", refuses(unescape, text)))
    for text in ("", "/a", "a/", "a//b", "a/../b", "..", ".", "./a", "a\0b", "a" * 256, "a/" * 32768 + "a"):
        results.append((f"path refuses {text[:12]!r}", refuses(safe_path, text)))
    for data, value in ((b"\0", 0), (b"\x7f", 127), (b"\x80\x01", 128), (b"\xff" * 9 + b"\x01", 2 ** 64 - 1)):
        results.append((f"varint {value}", Reader("", data).varint() == value))
    for data in (b"", b"\x80", b"\x80\x00", b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01"):
        results.append((f"varint refuses {data.hex()}", refuses(lambda d: Reader("", d).varint(), data)))
    vectors = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "vectors")
    if os.path.isdir(vectors):                               # not where the script came alone
        results += vector_results(vectors)
    for what, good in results:
        if not good:
            print(f"WRONG  {what}")
    wrong = sum(not good for _, good in results)
    print(f"self-test: {len(results)} checks, {wrong} wrong")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    commands = parser.add_subparsers(dest="command")
    for name in ("list", "restore"):
        p = commands.add_parser(name)
        p.add_argument("--store", required=True, metavar="DIR")
        p.add_argument("--identity", required=True, metavar="FILE")
        p.add_argument("--owner", metavar="SHA256:...", help="the owner key's fingerprint, or its verifier key")
        p.add_argument("--vault", metavar="ID")
        p.add_argument("--dataset", metavar="NAME")
        p.add_argument("--unverified", action="store_true", help="go on where an owner cannot be checked")
        if name == "restore":
            p.add_argument("snapshot", metavar="SNAPSHOT")
            p.add_argument("--target", required=True, metavar="DIR")
    args = parser.parse_args()
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))       # so that temporary files are removed
    try:
        if args.self_test:
            return self_test()
        if not args.command:
            parser.error("give a command: list or restore")
        return command_list(args) if args.command == "list" else command_restore(args)
    except Misuse as why:
        say(f"rescue: {why}")
        return 2
    except (Failed, Damaged) as why:
        say(f"rescue: FAILED: {why}")
        return 1
    except OSError as why:
        say(f"rescue: FAILED: {why}")
        return 1
    except KeyboardInterrupt:
        say("rescue: stopped; empty the target before the next attempt")
        return 1


if __name__ == "__main__":
    sys.exit(main())
