"""The cluster that scripts/loadtest loads: what its nodes say, and how to have one for as long as a test lasts."""

import ctypes
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

answer_s_max = 5.0
settle_s_max = 30.0          # for a local cluster to find itself, and for a node to come back
restart_s_max = 60.0
body_bytes_max = 8 * 1024 * 1024
check_port, grpc_port, admin_port = 8080, 8081, 9090
dns_port = 5391
peers_name = "starling-peers.loadtest.svc.cluster.local"
metric_line = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")


class LoadtestError(Exception):
    """A failure whose text is meant for the person at the terminal."""


def ask(url, timeout=answer_s_max):
    """(status, body as text)"""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, answer.read(body_bytes_max).decode("utf-8", "replace")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read(body_bytes_max).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise LoadtestError(f"{url}: expected an answer, found: {getattr(problem, 'reason', problem)}; check the address, and "
                            "that the node runs") from None


def ask_json(url):
    status, body = ask(url)
    try:
        return status, json.loads(body)
    except ValueError:
        raise LoadtestError(f"{url}: expected JSON from a Starling node, found status {status} and: {body[:80]!r}") from None


class Node:
    """One node, by the address of its check API and that of its admin API."""

    def __init__(self, url, admin=None):
        parts = urllib.parse.urlsplit(url)
        self.url = url.rstrip("/")
        self.host = parts.hostname
        self.port = parts.port or 80
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.admin = (admin or f"http://{host}:{admin_port}").rstrip("/")
        self.name = self.url
        self.grpc_port = grpc_port
        self.pid = None      # of a node of our own

    def meet(self):
        """Asks the node who it is."""
        status, said = ask_json(f"{self.admin}/v1/status")
        try:
            self.name = said["node"]["name"] or self.url
            self.grpc_port = int(said["listeners"]["grpc"].rpartition(":")[2])
        except (KeyError, TypeError, ValueError):
            raise LoadtestError(f"{self.admin}: expected the status of a Starling node, found status {status} and something "
                                "else; say --admin URL for each node, in the order of their URLs") from None
        return said

    def ready(self):
        try:
            return ask(f"{self.admin}/readyz")[0] == 200
        except LoadtestError:
            return False

    def meters(self):
        """What only grows (cpu_s, packets, bytes: sent as gossip) and memory_bytes now; None for what nobody tells."""
        found = {"cpu_s": None, "memory_bytes": None, "packets": None, "bytes": None}
        try:
            status, text = ask(f"{self.admin}/metrics")
            if status == 200:
                found |= meters_of(text)
            if found["packets"] is None:
                datagrams = ask_json(f"{self.admin}/v1/status")[1]["datagrams"]
                found |= {"packets": datagrams["sent"], "bytes": datagrams["sent_bytes"]}
        except (LoadtestError, KeyError, TypeError):
            pass  # a node that is down for a moment tells nothing
        if found["cpu_s"] is None and self.pid:
            found |= meters_of_process(self.pid)
        return found


def meters_of(metrics):
    """From the text of /metrics."""
    sums = {}
    for line in metrics.splitlines():
        found = metric_line.match(line)
        if found and 'direction="received"' not in (found[2] or ""):
            sums[found[1]] = sums.get(found[1], 0.0) + float(found[3])
    names = {"cpu_s": "process_cpu_seconds_total", "memory_bytes": "process_resident_memory_bytes",
             "packets": "starling_gossip_packets_total", "bytes": "starling_gossip_bytes_total"}
    return {key: sums.get(name) for key, name in names.items()}


