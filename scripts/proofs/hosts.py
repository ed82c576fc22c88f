"""Several hosts on one machine: network namespaces that are joined by a bridge, each with an address of
its own. tbf sets a host's rate, nftables takes packets away.
"""
import os
import shutil
import subprocess

from fleet import Cannot, hold

NET = "10.77.0"


def command(*words, check=True, within=None, stdin=None):
    words = ["ip", "netns", "exec", within, *words] if within else list(words)
    done = subprocess.run(words, input=stdin, capture_output=True, text=True)
    hold(not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Host:
    """One namespace. Its link has the same name inside of every host."""

    link = "line"

    def __init__(self, namespace, address):
        self.namespace, self.address = namespace, address
        self.within = ["ip", "netns", "exec", namespace]

    def run(self, *words, **more):
        return command(*words, within=self.namespace, **more)

    def rate(self, bits, burst="32kb"):
        """At most so much leaves this host."""
        self.run("tc", "qdisc", "replace", "dev", self.link, "root", "tbf", "rate", bits, "burst", burst, "latency", "300ms")

    def filter(self, rule):
        """What happens to each packet that arrives here: nothing, or this rule."""
        chain = f"chain arriving {{\ntype filter hook input priority 0\n{rule}\n}}"
        self.run("nft", "-f", "-", stdin=f"add table inet line\ndelete table inet line\ntable inet line {{\n{chain}\n}}\n")

    def sent(self):
        """Bytes that left this host until now."""
        return int(self.run("cat", f"/sys/class/net/{self.link}/statistics/tx_bytes"))


class Hosts:
    """`with Hosts("pusat", "drc") as hosts: hosts["drc"].address`"""

    def __init__(self, *names):
        self.switch = f"pulih-switch-{os.getpid()}"
        self.all = {name: Host(f"pulih-{name}-{os.getpid()}", f"{NET}.{number}") for number, name in enumerate(names, 1)}

    def __getitem__(self, name):
        return self.all[name]

    def __enter__(self):
        try:
            self.lay()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for namespace in [self.switch, *(host.namespace for host in self.all.values())]:
            command("ip", "netns", "del", namespace, check=False)

    def lay(self):
        if os.geteuid():
            raise Cannot("network namespaces need root")
        for name in ("ip", "tc", "nft"):
            if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
                raise Cannot(f"{name} is not here (sudo apt-get install -y iproute2 nftables)")
        for namespace in [self.switch, *(host.namespace for host in self.all.values())]:
            done = subprocess.run(["ip", "netns", "add", namespace], capture_output=True, text=True)
            if done.returncode:
                raise Cannot(f"network namespaces are not allowed here: {done.stderr.strip()}")
        command("ip", "link", "add", "switch", "type", "bridge", within=self.switch)
        command("ip", "link", "set", "switch", "up", within=self.switch)
        for number, host in enumerate(self.all.values()):
            port = f"port{number}"
            command("ip", "link", "add", port, "netns", self.switch, "type", "veth", "peer", "name", host.link, "netns", host.namespace)
            command("ip", "link", "set", port, "master", "switch", "up", within=self.switch)
            host.run("ip", "addr", "add", f"{host.address}/24", "dev", host.link)
            host.run("ip", "link", "set", host.link, "up")
            host.run("ip", "link", "set", "lo", "up")
            # Segments as they go over a line, not joined to 64 KiB: a packet that is lost is one packet.
            if shutil.which("ethtool"):
                host.run("ethtool", "-K", host.link, "tso", "off", "gso", "off", "gro", "off", check=False)
            host.run("ip", "link", "set", host.link, "gso_max_segs", "1", check=False)
            host.filter("")
