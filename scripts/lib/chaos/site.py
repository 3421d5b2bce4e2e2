"""Where chaos happens: nodes on hosts of a network of their own, an address for clients that leads to each, DNS, files.

Slot i is what people call node i. Its process lives on host i, or on host i + 100 after it has moved. Clients know it by an
address of its own (10.96.1.i) that leads to wherever it is, while it is ready, and refuses connections otherwise: what a
Service does for many pods, for one.
"""

import json
import os
import pathlib
import socket
import struct
import threading

from chaos.rules import rules_text
from cluster.dns import DnsServer
from cluster.network import middle_host, run
from harness.node import Node

check_port = 8080
moved_by = 100
slots_max = 30
peers_name = "starling-peers.chaos.svc.cluster.local"
endpoints_network = "10.96.1"
servfail = 2
lib = pathlib.Path(__file__).resolve().parent

_endpoints = f"""
table ip endpoints {{
  chain output {{ type nat hook output priority -100; }}
  chain nobody {{ type filter hook output priority 0; ip daddr {endpoints_network}.0/24 reject with tcp reset; }}
}}
"""


class Slot:
    """`state`: down, starting, up, stopped or leaving. `lives`: one (process id, started at) for each start."""

    def __init__(self, number, host):
        self.number, self.host = number, host
        self.name = f"n{number}"
        self.node = None
        self.state, self.since = "down", 0.0
        self.fault = None         # whose end is that the node is ready again
        self.floor = 0            # what its peers had counted when it was started
        self.floor_at = 0.0

    def pid(self):
        return self.node.pid()


class ChaosNode(Node):
    def pid(self):
        return self._process.pid

    def poll(self):
        return self._process.poll()


class Site:
    """`flags`: settings of all nodes; `odd`: slot number -> settings of that one that differ; `factors`: -> of its limits."""

    def __init__(self, network, directory, binary, slots_count, flags, clock_library=None, odd=None, factors=None):
        self.network, self.directory, self._binary = network, pathlib.Path(directory), binary
        self._flags, self._odd, self._clock_library = flags, odd or {}, clock_library
        self._factors = factors or {}
        self.slots = [Slot(number, number) for number in range(1, slots_count + 1)]
        self.lock = threading.RLock()
        self._servfail = None
        for slot in self.slots:
            network.add_host(slot.number)
            network.add_host(slot.number + moved_by)
            self._write(f"clock-{slot.number}", bytes(8))
        run("ip", "route", "add", f"{endpoints_network}.0/24", "dev", "bridge")
        run("nft", "-f", "-", text=_endpoints)
        self.dns, self._dns_count = None, 0
        self.start_dns()

    def close(self):
        for slot in self.slots:
            if slot.node is not None:
                slot.node.close()
        self.stop_dns()

    # --- nodes

    def start(self, slot):
        """Main thread only: what a thread has started dies with it (die_with_parent)."""
        environment = {"PATH": "/usr/bin:/bin"}
        if self._clock_library:
            environment |= {"LD_PRELOAD": self._clock_library, "STARLING_CHAOS_CLOCK": str(self.directory / f"clock-{slot.number}")}
            environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"
        for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if key in os.environ:
                environment[key] = ":".join(filter(None, [os.environ[key], environment.get(key)]))
        settings = {"config": self.directory / f"config-{slot.number}/rules.yaml", "cluster": "chaos",
                    "neighborhood_host": peers_name + ".", "dns_servers": self._dns_at(), **self._flags, **self._odd.get(slot.number, {})}
        settings = {key: str(value).replace("{number}", str(slot.number)) for key, value in settings.items()}
        host = slot.host
        slot.node = ChaosNode(self._binary, self.network.host(host), slot.name, str(self.directory / f"{slot.name}.log"), environment,
                              settings, lambda: self.network.enter(host))
        slot.node.start()

    def move(self, slot):
        slot.host = slot.number + (moved_by if slot.host == slot.number else 0)
        self.list_all()

    def lead(self):
        """Clients' addresses lead to the slots that are up."""
        with self.lock:
            lines = ["flush chain ip endpoints output"]
            lines += [f"add rule ip endpoints output ip daddr {endpoint(slot)} tcp dport {check_port} dnat to "
                      f"{self.network.host(slot.host)}" for slot in self.slots if slot.state in ("up", "stopped")]
            run("nft", "-f", "-", text="\n".join(lines) + "\n")

    def step_clock(self, slot, offset_s):
        """In place: the process has the file mapped."""
        with open(self.directory / f"clock-{slot.number}", "r+b") as file:
            file.write(struct.pack("=q", round(offset_s * 1e9)))

    # --- files of nodes, as the kubelet keeps them: a symlink is renamed over

    def push_rules(self, slot, version, text):
        self.push(f"config-{slot.number}", version, "rules.yaml", text)

    def push(self, folder, version, name, text, mode=0o644):
        folder = self.directory / folder
        (folder / version).mkdir(parents=True, exist_ok=True)
        path = folder / version / name
        path.touch(mode=mode)
        path.write_text(text, encoding="utf-8")
        (folder / "..data_tmp").symlink_to(version)
        (folder / "..data_tmp").rename(folder / "..data")
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")

    def rules_text(self, slot, requests):
        return rules_text(requests, self._factors.get(slot.number, 1))

    def _write(self, name, content):
        (self.directory / name).write_bytes(content)

    # --- DNS

    def start_dns(self):
        self._dns_count += 1
        directory = self.directory / f"dns-{self._dns_count}"      # its log tells whether this one has begun
        directory.mkdir()
        self.dns = DnsServer(self.network.host(middle_host), str(directory), log_queries=False)
        self.list_all()

    def stop_dns(self):
        if self.dns is not None:
            self.dns.close()
            self.dns = None

    def list_all(self):
        self.list([slot.host for slot in self.slots])

    def list(self, hosts):
        if self.dns is not None:
            self.dns.change(peers_name, [self.network.host(host) for host in hosts])

    def trouble_dns(self, trouble):
        if trouble == "empty":
            self.list([])
        elif trouble == "stale":    # addresses that nobody has any more or yet, and few of the right ones
            self.list([slot.number + moved_by if slot.host == slot.number else slot.number for slot in self.slots] + [1])
        else:
            self.stop_dns()
            if trouble == "servfail":
                self._servfail = ServfailServer(self._dns_at())

    def mend_dns(self):
        if self._servfail is not None:
            self._servfail.close()
            self._servfail = None
        if self.dns is None:
            self.start_dns()
        self.list_all()

    def _dns_at(self):
        return f"{self.network.host(middle_host)}:5391"


class ServfailServer:
    """Answers every question that it cannot answer (RFC 1035, RCODE 2)."""

    def __init__(self, at):
        host, _, port = at.rpartition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, int(port)))
        self._socket.settimeout(0.1)
        self._ending = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._ending = True
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while not self._ending:
            try:
                question, client = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            if len(question) >= 12:
                flags = struct.unpack("!H", question[2:4])[0] | 0x8000
                self._socket.sendto(question[:2] + struct.pack("!H", flags & 0xFFF0 | servfail) + question[4:], client)


def endpoint(slot):
    return f"{endpoints_network}.{slot.number}"


def ledger_view(node, principal, kind):
    """origin -> hits of the principal's ledger, as the node has it."""
    counters = [each for each in node.counters(principal=principal, kind=kind) if each["rule"] == "ledger"]
    return {part["origin"]: part["hits"] for each in counters for part in each["components"]}


def as_json(answer, what):
    if answer.status != 200:
        raise OSError(f"{what}: expected 200, found {answer}")
    return json.loads(answer.body)