def meters_of_process(pid):
    """The same of a process of this machine, for nodes that serve no /metrics."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return {}
    return {"cpu_s": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), "memory_bytes": int(fields[21]) * os.sysconf("SC_PAGE_SIZE")}


class Meter:
    """What a node spent between two moments, also if it was restarted in between (its counters began again at 0)."""

    def __init__(self, node):
        self._node = node
        self._last = node.meters()
        self.spent = {key: None if value is None else 0.0 for key, value in self._last.items()}

    def read(self):
        now = self._node.meters()
        for key in ("cpu_s", "packets", "bytes"):
            if now[key] is None or self._last[key] is None:
                continue
            grown = now[key] - self._last[key]
            self.spent[key] += grown if grown >= 0 else now[key]
        self.spent["memory_bytes"] = now["memory_bytes"] if now["memory_bytes"] is not None else self.spent["memory_bytes"]
        self._last = {key: now[key] if now[key] is not None else self._last[key] for key in now}
        return self.spent


def wait_until(what, condition, deadline_s=settle_s_max):
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise LoadtestError(f"expected {what} within {deadline_s:g} s, it did not come")
        time.sleep(0.02)


class CommandRestarts:
    """Restarts of nodes that are somebody else's, by a command of the caller's."""

    def __init__(self, command):
        self._command = command

    def restart(self, node, number):
        command = self._command.replace("{url}", node.url).replace("{number}", str(number))
        result = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=restart_s_max, check=False)
        if result.returncode != 0:
            raise LoadtestError(f"--restart-command: expected '{command}' to exit 0, found {result.returncode}: "
                                f"{(result.stderr or result.stdout).strip()[-200:]}")
        wait_until(f"{node.url} to be ready again", node.ready, restart_s_max)


class LocalCluster:
    """Nodes of one's own on a free network 127.A.B.0/24, found through a name that a real DNS server (dnsmasq) knows."""

    def __init__(self, binary, count, rules):
        self._binary = binary
        self._rules = rules
        self._processes = {}
        self._folder = tempfile.TemporaryDirectory(prefix="starling-loadtest-")
        self.directory = pathlib.Path(self._folder.name)
        self._network = free_network(count)
        self.nodes = [Node(f"http://{self._network}.{number}:{check_port}") for number in range(1, count + 1)]

    def __enter__(self):
        try:
            self._start_dns()
            for number in range(1, len(self.nodes) + 1):
                self._start_node(number)
            for number, node in enumerate(self.nodes, start=1):
                wait_until(f"node {number} to be ready", lambda: self._alive(number) and node.ready())
                wait_until(f"node {number} to see all others", lambda: self._alive(number) and self._peers(node) == len(self.nodes) - 1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = {}
        self._folder.cleanup()

    def restart(self, _, number):
        """A rolling update's way: SIGTERM, wait, start, ready."""
        process = self._processes[f"node-{number}"]
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=restart_s_max)
        except subprocess.TimeoutExpired:
            raise LoadtestError(f"expected node-{number} to stop within {restart_s_max:g} s, it runs on") from None
        self._start_node(number)
        wait_until(f"node-{number} to be ready again", self.nodes[number - 1].ready, restart_s_max)

    def _start_dns(self):
        hosts = self.directory / "hosts"
        hosts.write_text("".join(f"{node.host} {peers_name}\n" for node in self.nodes), encoding="ascii")
        program = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
        log = self._start("dnsmasq", [program, "--no-daemon", "--conf-file=/dev/null", "--log-facility=-", "--no-resolv", "--no-hosts",
                                      f"--addn-hosts={hosts}", "--local=/cluster.local/", f"--listen-address={self._network}.253",
                                      "--bind-interfaces", f"--port={dns_port}"])
        wait_until("the DNS server to answer", lambda: self._alive_process("dnsmasq") and "started, version" in log.read_text())

    def _start_node(self, number):
        node = self.nodes[number - 1]
        self._start(f"node-{number}", [self._binary, "node", "--bind", node.host, "--node-name", f"node-{number}", "--cluster", "loadtest",
                                       "--neighborhood-host", f"{peers_name}.", "--dns-servers", f"{self._network}.253:{dns_port}",
                                       "--config", self._rules])
        node.pid = self._processes[f"node-{number}"].pid

    def _start(self, name, command):
        """With an empty environment, so that no setting of the caller's leaks in."""
        path = self.directory / f"{name}.log"
        with open(path, "ab") as log:
            try:
                self._processes[name] = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                                                         stderr=log, env={}, start_new_session=True, preexec_fn=die_with_parent)
            except OSError as problem:
                raise LoadtestError(f"{command[0]}: expected a program, found: {problem.strerror}; run scripts/install-deps and "
                                    "scripts/build") from None
        return path

    def _alive(self, number):
        return self._alive_process(f"node-{number}")

    def _alive_process(self, name):
        if self._processes[name].poll() is None:
            return True
        lines = (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        raise LoadtestError(f"expected {name} to run, it has ended: {lines[-1] if lines else 'without a word'}")

    def _peers(self, node):
        return sum(peer["state"] == "alive" for peer in ask_json(f"{node.admin}/v1/peers")[1]["peers"])


_prctl = ctypes.CDLL(None).prctl


def die_with_parent():
    """Runs in the child before exec: nothing outlives a load test that is killed."""
    _prctl(1, signal.SIGKILL)


def free_network(count):
    """127.A.B of which the nodes' and the DNS server's ports are free."""
    for _ in range(100):
        network = f"127.{random.randint(64, 250)}.{random.randint(0, 255)}"
        wanted = [(f"{network}.{number}", port) for number in range(1, count + 1) for port in (check_port, grpc_port, admin_port)]
        if all(free(*each) for each in [*wanted, (f"{network}.253", dns_port)]):
            return network
    raise LoadtestError("expected a free network 127.x.y.0/24 for the nodes, found none; is 127.0.0.0/8 on the loopback device?")


def free(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True


def default_binary(build_dir, name):
    path = pathlib.Path(build_dir) / name
    if not os.access(path, os.X_OK):
        raise LoadtestError(f"expected a program at {path}, found none; run scripts/build, or say --build-dir")
    return str(path)
