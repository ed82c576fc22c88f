#!/usr/bin/env python3
"""A second vault cannot be reached with the first one's certificate, on any path."""
import shutil

from fleet import Peer, Site, fill, hold, prove, say, seeded, vault_files, vault_objects

KINDS = ("vault", "packs", "index", "reach", "snapshots")


def main(work):
    _, rng = seeded()
    site = Site(work)
    site.opd("dinkes")
    site.opd("disdik")
    one = site.server("app-1", "dinkes")
    # One of the same office and one of another.
    others = [site.server("app-2", "dinkes"), site.server("app-3", "disdik")]
    for server in (one, *others):
        site.approve(server.name, "letters")
        fill(server.tree, rng, 60, 20_000)
        server.backup("letters").well()
    peer = Peer(one)
    own = [name for kind in KINDS for name in vault_objects(site, one.vault(), kind)]
    before = vault_files(site)
    refused = 0
    for other in others:
        vault = other.vault()
        for kind in KINDS:
            names = vault_objects(site, vault, kind)
            hold(names, f"{other.name}'s vault has no {kind}")
            for name in names:
                for method in ("GET", "HEAD", "PUT"):
                    refused += is_refused(peer, method, f"/v1/objects/{name}", b"x" if method == "PUT" else b"")
                # Its own names and another's are not mixed by detours.
                for path in (name.replace(vault, f"{one.vault()}/../{vault}"), name.replace("/", "%2f"),
                             name.replace("vaults/", "vaults//"), name.upper(), f"/{name}"):
                    for method in ("GET", "PUT"):
                        refused += is_refused(peer, method, f"/v1/objects/{path}", b"", (400, 403, 404))
        fresh = f"/v1/objects/vaults/{vault}"
        digest = "ab" * 32
        for path in (f"{fresh}/packs/ab/{digest}", f"{fresh}/index/{digest}", f"{fresh}/reach/{digest}",
                     f"{fresh}/vault/2-{digest}", f"{fresh}/snapshots/letters/0000000009-{digest}"):
            for method in ("GET", "HEAD", "PUT"):
                refused += is_refused(peer, method, path, b"x" if method == "PUT" else b"")
        for path in (f"/v1/list?prefix=vaults/{vault}", f"/v1/list?prefix=vaults/{vault}/packs", f"/v1/doomed?vault={vault}"):
            refused += is_refused(peer, "GET", path)
        body = b'{"vault": "%s", "dataset": "letters", "reason": "mau lihat"}' % vault.encode()
        if other is others[1]:
            refused += is_refused(peer, "POST", "/v1/restore-requests", body, (404,))
        else:
            # Within an office a server may ask, as one that takes a lost one's place does. It has nothing by that.
            status, code, _ = peer.send("POST", "/v1/restore-requests", body)
            hold(status == 200, f"asking within the office: {status} {code}")
            for name in vault_objects(site, vault, "packs"):
                refused += is_refused(peer, "GET", f"/v1/objects/{name}")
        for path in ("/v1/list?prefix=vaults", "/v1/agent"):
            status, _, answer = peer.send("GET", path)
            hold(vault.encode() not in answer, f"{path} tells of another's vault (status {status})")
    say(f"{refused} requests for other agents' vaults refused")

    # The same by the agent itself, with the other server's keys in hand but not its certificate.
    stolen = others[0].vault()
    copy_keys(others[0], one)
    said = one.agent("backup", "--quiet", "--store", site.url, "--vault", stolen, "--dataset", "letters", one.tree).badly()
    say(f"with the other's stolen keys: {said}")
    one.agent("snapshots", "--store", site.url, "--vault", stolen).badly()
    hold(vault_files(site) == before, "the store has changed")
    # What is its own it reads, or all this would prove nothing.
    for name in own:
        status, code, _ = peer.send("GET", f"/v1/objects/{name}")
        hold(status == (403 if "/packs/" in name else 200), f"GET {name}: {status} {code}")
    say("its own objects it reads with the same certificate (packs only under a grant); the store has not changed")
    return f"{refused} requests for two other agents' vaults refused, the store unchanged"


def is_refused(peer, method, path, body=b"", expected=(403,)):
    status, code, _ = peer.send(method, path, body)
    hold(status in expected and code, f"{method} {path}: {status} {code!r}, not {expected}")
    return 1


def copy_keys(of, to):
    shutil.copytree(f"{of.state}/vaults/{of.vault()}", f"{to.state}/vaults/{of.vault()}")


if __name__ == "__main__":
    prove(main)
