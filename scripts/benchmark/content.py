"""Bytes to fill files with: cuts of real files, SQL dumps, edits, copies of real trees.

Every draw from a random generator here, and the order of the draws, is part of what the data sets
are: a change makes later numbers incomparable with earlier ones.
"""
import os
import shutil

from .places import MIB

FIRST = "Anna Bea Carl Dora Emil Finn Gina Hugo Ida Jan Kira Lars Mia Nils Olga Paul Rosa Sven Tom Ute".split()
LAST = "Abel Bauer Conrad Dietz Ebert Fuchs Graf Huber Iser Jung Kunz Lang Maurer Neumann Otto Pohl Roth Stein Thoma Vogt".split()
CITY = "Berlin Hamburg Munich Cologne Vienna Zurich Basel Geneva Prague Warsaw Paris Lyon Milan Turin Madrid Porto".split()
NOTE = ("paid in full|awaiting delivery|address changed on request|customer called twice|voucher applied|"
        "second reminder sent|returned and refunded|no remarks|priority shipping|invoice by post").split("|")


class Text:
    """A pool of bytes cut from real files: compressible as real data is, yet no two cuts alike."""

    def __init__(self, folders, endings, limit):
        pool = bytearray()
        for path in self._files(folders, endings):
            with open(path, "rb") as f:
                pool += f.read(MIB)
            if len(pool) >= limit:
                break
        self.pool = bytes(pool[:limit])

    @staticmethod
    def _files(folders, endings):
        for top in folders:
            for base, below, names in os.walk(top):
                below.sort()
                for name in sorted(names):
                    path = os.path.join(base, name)
                    # libfoo.so.1.2 does not end in .so
                    fits = name.endswith(endings) or ".so" in endings and ".so" in name
                    if fits and os.path.isfile(path) and not os.path.islink(path):
                        yield path

    def cut(self, rng, n):
        start = rng.randrange(max(1, len(self.pool) - n))
        return self.pool[start:start + n]


def sql_row(rng, i):
    r, g = rng.random, rng.getrandbits
    f, l = FIRST[g(6) % 20], LAST[g(6) % 20]
    return (f"{i}\t{f} {l}\t{f.lower()}.{l.lower()}{g(10)}@example.org\t{CITY[g(4)]}\t"
            f"20{10 + g(4):02d}-{1 + g(5) % 12:02d}-{1 + g(6) % 28:02d} {g(6) % 24:02d}:{g(6) % 60:02d}:{g(6) % 60:02d}\t"
            f"{r() * 1000:.2f}\t{g(1)}\t{g(64):016x}\t{NOTE[g(6) % 10]}\n")


def sql_dump(today, tomorrow, nbytes, rng, percent):
    """Write a pg_dump-like file and its next day, of which percent % of the rows differ.

    Half of those are new rows at the end of each table, which move all that follows; half are
    changed rows: 70 % in a few hot runs of 1,400 rows, 30 % in runs of 40 rows all over the file.
    """
    tables, block, row_bytes = 8, 200, 118.0
    blocks = max(1, int(nbytes / tables / row_bytes / block))
    rows = blocks * block
    changed = rows * percent / 200.0
    hot = set()
    for count, run in ((changed * 0.7, 1400), (changed * 0.3, 40)):
        for _ in range(max(1, round(count * tables / run))):
            table, start = rng.randrange(tables), rng.randrange(rows)
            hot.update((table, i) for i in range(start, min(rows, start + run)))
    with open(today, "w") as a, open(tomorrow, "w") as b:
        for table in range(tables):
            head = (f"--\n-- Data for Name: orders_{table}; Type: TABLE DATA; Schema: public\n--\n\n"
                    f"COPY public.orders_{table} (id, name, email, city, created, amount, open, token, note) FROM stdin;\n")
            a.write(head)
            b.write(head)
            for low in range(0, rows, block):
                span = range(low, low + block)
                lines = [sql_row(rng, i) for i in span]
                text = "".join(lines)
                a.write(text)
                if any((table, i) in hot for i in span):
                    text = "".join(sql_row(rng, i) if (table, i) in hot else lines[i - low] for i in span)
                b.write(text)
            b.write("".join(sql_row(rng, i) for i in range(rows, rows + max(1, int(changed)))))
            a.write("\\.\n\n")
            b.write("\\.\n\n")


def edit_pages(image, rng, percent):
    """Rewrite percent % of the 4 KiB pages in place."""
    out = bytearray(image)
    for _ in range(int(len(out) / 4096 * percent / 100)):
        at = rng.randrange(len(out) // 4096) * 4096
        out[at:at + 4096] = rng.randbytes(4096)
    return bytes(out)


def edit_insert(image, rng, times):
    """Insert 1 to 5,000 bytes at so many places: all that follows moves."""
    cuts = sorted(rng.randrange(len(image)) for _ in range(times))
    out, last = [], 0
    for cut in cuts:
        out += [image[last:cut], rng.randbytes(rng.randrange(1, 5000))]
        last = cut
    return b"".join(out + [image[last:]])


def write(path, data, mtime=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    if mtime:
        os.utime(path, (mtime, mtime))


def copy_real(source, target, quota, seen):
    """Copy a real tree in sorted order up to quota bytes; symlinks stay links, hard links are broken up."""
    used = 0
    for base, below, names in os.walk(source):
        below.sort()
        rel = os.path.relpath(base, source)
        for name in sorted(names):
            path, copy = os.path.join(base, name), os.path.normpath(os.path.join(target, rel, name))
            try:
                st = os.lstat(path)
                ordinary = os.path.islink(path) or os.path.isfile(path)
                if not ordinary or st.st_size > 48 * MIB or (st.st_ino in seen and st.st_nlink > 1):
                    continue
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copy2(path, copy, follow_symlinks=False)
                seen.add(st.st_ino)
                used += st.st_size
            except OSError:
                continue
            if used >= quota:
                return


def regular_files(root, skip=()):
    """Paths below root of the files with one name, in sorted order, but those that start with skip."""
    out = []
    for base, below, names in os.walk(root):
        below.sort()
        for name in sorted(names):
            path = os.path.join(base, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.lstat(path).st_nlink == 1:
                rel = os.path.relpath(path, root)
                if not rel.startswith(skip):
                    out.append(rel)
    return out
