"""The Deployment: keeps as many pods as asked for, and replaces them one after the other.

A rollout is the manifest's: at most `maxSurge` pods more than asked for, at most `maxUnavailable` fewer ready ones; pods that
terminate count as neither, so that several may be on their way out while the next ones start. Of ready pods the newest goes
first when there are too many, as ReplicaSets choose.
"""

import asyncio
import random

from cluster.network import hosts_max
from cluster.pod import Pod

reaction_s_max = 0.2       # of the controllers to a change
name_letters = "bcdfghjklmnpqrstvwxz2456789"


class Deployment:
    """`changed(pods)`: called after every change of a pod. `tell`: one line on what happens."""

    def __init__(self, place, changed, tell):
        self._place, self._changed, self._tell = place, changed, tell
        self._generation = 1
        self._hash = _letters(9)
        self._last_number = 0
        self.pods = []                 # those that are not gone
        self.trouble = []              # of those that are gone
        self._news = asyncio.Event()

    def wanted(self):
        return [pod for pod in self.pods if not pod.terminating]

    def ready(self):
        return [pod for pod in self.pods if pod.ready]

    async def scale(self, replicas):
        """Until there are as many, all ready, and nobody else."""
        while len(self.wanted()) < replicas:
            self._create()
        surplus = sorted(self.wanted(), key=lambda pod: (pod.ready, -pod.created_at))[:len(self.wanted()) - replicas]
        await asyncio.gather(*(pod.delete() for pod in surplus))
        await self.until(lambda: len(self.ready()) == replicas == len(self.pods))

    async def restart(self):
        """`kubectl rollout restart`; until all pods are new ones and the last old one is gone."""
        replicas, template = len(self.wanted()), self._place.template
        self._generation += 1
        self._hash = _letters(9)
        while True:
            wanted = self.wanted()
            old = [pod for pod in wanted if pod.generation < self._generation]
            fresh = len(wanted) - len(old)
            if not old and len(self.ready()) == replicas == len(self.pods):
                return
            if fresh < replicas and len(wanted) < replicas + template.surge_max:
                self._create()
            elif old and len(self.ready()) > replicas - template.unavailable_max:
                max(old, key=lambda pod: pod.created_at).delete()
            else:
                await self._next_change()
            await asyncio.sleep(random.uniform(0, reaction_s_max))

    async def until(self, condition):
        while not condition():
            await self._next_change()

    def close(self):
        for pod in self.pods:
            pod.close()

    async def _next_change(self):
        self._news.clear()
        await self._news.wait()

    def _create(self):
        taken = {pod.number for pod in self.pods}
        while True:      # upwards and around, so that an address given back is not used again at once
            self._last_number = self._last_number % hosts_max + 1
            if self._last_number not in taken:
                break
        pod = Pod(self._place, f"starling-{self._hash}-{_letters(5)}", self._last_number, self._generation, self._on_change)
        self.pods.append(pod)
        self._on_change(pod, f"created at {pod.address}")

    def _on_change(self, pod, what):
        self._tell(f"{pod.name}: {what}")
        if pod.gone:
            self.pods.remove(pod)
            self.trouble += pod.trouble
        self._changed(self.pods)
        self._news.set()


def _letters(count):
    return "".join(random.choice(name_letters) for _ in range(count))
