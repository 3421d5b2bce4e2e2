"""A cluster from its first pod to its last: starts it, runs the phases, keeps it or takes it down."""

import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from cluster import gateway as cluster_gateway
from cluster.deployment import Deployment
from cluster.dns import DnsServer
from cluster.forward import Forwards, address as forwards_at
from cluster.gateway import Gateway
from cluster.keep import born
from cluster.network import Network, middle_host
from cluster.phases import Phases
from cluster.place import Place
from cluster.process import last_lines
from cluster.report import print_table
from cluster.service import Services

dns_port, dns_ttl_s = 53, 5
ready_deadline_s = 120.0
priority = -5       # of everything started here: what else this machine does is no part of the cluster that is measured
DONE, FAILED, BROKEN, INTERRUPTED = 0, 1, 3, 130


class Failed(Exception):
    """A failure whose text is meant for the person at the terminal."""


def new_key_file(binary, directory):
    """A key of this cluster's own; returns the path of its file."""
    path = os.path.join(directory, "keys")
    with open(path, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        subprocess.run([binary, "keygen"], stdout=file, check=True)
    return path


class Cluster:
    def __init__(self, options, template, directory):
        self._options, self._template, self._directory = options, template, directory
        self._began = time.monotonic()
        self._open = []

    async def run(self, detach, kept):
        """Exit code. `detach`: only with --keep."""
        options = self._options
        try:
            phases = await self._start()
            report = {"nodes": options.nodes, "limit": options.limit, "window_s": options.window_s, "load": options.load,
                      "gateway": options.gateway, "phases": []}
            for name in options.phases:
                found = await phases.run(name)
                report["phases"].append(found)
                for reason in found["broken"]:
                    self.tell(f"{name}: BROKEN: {reason}")
            broken = [f"{found['phase']}: {reason}" for found in report["phases"] for reason in found["broken"]]
            if options.output == "json":
                print(json.dumps({**report, "within_bounds": not broken}), flush=True)
            elif report["phases"]:
                print_table(report)
            for reason in broken:
                print(f"cluster: {reason}", file=sys.stderr)
            if options.keep:
                await self._keep(BROKEN if broken else DONE, detach, kept)
            return BROKEN if broken else DONE
        finally:
            for each in reversed(self._open):
                each.close()

    def tell(self, text):
        if not self._options.quiet:
            print(f"{time.monotonic() - self._began:7.1f} s  {text}", file=sys.stderr, flush=True)

    async def _start(self):
        options = self._options
        network = self._kept_open(Network())
        self._network = network
        dns = self._kept_open(DnsServer(network.host(middle_host), self._directory, dns_port, dns_ttl_s, log_queries=False))
        services = Services(network, dns, options.lag_s, options.ipv6, self.tell)
        more = dict(cluster_gateway.environment) if options.gateway == "nginx" else {}
        if options.max_counters:
            more["STARLING_MAX_COUNTERS"] = str(options.max_counters)
        if options.sealed:
            more["STARLING_KEY_FILE"] = new_key_file(options.binary, self._directory)
        place = Place(network, self._directory, options.binary, self._template, (options.limit, options.window_s), more)
        self._gateway = None
        if options.gateway == "nginx":
            self._gateway = self._kept_open(Gateway(network, self._directory, options.gateway_timeout))
        self._deployment = self._kept_open(Deployment(place, services.update, self.tell))
        started = time.monotonic()
        try:
            await asyncio.wait_for(self._deployment.scale(options.nodes), ready_deadline_s)
        except asyncio.TimeoutError:
            unready = next(pod for pod in self._deployment.pods if not pod.ready)
            raise Failed(f"expected {options.nodes} ready nodes within {ready_deadline_s:g} s, {unready.name} is not; its log ends: "
                         f"{' / '.join(last_lines(unready.log_path, 3))}") from None
        self.tell(f"{options.nodes} nodes ready after {time.monotonic() - started:.1f} s")
        await services.settled()
        if self._gateway and self._gateway.ended():
            raise Failed(self._gateway.ended())
        return self._kept_open(Phases(options, network, self._deployment, services, self._gateway, self._directory, self.tell))

    def _kept_open(self, each):
        self._open.append(each)
        return each

    async def _keep(self, code, detach, kept):
        forwards = self._kept_open(Forwards(self._network, self._options.port))
        lines = ["", "The cluster runs on. Talk to it:"]
        try:
            if self._gateway:
                port = await forwards.add(self._gateway.address, self._gateway.port)
                lines.append(f"  curl -i -H 'X-Api-Key: alice' http://{forwards_at}:{port}/     # through the gateway")
            for pod in self._deployment.pods:
                port = await forwards.add(pod.address, 9090)
                lines.append(f"  {self._options.binary} status --server http://{forwards_at}:{port}     # {pod.name}, {pod.address}")
        except OSError as problem:
            raise Failed(f"expected free ports on {forwards_at} from {self._options.port} on, found: {problem}; choose others "
                         "with --port, or --port 0 for any") from None
        lines += ["The same addresses show each node in a browser. A pod that is restarted by its kubelet keeps its port.",
                  f"Logs: {self._directory}", "Stop it: scripts/cluster --stop"]
        print("\n".join(lines), flush=True)
        kept.write(directory=self._directory)
        try:
            detach(code, os.path.join(self._directory, "cluster.log"))
            await asyncio.Event().wait()
        finally:
            kept.forget()


def sweep(directory):
    """Removes the files of clusters whose process is gone, however it went."""
    for each in pathlib.Path(directory).glob("run-*"):
        _, pid, birth = each.name.split("-")
        if str(born(int(pid))) != birth:
            shutil.rmtree(each, ignore_errors=True)


def run(options, template, detach=None, kept=None):
    """Exit code. Whatever ends it, nothing is left but what --keep wants kept."""
    sweep(options.directory)
    with contextlib.suppress(OSError):
        os.nice(priority)
    directory = os.path.join(options.directory, f"run-{os.getpid()}-{born(os.getpid())}")
    os.mkdir(directory)
    try:
        return asyncio.run(_until_signal(Cluster(options, template, directory).run(detach, kept)))
    except asyncio.CancelledError:
        return INTERRUPTED
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _until_signal(body):
    task = asyncio.ensure_future(body)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task
