"""Sites and servers that enroll with them, as real processes in a folder that goes away.

The parts of this proof are programs that call `prove(main)`; `main` gets the work folder and
returns the text of its figures. The programs are built as scripts/demo builds them, unless
PULIH_AGENT and PULIH_CONTROLLER name ready ones.
"""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{ROOT}/scripts/proofs")
from compare import compare  # noqa: E402

TARGET = os.path.abspath(os.environ.get("CARGO_TARGET_DIR") or f"{ROOT}/target")
QUICK = bool(os.environ.get("PROVE_QUICK"))
MIB = 1 << 20
AGENT = CONTROLLER = ""


class Wrong(Exception):
    """What was to hold does not."""


class Cannot(Exception):
    """The part cannot be run here."""


def say(*words):
    print(*words, flush=True)


def hold(condition, *words):
    if not condition:
        raise Wrong(" ".join(str(word) for word in words))


def program(name):
    """The program that the environment names, or one that is built now."""
    ready = os.environ.get(name.upper().replace("-", "_"))
    if ready:
        return os.path.abspath(ready)
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--release", "-p", name], cwd=ROOT, check=True)
    return f"{TARGET}/release/{name}"


def for_trials(folder):
    """A controller whose clock is the file that PULIH_UJI_CLOCK names, and which marks all that it writes as UJI."""
    ready = os.environ.get("PULIH_CONTROLLER_UJI")
    if ready:
        return os.path.abspath(ready)
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--release", "-p", "pulih-controller", "--features", "uji"],
                   cwd=ROOT, check=True)
    # The next build of the other kind takes its place.
    return shutil.copy(f"{TARGET}/release/pulih-controller", f"{folder}/pulih-controller-uji")


def example(package, name):
    """An example of a package, built now, or one that is ready in the folder PROVE_EXAMPLES."""
    ready = os.environ.get("PROVE_EXAMPLES")
    if ready:
        return os.path.abspath(f"{ready}/{name}")
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--release", "-p", package, "--example", name], cwd=ROOT, check=True)
    return f"{TARGET}/release/examples/{name}"


def room(work, mib):
    free = shutil.disk_usage(work).free // MIB
    if free < mib:
        raise Cannot(f"needs {mib} MiB in {work}, there are {free} (PROVE_WORK names another folder)")


def seeded():
    """Randomness from PROVE_SEED, or from a seed that is printed, so that a run can be repeated."""
    seed = int(os.environ.get("PROVE_SEED") or time.time())
    say(f"seed {seed} (PROVE_SEED={seed} repeats it)")
    return seed, random.Random(seed)


