"""What a Pusat Data that was taken over can do with its own hands: notes signed by keys of its own,
and a gateway that answers what it likes under the site's own name and key.

Ed25519 is OpenSSL's; BLAKE3, which names objects, is that of scripts/rescue.py.
"""
import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.parse

from fleet import ROOT, Cannot

sys.path.insert(0, f"{ROOT}/scripts")
from rescue import blake3, key_hash, split_note  # noqa: E402

NOW = "2026-11-22T00:00:00Z"


def object_hash(content):
    return blake3(content).hex()


class Key:
    """An Ed25519 key of the attacker's own, under a name that the vault knows."""

    def __init__(self, folder, name):
        self.name, self.path = name, f"{folder}/attacker-{name.replace('/', '-')}.pem"
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", self.path)
        public = self.openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        self.public = public[-32:]

    @staticmethod
    def openssl(*arguments):
        try:
            done = subprocess.run(["openssl", *arguments], capture_output=True)
        except FileNotFoundError:
            raise Cannot("openssl is not here")
        if done.returncode:
            raise Cannot(f"openssl {arguments[0]} cannot do this here: {done.stderr.decode()}")
        return done.stdout

    def verifier(self):
        encoded = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{key_hash(self.name, self.public).hex()}+{encoded}"

    def sign(self, text, as_hash=None):
        """The signed note; `as_hash` lets it pass for a signature by the key with that hash."""
        message = f"{self.path}.message"
        with open(message, "wb") as file:
            file.write(text)
        signature = self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", message)
        raw = (as_hash or key_hash(self.name, self.public)) + signature
        return text + b"\n\xe2\x80\x94 " + f"{self.name} {base64.b64encode(raw).decode()}\n".encode()


def text_of(note):
    """The fields of a note, believed or not."""
    return json.loads(split_note(note)[0])


def line(fields):
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


class Gateway:
    """A gateway that hands out the policy it likes, and otherwise serves the site's store."""

    def __init__(self, site, vault, agent):
        self.site, self.vault, self.agent = site, vault, agent
        self.policy, self.reports = "", []
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("content-length") or 0)
                status, body = gateway.answer(self.command, self.path, self.rfile.read(length), self.headers)
                self.send_response_only(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_HEAD = answer

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{site.state}/gateway.pem", f"{site.state}/gateway.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", site.port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def alarms(self):
        return [its for report in self.reports for its in report["alarms"]]

    def answer(self, method, target, body, headers):
        path, _, query = target.partition("?")
        hashed = object_hash(self.policy.encode())
        if path == "/v1/hello":
            return said({"lineage": "0" * 32, "rejoined": False, "at": NOW})
        if path == "/v1/agent":
            datasets = [{"dataset": "letters", "approved": True, "newest": None}]
            vaults = [{"vault": self.vault, "class": "non-publik", "datasets": datasets}]
            return said({"agent": self.agent, "opd": "dinkes", "site": "Pusat Data Uji", "at": NOW, "vaults": vaults})
        if path == "/v1/policy":
            return said({"hash": hashed, "text": self.policy, "applied": NOW})
        if path == "/v1/report":
            self.reports.append(json.loads(body))
            return said({"at": NOW, "policy": hashed, "renew": False})
        if path == "/v1/doomed":
            return 200, b"\n"
        if path == "/v1/list":
            return 200, self.names(urllib.parse.parse_qs(query)["prefix"][0])
        if path.startswith("/v1/objects/"):
            return self.object(method, f"{self.site.store}/{path[len('/v1/objects/'):]}", body, headers)
        return refused(404, "not-found")

    def names(self, prefix):
        found = []
        for folder, _, names in os.walk(f"{self.site.store}/{prefix}"):
            found += [os.path.relpath(os.path.join(folder, name), self.site.store) for name in names]
        return "".join(f"{name}\n" for name in sorted(found)).encode() + b"\n"

    def object(self, method, path, body, headers):
        if method == "PUT":
            if os.path.exists(path):
                return refused(409, "already-exists")
            put(path, body)
            return 201, b""
        if not os.path.isfile(path):
            return refused(404, "not-found")
        with open(path, "rb") as file:
            content = file.read()
        asked = headers.get("range")
        if asked:
            first, last = asked.removeprefix("bytes=").split("-")
            return 206, content[int(first):int(last) + 1]
        return 200, content


def put(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def said(fields):
    return 200, json.dumps(fields).encode()


def refused(status, code):
    return status, json.dumps({"type": "pulih/error/v1", "code": code, "message": "refused"}).encode()
