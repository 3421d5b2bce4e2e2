"""The clients: one generator (tests/load) for each kind of caller, asking all nodes alike, for as long as a round lasts."""

import json
import signal
import subprocess

from chaos.rules import kinds, window_s
from chaos.site import check_port, endpoint
from cluster.process import last_lines, spawn

connections = 6             # to each node, of each kind
priority = -5               # what else this machine does is no part of the load


class LoadFailed(Exception):
    """A generator ended before it was told to."""


class Loads:
    def __init__(self, binary, directory, slots, at_s, seconds_max):
        self._processes = {}
        self.directory = directory
        for kind in kinds:
            request = directory / f"request-{kind.name}"
            request.write_text(f"GET /v1/check?kind={kind.name}&explain=1&principal={kind.name}-0000 HTTP/1.1\r\n"
                               "Host: chaos\r\n\r\n", encoding="ascii")
            command = [binary, "--protocol", "http", "--request", request, "--survive", "yes", "--connections", connections,
                       "--callers", kind.callers, "--at", f"{at_s:.6f}", "--window-s", window_s, "--rule", kind.name,
                       "--phase", f"{seconds_max}:{kind.rate():g}"]
            for slot in slots:
                command += ["--target", f"{endpoint(slot)}:{check_port}=1"]
            self._processes[kind.name] = spawn(command, self._log(kind.name), stdout=subprocess.PIPE)

    def stop(self):
        """name of the kind -> the generator's report."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        reports = {}
        for name, process in self._processes.items():
            said, _ = process.communicate(timeout=30)
            if process.returncode != 0 or not said:
                raise LoadFailed(f"the load {name} failed: {' '.join(last_lines(self._log(name), 2)) or process.returncode}")
            reports[name] = json.loads(said)
        self._processes = {}
        return reports

    def ended(self):
        """What ended early, or None."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                return f"the load {name} ended: {' '.join(last_lines(self._log(name), 2)) or process.returncode}"
        return None

    def close(self):
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _log(self, name):
        return self.directory / f"load-{name}.log"


crowd_batch = 10_000        # callers that the generator tells apart
crowd_per_s = 4000          # time that the generator gives them
crowd_s_max = 120


def fill(binary, directory, slots, count):
    """One request each of `count` callers that never come back: so many counters, for good."""
    for batch in range(-(-count // crowd_batch)):
        callers = min(crowd_batch, count - batch * crowd_batch)
        request = directory / "request-crowd"
        request.write_text(f"GET /v1/check?kind=crowd&principal=crowd-{batch}-0000 HTTP/1.1\r\nHost: chaos\r\n\r\n", encoding="ascii")
        command = [binary, "--protocol", "http", "--request", request, "--connections", connections, "--callers", callers,
                   "--phase", f"{callers / crowd_per_s:g}:0:{callers}"]
        for slot in slots:
            command += ["--target", f"{endpoint(slot)}:{check_port}=1"]
        result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=crowd_s_max, check=False)
        said = json.loads(result.stdout) if result.returncode == 0 else {}
        if said.get("allowed") != callers:
            raise LoadFailed(f"expected a crowd of {callers} to be admitted, found: {said or result.stderr.strip()}")