def until(what, seconds, look):
    """Waits until `look` returns something, and returns it."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Wrong(f"not within {seconds} s: {what}")
        time.sleep(0.2)


class Processes:
    """Everything that was started and runs still: it ends with the proof."""

    def __init__(self):
        self.running = []

    def start(self, arguments, log, environment):
        with open(log, "ab") as out:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env=dict(os.environ, **environment))
        self.running.append(process)
        return process

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()


PROCESSES = Processes()


def prove(main):
    """Runs a part: status 0 if it held, 1 if not, 77 if it cannot be run here."""
    global AGENT, CONTROLLER
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Who runs the proof may have these for a vault of their own.
    for name in list(os.environ):
        if name.startswith("PULIH_") and name not in ("PULIH_AGENT", "PULIH_CONTROLLER", "PULIH_CONTROLLER_UJI"):
            del os.environ[name]
    work = tempfile.mkdtemp(prefix="pulih-proof-", dir=os.environ.get("PROVE_WORK"))
    keep = False
    try:
        AGENT, CONTROLLER = program("pulih-agent"), program("pulih-controller")
        figures = main(work)
        print(f"figures: {figures}", flush=True)
        status = 0
    except Wrong as wrong:
        print(f"WRONG: {wrong}", file=sys.stderr)
        for log in sorted(os.listdir(work)):
            if log.endswith(".log"):
                with open(f"{work}/{log}", errors="replace") as file:
                    print(f"---- {log}, its end:", *file.readlines()[-25:], sep="\n", file=sys.stderr)
        status, keep = 1, bool(os.environ.get("PROVE_KEEP"))
    except Cannot as cannot:
        say(f"skipped: {cannot}")
        status = 77
    finally:
        PROCESSES.end()
        if keep:
            say(f"left in {work}")
        else:
            subprocess.run(["rm", "-rf", "--", work])
    sys.exit(status)


class Done:
    """How a command ended."""

    def __init__(self, process, words):
        self.status, self.out, self.err, self.words = process.returncode, process.stdout, process.stderr, words

    def well(self):
        hold(self.status == 0, f"{self.words}: status {self.status}\n{self.out}{self.err}")
        return self.out

    def badly(self, *wanted):
        """It failed, and its error says one of these."""
        hold(self.status == 1, f"{self.words}: status {self.status}, and it should fail\n{self.out}{self.err}")
        hold(not wanted or any(text in self.err for text in wanted), f"{self.words}: says nothing of {wanted}: {self.err}")
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""

    def json(self):
        return json.loads(self.well())


def run(arguments, environment, **more):
    done = subprocess.run(arguments, env=dict(os.environ, **environment), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", **more)
    return Done(done, " ".join(arguments[:8]))


class Controller:
    """A site of either role with one admin, `siti` or whoever is named.

    `within` stands before its serving process (`ip netns exec …`); `environment` has the keys of a bucket.
    """

    role, title, admin, more = "", "", "siti", ""

    def __init__(self, work, name, address="127.0.0.1", host="localhost", within=(), store=None, environment=None):
        self.environment = {"PULIH_CONTROLLER_STATE": f"{work}/{name}", **(environment or {})}
        self.work, self.name, self.host, self.within = work, name, host, list(within)
        self.state, self.store = f"{work}/{name}", store or f"{work}/{name}-store"
        self.serving = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"https://{host}:{self.port}"
        with open(f"{work}/{name}.toml", "w") as file:
            file.write(f'name = "{self.title}"\nregency = "33.19"\nlisten = "{address}:{self.port}"\nhosts = ["{host}"]\n{self.more}')
        self.controller("init", "--role", self.role, "--site", f"{work}/{name}.toml", "--store", self.store).well()
        self.start()
        self.person(self.admin, "--role", "admin", "--role", "operator")

    def controller(self, *arguments):
        return run([*self.within, CONTROLLER, *arguments], self.environment)

    def json(self, *arguments):
        return self.controller("--json", *arguments).json()

    def signed(self, person=None):
        """The flags by which a person signs."""
        person = person or self.admin
        return ["--as", person, "--sign-with", f"{self.work}/{self.name}-{person}.key"]

    def acting(self, person, *arguments):
        """A command that a person signs."""
        return self.controller(*arguments, *self.signed(person))

    def start(self):
        log = f"{self.work}/{self.name}.log"
        before = os.path.getsize(log) if os.path.exists(log) else 0
        self.serving = PROCESSES.start([*self.within, CONTROLLER, "serve"], log, self.environment)

        def serves():
            hold(self.serving.poll() is None, f"the controller does not start: status {self.serving.returncode}")
            with open(log, "rb") as file:
                file.seek(before)
                return self.title.encode() in file.read()
        until("the controller serves", 60, serves)

    def kill(self):
        """Ends it as the power would."""
        self.serving.kill()
        self.serving.wait()

    def stop(self):
        self.serving.terminate()
        hold(self.serving.wait(60) == 0, f"the controller ends with status {self.serving.returncode}")

    def person(self, name, *roles, by=None):
        key = f"{self.work}/{self.name}-{name}.key"
        verifier = self.controller("user", "key", key).well().strip()
        added = ("user", "add", name, "--name", name, "--key", verifier, *roles)
        (self.acting(by, *added) if by else self.controller(*added)).well()

    def status(self):
        return self.json("status")

    def points(self):
        """Each dataset that has a recovery point, with what `status` says of it."""
        return {its["dataset"]: its for its in self.status()["datasets"] if its["accepted"]}

    def alarms(self):
        return [its["alarm"] for its in self.status()["alarms"]]

    def ledger(self):
        """The entries of the site's ledger, oldest first, read from its batches (docs/contracts/ledger.md)."""
        entries = []
        top = f"{self.store}/site/{self.role}-33.19/ledger/batch"
        for folder in sorted(os.listdir(top)):
            for name in sorted(os.listdir(f"{top}/{folder}")):
                with open(f"{top}/{folder}/{name}", "rb") as file:
                    batch, place, texts = file.read(), 0, []
                while place < len(batch):
                    length = int.from_bytes(batch[place:place + 2], "big")
                    texts.append(batch[place + 2:place + 2 + length])
                    place += 2 + length
                # The first is the batch's head.
                entries += [json.loads(text) for text in texts[1:]]
        return entries

    def of_kind(self, kind):
        return [its for its in self.ledger() if its["type"] == f"pulih/ledger/{kind}/v1"]


