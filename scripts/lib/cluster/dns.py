"""A real DNS server (dnsmasq) whose names change while it runs.

Used as the cluster's DNS by `scripts/cluster`, and by the integration tests.
"""

import os
import signal
import time

from cluster.network import find
from cluster.process import spawn

dns_port = 5391
load_deadline_s = 20.0
poll_interval_s = 0.01


class DnsServer:
    """Answers for names below cluster.local, and for such without a dot: with what `set` gave, else NXDOMAIN."""

    def __init__(self, address, directory, port=dns_port, ttl_s=0, log_queries=True):
        self.server = f"{address}:{port}"
        self.log_path = os.path.join(directory, "dnsmasq.log")
        self._hosts_path = os.path.join(directory, "hosts")
        self._names = {}
        self._write()
        # --no-daemon also keeps dnsmasq from dropping rights it may not have and from writing a pid file.
        self._process = spawn(
            [find("dnsmasq") or "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--log-facility=-", "--no-resolv",
             "--no-hosts", f"--addn-hosts={self._hosts_path}", "--local=/cluster.local/", "--domain-needed", f"--local-ttl={ttl_s}",
             f"--listen-address={address}", "--bind-interfaces", f"--port={port}", *["--log-queries"][:log_queries]],
            self.log_path)
        self._wait_for_load(1)

    def set(self, name, addresses):
        """From the return on, `name` has exactly these addresses; none means NXDOMAIN."""
        loads = self._loads()
        self.change(name, addresses)
        self._wait_for_load(loads + 1)

    def change(self, name, addresses):
        """The same, a moment later."""
        self._names[name] = list(addresses)
        self._write()
        self._process.send_signal(signal.SIGHUP)

    def queries(self, name):
        """How often `name` has been asked for."""
        return self._log().count(f"] {name} from ")

    def running(self):
        return self._process.poll() is None

    def close(self):
        self._process.kill()
        self._process.wait()

    def _write(self):
        with open(self._hosts_path + ".new", "w", encoding="ascii") as hosts:
            hosts.writelines(f"{address} {name}\n" for name, addresses in self._names.items() for address in addresses)
        os.replace(self._hosts_path + ".new", self._hosts_path)

    def _log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def _loads(self):
        assert self.running(), f"dnsmasq has ended: {self._log()}"
        return self._log().count(f"read {self._hosts_path} ")

    def _wait_for_load(self, count):
        ends = time.monotonic() + load_deadline_s * float(os.environ.get("STARLING_TEST_PATIENCE", "1"))
        while self._loads() < count:
            assert time.monotonic() < ends, f"expected dnsmasq to read its names, found: {self._log()}"
            time.sleep(poll_interval_s)
