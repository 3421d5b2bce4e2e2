"""One pod and its kubelet: the container's process in namespaces of the pod, its probes, its restarts, its termination.

    created -> started (startup probe) -> ready <-> not ready (readiness probe)
    deleted: terminating at once, then preStop, SIGTERM, and SIGKILL when the grace period since the deletion is over; then gone

A container that ends by itself is started again in the same pod, with the same address and name, as kubelets do. Whoever
wants to know of changes is called (`on_change`); nothing here knows of Services or rollouts.
"""

import asyncio
import http.client
import os
import random
import signal
import time

from cluster.process import exited, see_file, spawn

notice_s_max = 1.0        # until a kubelet notices that a container has ended (its event generator looks once a second)
restart_pause_s = 10.0    # before the second restart and later ones; the first comes at once
resolv_conf = "/etc/resolv.conf"
answer_bytes_max = 4 * 1024 * 1024


class Pod:
    """`place`: what all pods of a cluster share (cluster/place.py). `number`: its host on the network."""

    def __init__(self, place, name, number, generation, on_change):
        self.name, self.number, self.generation = name, number, generation
        self.address = place.network.host(number)
        self.created_at = time.monotonic()
        self.ready_at = None
        self.running = self.started = self.passing = self.terminating = self.gone = False
        self.restarts_count = 0
        self.trouble = []              # what should not happen in a graceful life, one line each
        self.log_path = os.path.join(place.directory, f"{name}.log")
        self._place, self._on_change = place, on_change
        self._process = None
        self._asked_to_end = False
        place.network.add_host(number)
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._on_life_over)
        self._end = None

    @property
    def ready(self):
        """As EndpointSlices have it: a pod that terminates is never ready."""
        return self.serving and not self.terminating

    @property
    def serving(self):
        return self.running and self.started and self.passing and not self.gone

    @property
    def pid(self):
        return self._process.pid if self.running else None

    # --- what others do to it

    def delete(self):
        """Returns the task that ends when the pod is gone."""
        if self._end is None:
            self.terminating = True
            self._end = asyncio.create_task(self._terminate())
            self._on_change(self, "terminating")
        return self._end

    def kill(self):
        """kill -9 of the container, from outside of everything that manages it."""
        self._process.kill()

    async def get(self, target, port=9090, timeout_s=2.0):
        """(status, body), or OSError."""
        try:
            return await asyncio.wait_for(self._get(target, port), timeout_s)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError, http.client.HTTPException) as problem:
            raise OSError(f"{self.name} {target}: {problem!r}") from None

    async def _get(self, target, port):
        reader, writer = await asyncio.open_connection(self.address, port, limit=answer_bytes_max)
        try:
            writer.write(f"GET {target} HTTP/1.1\r\nHost: {self.address}\r\nConnection: close\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            return int(head[9:12]), await reader.read()
        finally:
            writer.close()

    # --- the container

    async def _live(self):
        probes = None
        try:
            while not self._asked_to_end:
                self._start()
                probes = asyncio.create_task(self._probe())
                code = await exited(self._process)
                probes.cancel()
                self.started = self.passing = self.running = False
                if self._asked_to_end:
                    if code != 0:
                        self.trouble.append(f"{self.name} ended with {code} after SIGTERM, expected 0")
                    return
                await asyncio.sleep(random.uniform(0, notice_s_max))
                self._on_change(self, f"its container ended with {code}")
                if self.restarts_count > 0:
                    await asyncio.sleep(restart_pause_s)
                self.restarts_count += 1
        finally:
            if probes:
                probes.cancel()
            if self._process and self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def _on_life_over(self, life):
        if not life.cancelled() and life.exception():
            self.trouble.append(f"{self.name} could not be run: {life.exception()}")
            self._on_change(self, self.trouble[-1])

    def _start(self):
        place, template = self._place, self._place.template
        environment = {"PATH": "/usr/bin:/bin", **template.environment, template.name_variable: self.name, **place.more_environment}
        environment = {key: place.config_path + value.removeprefix(template.config_path)
                       if value.startswith(template.config_path) else value for key, value in environment.items()}

        def enter():
            place.network.enter(self.number)
            see_file(place.resolv_conf, resolv_conf)

        self._process = spawn([place.binary, *template.arguments], self.log_path, environment, enter)
        self.running = True

    async def _probe(self):
        """Startup, then readiness and liveness side by side, each with its own period."""
        template = self._place.template
        await asyncio.sleep(template.startup.initial_delay_s)
        failures = 0
        while not await self._passes(template.startup):
            failures += 1
            if failures >= template.startup.failures_max:
                return self._give_up("startup")
            await asyncio.sleep(template.startup.period_s)
        self.started = True
        await asyncio.gather(self._watch_readiness(template.readiness), self._watch_liveness(template.liveness))

    async def _watch_readiness(self, probe):
        failures = 0
        while True:
            failures = 0 if await self._passes(probe) else failures + 1
            passing = failures == 0 or (self.passing and failures < probe.failures_max)
            if passing != self.passing:
                self.passing = passing
                self.ready_at = time.monotonic() if passing else None
                if not self.terminating:
                    self._on_change(self, "ready" if passing else "no longer ready")
            await asyncio.sleep(probe.period_s)

    async def _watch_liveness(self, probe):
        failures = 0
        while not self.terminating:
            await asyncio.sleep(probe.period_s)
            failures = 0 if await self._passes(probe) else failures + 1
            if failures >= probe.failures_max and not self.terminating:
                return self._give_up("liveness")

    async def _passes(self, probe):
        try:
            return (await self.get(probe.path, probe.port, probe.timeout_s))[0] == 200
        except OSError:
            return False

    def _give_up(self, which):
        self.trouble.append(f"{self.name} was killed, for its {which} probe failed; see {self.log_path}")
        self._process.kill()

    # --- its end

    async def _terminate(self):
        template = self._place.template
        grace_ends = time.monotonic() + template.grace_s
        await asyncio.sleep(min(template.pre_stop_s, template.grace_s))
        self._asked_to_end = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(exited(self._process), max(0.0, grace_ends - time.monotonic()))
            except asyncio.TimeoutError:
                self.trouble.append(f"{self.name} did not end within {template.grace_s:g} s and was killed")
                self._process.kill()
        await asyncio.wait([self._life], timeout=notice_s_max)
        self._life.cancel()
        self.running = False
        self.gone = True
        self._place.network.remove_host(self.number)
        self._on_change(self, "gone")

    def close(self):
        """At once, whatever it was doing."""
        for task in (self._life, self._end):
            if task is not None:
                task.cancel()
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
