"""One `starling node` process on an address of its own, and the questions a test asks it."""

import os
import shlex
import signal
import subprocess
from urllib.parse import urlencode

from . import shared  # noqa: F401
from cluster.process import die_with_parent
from .exposition import Page
from .waiting import patience, wait_until
from .web import Session, request

HTTP_PORT, ADMIN_PORT, SYNC_PORT, HEARTBEAT_PORT = 8080, 9090, 4290, 4291
exit_deadline_s = 20.0


class NodeEnded(AssertionError):
    """The process has ended though the test counts on it."""


class Node:
    """`settings` are flags: sync_interval="50ms" becomes --sync-interval 50ms. `enter` runs in the child before exec."""

    def __init__(self, binary, address, name, log_path, environment, settings, enter):
        self.address = address
        self.name = name
        self.log_path = log_path
        self._environment = environment
        self._enter = enter
        self._command = [*shlex.split(os.environ.get("STARLING_TEST_UNDER", "")), binary, "node"]
        for key, value in {"bind": address, "node_name": name, **settings}.items():
            self._command += ["--" + key.replace("_", "-"), str(value)]
        self._process = None

    # --- the process

    def start(self):
        assert self._process is None or self._process.poll() is not None, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=self._environment, preexec_fn=self._before_exec)
        return self

    def running(self):
        return self._process is not None and self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def pause(self):
        """The process stands still, as in a long garbage collection or on a frozen machine."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """A crash: nothing is said to anybody."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def wait_exit(self):
        try:
            return self._process.wait(exit_deadline_s * patience())
        except subprocess.TimeoutExpired:
            raise AssertionError(f"expected {self.name} to end within {exit_deadline_s * patience():g} s, it runs on") from None

    def terminate(self):
        """A graceful stop; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_exit()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_log(self, words="listening admin-port"):
        """Until the log, whose thread may lag behind what the node does, has `words`; returns it. By default: all of the start."""
        wait_until(f"{words!r} in the log of {self.name}", lambda: words in self.log())
        return self.log()

    def close(self):
        if self.running():
            self.kill()

    def _before_exec(self):
        die_with_parent()
        self._enter()

    # --- questions

    def get(self, target, port=ADMIN_PORT):
        if not self.running():
            raise NodeEnded(f"{self.name} has ended; exit code (or minus the signal): {self._process.poll()}")
        return request(self.address, port, target)

    def check(self, **entries):
        return self.get("/v1/check?" + urlencode(entries), HTTP_PORT)

    def session(self):
        return Session(self.address, HTTP_PORT)

    def hit(self, count, **entries):
        """`count` admitted requests over one connection."""
        with self.session() as session:
            for number in range(count):
                answer = session.check(**entries)
                assert answer.status == 200, f"hit {number + 1} of {count} on {self.name}: expected 200, found {answer}"

    def status(self):
        return self._json("/v1/status")

    def process_status(self):
        """Linux's view of the process: /proc/<pid>/status as a dict."""
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as lines:
            return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def metrics(self):
        """The page of metrics, read strictly."""
        answer = self.get("/metrics")
        assert answer.status == 200, f"{self.name} /metrics: expected 200, found {answer}"
        return Page(answer.body.decode("utf-8"))

    def peers(self):
        return self._json("/v1/peers")["peers"]

    def counters(self, **entries):
        return self._json("/v1/counters?" + urlencode(entries))["counters"]

    def view(self, **entries):
        """(the node's own origin, origin -> hits) of the one counter these entries lead to, read at one moment."""
        answer = self._json("/v1/counters?" + urlencode(entries))
        counters = answer["counters"]
        assert len(counters) <= 1, f"expected at most one counter on {self.name}, found {counters}"
        return answer["origin"], {part["origin"]: part["hits"] for counter in counters for part in counter["components"]}

    def components(self, **entries):
        """origin -> hits of the one counter these entries lead to; empty before the first hit."""
        return self.view(**entries)[1]

    def total(self, **entries):
        counters = self.counters(**entries)
        assert len(counters) <= 1, f"expected at most one counter on {self.name}, found {counters}"
        return counters[0]["total"] if counters else 0

    def origin(self):
        return self.status()["node"]["origin"]

    def setting(self, name):
        """(value as text, source)"""
        found = [each for each in self.status()["settings"] if each["name"] == name]
        assert len(found) == 1, f"expected one setting {name} on {self.name}, found {found}"
        return str(found[0]["value"]), found[0]["source"]

    def ready(self):
        return self.get("/readyz").status == 200

    def states(self):
        """name -> state of every peer that has told its name"""
        return {peer["name"]: peer["state"] for peer in self.peers()}

    def alive_peers(self):
        return sorted(peer["name"] for peer in self.peers() if peer["state"] == "alive")

    def wait_live(self):
        wait_until(f"{self.name} to answer /livez", lambda: self.get("/livez").status == 200)
        return self

    def wait_ready(self):
        wait_until(f"{self.name} to be ready", self.ready)
        return self

    def _json(self, target):
        answer = self.get(target)
        assert answer.status == 200, f"{self.name} {target}: expected 200, found {answer}"
        return answer.json()
