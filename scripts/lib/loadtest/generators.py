"""What sends the load: our own generator for everything that counts windows, wrk and h2load for the highest rate.

wrk, h2load and hey are closed loop: they ask again when they were answered, so a node that stands still is asked less,
and nobody is charged for the wait. None of them can begin with a window, spread one load over several nodes by weight,
or tell which window an answer was counted in (h2load does not even see grpc-status). So they only serve where the rate
is what is looked for.
"""

import json
import re
import shutil
import subprocess
import threading
import urllib.parse

from loadtest.cluster import LoadtestError

grpc_path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
drain_s = 10
tools = {"wrk": "wrk", "h2load": "nghttp2-client"}  # program -> Debian package


def field(number, payload):
    """One length-delimited field of a protobuf message."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size, length = b"", len(payload)
    while length >= 0x80:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + payload


def rls_request(domain, entries):
    """envoy.service.ratelimit.v3.RateLimitRequest"""
    return field(1, domain) + field(2, b"".join(field(1, field(1, key) + field(2, value)) for key, value in entries))


def http_target(domain, entries, explain):
    query = [*entries] + ([("explain", "1")] if explain else []) + ([("domain", domain)] if domain else [])
    return f"/v1/check?{urllib.parse.urlencode(query, safe='-')}"


class Generator:
    """tests/load: open loop by a plan; reports every second to `progress`."""

    def __init__(self, binary, connections):
        self._binary = binary
        self._connections = connections

    def run(self, plan, protocol, nodes, limit, request_file, starts_at, progress, meanwhile=None):
        """Its report. `meanwhile` is called once the load goes on, with an event that is set when it has ended."""
        command = [self._binary, "--protocol", protocol, "--request", request_file, "--path", grpc_path, "--survive", "yes",
                   "--progress", "yes", "--connections", self._connections, "--callers", plan.callers, "--zipf", plan.zipf,
                   "--at", f"{starts_at:.6f}", "--window-s", limit.window_s, "--rule", json.dumps(limit.rule, ensure_ascii=False)[1:-1]]
        for node, weight in zip(nodes, plan.weights):
            host = f"[{node.host}]" if ":" in node.host else node.host
            command += ["--target", f"{host}:{node.port if protocol == 'http' else node.grpc_port}={weight:g}"]
        for seconds, rate, at_once in plan.phases:
            command += ["--phase", f"{seconds:.6f}:{rate:.6f}:{at_once}"]
        return self._follow(command, progress, meanwhile)

    @staticmethod
    def _follow(command, progress, meanwhile):
        """`meanwhile` runs here: what a thread of ours started would be killed when the thread ends (die_with_parent)."""
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        began, ended, reports, errors = threading.Event(), threading.Event(), [], []

        def read():
            for line in process.stdout:
                said = json.loads(line)
                began.set()
                if "progress" in said:
                    progress(said["progress"])
                else:
                    reports.append(said)
            errors.extend(process.stderr.read().strip().splitlines())
            ended.set()
            began.set()
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            if meanwhile and began.wait() and not ended.is_set():
                meanwhile(ended)
            reader.join()
        except KeyboardInterrupt:
            reader.join()  # the generator got the signal as well, and reports what there is
        finally:
            if process.poll() is None and not ended.is_set():
                process.terminate()
            process.wait()
        if process.returncode != 0 or not reports:
            raise LoadtestError(f"the generator failed: {errors[0] if errors else 'it ended early'}")
        return reports[0]


def wrk(connections, seconds, url):
    """{requests, rate, latency_us, ...}"""
    said = run_tool(["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "--latency", url], seconds)
    total = re.search(r"(\d+) requests in ", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    denied = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    latency = dict(re.findall(r"^\s+(\d+)%\s+([\d.]+[a-z]+)$", said, re.MULTILINE))
    if not total or not rate:
        raise LoadtestError(f"expected a rate from wrk, found: {said.strip()[-200:]}")
    others = int(denied[1]) if denied else 0
    return {"requests": int(total[1]), "rate": float(rate[1]), "allowed": int(total[1]) - others, "denied": others,
            "lost": sum(map(int, errors.groups())) if errors else 0,
            "latency_us": {"p50": microseconds(latency.get("50")), "p90": microseconds(latency.get("90")),
                           "p99": microseconds(latency.get("99")), "p999": None, "max": None}}


def h2load(connections, seconds, url, body_file=None):
    """By HTTP/1.1, or by gRPC with a message. There every answer has the status 200, so who was denied is not told."""
    how = ["-d", str(body_file), "-H", "content-type: application/grpc", "-H", "te: trailers"] if body_file else ["--h1"]
    said = run_tool(["h2load", "-c", str(connections), "-m", "1", "-D", f"{seconds:g}", *how, url], seconds)
    rate = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", said)
    done = re.search(r"(\d+) done, .*?(\d+) errored, (\d+) timeout", said)
    statuses = re.search(r"status codes: (\d+) 2xx, \d+ 3xx, (\d+) 4xx", said)
    times = re.search(r"time for request:\s+\S+\s+(\S+)\s+(\S+)", said)
    if not rate or not done or not statuses:
        raise LoadtestError(f"expected a rate from h2load, found: {said.strip()[-200:]}")
    return {"requests": int(done[1]), "rate": float(rate[1]), "allowed": None if body_file else int(statuses[1]),
            "denied": None if body_file else int(statuses[2]), "lost": int(done[2]) + int(done[3]),
            "latency_us": {"p50": None, "p90": None, "p99": None, "p999": None, "max": microseconds(times[1]) if times else None}}


def microseconds(text):
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text or "")
    return round(float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[found[2]], 1) if found else None


def run_tool(command, seconds):
    if not shutil.which(command[0]):
        raise LoadtestError(f"expected {command[0]} for pattern capacity, found none; apt-get install {tools[command[0]]}")
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                timeout=seconds + drain_s)
    except subprocess.TimeoutExpired:
        raise LoadtestError(f"expected {command[0]} to end after {seconds:g} s, it did not") from None
    if result.returncode != 0:
        raise LoadtestError(f"expected {command[0]} to exit 0, found {result.returncode}: {(result.stderr or result.stdout).strip()[-200:]}")
    return result.stdout
