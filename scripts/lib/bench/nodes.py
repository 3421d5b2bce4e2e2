"""Real nodes for a benchmark: each a process on an address of its own in 127.0.0.0/8, found by a list of addresses."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import time

from bench.processes import BenchError, before_exec
from loadtest.cluster import LoadtestError, free_network

admin_port, http_port = 9090, 8080
answer_s_max = 20.0
stop_s_max = 12.0
_sample = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$")


def network(count):
    """127.A.B on which `count` nodes find their ports free."""
    try:
        return free_network(count)
    except LoadtestError as problem:
        raise BenchError(str(problem)) from None


class Node:
    """Started at once; `wait` says when it is what it should be."""

    def __init__(self, binary, address, folder, neighborhood="", config=None, **settings):
        self.address = address
        self._log_path = pathlib.Path(folder) / f"{address}.log"
        command = [binary, "node", "--bind", address, "--node-name", address, "--cluster", "bench", "--log-level", "warn"]
        command += ["--neighborhood-host", neighborhood] if neighborhood else []
        command += ["--config", config] if config else []
        for name, value in settings.items():
            command += ["--" + name.replace("_", "-"), value]
        with open(self._log_path, "ab") as log:
            self._process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={},
                                             preexec_fn=before_exec)

    def get(self, path):
        """(status, body)"""
        with contextlib.closing(http.client.HTTPConnection(self.address, admin_port, timeout=answer_s_max)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def metrics(self):
        """{name or name{labels}: value}"""
        found = (_sample.match(line) for line in self.get("/metrics")[1].decode().splitlines())
        return {each[1] + (each[2] or ""): float(each[3]) for each in found if each}

    def ready(self):
        return self.get("/readyz")[0] == 200

    def peers(self):
        return json.loads(self.get("/v1/peers")[1])["peers"]

    def alive_count(self):
        """Live nodes as this one sees them, itself included."""
        return int(self.metrics()["starling_nodes"])

    def wait(self, what, condition, within_s):
        """Until `condition(self)`; a node that has ended, or takes longer, is an error with its last words."""
        ends = time.monotonic() + within_s
        while True:
            if self._process.poll() is not None:
                raise BenchError(f"expected the node at {self.address} to run, it ended with {self._process.returncode}: {self._said()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if condition(self):
                    return
            if time.monotonic() > ends:
                raise BenchError(f"expected {what} of the node at {self.address} within {within_s:g} s, it did not come: {self._said()}")
            time.sleep(0.02)

    def cpu_s(self):
        """On the CPU since its start, all threads, those that have ended too."""
        return time.clock_gettime(~self._process.pid << 3 | 2)  # clock_getcpuclockid(3), CPUCLOCK_SCHED

    def resident_bytes(self):
        fields = pathlib.Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def terminate(self):
        if self._process.poll() is None:
            self._process.terminate()

    def stop(self):
        self.terminate()
        try:
            self._process.wait(stop_s_max)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def _said(self):
        return " / ".join(self._log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]) or "it said nothing"


class Nodes:
    """`count` nodes that list each other; all are gone with the end of the block."""

    def __init__(self, binary, folder, count, config=None, **settings):
        prefix = network(count + 1)  # one more, for who joins later
        self._addresses = [f"{prefix}.{number}" for number in range(1, count + 2)]
        self._make = lambda address, **more: Node(binary, address, folder, ",".join(self._addresses), config, **settings, **more)
        self._count = count
        self.all = []

    def __enter__(self):
        try:
            self.all += [self._make(address) for address in self._addresses[:self._count]]
            for node in self.all:
                node.wait("readiness", Node.ready, 60 + self._count)
            for node in self.all:
                node.wait("the sight of all others", lambda each: each.alive_count() == self._count, 60 + self._count)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.all:  # nobody needs what they count, so nobody waits for goodbyes
            node.kill()

    def join(self, **settings):
        """One more node, which the others expect at its address."""
        self.all.append(self._make(self._addresses[self._count], **settings))
        return self.all[-1]

    def part(self):
        """The node that joined is killed; its address may be used again."""
        self.all.pop().kill()
