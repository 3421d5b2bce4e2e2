"""A network of one's own: every node in a network namespace with its own address, all on one bridge, and its faults.

    host 1           host 2                  host 5
    eth0 10.77.0.1   eth0 10.77.0.2   ...    eth0 10.77.0.5      and fd77::1, fd77::2, ...
      |                |                       |
      n1 ------------- n2 ------ bridge ------ n5          the middle: 10.77.0.253, the caller itself and its DNS server
                                    |
                                   r1 -- eth0 10.78.0.1    a routed host: what it says to the others passes the middle's IP layer

The namespaces have no names. A file descriptor of the calling process and whatever runs inside hold them open, so the
kernel takes them back with all their links, addresses and rules when that process ends, however it ends: nothing can
be left behind, nothing of this machine's network is touched, and networks side by side use equal addresses.

The main thread of the caller moves into the middle; the threads and processes it starts are there from their beginning.
What one node sends to another is forwarded by the bridge, where the faults are (nftables, family bridge). What the
caller says to a node comes from the bridge itself and meets no rule: clients and observers always get through, and what
they count is the truth.

`scripts/cluster` and the integration tests (`tests/integration/harness`) both use this.
"""

import contextlib
import ctypes
import json
import os
import shutil
import subprocess

middle_host = 253
network, routed_network = "10.77.0", "10.78.0"
hosts_max = 250

_libc = ctypes.CDLL(None, use_errno=True)
_clone_newnet = 0x40000000
_system_path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

# Who has which address is told to everybody in advance. What is asked for and found out by broadcasts goes into one table of
# the whole machine, which is full with about 30 hosts that all talk to each other (gc_thresh3: 1,024 entries), and then nothing
# on the machine finds new neighbours. What is told in advance does not count there.
_hardware_address = "02:77:00:00:00:{:02x}".format
_neighbours = "".join(
    f"neigh replace {{address}} lladdr {_hardware_address(number)} nud permanent dev {{device}}\n".replace("{address}", address)
    for number in (*range(1, hosts_max + 1), middle_host) for address in (f"{network}.{number}", f"fd77::{number}"))

_faults = """
table bridge faults {
  counter swallowed { }
  chain forward { type filter hook forward priority 0; policy accept; }
}
"""


class Unavailable(Exception):
    """This machine, or this user's rights, do not give such a network."""


def find(program):
    """The path of a program that may be where only root looks, or None."""
    return shutil.which(program, path=_system_path)


