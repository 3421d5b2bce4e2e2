#!/usr/bin/env python3
"""What is set through one node while the cluster runs holds on all of them, and outlives all but one. No disk is involved."""

import json

from harness import ADMIN_PORT, ClusterCase, main, request, wait_equal, wait_until

rule = "each"


def ask(node, method, body):
    return request(node.address, ADMIN_PORT, "/v1/overrides", method, json.dumps(body), {"Content-Type": "application/json"})


class Overrides(ClusterCase):
    def put(self, node, **wanted):
        answer = ask(node, "PUT", wanted)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def delete(self, node, **subject):
        return ask(node, "DELETE", subject)

    def overrides(self, node):
        return node.get("/v1/overrides").json()["overrides"]

    def requests_of(self, node):
        """What the node's overrides of limits say, by whom they are about."""
        return {entry["match"].get("principal", ""): entry["limits"][0]["requests"]
                for entry in self.overrides(node) if entry["kind"] == "limits"}

    def limit_of(self, node, principal):
        return int(node.check(principal=principal, hits=0).headers["X-RateLimit-Limit"])

    def wait_requests(self, nodes, expected):
        for node in nodes:
            wait_equal(f"{node.name}'s overrides", lambda node=node: self.requests_of(node), expected)

    def set_two(self, node):
        """Returns what all must hold then."""
        self.put(node, kind="limits", rule=rule, limits=[{"requests": 7, "per": "10s"}], set_by="ops")
        self.put(node, kind="limits", rule=rule, match={"principal": "alice"}, limits=[{"requests": 3, "per": "10s"}])
        return {"": 7, "alice": 3}

    def test_set_through_one_node_it_is_seen_and_enforced_on_all(self):
        nodes = self.cluster(3, config=self.one_rule(100, "10s"))
        expected = self.set_two(nodes[1])
        self.wait_requests(nodes, expected)
        for node in nodes:
            entry = self.overrides(node)[0]
            self.assertEqual((entry["set_by"], entry["set_on"], entry["expires_at"]), ("ops", nodes[1].name, None))
            wait_equal("the limit of bob", lambda node=node: self.limit_of(node, "bob"), 7)
            wait_equal("the limit of alice", lambda node=node: self.limit_of(node, "alice"), 3)
        self.assertEqual(self.delete(nodes[2], kind="limits", rule=rule).status, 200)
        self.wait_requests(nodes, {"alice": 3})
        for node in nodes:
            wait_equal("the limit of bob", lambda node=node: self.limit_of(node, "bob"), 100)
        self.assertEqual(self.delete(nodes[0], kind="limits", rule=rule).status, 404)
        for node in nodes:
            wait_until("a line in the log for the change", lambda node=node: f"override deleted limits rule={rule}" in node.log())

    def test_two_of_three_are_killed_and_the_new_ones_have_it(self):
        hosts = self.neighborhood(5)
        settings = {"config": self.one_rule(100, "10s"), "neighborhood_host": hosts, "join_timeout": "1h"}
        nodes = [self.node(number, **{**settings, "join_timeout": "300ms"}) for number in (1, 2, 3)]
        self.wait_together(nodes)
        expected = self.set_two(nodes[0])
        self.wait_requests(nodes, expected)
        for node in nodes[:2]:
            node.kill()
        newcomers = [self.node(number, **{**settings, "neighborhood_host": self.subnet.host(3)}) for number in (4, 5)]
        for node in newcomers:
            node.wait_ready()
            self.assertEqual(self.requests_of(node), expected)  # when it is first ready
            wait_equal("the limit of alice", lambda node=node: self.limit_of(node, "alice"), 3)
        nodes[2].kill()
        for node in newcomers:
            self.assertEqual(self.requests_of(node), expected)

    def test_a_rolling_restart_of_all_keeps_it(self):
        # Ready is to mean "has what the others have" here, however long this machine lets a process wait for its turn.
        nodes = self.cluster(3, config=self.one_rule(100, "10s"), join_timeout="1h")
        expected = self.set_two(nodes[2])
        self.wait_requests(nodes, expected)
        for node in nodes:
            self.assertEqual(node.terminate(), 0)
            node.start()
            node.wait_ready()
            self.assertEqual(self.requests_of(node), expected)
        for node in nodes:
            self.assertEqual(self.requests_of(node), expected)

    def test_it_expires_everywhere(self):
        nodes = self.cluster(3, config=self.one_rule(100, "10s"))
        entry = self.put(nodes[0], kind="limits", rule=rule, limits=[{"requests": 7, "per": "10s"}], expires="4s")
        self.assertIsNotNone(entry["expires_at"])
        self.wait_requests(nodes, {"": 7})
        self.wait_requests(nodes, {})
        for node in nodes:
            wait_equal("the limit of bob", lambda node=node: self.limit_of(node, "bob"), 100)
            wait_until("a word about it in the log", lambda node=node: "override expired" in node.log())

    def test_what_cannot_be_is_refused_and_changes_nothing(self):
        node = self.cluster(1, config=self.one_rule(100, "10s"))[0]
        for wanted in ({"kind": "limits", "rule": rule},
                       {"kind": "ignoring"},
                       {"kind": "limits", "limits": [{"requests": 7, "per": "10s"}]},
                       {"kind": "limits", "rule": "x" * 300, "limits": [{"requests": 7, "per": "10s"}]},
                       {"kind": "enforcing", "principal": "p" * 2000}):
            answer = ask(node, "PUT", wanted)
            self.assertEqual(answer.status, 400, json.dumps(wanted))
            self.assertIn(b"expected", answer.body)
        self.assertEqual(self.overrides(node), [])


if __name__ == "__main__":
    main()
