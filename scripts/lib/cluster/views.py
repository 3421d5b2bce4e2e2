"""What the nodes hold: the ledger's counts on each, whether all are the same, the peer delay, memory and CPU time."""

import asyncio
import json
import os
import random
import time

from cluster.clients import principal
from cluster.place import ledger_rule

poll_s = 0.05
ticks_per_s = os.sysconf("SC_CLK_TCK")


async def views(pods):
    """pod -> (origin -> hits) of the ledger; None of a pod that does not answer."""
    answers = await asyncio.gather(*(pod.get(f"/v1/counters?principal={principal}") for pod in pods), return_exceptions=True)
    return [_components(answer) for answer in answers]


def _components(answer):
    if isinstance(answer, Exception) or answer[0] != 200:
        return None
    counters = [each for each in json.loads(answer[1])["counters"] if each["rule"] == ledger_rule]
    return {part["origin"]: part["hits"] for each in counters for part in each["components"]}


async def equal_views(pods, deadline_s):
    """(equal, seconds it took, hits in all: of the fullest view if they are not equal)."""
    started = time.monotonic()
    while True:
        found = await views(pods)
        took_s = time.monotonic() - started
        if None not in found and all(each == found[0] for each in found):
            return True, took_s, sum(found[0].values()) if found else 0
        if took_s > deadline_s:
            merged = {}
            for each in found:
                for origin, hits in (each or {}).items():
                    merged[origin] = max(hits, merged.get(origin, 0))
            return False, took_s, sum(merged.values())
        await asyncio.sleep(poll_s)


async def alive_count(pods):
    """How many of them see all of them alive, and nobody else."""
    answers = await asyncio.gather(*(pod.get("/v1/status") for pod in pods), return_exceptions=True)
    return sum(not isinstance(answer, Exception) and answer[0] == 200 and json.loads(answer[1])["cluster_size"] == len(pods)
               for answer in answers)


class DelayWatch:
    """The largest peer delay that was told, looked at all the time. The nodes agree on it, so a few are asked at a time."""

    interval_s = 0.5
    asked_max = 3

    def __init__(self, deployment):
        self.delay_s = 0.001
        self._deployment = deployment
        self._task = asyncio.create_task(self._watch())

    def close(self):
        self._task.cancel()

    async def _watch(self):
        while True:
            pods = [pod for pod in self._deployment.pods if pod.running and pod.started]
            pods = random.sample(pods, min(len(pods), self.asked_max))
            for answer in await asyncio.gather(*(pod.get("/v1/status") for pod in pods), return_exceptions=True):
                if not isinstance(answer, Exception) and answer[0] == 200:
                    self.delay_s = max(self.delay_s, json.loads(answer[1])["peer_delay_ms"] / 1000)
            await asyncio.sleep(self.interval_s)


def cpu_s(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks_per_s
    except OSError:
        return 0.0


def memory_mib(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0.0