def why_not():
    """One sentence on what is missing for such networks here, or None. Makes a small one and takes it down again."""
    if os.geteuid() != 0:
        return f"expected root, which network namespaces need, found user id {os.geteuid()}; run it as root, or by sudo"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if find(program) is None:
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
    """Hosts 1 to `hosts_count` (more come and go) and the middle; the calling thread is in the middle until `close`."""

    def __init__(self, hosts_count=0):
        self._outside = self._middle = None
        self._hosts, self._routed = {}, {}
        self._outside = _this_namespace()
        try:
            self._middle = _new_namespace(self._outside)
            _enter(self._middle)
            run("ip", "-batch", "-", text="\n".join([
                # An address of its own: the lowest one of the ports, as it would be, changes when ports come and go.
                f"link add bridge address {_hardware_address(middle_host)} type bridge", "link set lo up",
                f"address add {self.host(middle_host)}/24 dev bridge", "link set bridge up",
                _neighbours.format(device="bridge")]))
            for number in range(1, hosts_count + 1):
                self.add_host(number)
            run("nft", "-f", "-", text=_faults)
        except BaseException:
            self.close()
            raise

    def host(self, number):
        return f"{network}.{number}"

    def host_v6(self, number):
        return f"fd77::{number}"

    def routed_host(self, number):
        return f"{routed_network}.{number}"

    def enter(self, number):
        """Takes the calling thread, usually a child before exec, to host `number`."""
        _enter(self._hosts[number])

    def enter_routed(self, number):
        _enter(self._routed[number])

    @contextlib.contextmanager
    def outside(self):
        """The calling thread is where it came from: sockets made here belong to the machine's own network."""
        _enter(self._outside)
        try:
            yield
        finally:
            _enter(self._middle)

    def close(self):
        """Back to where the thread came from. Processes in the namespaces must have been ended before."""
        if self._middle is not None:
            _enter(self._outside)
        for descriptor in (*self._hosts.values(), *self._routed.values(), self._middle, self._outside):
            if descriptor is not None:
                os.close(descriptor)
        self._hosts, self._routed, self._middle, self._outside = {}, {}, None, None

    # --- hosts

    def add_host(self, number):
        """A host on the bridge. A number given back may be used again."""
        self._hosts[number] = self._link(f"n{number}", _hardware_address(number))
        run("ip", "-batch", "-", text=f"link set n{number} master bridge\nlink set n{number} up")
        run("ip", "-batch", "-", namespace=self._hosts[number], text="\n".join([
            "link set lo up", f"address add {self.host(number)}/24 dev eth0",
            f"address add {self.host_v6(number)}/64 dev eth0 nodad", "link set eth0 up",
            f"route add default via {self.host(middle_host)}", _neighbours.format(device="eth0")]))

    def add_routed(self, number):
        """A host beside the bridge, that the middle routes to and from: its address translation (a Service's) works both ways."""
        self._routed[number] = self._link(f"r{number}", f"02:78:00:00:00:{number:02x}")
        _forward_packets()
        run("ip", "-batch", "-", text="\n".join([
            f"address add {self.routed_host(middle_host)} peer {self.routed_host(number)} dev r{number}", f"link set r{number} up"]))
        run("ip", "-batch", "-", namespace=self._routed[number], text="\n".join([
            "link set lo up", f"address add {self.routed_host(number)} peer {self.routed_host(middle_host)} dev eth0",
            "link set eth0 up", f"route add default via {self.routed_host(middle_host)}"]))

    def remove_host(self, number):
        """Its link goes at once; the namespace with the last process in it."""
        run("ip", "link", "delete", f"n{number}")
        os.close(self._hosts.pop(number))

    def _link(self, name, hardware_address):
        descriptor = _new_namespace(self._middle)
        try:
            run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "address", hardware_address,
                "netns", f"/proc/{os.getpid()}/fd/{descriptor}")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

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

    def leave_datagrams(self):
        """No datagram passes the bridge: somebody else carries them (chaos/links.py)."""
        self._add("meta protocol ip ip protocol udp")

    def deafen(self, number, port):
        """Nothing for this UDP port passes between host `number` and the others; no `heal` changes that."""
        run("nft", "-f", "-", text=(
            "table bridge deaf { chain forward { type filter hook forward priority 1;\n"
            f'iifname "n{number}" meta protocol ip udp dport {port} drop\noifname "n{number}" meta protocol ip udp dport {port} drop\n}}\n}}\n'))

    def heal(self):
        run("nft", "flush chain bridge faults forward")

    def swallowed_count(self):
        """How many frames the faults have taken so far."""
        answer = json.loads(run("nft", "-j", "list counter bridge faults swallowed"))
        return next(each["counter"]["packets"] for each in answer["nftables"] if "counter" in each)

    def _add(self, *matches):
        run("nft", "-f", "-", text="".join(
            f"add rule bridge faults forward {match} counter name swallowed drop\n" for match in matches))


def run(program, *arguments, text=None, namespace=None):
    """What `program` (ip, nft) said, run in the caller's namespace or in the one given."""
    result = subprocess.run([find(program), *arguments], input=text, capture_output=True, text=True,
                            check=False, start_new_session=True, preexec_fn=None if namespace is None else lambda: _enter(namespace))
    if result.returncode != 0:
        said = " ".join((result.stderr or result.stdout).split())
        raise Unavailable(f"expected `{program}` to change a network namespace of its own, found: {said}")
    return result.stdout


def _forward_packets():
    """/proc shows, and changes, the settings of the namespace that the thread is in."""
    with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as setting:
        setting.write("1")


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
