"""The processes of a benchmark: pinned to a core each, waited for, their CPU time read, ended with the run."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

ready_s_max = 10.0
stop_s_max = 12.0
_prctl = ctypes.CDLL(None).prctl
_pr_set_pdeathsig = 1


class BenchError(Exception):
    """A failure whose text is meant for the person at the terminal."""


def before_exec():
    _prctl(_pr_set_pdeathsig, signal.SIGKILL)  # a benchmark that is killed leaves no server behind


def need(programs):
    """Of (program, its Debian package): an error names the first that is not here."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    for program, package in programs:
        if not shutil.which(program, path=path):
            raise BenchError(f"expected {program}, found none; apt-get install {package}")


class Server:
    """A server on `core`, or wherever the system puts it; `listens` is the (address, port) by which it is known to be up."""

    def __init__(self, command, core, listens, log_path):
        self.listens = listens
        self._log_path = log_path
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex(listens) == 0:
                raise BenchError(f"expected nobody at {listens[0]}:{listens[1]}, found a server; is another benchmark running?")
        with open(log_path, "wb") as log:
            pinned = ["taskset", "-c", str(core)] if core is not None else []
            self._process = subprocess.Popen([*pinned, *map(str, command)], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, preexec_fn=before_exec)
        self._wait_ready()

    def _wait_ready(self):
        give_up = time.monotonic() + ready_s_max
        while time.monotonic() < give_up and self._process.poll() is None:
            with contextlib.closing(socket.socket()) as probe:
                if probe.connect_ex(self.listens) == 0:
                    return
            time.sleep(0.02)
        said = pathlib.Path(self._log_path).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        self.stop()
        raise BenchError(f"expected a server at {self.listens[0]}:{self.listens[1]} within {ready_s_max:g} s, found none: "
                         + " / ".join(said))

    def cpu_s(self):
        """On the CPU since its start, all threads, those that have ended too."""
        cpu_clock = ~self._process.pid << 3 | 2  # as clock_getcpuclockid(3) makes it: CPUCLOCK_SCHED of a process
        return time.clock_gettime(cpu_clock)

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(stop_s_max)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def run_client(command, core):
    """Its standard output."""
    result = subprocess.run(["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, check=False, preexec_fn=before_exec)
    if result.returncode != 0:
        raise BenchError(f"expected {' '.join(map(str, command))} to exit 0, found {result.returncode}: "
                         f"{(result.stderr or result.stdout).strip()[-300:]}")
    return result.stdout


class Load:
    """Our own generator (tests/load)."""

    def __init__(self, binary, core, connections):
        self._command = [binary, "--connections", connections, "--busy", "yes"]
        self._core = core

    def __call__(self, protocol, listens, request, seconds, callers=1, rate=0, path="", answer=None):
        command = [*self._command, "--protocol", protocol, "--target", f"{listens[0]}:{listens[1]}", "--request", request,
                   "--seconds", seconds, "--callers", callers, "--rate", rate, "--path", path]
        result = json.loads(run_client(command + (["--answer", answer] if answer else []), self._core))
        if result["failed"]:
            raise BenchError(f"expected {protocol} answers of {listens[0]} that allow or deny, {result['failed']} did neither")
        latency = {f"{name}_us": value for name, value in result["latency_us"].items()}
        return result | latency | {"unanswered": result["lost"] + result["unsent"]}


def h2load(core, connections, listens, seconds, path, body=None):
    command = ["h2load", "-c", connections, "-m", 1, "-D", f"{round(seconds * 1000)}ms"]
    command += ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"] if body else ["--h1"]
    said = run_client(command + [f"http://{listens[0]}:{listens[1]}{path}"], core)
    rate = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", said)
    counts = re.search(r"(\d+) succeeded, (\d+) failed", said)
    if not rate or not counts or float(rate[1]) == 0:
        raise BenchError(f"expected a rate from h2load, found: {said.strip()[-300:]}")
    return {"rate": float(rate[1]), "requests": int(counts[1]) + int(counts[2])}


def redis_benchmark(core, connections, listens, requests_count, callers, command):
    said = run_client(["redis-benchmark", "-h", listens[0], "-p", listens[1], "-c", connections, "-n", requests_count, "-r", callers,
                       "--csv", *command], core)
    last = said.strip().splitlines()[-1].split(",")
    try:
        return {"rate": float(last[1].strip('"')), "requests": requests_count}
    except (IndexError, ValueError):
        raise BenchError(f"expected a line of CSV from redis-benchmark, found: {said.strip()[-300:]}") from None


def redis_command(listens, *words):
    """One command of RESP and its answer's bytes."""
    with socket.create_connection(listens, timeout=ready_s_max) as connection:
        connection.sendall(resp(*words))
        return connection.recv(4096)


def resp(*words):
    words = [word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def idle_share(over_s=0.5):
    """What part of the machine nobody used in the next half second."""
    def read():
        fields = [int(field) for field in pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)
    idle, total = read()
    time.sleep(over_s)
    idle_after, total_after = read()
    return (idle_after - idle) / max(total_after - total, 1)


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return f"{model[1].strip() if model else 'CPU unknown'}, {os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}"
