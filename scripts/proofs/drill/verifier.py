#!/usr/bin/env python3
"""Two programs that share nothing verify the same bundle: a good one of two sites with drills, co-signatures and a
witness, and then one that is damaged or forged in each way that the contract has a code for. They must say the same.

Who forges has the site's own key wherever it helps: what is found then is found by what others saw, or by the log itself.
"""
import base64
import glob
import os
import shutil
import tarfile

import evidence
import fleet
from evidence import Witness
from first import drills, offices, scheduled
from fleet import Drc, Site, hold, prove, room, say, seeded, until
from forge import Log, Signer, change, get, kind, packed, put, read, unpacked, written
from night import Keeper

DRC, PUSAT = "drc-33.19", "pusat-33.19"


class Harm:
    """Copies of a bundle, each harmed in one way."""

    def __init__(self, good, older, signer):
        self.good, self.older, self.signer = good, older, signer

    def into(self, copy):
        self.copy, self.log = copy, Log(copy, DRC)
        shutil.copytree(self.good, copy, symlinks=True)
        return self

    def path(self, name):
        return f"{self.copy}/{name}"

    def one(self, pattern):
        found = sorted(glob.glob(self.path(pattern)))
        hold(found, f"the bundle has no {pattern}")
        return found[-1]

    def resign(self, change, **more):
        """Another log with the site's own key."""
        self.log.sign(change(self.log.entries()), self.signer, **more)

    def in_bundle(self, change):
        """Other bytes in an entry bundle, and nothing signed anew."""
        path = self.log.bundles()[0]
        put(path, packed(change(unpacked(get(path)))))

    # ---- files

    def an_entry_altered(self):
        self.in_bundle(lambda all: [*all[:5], all[5].replace(b"33.19", b"33.18"), *all[6:]])

    def an_entry_removed(self):
        self.in_bundle(lambda all: all[:5] + all[6:])

    def entries_in_another_order(self):
        self.in_bundle(lambda all: [*all[:5], all[6], all[5], *all[7:]])

    def a_tile_cut_off(self):
        path = self.log.bundles()[0].replace("/entries/", "/0/")
        put(path, get(path)[:-32])

    def the_newest_checkpoint_gone(self):
        os.remove(self.path(f"{PUSAT}/checkpoint"))

    def a_signature_altered(self):
        data = get(self.path(f"{DRC}/checkpoint")).split(b"\n")
        line = next(i for i, its in enumerate(data) if its.startswith(f"\u2014 pulih-ledger/{DRC} ".encode()))
        data[line] = data[line][:-20] + (b"A" if data[line][-20:-19] != b"A" else b"B") + data[line][-19:]
        put(self.path(f"{DRC}/checkpoint"), b"\n".join(data))

    def a_cosignature_forged(self):
        """By somebody else's key, under the Pusat Data's name and the id of its key."""
        path = next(its for its in sorted(glob.glob(self.path(f"{DRC}/checkpoints/*")))
                    if f"\n\u2014 pulih-ledger/{PUSAT} ".encode() in get(its))
        text, lines = get(path).decode().split("\n\n")
        mark = f"\u2014 pulih-ledger/{PUSAT} "
        line = next(its for its in lines.split("\n") if its.startswith(mark))
        head = base64.b64decode(line.removeprefix(mark))[:12]
        at = int.from_bytes(head[4:], "big")
        said = Signer.other(self.signer.name).sign(f"cosignature/v1\ntime {at}\n{text}\n".encode())
        forged = mark + base64.b64encode(head + said).decode()
        put(path, f"{text}\n\n{lines.replace(line, forged)}".encode())

    def a_drills_log_altered(self):
        change(self.one(f"{DRC}/objects/drills/*"))

    def a_manifest_altered(self):
        change(self.one("manifests/*/*/*"))

    def a_consistency_proof_altered(self):
        """Of the one with most hashes one is another."""
        path = max(glob.glob(self.path(f"{DRC}/consistency/*")), key=lambda its: get(its).index(b"\n\n"))
        lines = get(path).split(b"\n")
        hold(len(lines[1]) == 44, f"no hash is in {path}")
        lines[1] = (b"A" if lines[1][:1] != b"A" else b"B") + lines[1][1:]
        put(path, b"\n".join(lines))

    def a_link_in_the_folder(self):
        os.symlink("/etc/passwd", self.path(f"{DRC}/objects/drills/{'0' * 64}"))

    # ---- signed by the wrong one

    def signed_by_another_key(self):
        self.log.sign(self.log.entries(), Signer.other(self.signer.name), keeps_checkpoints=True)

    def signed_by_another_key_that_the_bundle_names(self):
        other = Signer.other(self.signer.name)
        self.log.sign(self.log.entries(), other)
        put(self.log.path("keys"), f"{other.verifier}\n".encode())

    def a_second_key_that_nobody_handed_over_to(self):
        with open(self.log.path("keys"), "a") as file:
            file.write(Signer.other(self.signer.name).verifier + "\n")

    def of_another_log(self):
        other = Signer.other("pulih-ledger/drc-99.99")
        data = get(self.log.path("checkpoint")).decode().split("\n\n")[0] + "\n"
        put(self.log.path("checkpoint"), self.signer.note(data.replace(self.signer.name, other.name, 1)))

    # ---- signed by the site itself, that has something to hide

    def a_drill_left_out(self):
        """All entries of the first one: its occurrence is not there."""
        first = next(read(its)["drill"] for its in self.log.entries() if kind(its) == "drill-announced")
        self.resign(lambda all: [its for its in all if read(its).get("drill") != first])

    def the_end_of_a_drill_left_out(self):
        """Long afterwards nothing says how it ended; nor of those that came due since, which Pulih finds too."""
        last = [its for its in self.log.entries() if kind(its) == "drill-ended"][-1]
        late = {**read(last), "type": "pulih/ledger/alarm/v1", "alarm": "test", "subject": "x", "text": "x",
                "at": "2999-01-01T00:00:00Z"}
        for field in ("drill", "outcome", "milliseconds", "steps", "log", "leftovers"):
            late.pop(field)
        self.resign(lambda all: [its for its in all if its != last] + [written(late)])

    def a_step_that_failed_and_a_drill_that_passed(self):
        step = next(its for its in self.log.entries() if kind(its) == "drill-step")
        self.resign(lambda all: [written({**read(its), "outcome": "failed"}) if its == step else its for its in all])

    def what_a_person_signed_altered(self):
        act = [its for its in self.log.entries() if kind(its) == "policy-applied" and "act" in read(its)][-1]
        self.resign(lambda all: [written({**read(its), "version": 99}) if its == act else its for its in all])

    def an_entry_in_another_form(self):
        self.resign(lambda all: [*all[:-1], b" " + all[-1]])

    def entries_of_the_period_left_out(self):
        """A longer log, and of three bundles the middle one is not there."""
        its = read(self.log.entries()[-1])
        fill = [written({"actor": {"type": "site"}, "alarm": "test", "at": its["at"], "site": DRC, "subject": str(n),
                         "text": "x", "type": "pulih/ledger/alarm/v1"}) for n in range(600)]
        self.resign(lambda all: all + fill)
        os.remove(self.log.bundles()[1])

    def another_past_beside_the_checkpoints_of_before(self):
        self.resign(lambda all: [all[0], *reversed(all[1:3]), *all[3:]], keeps_checkpoints=True)

    def less_than_the_other_site_saw(self):
        """The Pusat Data's log as it was some time before: the DRC has co-signed more."""
        shutil.rmtree(self.path(PUSAT))
        shutil.copytree(f"{self.older}/{PUSAT}", self.path(PUSAT))


