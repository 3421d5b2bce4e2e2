"""Watches one counter while a test disturbs the cluster, as the ledger does in the simulator (`src/sim/ledger.hpp`):

growth: no count that a node once showed is ever shown lower, or gone, by the same life of that node;
truth:  no node shows more for an origin than that origin admitted (needs `ceiling`: origin -> at most so many by now).
"""

import http.client
import threading

from .node import NodeEnded

violations_shown = 10


class CountWatch:
    """Samples the counter on all nodes, all the time, from its own thread; `stop` reports what was broken."""

    def __init__(self, nodes, ceiling=None, pause_s=0.01, **entries):
        self._nodes = nodes
        self._ceiling = ceiling
        self._pause_s = pause_s
        self._entries = entries
        self._highest = {}
        self._violations = []
        self.samples_count = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """What was found first; empty when every count only ever grew and none was above the truth."""
        self._ending.set()
        self._thread.join()
        return self._violations[:violations_shown]

    def _run(self):
        while not self._ending.wait(self._pause_s):
            for node in self._nodes:
                try:
                    self._compare(node.name, *node.view(**self._entries))
                except (OSError, http.client.HTTPException, NodeEnded):
                    continue
                except AssertionError as problem:
                    self._violations.append(str(problem))

    def _compare(self, name, life, components):
        self.samples_count += 1
        seen = self._highest.setdefault((name, life), {})
        for origin, highest in seen.items():
            if components.get(origin, 0) < highest:
                self._violations.append(f"{name}: count of {origin} fell from {highest} to {components.get(origin, 0)}")
        for origin, hits in components.items():
            seen[origin] = max(hits, seen.get(origin, 0))
            if self._ceiling is not None and hits > self._ceiling(origin):
                self._violations.append(f"{name}: count of {origin} is {hits}, it admitted {self._ceiling(origin)} at most")