class Drc(Controller):
    """A DRC with one admin, `dewi`, and paired with a site as two people would pair them."""

    role, title, admin = "drc", "DRC Uji", "dewi"
    more = ('role = "drc"\noperator = "Diskominfo"\nprovider = "PT Awan"\ncertificates = []\n'
            '[location]\nregency = "34.71"\nlatitude = -7.8\nlongitude = 110.4\n')

    def __init__(self, work, name="drc", **more):
        # What drills restore lies here until they are over.
        self.scratch = f"{work}/{name}-scratch"
        os.mkdir(self.scratch, 0o700)
        self.more = f"drill_scratch = {json.dumps(self.scratch)}\n{self.more}"
        super().__init__(work, name, **more)

    def pair(self, site):
        """Two cards, and two people who compare fingerprints."""
        own, its = f"{self.work}/{self.name}.card", f"{self.work}/{site.name}.card"
        offered = self.json("pair", "offer", "--out", own)["fingerprint"]
        taken = site.acting("siti", "--json", "pair", "accept", own, "--fingerprint", offered, "--out", its).json()
        self.acting("dewi", "pair", "accept", its, "--fingerprint", taken["fingerprint"]).well()

    def replicate(self):
        """One round, whatever comes of it: whether it left nothing behind, and what it brought."""
        done = self.controller("--json", "replicate", "--once")
        return done.status == 0, json.loads(done.out or "{}")

    def in_step(self):
        """Pulls until nothing is missing."""
        whole, came = self.replicate()
        hold(whole, f"the DRC is not in step: {came}")
        return came


class Site(Controller):
    """A Pusat Data with one admin, `siti`."""

    role, title = "pusat", "Pusat Data Uji"

    def __init__(self, work, name="site", **more):
        super().__init__(work, name, **more)

    def opd(self, name):
        """An office with a new owner key, and its walidata."""
        owner = self.owner(name)
        run([AGENT, "owner", "new", owner], {"PULIH_STATE": f"{self.work}/nobody"}).well()
        fingerprint = run([AGENT, "owner", "show", owner], {"PULIH_STATE": f"{self.work}/nobody"}).well().strip()
        self.controller("opd", "add", name, "--title", f"Dinas {name}", "--owner", fingerprint).well()
        self.person(f"walidata-{name}", "--role", "walidata", "--opd", name, by="siti")

    def owner(self, opd):
        return f"{self.work}/{self.name}-{opd}.owner"

    def token(self, agent, opd, *more):
        return self.json("agent", "invite", agent, "--opd", opd, *more)["token"]

    def approve(self, agent, *datasets):
        with open(f"{self.work}/surat.pdf", "w") as file:
            file.write("surat persetujuan")
        for dataset in datasets:
            self.acting("siti", "approve", "give", dataset, "--agent", agent, "--document", f"{self.work}/surat.pdf",
                        "--by", "Kepala Dinas", "--letter", "440/17/2026", "--until", "1y").well()

    def accepted(self):
        """What the ledger says was accepted as a recovery point: entries."""
        return [its for its in self.ledger() if its["type"] == "pulih/ledger/snapshot-accepted/v1" and not its.get("partial")]

    def server(self, name, opd, within=()):
        """A server that has enrolled and made its vault."""
        server = Server(self, name, within)
        server.agent("enroll", self.url, "--token", self.token(name, opd)).well()
        server.agent("init", "--store", self.url, "--owner", self.owner(opd), "--identity-out", server.identity).well()
        return server

    def apply(self, person, path):
        return self.acting(person, "policy", "apply", path)