# What is harmed, the code that the contract has for it, and where it is found ("" = wherever).
CASES = [
    ("an_entry_altered", "root-mismatch", f"{DRC}/tile/entries/"),
    ("an_entry_removed", "damaged", f"{DRC}/tile/entries/"),
    ("entries_in_another_order", "root-mismatch", f"{DRC}/tile/entries/"),
    ("a_tile_cut_off", "damaged", f"{DRC}/tile/0/"),
    ("the_newest_checkpoint_gone", "missing", f"{PUSAT}/checkpoint"),
    ("a_signature_altered", "bad-signature", f"{DRC}/checkpoint"),
    ("a_cosignature_forged", "cosignature", f"{DRC}/checkpoints/"),
    ("a_drills_log_altered", "object", f"{DRC}/objects/drills/"),
    ("a_manifest_altered", "object", "manifests/"),
    ("a_consistency_proof_altered", "root-mismatch", f"{DRC}/consistency/"),
    ("a_link_in_the_folder", "limit", f"{DRC}/objects/drills/"),
    ("signed_by_another_key", "unknown-key", f"{DRC}/checkpoint"),
    ("signed_by_another_key_that_the_bundle_names", "unknown-key", f"{DRC}/keys"),
    ("a_second_key_that_nobody_handed_over_to", "key-chain", f"{DRC}/keys"),
    ("of_another_log", "wrong-origin", f"{DRC}/checkpoint"),
    ("a_drill_left_out", "drill", DRC),
    ("the_end_of_a_drill_left_out", "drill", f"{DRC} drill "),
    ("a_step_that_failed_and_a_drill_that_passed", "drill", f"{DRC} drill "),
    ("what_a_person_signed_altered", "act", f"{DRC} entry "),
    ("an_entry_in_another_form", "entry", f"{DRC} entry "),
    ("entries_of_the_period_left_out", "gap", f"{DRC}/tile/entries/"),
    ("another_past_beside_the_checkpoints_of_before", "fork", f"{DRC}/checkpoints/"),
    ("less_than_the_other_site_saw", "rolled-back", f"{DRC}/cosigned/{PUSAT}/"),
]


def found(report):
    """Without what Pulih alone reckons: which drills the policies asked for (the contract, *Verifying*, 10)."""
    return {(its["code"], its["where"]) for its in report["problems"] if "came due" not in its["text"]}


