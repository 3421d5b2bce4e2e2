#!/usr/bin/env python3
"""SIGHUP reads the rules again; a bad file changes nothing; no count is lost."""

import signal

from harness import ClusterCase, long_window, main, wait_equal, wait_until


class Reload(ClusterCase):
    def setUp(self):
        super().setUp()
        self.window = long_window()[0]

    def limit_of(self, node):
        return int(node.check(principal="probe", hits=0).headers["X-RateLimit-Limit"])

    def test_a_new_limit_holds_and_counts_stay(self):
        nodes = self.cluster(2, config=self.one_rule(10, self.window), sync_interval="20ms")
        nodes[0].hit(4, principal="alice")
        self.wait_totals(nodes, 4, principal="alice")
        self.one_rule(5, self.window)
        for node in nodes:
            node.signal(signal.SIGHUP)
            wait_equal("the limit", lambda: self.limit_of(node), 5)
            self.assertEqual(node.total(principal="alice"), 4)
        self.assertEqual(nodes[0].check(principal="alice").status, 200)
        self.wait_totals(nodes, 5, principal="alice")
        self.assertEqual([node.check(principal="alice").status for node in nodes], [429, 429])

    def test_a_bad_file_keeps_the_running_rules(self):
        path = self.one_rule(10, self.window)
        node = self.node(1, config=path).wait_ready()
        rules = node.status()["rules"]
        node.hit(4, principal="alice")
        for text in ("", "rules: {\n", "rulez: []\n", "- 1\n", "rules:\n  - name: each\n    limits: [{requests: x, per: 1s}]\n"):
            with self.subTest(text=text):
                said = node.log().count(path)
                self.rules(text)
                node.signal(signal.SIGHUP)
                wait_until("a word about the file in the log", lambda: node.log().count(path) > said)
                self.assertIn(path, node.status()["reload_error"])
                self.assertEqual(node.status()["rules"], rules)
                self.assertEqual(self.limit_of(node), 10)
        self.one_rule(6, self.window)
        node.signal(signal.SIGHUP)
        wait_equal("the limit", lambda: self.limit_of(node), 6)
        self.assertIsNone(node.status()["reload_error"])
        self.assertEqual(node.total(principal="alice"), 4)

    def test_a_file_that_has_gone_keeps_the_running_rules(self):
        path = self.one_rule(10, self.window)
        node = self.node(1, config=path).wait_ready()
        said = node.log().count(path)
        (self.directory / "rules.yaml").unlink()
        node.signal(signal.SIGHUP)
        wait_until("a word about the file in the log", lambda: node.log().count(path) > said)
        self.assertEqual(self.limit_of(node), 10)

    def test_a_node_without_the_rule_counts_and_relays_what_others_admit(self):
        """A config rollout: one node does not know the rule yet, and still holds its counts when it learns it."""
        hosts = self.neighborhood(2)
        new = self.node(1, config=self.rules(
            f'rules:\n  - name: fresh\n    match: {{principal: "*"}}\n    limits: [{{requests: 9, per: {self.window}}}]\n', "new.yaml"),
            neighborhood_host=hosts, sync_interval="20ms")
        old = self.node(2, config=self.one_rule(100, self.window), neighborhood_host=hosts, sync_interval="20ms")
        self.wait_together([new, old])
        new.hit(6, principal="alice")
        wait_until("n2 to store the counter", lambda: old.status()["counters"]["used"] >= 1)
        self.rules((self.directory / "new.yaml").read_text(encoding="utf-8"))
        old.signal(signal.SIGHUP)
        wait_equal("the limit", lambda: self.limit_of(old), 9)
        self.wait_totals([new, old], 6, principal="alice")


if __name__ == "__main__":
    main()
