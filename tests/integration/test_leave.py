#!/usr/bin/env python3
"""SIGTERM: a node hands over what it has counted, says goodbye and ends with exit code 0."""

import http.client
import signal
import threading

from harness import ClusterCase, main, wait_equal, wait_until


class Leave(ClusterCase):
    def test_a_graceful_stop_loses_no_hit(self):
        # 5 of 1000 are far below the flush threshold and the lazy tick is an hour away: only leaving publishes them.
        nodes = self.cluster(3, config=self.one_rule(1000), sync_interval="1h")
        first, second, third = nodes
        first.hit(5, principal="alice")
        self.assertEqual([node.total(principal="alice") for node in (second, third)], [0, 0])
        self.assertEqual(first.terminate(), 0)
        for node in (second, third):
            self.assertEqual(node.total(principal="alice"), 5, "right after the exit, without waiting")
            wait_equal(f"the state of n1 on {node.name}", lambda: node.states().get("n1"), "left")
        wait_equal("the cluster size", lambda: second.status()["cluster_size"], 2)

    def test_a_graceful_stop_under_load_loses_no_hit(self):
        nodes = self.cluster(2, config=self.one_rule(100000), sync_interval="1h")
        first, second = nodes
        allowed = []

        def load():
            try:
                with first.session() as session:
                    while True:
                        allowed.append(session.check(principal="alice").status == 200)
            except (OSError, http.client.HTTPException):
                return  # it has stopped listening

        loads = [threading.Thread(target=load) for _ in range(2)]
        for thread in loads:
            thread.start()
        wait_until("some load", lambda: len(allowed) > 200)
        code = first.terminate()
        for thread in loads:
            thread.join()
        self.assertEqual(code, 0)
        self.assertGreaterEqual(second.total(principal="alice"), sum(allowed))

    def test_sigint_is_as_graceful(self):
        first, second = self.cluster(2, config=self.one_rule(1000), sync_interval="1h")
        first.hit(3, principal="alice")
        first.signal(signal.SIGINT)
        self.assertEqual(first.wait_exit(), 0)
        self.assertEqual(second.total(principal="alice"), 3)

    def test_while_it_drains_a_node_is_not_ready_and_the_drain_timeout_ends_it(self):
        first, second = self.cluster(2, config=self.one_rule(1000), sync_interval="1h", drain_timeout="3s")
        first.hit(5, principal="alice")
        second.pause()  # nobody acknowledges
        first.signal(signal.SIGTERM)
        answer = wait_until("n1 to be leaving", lambda: (found := first.get("/readyz")).status == 503 and found)
        self.assertEqual((answer.json()["ready"], answer.json()["state"]), (False, "leaving"))
        self.assertEqual(first.wait_exit(), 0)

    def test_all_may_leave_at_once(self):
        nodes = self.cluster(3)
        for node in nodes:
            node.hit(3, principal="alice")
        for node in nodes:
            node.signal(signal.SIGTERM)
        self.assertEqual([node.wait_exit() for node in nodes], [0, 0, 0])

    def test_a_cluster_of_one_leaves_as_well(self):
        node = self.node(1).wait_ready()
        node.hit(3, principal="alice")
        self.assertEqual(node.terminate(), 0)

    def test_a_node_may_return_after_it_has_left(self):
        nodes = self.cluster(2, config=self.one_rule(1000), sync_interval="1h")
        nodes[0].hit(5, principal="alice")
        self.assertEqual(nodes[0].terminate(), 0)
        nodes[0].start()
        self.wait_together(nodes)
        self.assertEqual(nodes[0].total(principal="alice"), 5)


if __name__ == "__main__":
    main()