def agree(bundle, trusted, more, code, where, what):
    """Both say that it is not good, in the same words of the contract, and one of them is the wanted one."""
    (good, own), (fine, other) = evidence.by_pulih(bundle, trusted, *more), evidence.by_script(bundle, trusted, *more)
    hold(not good and not fine, f"{what}: nothing is found by {'Pulih' if good else 'the script'}")
    hold(found(own) == found(other), f"{what}: one says {sorted(found(own))}, the other {sorted(found(other))}")
    for field in ("entries", "drills", "sites"):
        hold(own[field] == other[field], f"{what}: of {field} one says {own[field]}, the other {other[field]}")
    hold(any(its == code and place.startswith(where) for its, place in found(own)),
         f"{what}: {code} at {where} is not among {sorted(found(own))}")
    say(f"{what.replace('_', ' ')}: {', '.join(evidence.codes(own))}")


def archives(work, good, trusted):
    """The same in archives: one with a link, one that is cut off, one with a file twice."""
    def link(archive):
        its = tarfile.TarInfo("zzz")
        its.type, its.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(its)
    with tarfile.open(f"{work}/link.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        link(archive)
    data = get(good)
    first = data[:512 + -(-int(data[124:135], 8) // 512) * 512]
    made = {
        "an archive with a link": (data[:-1024] + get(f"{work}/link.tar")[:512] + bytes(1024), "limit", "zzz"),
        "an archive that is cut off": (data[:len(data) // 2 // 512 * 512], "damaged", "the bundle"),
        "an archive with a file twice": (first + data, "damaged", "the bundle"),
    }
    for what, (bytes_, code, where) in made.items():
        put(f"{work}/harmed.tar", bytes_)
        agree(f"{work}/harmed.tar", trusted, (), code, where, what)
    return len(made)


def story(work, rng):
    """Two sites, a witness, and drills that passed: the DRC's bundle, and an older one."""
    site, drc = Site(work), Drc(work)
    drc.pair(site)
    witness = Witness(work)
    witness.watch(drc)
    offices(site, drc, Keeper(drc).start().recipient, rng, files=20)
    older = f"{work}/dahulu"
    evidence.export(drc, older)
    scheduled(drc, work, 2)
    until("two drills have passed", 300, lambda: sum(its["outcome"] == "passed" for its in drills(drc)) >= 2)
    witness.round(drc)
    # An export makes a checkpoint, and that the other site co-signs.
    evidence.export(drc, f"{work}/drc-saja")
    paper = evidence.export(site, f"{work}/pusat-saja")
    for one, of, by in ((site, PUSAT, drc), (drc, DRC, site)):
        size = Log(f"{work}/{one.role}-saja", of).size()
        kept = f"{by.store}/site/{by.role}-33.19/cosigned/{of}/{size:020}"
        until(f"{by.role} has co-signed {size} entries of {of}", 180, lambda: os.path.exists(kept))
    drc.stop()
    site.stop()
    return drc, witness, older, paper


def main(work):
    room(work, 500)
    _, rng = seeded()
    drc, witness, older, paper = story(work, rng)
    good, archive = f"{work}/bukti", f"{work}/bukti.tar"
    trusted = [evidence.export(drc, good), paper]
    evidence.export(drc, archive)
    with open(f"{drc.state}/ledger.key") as file:
        signer = Signer(file.read())

    by_witness = ("--witness", f"{witness.name}={witness.fingerprint}")
    own = evidence.verified(good, trusted[:1], *by_witness)
    hold(own == evidence.verified(archive, trusted[:1], *by_witness), "folder and archive are not told of alike")
    evidence.verified(good, trusted)
    its = next(one for one in own["sites"] if one["site"] == DRC)
    names = {one["name"] for one in its["cosigners"]}
    hold(names == {f"pulih-ledger/{PUSAT}", "inspektorat-33.19"}, f"co-signed by {names}")
    passed = sum(one["outcome"] == "passed" for one in own["drills"])
    hold(passed >= 2, f"the bundle has {own['drills']}")
    say(f"good: {own['entries']} entries, {passed} drills that passed, co-signed by {' and '.join(sorted(names))}")

    told = set()
    for number, (what, code, where) in enumerate(CASES):
        copy = f"{work}/harmed-{number}"
        getattr(Harm(good, older, signer).into(copy), what)()
        agree(copy, trusted, (), code, where, what)
        told.add(code)
        shutil.rmtree(copy)
    harmed = len(CASES) + archives(work, archive, trusted)
    other = trusted[1].split("=", 1)[1]
    for more, code, where, what in [
            ((), "unknown-key", f"{DRC}/keys", "another fingerprint was given"),
            (("--witness", f"{witness.name}={other}"), "unknown-key", "witness/", "another fingerprint of the witness"),
            (("--witness", f"provinsi={other}"), "missing", "witness/provinsi", "a witness that has signed nothing"),
            ((*by_witness, "--since", "2990-01-01T00:00:00Z"), "cosignature", DRC, "the witness's word is too old")]:
        agree(good, [f"{DRC}={other}"] if not more else trusted, more, code, where, what)
        harmed += 1
    return f"a good bundle (folder and archive, {own['entries']} entries) and {harmed} harmed ones: both verifiers say the same, " \
           f"{len(told)} codes"


if __name__ == "__main__":
    prove(main)
