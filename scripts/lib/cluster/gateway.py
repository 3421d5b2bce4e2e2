"""A real nginx in front, with the files of scripts/gateways/nginx that people copy, and a real backend behind it.

Only addresses are put into the files. The node that it asks is the cluster's Service: a virtual address that leads each new
connection to one of the ready pods.
"""

import collections
import os
import pathlib
import re

from cluster.network import find, middle_host
from cluster.process import last_lines, spawn
from cluster.service import cluster_ip, service_port

gateway_host = 1
gateway_port, backend_port = 8000, 9000
files = pathlib.Path(__file__).resolve().parents[2] / "gateways/nginx"
node, backend, listen, folder = "127.0.0.1:8080", "127.0.0.1:9000", "127.0.0.1:8000", "/etc/nginx/starling/"
parts = ("check.conf", "limit.conf", "fail-open.conf", "fail-closed.conf", "site.conf")

# What `--attributes` the nodes need is said at the top of site.conf.
environment = {"STARLING_ATTRIBUTES": "principal=X-Api-Key|@client_ip", "STARLING_TRUSTED_HOPS": "1"}

_reason = re.compile(r"\[(?:error|crit|alert|emerg)\] \S+ (?:\*\d+ )?(.*?)(?:, client: |$)")
_machine = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


class Gateway:
    """`timeout_text`: how long it waits for an answer, instead of the file's 50 ms, which nodes that share a few cores with each
    other and their clients do not always keep. Connecting is the kernel's alone, and may take no longer than the file says."""

    def __init__(self, network, directory, timeout_text):
        self.address, self.port = network.routed_host(gateway_host), gateway_port
        self._backend_at = f"{network.host(middle_host)}:{backend_port}"
        network.add_routed(gateway_host)
        self._processes = [
            self._start("backend", directory, f"server {{ listen {self._backend_at}; location / {{ return 200 'ok\\n'; }} }}"),
            self._start("gateway", directory, self._site(os.path.join(directory, "gateway"), timeout_text),
                        lambda: network.enter_routed(gateway_host))]

    def ended(self):
        """One line on what has ended that should run, or None."""
        for process, log_path in self._processes:
            if process.poll() is not None:
                return f"nginx has ended with {process.poll()}: {' '.join(last_lines(log_path, 3))}"
        return None

    def errors(self):
        """What nginx in front has complained of so far: reason -> how often."""
        with open(self._processes[1][1], encoding="utf-8", errors="replace") as log:
            return collections.Counter(found[1] for found in map(_reason.search, log) if found)

    def close(self):
        for process, _ in self._processes:
            process.kill()
            process.wait()

    def _start(self, name, directory, site, before_exec=None):
        place = os.path.join(directory, name)
        os.makedirs(place, exist_ok=True)
        conf, log_path = os.path.join(place, "nginx.conf"), os.path.join(directory, f"{name}.log")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(_machine.format(folder=place, site=site))
        command = [find("nginx"), "-p", place, "-e", "stderr", "-c", conf]
        return spawn(command, log_path, before_exec=before_exec), log_path

    def _site(self, place, timeout_text):
        os.makedirs(place, exist_ok=True)
        for part in parts:
            text = (files / part).read_text(encoding="utf-8")
            twice = f"{cluster_ip}:{service_port} max_fails=0; server {cluster_ip}:{service_port} max_fails=0"  # as site.conf says
            said = {node: twice, backend: self._backend_at, listen: f"{self.address}:{self.port}",
                    folder: place + "/"} if part == "site.conf" else {}
            if part == "check.conf":
                said["proxy_read_timeout 50ms"] = f"proxy_read_timeout {timeout_text}"
            for default, ours in said.items():
                if default not in text:
                    raise ValueError(f"{files / part}: expected {default!r} in it, found none; adapt scripts/lib/cluster/gateway.py")
                text = text.replace(default, ours)
            pathlib.Path(place, part).write_text(text, encoding="utf-8")
        return f"include {place}/site.conf;"
