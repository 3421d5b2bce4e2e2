"""The base of the integration tests: makes clusters, shows the logs of a failed test, cleans up after every one."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from .dns import DnsServer
from .node import Node
from .subnet import Subnet
from .waiting import patience, wait_equal

tree = pathlib.Path(__file__).resolve().parents[3]
dns_host = 253
log_lines_shown = 60
meson_skip = 77


def binary():
    return os.environ.get("STARLING_BINARY") or str(tree / "build/src/app/starling")


def free_of_settings():
    """This process's environment without anything that would configure a node."""
    return {key: value for key, value in os.environ.items()
            if not key.upper().replace(".", "_").startswith(("STARLING_", "NEIGHBORHOOD_", "POLICY_"))}


def long_window():
    """(text, seconds) of a window that no test outlives. Windows are aligned to the epoch: of a few lengths without a
    common multiple nearby, the one whose current window lasts longest is taken."""
    minutes = max((60, 67, 71), key=lambda each: each * 60 - time.time() % (each * 60))
    return f"{minutes}m", minutes * 60


class ClusterCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self._nodes = []
        self._dns = None
        self.subnet = self.make_subnet()
        self.addCleanup(self.subnet.close)
        self._scratch = tempfile.TemporaryDirectory(prefix="starling-test-")
        self.directory = pathlib.Path(self._scratch.name)

    def run(self, result=None):
        result = result if result is not None else self.defaultTestResult()
        failures = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failures:
            self._show_logs()
        if hasattr(self, "_scratch"):
            self._scratch.cleanup()
        return result

    def assert_memory_below(self, found, limit):
        """For resident memory, or a ratio of it. Sanitizers pad what is held and keep what is freed: beside them this asserts nothing."""
        if not {"ASAN_OPTIONS", "TSAN_OPTIONS"} & os.environ.keys():
            self.assertLess(found, limit)

    # --- making things

    def make_subnet(self):
        """Where the test's hosts are."""
        return Subnet()

    def dns(self):
        """The test's DNS server; started at the first call."""
        if self._dns is None:
            self._dns = DnsServer(self.subnet.host(dns_host), str(self.directory))
            self.addCleanup(self._dns.close)
        return self._dns

    def node(self, number, environment=None, **settings):
        """Node `number` on host `number` of the test's network; starts it, waits for nothing."""
        name = f"n{number}"
        settings.setdefault("cluster", "test-" + self.subnet.host(0))
        settings.setdefault("log_level", "debug")
        log_path = str(self.directory / f"{len(self._nodes) + 1}-{name}.log")
        made = Node(binary(), self.subnet.host(number), name, log_path,
                    {**free_of_settings(), **(environment or {})}, settings, lambda: self.subnet.enter(number))
        self._nodes.append(made)
        self.addCleanup(made.close)
        return made.start()

    def neighborhood(self, count):
        """A literal list of the first `count` hosts."""
        return ",".join(self.subnet.host(number) for number in range(1, count + 1))

    def cluster(self, count, **settings):
        """`count` ready nodes that all see each other alive."""
        settings.setdefault("neighborhood_host", self.neighborhood(count))
        nodes = [self.node(number, **settings) for number in range(1, count + 1)]
        self.wait_together(nodes)
        return nodes

    def rules(self, text, name="rules.yaml"):
        """Writes a rules file; returns its path."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def one_rule(self, requests, per=None):
        """A rules file with one rule for every principal, over a window that no test outlives."""
        return self.rules(f'rules:\n  - name: each\n    match: {{principal: "*"}}\n'
                          f"    limits: [{{requests: {requests}, per: {per or long_window()[0]}}}]\n")

    def starling(self, *arguments, environment=None):
        """A CLI call that ends by itself: the CompletedProcess, with text."""
        return subprocess.run([binary(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=20 * patience(), env={**free_of_settings(), **(environment or {})}, check=False)

    # --- waiting

    def wait_together(self, nodes):
        for node in nodes:
            others = sorted(each.name for each in nodes if each is not node)
            wait_equal(f"the alive peers of {node.name}", node.alive_peers, others)
            node.wait_ready()

    def wait_totals(self, nodes, total, **entries):
        """Until every node's merged count is `total`."""
        for node in nodes:
            wait_equal(f"the count of {entries} on {node.name}", lambda: node.total(**entries), total)

    def _show_logs(self):
        paths = sorted(self.directory.glob("*.log")) if hasattr(self, "directory") else []
        for path in paths:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-log_lines_shown:]
            print(f"--- {self.id()}: last lines of {path.name}", *lines, sep="\n", file=sys.stderr)


def skip(reason):
    """Ends a test file that cannot run here, in a way that Meson counts as skipped."""
    print(f"skipped: {reason}")
    sys.exit(meson_skip)


def main():
    """What a test file calls when it is run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # temporary folders go as after Ctrl-C
    if len(sys.argv) > 1 and os.path.isfile(sys.argv[1]) and os.access(sys.argv[1], os.X_OK):
        os.environ["STARLING_BINARY"] = os.path.abspath(sys.argv.pop(1))
    if not os.access(binary(), os.X_OK):
        sys.exit(f"{binary()}: expected the starling binary, found none; run scripts/build or set STARLING_BINARY")
    unittest.main(verbosity=2)
