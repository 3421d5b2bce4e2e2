"""What happens to the cluster while clients keep asking, and the account of it.

Each phase begins with a window, so that every window belongs to one phase; the load runs from before its event until a whole
window after it. Then it pauses, all views have to become equal, and the ledger on the nodes is compared with what the clients
saw pass. The next phase begins in the next window.
"""

import asyncio
import collections
import random
import time

from cluster.accounts import judge, sync_interval_s
from cluster.clients import Clients, targets
from cluster.views import DelayWatch, alive_count, cpu_s, equal_views, memory_mib

names = ("steady", "rolling-restart", "scale-up", "scale-down", "kill", "partition")
equal_deadline_s = 20.0
event_deadline_s, event_deadline_s_per_node = 120, 15      # beside the windows
edge_s = 0.05            # beyond the end of a window, so that it was loaded to its end
detection_s = 5.0        # until nodes have noticed that others are out of reach: 3 s below 50 of them, else 4.5 s


class Phases:
    """`options`: limit, window_s, load, windows, nodes (as asked for). `tell`: one line of progress."""

    def __init__(self, options, network, deployment, services, gateway, directory, tell):
        self._options, self._network, self._deployment = options, network, deployment
        self._services, self._gateway, self._directory, self._tell = services, gateway, directory, tell
        self._clients = self._watch = None
        self._held = 0
        self._trouble_told = 0

    async def run(self, name):
        """The account of the phase `name`, judged."""
        options = self._options
        rate = options.load * options.limit / options.window_s
        await self._next_window()
        self._tell(f"--- {name}: {rate:g} requests/s")
        gossip, used, errors = self._services.gossip(), self._cpu(), self._gateway_errors()
        began = time.monotonic()
        self._watch = DelayWatch(self._deployment)
        self._clients = Clients(self._directory, rate, options.window_s, targets(self._gateway), self._on_progress)
        try:
            event = asyncio.create_task(self._event(name))
            deadline_s = event_deadline_s + event_deadline_s_per_node * options.nodes + (options.windows + 3) * options.window_s
            await asyncio.wait([event, self._clients.reading], return_when=asyncio.FIRST_COMPLETED, timeout=deadline_s)
            late = not event.done() and not self._clients.ended()
            if event.done():
                event.result()
                await self._windows(0 if name == "steady" else 1)
            else:
                event.cancel()      # if the clients have ended before, `stop` tells why
            took_s = time.monotonic() - began
            delay_s = self._watch.delay_s
            load = await self._clients.stop(delay_s)
        finally:
            self.close()
        pods = self._deployment.ready()
        equal, equal_after_s, held = await equal_views(pods, equal_deadline_s)
        for reason, count in (self._gateway_errors() - errors).items():
            load["problems"][f"the gateway's log: {reason}"] = count
        found = judge(name, load, held, self._held, options.limit, options.window_s, delay_s, self._nodes_max(name),
                      lost_max=int(rate * (sync_interval_s + delay_s)) if name == "kill" else 0,
                      sides=2 if name == "partition" else 1, graceful=name != "kill")
        self._held = held
        packets, packet_bytes = (now - then for now, then in zip(self._services.gossip(), gossip))
        pids = [pod.pid for pod in pods]
        found.update(seconds=round(took_s, 2), views_equal=equal, views_equal_after_s=round(equal_after_s, 3), ready=len(pods),
                     alive=await alive_count(pods),
                     packets=packets, packet_bytes=packet_bytes, memory_mib=round(max(map(memory_mib, pids), default=0.0), 1),
                     cpu_share=round(sum(cpu_s(pid) - used.get(pid, 0.0) for pid in pids) / took_s / max(1, len(pids)), 4))
        found["broken"] += [f"{name} did not come to its end within {deadline_s:g} s"] if late else []
        found["broken"] += self._broken(equal, pods)
        return found

    def close(self):
        for each in (self._clients, self._watch):
            if each is not None:
                each.close()
        self._clients = self._watch = None

    # --- the events

    async def _event(self, name):
        options, deployment = self._options, self._deployment
        if name == "steady":
            await self._windows(options.windows)
        elif name == "rolling-restart":
            await self._some_load()
            await deployment.restart()
        elif name in ("scale-up", "scale-down"):
            await self._some_load()
            await deployment.scale(options.nodes + (options.more if name == "scale-up" else 0))
        elif name == "kill":
            await self._some_load()
            victim = random.choice(deployment.ready())
            self._tell(f"{victim.name}: kill -9")
            restarts = victim.restarts_count
            victim.kill()
            await deployment.until(lambda: victim.restarts_count > restarts and victim.ready)
        else:
            await self._some_load()
            numbers = [pod.number for pod in deployment.pods]
            middle = max(1, len(numbers) // 2)
            self._network.partition(numbers[:middle], numbers[middle:])
            self._tell(f"{middle} pods on one side of a partition, {len(numbers) - middle} on the other")
            await asyncio.sleep(detection_s)
            await self._windows(1)
            self._network.heal()
            self._tell("healed")
        await self._services.settled()

    async def _some_load(self):
        await asyncio.sleep(self._options.window_s / 2)

    async def _windows(self, count):
        """Until `count` windows have passed from their beginning to their end."""
        window_s = self._options.window_s
        if count > 0:
            await asyncio.sleep((count + 1) * window_s - time.time() % window_s + edge_s)

    async def _next_window(self):
        window_s = self._options.window_s
        await asyncio.sleep(window_s - time.time() % window_s)

    # --- what is seen of it

    def _nodes_max(self, name):
        """The most nodes that counted at one time."""
        return self._options.nodes + {"rolling-restart": 3, "scale-up": self._options.more,
                                      "scale-down": self._options.more}.get(name, 0)

    def _cpu(self):
        return {pod.pid: cpu_s(pod.pid) for pod in self._deployment.pods if pod.running}

    def _gateway_errors(self):
        return self._gateway.errors() if self._gateway else collections.Counter()

    def _on_progress(self, said):
        counts = [f"{target} " + " ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
                  for target, found in said.items() if target != "asked"]
        self._tell(f"{said['asked']} asked: {'; '.join(counts)}")

    def _broken(self, equal, pods):
        reasons = [] if equal else [f"the views of {len(pods)} nodes did not become equal within {equal_deadline_s:g} s"]
        trouble = self._deployment.trouble + [line for pod in self._deployment.pods for line in pod.trouble]
        reasons += trouble[self._trouble_told:]
        self._trouble_told = len(trouble)
        if self._gateway is not None and self._gateway.ended():
            reasons.append(self._gateway.ended())
        return reasons
