#!/usr/bin/env python3
"""Three nodes hold one limit together."""

import threading

from harness import ClusterCase, main

nodes_count = 3


class OneLimit(ClusterCase):
    def test_step_by_step_exactly_the_limit_is_admitted(self):
        """Every request is sent when all nodes know of all the earlier ones: then nothing may be over-admitted."""
        limit = 60
        nodes = self.cluster(nodes_count, config=self.one_rule(limit), sync_interval="10ms")
        for number in range(limit):
            answer = nodes[number % nodes_count].check(principal="alice")
            self.assertEqual(answer.status, 200, f"request {number + 1}")
            self.assertEqual(answer.headers["X-RateLimit-Limit"], str(limit))
            self.assertEqual(answer.headers["X-RateLimit-Remaining"], str(limit - number - 1))
            self.wait_totals(nodes, number + 1, principal="alice")
        for node in nodes:
            answer = node.check(principal="alice")
            self.assertEqual(answer.status, 429)
            self.assertEqual(answer.headers["X-RateLimit-Remaining"], "0")
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(answer.headers["Retry-After"], answer.headers["X-RateLimit-Reset"])
            self.assertIn("message", answer.json())
        for node in nodes:  # a denied request counts nowhere
            self.assertEqual(node.total(principal="alice"), limit)
            self.assertEqual(node.check(principal="bob").status, 200)

    def test_under_concurrent_load_the_limit_is_admitted_and_little_more(self):
        limit, requests_each = 300, 600
        nodes = self.cluster(nodes_count, config=self.one_rule(limit))
        admitted = [0] * nodes_count
        gate = threading.Barrier(nodes_count)

        def load(index):
            with nodes[index].session() as session:
                gate.wait()
                for _ in range(requests_each):
                    admitted[index] += session.check(principal="alice").status == 200

        threads = [threading.Thread(target=load, args=(index,)) for index in range(nodes_count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(sum(admitted), limit)
        self.assertLessEqual(sum(admitted), limit * 1.2)
        self.wait_totals(nodes, sum(admitted), principal="alice")
        for node, own in zip(nodes, admitted):
            self.assertEqual(node.components(principal="alice").get(node.origin(), 0), own)
            self.assertEqual(node.check(principal="alice").status, 429)

    def test_a_cost_counts_as_that_many_hits_everywhere(self):
        first, second = self.cluster(2, config=self.one_rule(10), sync_interval="10ms")
        self.assertEqual(first.check(principal="alice", hits=7).status, 200)
        self.wait_totals([first, second], 7, principal="alice")
        self.assertEqual(second.check(principal="alice", hits=4).status, 429)
        self.assertEqual(second.check(principal="alice", hits=0).status, 200)
        self.assertEqual(second.check(principal="alice", hits=3).status, 200)
        self.wait_totals([first, second], 10, principal="alice")

    def test_an_explained_answer_names_the_window_and_what_is_left(self):
        node = self.node(1, config=self.rules(
            'rules:\n  - name: two\n    match: {principal: "*"}\n'
            "    limits: [{requests: 3, per: 60m}, {requests: 50, per: 90m}]\n")).wait_ready()
        answer = node.check(principal="alice", explain=1)
        body = answer.json()
        self.assertTrue(body["allowed"])
        self.assertEqual(body["node"], "n1")
        self.assertEqual([(each["rule"], each["limit"], each["window_s"], each["used"], each["remaining"])
                          for each in body["limits"]], [("two", 3, 3600, 1, 2), ("two", 50, 5400, 1, 49)])
        self.assertEqual(answer.headers["X-RateLimit-Limit"], "3")


if __name__ == "__main__":
    main()
