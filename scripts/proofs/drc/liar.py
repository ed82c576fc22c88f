"""A Pusat Data that answers a DRC as a test wants it to: from the site's own store, under the site's
own name and key, with whatever goes wrong on the way.
"""
import http.client
import http.server
import json
import os
import socket
import ssl
import threading
import urllib.parse

READER = "/v1/replica/"


def head_of(site, drc):
    """The signed head of the site's ledger, asked for as the DRC asks."""
    with open(f"{drc.state}/reader.json") as file:
        reader = json.load(file)
    with open(f"{drc.state}/peer.card") as file:
        card = json.load(file)
    chain = f"{drc.work}/reader.pem"
    with open(chain, "w") as file:
        file.write(reader["certificate"] + reader["key"])
    os.chmod(chain, 0o600)
    context = ssl.create_default_context(cadata=card["ca"])
    context.load_cert_chain(chain)
    connection = http.client.HTTPSConnection(site.host, site.port, context=context, timeout=60)
    connection.request("GET", f"{READER}head")
    return connection.getresponse().read()


class Liar:
    """Serves what a site's store has. `fault(name, content)` says what becomes of each object that is read:

    None: nothing; bytes: these instead; ("status", 500); ("cut", 100): the line breaks after so many bytes.
    """

    def __init__(self, site, head, fault):
        self.site, self.head, self.fault = site, head, fault
        self.lock, self.asked = threading.Lock(), 0
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                self.answer(body=False)

            def do_GET(self):
                self.answer(body=True)

            def answer(self, body):
                with liar.lock:
                    liar.asked += 1
                status, content, cut = liar.answer(self.path)
                self.send_response_only(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content if cut is None else content[:cut])
                if cut is not None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                # The DRC hangs up when it has seen enough.
                except (ConnectionError, ssl.SSLError, OSError):
                    pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{site.state}/gateway.pem", f"{site.state}/gateway.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", site.port), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, target):
        """(status, body, bytes after which the line breaks)"""
        path, _, query = target.partition("?")
        if path == f"{READER}head":
            return 200, self.head, None
        if path == f"{READER}list":
            prefix, found = urllib.parse.parse_qs(query)["prefix"][0], []
            for folder, _, names in os.walk(f"{self.site.store}/{prefix}"):
                found += [os.path.relpath(os.path.join(folder, name), self.site.store) for name in names]
            return 200, "".join(f"{name}\n" for name in sorted(found)).encode() + b"\n", None
        name = path.removeprefix(f"{READER}objects/")
        if name == path or not os.path.isfile(f"{self.site.store}/{name}"):
            return refused(404, "not-found")
        with open(f"{self.site.store}/{name}", "rb") as file:
            content = file.read()
        match self.fault(name, content):
            case None:
                return 200, content, None
            case ("status", 404):
                return refused(404, "not-found")
            case ("status", status):
                return refused(status, "busy" if status == 503 else "internal")
            case ("cut", after):
                return 200, content, after
            case other:
                return 200, other, None


def refused(status, code):
    return status, json.dumps({"type": "pulih/error/v1", "code": code, "message": "refused"}).encode(), None
