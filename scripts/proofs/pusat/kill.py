#!/usr/bin/env python3
"""kill -9 of the controller ten times and of the agent ten times, at moments drawn from a seed.

Of the agent's ten, five meet the command `backup` and five the daemon. Data changes between the
runs, and the tree carries the number of its generation. After each blow to controller or command the
next run must complete; the daemon is struck five times in a row, and must complete after the last.
At the end every snapshot that the ledger says was accepted is restored from the site's store and held
against what the tree was in its generation.
"""
import os
import shutil
import time

from fleet import MIB, QUICK, Site, fill, fingerprint, hold, policy, prove, room, say, seeded, until

BLOWS = 4 if QUICK else 10
TO_DAEMON = BLOWS // 2
# A run of the agent goes on through a controller that is gone for a while.
PATIENCE = 600


def change(server, rng, generation):
    """New content, changed content, some files gone; and the number of the generation."""
    fill(f"{server.tree}/{generation}", rng, 400, 8_000, large=12 * MIB)
    old = f"{server.tree}/{generation - 4}"
    if os.path.isdir(old):
        shutil.rmtree(old)
    names = sorted(path for path in fingerprint(server.tree))
    for name in rng.sample(names, min(40, len(names))):
        if rng.random() < 0.3:
            os.remove(f"{server.tree}/{name}")
        else:
            with open(f"{server.tree}/{name}", "r+b") as file:
                file.write(b"changed in %d" % generation)
    server.write("generation", str(generation))
    return fingerprint(server.tree)


def strike_daemon(server, delay):
    """Starts the daemon and kills it so long after a run began; was the run still going on?"""
    log = f"{server.site.work}/{server.name}.log"
    before = os.path.getsize(log)

    def said(words):
        with open(log) as file:
            file.seek(before)
            return words in file.read()

    server.start()
    until("the daemon begins a run", 300, lambda: said("saving letters"))
    time.sleep(delay)
    running = not said("saved letters")
    server.daemon.kill()
    server.daemon.wait()
    return running


def main(work):
    room(work, 4000)
    seed, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    server = site.server("app-1", "dinkes")
    site.approve("app-1", "letters")
    generations = {"0": change(server, rng, 0)}
    server.datasets(letters=server.tree)
    server.backup("letters").well()
    # How long a backup of a round's change takes, which is from when to when it may be struck.
    generations["1"] = change(server, rng, 1)
    began = time.monotonic()
    server.backup("letters").well()
    span = time.monotonic() - began

    victims = ["controller"] * BLOWS + ["agent"] * (BLOWS - TO_DAEMON)
    rng.shuffle(victims)
    struck = {"controller": 0, "agent": 0}
    through = 0
    for number, victim in enumerate(victims, 2):
        generations[str(number)] = change(server, rng, number)
        delay = rng.random() * span
        process = server.begin_backup("letters")
        time.sleep(delay)
        running = process.poll() is None
        struck[victim] += running
        if victim == "agent":
            process.kill()
            process.wait()
        else:
            site.kill()
            site.start()
            status = process.wait(PATIENCE)
            through += running and status == 0
        done = server.backup("letters")
        hold(done.status == 0, f"blow {number - 1}: the next run fails after kill -9 of the {victim} "
                               f"at {delay:.3f} s: status {done.status}\n{done.err}")
        newest = site.points()["letters"]["snapshot"]
        hold(newest.endswith(done.json()["snapshot"]["id"]), f"blow {number - 1}: status shows {newest}")
        say(f"blow {number - 1}: {victim} killed at {delay:.2f} of {span:.2f} s"
            f"{'' if running else ' (the run was done before)'}; the next run completed")

    first = len(victims) + 2
    version = site.status()["policy_version"] + 1
    site.apply("siti", policy(f"{work}/policy.toml", version, schedule="* * * * *")).well()
    for number in range(first, first + TO_DAEMON):
        generations[str(number)] = change(server, rng, number)
        delay = rng.random() * span
        running = strike_daemon(server, delay)
        struck["agent"] += running
        say(f"blow {number - 1}: daemon killed {delay:.2f} s after its run began{'' if running else ' (which was done before)'}")
    # Of the generations before the last one it was struck each time.
    optional = {str(number) for number in range(first, first + TO_DAEMON - 1)}
    newest = site.points()["letters"]["snapshot"]
    server.start()
    until("the daemon's run after the last blow", 300, lambda: site.points()["letters"]["snapshot"] != newest)
    server.stop()
    server.restored("latest", dataset="letters")
    say("started again, the daemon completed its run")

    site.stop()
    site.start()
    # A state that was struck is no older state, and no copy.
    hold(not site.alarms(), f"alarms: {site.status()['alarms']}")
    accepted = site.accepted()
    ids = [its["manifest"] for its in accepted]
    hold(len(ids) == len(set(ids)), "a snapshot was accepted twice")
    stored = os.listdir(f"{site.store}/vaults/{server.vault()}/snapshots/letters")
    hold(set(ids) <= set(stored), f"accepted, and not in the store: {set(ids) - set(stored)}")
    partial = [its["manifest"] for its in site.ledger() if its.get("partial")]
    hold(set(stored) <= set(ids) | set(partial), f"in the store, and never accepted: {set(stored) - set(ids)}")
    files = size = 0
    seen = set()
    for manifest in ids:
        target = f"{work}/back"
        server.restore(manifest.split("-")[1], target).well()
        got = fingerprint(target + server.tree)
        with open(target + server.tree + "/generation") as file:
            generation = file.read()
        wanted = generations[generation]
        differing = [name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name)]
        hold(not differing, f"snapshot {manifest} of generation {generation} differs in {differing[:5]}")
        files += len(got)
        size += sum(os.path.getsize(f"{target}{server.tree}/{name}") for name in got)
        seen.add(generation)
        shutil.rmtree(target)
    hold(seen >= set(generations) - optional, f"no recovery point of the generations {set(generations) - seen - optional}")
    found = server.agent("--json", "check", "--store", site.store, "--vault", server.vault(), "--identity",
                         server.identity, "--read-data").json()
    hold(found["sound"], found["problems"])
    say(f"{len(ids)} accepted snapshots of {len(seen)} generations restore bit for bit; the store is sound")
    for victim, times in struck.items():
        hold(times * 2 >= BLOWS, f"only {times} of {BLOWS} runs were struck: the span was measured too long")
    return (f"{struck['controller']} of {BLOWS} runs struck by kill -9 of the controller ({through} of them went through), "
            f"{struck['agent']} of {BLOWS} of the agent; every next run completed; {len(ids)} accepted snapshots, "
            f"{files} files, {size // MIB} MiB bit for bit; seed {seed}")


if __name__ == "__main__":
    prove(main)
