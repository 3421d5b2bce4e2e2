"""Watches counters while a test disturbs the cluster: a count once seen on a node is never lowered there."""

import http.client
import threading


class CountWatch:
    """Samples one counter on some nodes, all the time, from its own thread; `stop` reports what went down."""

    def __init__(self, nodes, **entries):
        self._nodes = nodes
        self._entries = entries
        self._highest = {}
        self._violations = []
        self.samples_count = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """What was found; empty when every count only ever grew."""
        self._ending.set()
        self._thread.join()
        return self._violations

    def _run(self):
        while not self._ending.wait(0.01):
            for node in self._nodes:
                try:
                    self._compare(node.name, node.components(**self._entries))
                except (OSError, http.client.HTTPException):
                    continue
                except AssertionError as problem:
                    self._violations.append(str(problem))

    def _compare(self, name, components):
        self.samples_count += 1
        seen = self._highest.setdefault(name, {})
        for origin, highest in seen.items():
            if components.get(origin, 0) < highest:
                self._violations.append(f"{name}: count of {origin} fell from {highest} to {components.get(origin, 0)}")
        for origin, hits in components.items():
            seen[origin] = max(hits, seen.get(origin, 0))
