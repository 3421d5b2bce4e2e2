"""Clients that keep asking the nodes, and the truth that no node has: what every life of every node admitted.

A node is known by its name, a life of it by its origin. A client asks for the origin over the connection's node right
after it has connected, and a connection never outlives a life, so every answer is booked on the life that gave it.
"""

import http.client
import threading

from .node import NodeEnded
from .waiting import patience

reconnect_pause_s = 0.02
finish_deadline_s = 60.0


class Account:
    """One life of a node. What was begun and not answered may or may not have been admitted."""

    def __init__(self):
        self.begun = self.admitted = self.denied = 0

    def ceiling(self):
        """No view may be above this. `denied` is read first, so that a request that ends meanwhile only adds."""
        denied = self.denied
        return self.begun - denied


class Clients:
    """One client per node, each with one request in flight at a time: `requests_each` of them, or until `stop`."""

    def __init__(self, nodes, requests_each=None, pause_s=0.0, **entries):
        self._requests_each = requests_each
        self._pause_s = pause_s
        self._entries = entries
        self._ending = threading.Event()
        self._accounts = {}
        self._problems = []
        self._threads = [threading.Thread(target=self._run, args=(node,), daemon=True) for node in nodes]
        for thread in self._threads:
            thread.start()

    def wait(self):
        """Until every client has had its answers; then the accounts are final."""
        for thread in self._threads:
            thread.join(finish_deadline_s * patience())
            assert not thread.is_alive(), "expected every client to have its answers by now"
        assert not self._problems, f"expected only 200 and 429, found {self._problems}"
        return self

    def stop(self):
        self._ending.set()
        return self.wait()

    # --- the truth

    def account(self, origin):
        return self._accounts.setdefault(origin, Account())

    def ceiling(self, origin):
        """What no view of this origin's component may exceed, at the time of the call."""
        return self.account(origin).ceiling()

    def truth(self, *origins):
        """origin -> hits that clients saw admitted there; of all origins, or of these. What is 0 is left out."""
        return {origin: account.admitted for origin, account in list(self._accounts.items())
                if account.admitted > 0 and (not origins or origin in origins)}

    def admitted_count(self):
        return sum(self.truth().values())

    # --- one client

    def _run(self, node):
        asked_count = 0
        while not self._enough(asked_count):
            try:
                with node.session() as session:
                    session.connect()
                    account = self.account(node.origin())
                    while not self._enough(asked_count):
                        self._ask(session, account)
                        asked_count += 1
            except (OSError, http.client.HTTPException, NodeEnded):
                self._ending.wait(reconnect_pause_s)
            except Exception as problem:  # shown by `wait`, in the test's own thread
                self._problems.append(f"{node.name}: {problem!r}")
                return

    def _enough(self, asked_count):
        return self._ending.is_set() or asked_count == self._requests_each

    def _ask(self, session, account):
        account.begun += 1
        answer = session.check(**self._entries)
        if answer.status == 200:
            account.admitted += 1
        elif answer.status == 429:
            account.denied += 1
        else:
            raise ValueError(f"{answer}")
        if self._pause_s > 0:
            self._ending.wait(self._pause_s)