class Server:
    """An OPD's server: its own folder, with its state, its recovery identity and a tree to save."""

    def __init__(self, site, name, within=()):
        self.site, self.name, self.within = site, name, list(within)
        self.folder = f"{site.work}/{name}"
        self.state, self.tree, self.identity = (f"{self.folder}/{its}" for its in ("state", "tree", "identity"))
        self.config, self.daemon = f"{self.folder}/agent.toml", None
        # With what an owner reads the site's store, where that takes more than being there.
        self.reader = {}
        os.makedirs(self.tree, exist_ok=True)

    def environment(self):
        return {"PULIH_STATE": self.state, "PULIH_CONFIG": self.config}

    def agent(self, *arguments, **more):
        return run([*self.within, AGENT, *arguments], self.environment(), **more)

    def backup(self, dataset, tree=None):
        return self.agent("--json", "backup", "--quiet", "--store", self.site.url, "--dataset", dataset, tree or self.tree)

    def begin_backup(self, dataset):
        """The same, and does not wait for its end."""
        arguments = [*self.within, AGENT, "backup", "--quiet", "--store", self.site.url, "--dataset", dataset, self.tree]
        return PROCESSES.start(arguments, f"{self.site.work}/{self.name}.log", self.environment())

    def vault(self):
        return os.listdir(f"{self.state}/vaults")[0]

    def write(self, name, content):
        path = f"{self.tree}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)

    def datasets(self, **trees):
        """Writes agent.toml: each dataset with its folder."""
        with open(self.config, "w") as file:
            for dataset, tree in trees.items():
                file.write(f'[dataset.{dataset}]\nclass = "non-publik"\npaths = [{json.dumps(tree)}]\n\n')
        os.chmod(self.config, 0o600)

    def start(self):
        arguments = [*self.within, AGENT, "run"]
        self.daemon = PROCESSES.start(arguments, f"{self.site.work}/{self.name}.log", self.environment())

    def hup(self):
        """Has the daemon ask the site now."""
        self.daemon.send_signal(signal.SIGHUP)

    def stop(self):
        self.daemon.terminate()
        hold(self.daemon.wait(120) == 0, f"the daemon ends with status {self.daemon.returncode}")

    def restore(self, snapshot, target, store=None, dataset=None, vault=None):
        """Out of the site's store by its owner with the identity alone, or from another store."""
        os.makedirs(target, exist_ok=True)
        environment = {**self.reader, "PULIH_STATE": f"{self.site.work}/nobody"} if store is None else self.environment()
        arguments = [*([] if store is None else self.within), AGENT, "--json", "restore", "--quiet",
                     "--store", store or self.site.store, "--vault", vault or self.vault(),
                     "--identity", self.identity, "--target", target]
        arguments += ["--dataset", dataset] if dataset else []
        return run([*arguments, snapshot], environment)

    def restored(self, snapshot, dataset=None, tree=None):
        """Restores from the site's store and compares with the tree to the bit: (entries, bytes)."""
        tree, target = tree or self.tree, f"{self.folder}/restored"
        self.restore(snapshot, target, dataset=dataset).well()
        found = compare(tree, target + tree)
        shutil.rmtree(target)
        hold(found.differences == 0, f"{found.differences} differences between {tree} and snapshot {snapshot}")
        return found.entries, found.bytes


