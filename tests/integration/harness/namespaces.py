"""A network of one's own: every node in a network namespace with its own address, all on one bridge, and its faults.

    host 1           host 2                  host 5
    eth0 10.77.0.1   eth0 10.77.0.2   ...    eth0 10.77.0.5      and fd77::1, fd77::2, ...
      |                |                       |
      n1 ------------- n2 ------ bridge ------ n5          the middle: 10.77.0.253, the test itself and its DNS server

The namespaces have no names. A file descriptor of the test process and whatever runs inside hold them open, so the
kernel takes them back with all their links, addresses and rules when that process ends, however it ends: nothing can
be left behind, nothing of this machine's network is touched, and tests that run side by side use equal addresses.

The main thread of the test moves into the middle; the threads and processes it starts are there from their beginning.
What one node sends to another is forwarded by the bridge, where the faults are (nftables, family bridge). What the
test says to a node comes from the bridge itself and meets no rule: clients and observers always get through, and what
they count is the truth.
"""

import ctypes
import json
import os
import shutil
import subprocess

from .case import ClusterCase, dns_host

service = "starling-peers.test.svc.cluster.local"
network = "10.77.0"

_libc = ctypes.CDLL(None, use_errno=True)
_clone_newnet = 0x40000000
_system_path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_faults = """
table bridge faults {
  counter swallowed { }
  chain forward { type filter hook forward priority 0; policy accept; }
}
"""


class Unavailable(Exception):
    """This machine, or this user's rights, do not give such a network."""


def why_not():
    """One sentence on what is missing for such networks here, or None. Makes a small one and takes it down again."""
    if os.geteuid() != 0:
        return f"expected root, which network namespaces need, found user id {os.geteuid()}"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program, path=_system_path) is None:
            return f"expected {program} (Debian package {package}), found none; run scripts/install-deps --for test"
    try:
        made = Network(2)
        try:
            made.lose(10)
            made.swallowed_count()
        finally:
            made.close()
    except (Unavailable, OSError) as problem:
        return str(problem)
    return None


class Network:
    """Hosts 1 to `hosts_count` and the middle; the calling thread is in the middle until `close`."""

    def __init__(self, hosts_count):
        self._numbers = range(1, hosts_count + 1)
        self._open = []
        self._middle = None
        self._outside = self._keep(_this_namespace())
        try:
            self._middle = self._keep(_new_namespace(self._outside))
            self._hosts = {number: self._keep(_new_namespace(self._outside)) for number in self._numbers}
            _enter(self._middle)
            self._connect()
            _run("nft", "-f", "-", text=_faults)
        except BaseException:
            self.close()
            raise

    def host(self, number):
        return f"{network}.{number}"

    def host_v6(self, number):
        return f"fd77::{number}"

    def enter(self, number):
        """Takes the calling thread, usually a child before exec, to host `number`."""
        _enter(self._hosts[number])

    def close(self):
        """Back to where the thread came from. Processes in the namespaces must have been ended before."""
        if self._middle is not None:
            _enter(self._outside)
        while self._open:
            os.close(self._open.pop())

    # --- faults, all of them between hosts; they add up until `heal`

    def cut(self, *pairs):
        """What `a` sends no longer reaches `b`, for each (a, b); the other direction stays."""
        self._add(*(f'iifname "n{a}" oifname "n{b}"' for a, b in pairs))

    def partition(self, *groups):
        """Nothing passes between hosts of different groups."""
        self.cut(*((a, b) for one in groups for other in groups if one is not other for a in one for b in other))

    def lose(self, percent):
        """Every datagram is lost with this probability. Address resolution is spared: it would answer a loss with a
        second of silence, which is another fault."""
        self._add(f"meta protocol ip numgen random mod 100 < {percent}")

    def lose_ipv4(self):
        """IPv4 no longer works between hosts; IPv6 does."""
        self._add("meta protocol ip")

    def heal(self):
        _run("nft", "flush chain bridge faults forward")

    def swallowed_count(self):
        """How many frames the faults have taken so far."""
        answer = json.loads(_run("nft", "-j", "list counter bridge faults swallowed"))
        return next(each["counter"]["packets"] for each in answer["nftables"] if "counter" in each)

    def _add(self, *matches):
        _run("nft", "-f", "-", text="".join(
            f"add rule bridge faults forward {match} counter name swallowed drop\n" for match in matches))

    # --- building it

    def _keep(self, descriptor):
        self._open.append(descriptor)
        return descriptor

    def _connect(self):
        lines = ["link add bridge type bridge", f"address add {self.host(dns_host)}/24 dev bridge",
                 "link set lo up", "link set bridge up"]
        for number, descriptor in self._hosts.items():
            lines += [f"link add n{number} type veth peer name eth0 netns /proc/{os.getpid()}/fd/{descriptor}",
                      f"link set n{number} master bridge", f"link set n{number} up"]
        _run("ip", "-batch", "-", text="\n".join(lines))
        for number, descriptor in self._hosts.items():
            _run("ip", "-batch", "-", namespace=descriptor, text="\n".join([
                "link set lo up", f"address add {self.host(number)}/24 dev eth0",
                f"address add {self.host_v6(number)}/64 dev eth0 nodad", "link set eth0 up"]))


class NetworkCase(ClusterCase):
    """Five nodes, each on a host of its own with the standard ports, that find each other by a DNS name."""

    nodes_count = 5

    def make_subnet(self):
        return Network(self.nodes_count)

    def cluster_by_name(self, dual_stack=False, **settings):
        numbers = range(1, self.nodes_count + 1)
        addresses = [self.subnet.host(number) for number in numbers]
        addresses += [self.subnet.host_v6(number) for number in numbers if dual_stack]
        self.dns().set(service, addresses)
        return self.cluster(self.nodes_count, neighborhood_host=service + ".", dns_servers=self.dns().server, bind="*",
                            **settings)


def _run(program, *arguments, text=None, namespace=None):
    result = subprocess.run([shutil.which(program, path=_system_path), *arguments], input=text, capture_output=True, text=True,
                            check=False, preexec_fn=None if namespace is None else lambda: _enter(namespace))
    if result.returncode != 0:
        said = " ".join((result.stderr or result.stdout).split())
        raise Unavailable(f"expected `{program}` to change a network namespace of its own, found: {said}")
    return result.stdout


def _this_namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _new_namespace(current):
    """The descriptor of a new namespace; the calling thread stays in `current`."""
    if _libc.unshare(_clone_newnet) != 0:
        raise Unavailable(f"expected the right to make network namespaces, found: {os.strerror(ctypes.get_errno())}")
    try:
        return _this_namespace()
    finally:
        _enter(current)


def _enter(namespace):
    if _libc.setns(namespace, _clone_newnet) != 0:
        raise Unavailable(f"expected to enter a network namespace, found: {os.strerror(ctypes.get_errno())}")
