"""A real DNS server (dnsmasq) whose names a test changes while it runs."""

import os
import shutil
import signal
import subprocess

from .node import die_with_parent
from .waiting import wait_until

dns_port = 5391


class DnsServer:
    """Answers for names below cluster.local: with what `set` gave, else NXDOMAIN. Port 53, which resolv.conf means, needs root."""

    def __init__(self, address, directory, port=dns_port):
        self.server = f"{address}:{port}"
        self.log_path = os.path.join(directory, "dnsmasq.log")
        self._hosts_path = os.path.join(directory, "hosts")
        self._names = {}
        self._write()
        program = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(
                [program, "--no-daemon", "--conf-file=/dev/null", "--log-facility=-", "--log-queries", "--no-resolv", "--no-hosts",
                 f"--addn-hosts={self._hosts_path}", "--local=/cluster.local/", f"--listen-address={address}",
                 "--bind-interfaces", f"--port={port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_until("dnsmasq to read its names", lambda: self._loads() >= 1)

    def set(self, name, addresses):
        """From the return on, `name` has exactly these addresses; none means NXDOMAIN."""
        self._names[name] = list(addresses)
        self._write()
        loads = self._loads()
        self._process.send_signal(signal.SIGHUP)
        wait_until("dnsmasq to read its names again", lambda: self._loads() > loads)

    def queries(self, name):
        """How often `name` has been asked for."""
        return self._log().count(f"] {name} from ")

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
        assert self._process.poll() is None, f"dnsmasq has ended: {self._log()}"
        return self._log().count(f"read {self._hosts_path} ")