def fill(folder, rng, files, most, large=0):
    """Files of random length up to `most`, half of them text that compresses; and one large one."""
    words = b"Dengan hormat, bersama ini kami sampaikan laporan "
    for number in range(files):
        below = f"{folder}/{number % 7}"
        os.makedirs(below, exist_ok=True)
        size = rng.randrange(most)
        content = rng.randbytes(size) if number % 2 else (words * (size // len(words) + 1) + b"%d" % number)
        with open(f"{below}/{number:05}", "wb") as file:
            file.write(content)
    if large:
        with open(f"{folder}/large", "wb") as file:
            for place in range(0, large, MIB):
                file.write(rng.randbytes(min(MIB, large - place)))


def fingerprint(tree):
    """Path → hash of each file below a folder."""
    found = {}
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, tree)] = hashlib.sha256(file.read()).hexdigest()
    return found


def policy(path, version, change=lambda text: text, schedule=None):
    """Writes the default policy as this version, changed; `schedule` for its class non-publik, without jitter."""
    with open(f"{ROOT}/policies/default.toml") as file:
        text = file.read()
    text = re.sub(r"(?m)^version = \d+$", f"version = {version}", text)
    if schedule:
        head, rest = text.split("[class.non-publik]\n", 1)
        rest = re.sub(r"(?m)^schedules = .*$", f'schedules = ["{schedule}"]', rest, count=1)
        rest = re.sub(r"(?m)^jitter = .*$", 'jitter = "1m"', rest, count=1)
        text = f"{head}[class.non-publik]\n{rest}"
    with open(path, "w") as file:
        file.write(change(text))
    return path


class Peer:
    """Requests as no agent of ours would send them, with a server's certificate or without one."""

    def __init__(self, server, certificate=True):
        with open(f"{server.state}/site.json") as file:
            site = json.load(file)
        self.host, self.port = server.site.host, server.site.port
        self.context = ssl.create_default_context(cadata=site["ca"])
        if certificate:
            chain = f"{server.folder}/peer.pem"
            with open(chain, "w") as file:
                file.write(site["certificate"] + site["key"])
            os.chmod(chain, 0o600)
            self.context.load_cert_chain(chain)
        self.lineage = None
        if os.path.exists(f"{server.state}/turn.json"):
            with open(f"{server.state}/turn.json") as file:
                self.lineage = json.load(file).get("lineage")

    def send(self, method, path, body=b""):
        """(status, code of the refusal, body)"""
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
        head += f"pulih-lineage: {self.lineage}\r\n\r\n" if self.lineage else "\r\n"
        with socket.create_connection((self.host, self.port), 60) as tcp:
            with self.context.wrap_socket(tcp, server_hostname=self.host) as stream:
                answer = b""
                try:
                    stream.sendall(head.encode() + body)
                    while chunk := stream.recv(65536):
                        answer += chunk
                # One that is refused early is not read to its end.
                except (ConnectionError, ssl.SSLError):
                    pass
        top, _, rest = answer.partition(b"\r\n\r\n")
        hold(top, f"{method} {path}: no answer")
        lines = top.decode().split("\r\n")
        headers = {name.lower(): value for name, found, value in (line.partition(": ") for line in lines[1:]) if found}
        refusal = json.loads(headers.get("pulih-error", "{}"))
        return int(lines[0].split(" ")[1]), refusal.get("code", ""), rest


def vault_objects(site, vault, kind):
    """The names of a vault's objects of a kind, as the gateway takes them."""
    top = f"{site.store}/vaults/{vault}/{kind}"
    return sorted(os.path.relpath(os.path.join(folder, name), site.store)
                  for folder, _, names in os.walk(top) for name in names)


def vault_files(site):
    """Every file of every vault in the store, with its hash."""
    return fingerprint(f"{site.store}/vaults")
