"""A bucket on SeaweedFS with Object Lock, and identities that try to delete what it holds."""
import calendar
import datetime
import hashlib
import hmac
import http.client
import re
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree

from fleet import ROOT, Cannot, hold

BUCKET, PREFIX = "pulih", "kabupaten"
IDENTITIES = ("admin", "agent", "reader")
REFUSALS = {"AccessDenied"}


def dev_s3(*words):
    done = subprocess.run([f"{ROOT}/scripts/dev-s3", *words], capture_output=True, text=True)
    if done.returncode:
        raise Cannot(f"scripts/dev-s3 {words[0]}: {done.stderr.strip()}")
    return dict(re.findall(r"(?m)^export (\w+)=(\S+)$", done.stdout))


class Bucket:
    """Requests to the bucket by one identity, signed (AWS Signature Version 4)."""

    def __init__(self, keys):
        self.access, self.secret, self.region = (keys[f"AWS_{its}"] for its in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION"))
        self.host = keys["AWS_ENDPOINT_URL"].removeprefix("http://")

    def send(self, method, key="", query=None, headers=None, body=b""):
        """(status, headers, body)"""
        path = urllib.parse.quote(f"/{BUCKET}/{key}" if key else f"/{BUCKET}")
        query = "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for name, value in sorted((query or {}).items()))
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = {**(headers or {}), "host": self.host, "x-amz-content-sha256": digest, "x-amz-date": now}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        request = hashlib.sha256(f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}".encode()).hexdigest()
        signature = f"AWS4{self.secret}".encode()
        for part in (now[:8], self.region, "s3", "aws4_request", f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{request}"):
            signature = hmac.new(signature, part.encode(), hashlib.sha256).digest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access}/{scope}, SignedHeaders={names}, "
                                    f"Signature={signature.hex()}")
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def versions(self):
        """Every version of every object of the site: (key, version)."""
        status, _, body = self.send("GET", query={"versions": "", "prefix": f"{PREFIX}/"})
        top = xml.etree.ElementTree.fromstring(body)
        space = top.tag.partition("}")[0] + "}" if "}" in top.tag else ""
        hold(status == 200 and top.findtext(f"{space}IsTruncated") != "true", f"the list of versions: {status} {body[:500]}")
        return [(its.findtext(f"{space}Key"), its.findtext(f"{space}VersionId")) for its in top.findall(f"{space}Version")]

    def locked_until(self, key, version):
        """Seconds since 1970; 0 if it is not locked in COMPLIANCE mode."""
        status, headers, _ = self.send("HEAD", key, {"versionId": version})
        hold(status == 200, f"{key} version {version} is gone: {status}")
        until_then = headers.get("x-amz-object-lock-retain-until-date")
        return seconds(until_then) if until_then and headers["x-amz-object-lock-mode"] == "COMPLIANCE" else 0


def seconds(rfc3339):
    return calendar.timegm(time.strptime(rfc3339[:19], "%Y-%m-%dT%H:%M:%S"))


def code(answer):
    found = re.search(rb"<Code>(\w+)</Code>", answer)
    return found.group(1).decode() if found else answer.decode(errors="replace")[:200]


def control(admin):
    """What is not locked is deleted by the same requests."""
    for key in (f"{PREFIX}/unlocked-1", f"{PREFIX}/unlocked-2"):
        status, headers, _ = admin.send("PUT", key, body=b"x")
        version = headers.get("x-amz-version-id")
        hold(status == 200 and version, f"PUT {key}: {status}")
        if key.endswith("1"):
            status, _, answer = admin.send("DELETE", key, {"versionId": version})
        else:
            listed = f"<Delete><Object><Key>{key}</Key><VersionId>{version}</VersionId></Object></Delete>".encode()
            status, _, answer = admin.send("POST", "", {"delete": ""}, {}, listed)
            hold(b"<Deleted>" in answer, answer)
        hold(status < 300 and (key, version) not in admin.versions(), f"{key} is not deleted: {status} {answer[:300]}")


def attack(keys, admin):
    """Every identity tries to delete every version, to shorten its lock, and to put itself above it."""
    objects = [its for its in admin.versions() if f"{PREFIX}/vaults/" in its[0]]
    refused, codes = 0, set()
    control(admin)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    early = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{soon}</RetainUntilDate></Retention>".encode()
    for who in IDENTITIES:
        bucket = Bucket(keys[who])
        for key, version in objects:
            for method, query, headers, body in (
                ("DELETE", {"versionId": version}, {}, b""),
                ("DELETE", {"versionId": version}, {"x-amz-bypass-governance-retention": "true"}, b""),
                ("PUT", {"retention": "", "versionId": version}, {"x-amz-bypass-governance-retention": "true"}, early),
            ):
                status, _, answer = bucket.send(method, key, query, headers, body)
                hold(400 <= status < 500, f"{who}: {method} {key} {query}: {status} {answer[:300]}")
                codes.add(code(answer))
                refused += 1
            # Many at once are answered 200 with a refusal for each.
            listed = f"<Delete><Object><Key>{key}</Key><VersionId>{version}</VersionId></Object></Delete>".encode()
            _, _, answer = bucket.send("POST", "", {"delete": ""}, {}, listed)
            hold(b"<Deleted>" not in answer, f"{who}: POST ?delete {key}: {answer[:300]}")
            codes.add(code(answer))
            refused += 1
    # Refused because of who asks and what is locked, not because the request was ill made.
    hold(codes <= REFUSALS, f"refused by {codes - REFUSALS}")
    there = set(admin.versions())
    lost = [its for its in objects if its not in there]
    hold(not lost, f"deleted: {lost[:3]}")
    return len(objects), refused
