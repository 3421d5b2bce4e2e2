#!/usr/bin/env python3
"""Three nodes from their start to a graceful stop, and most of what can happen between. `scripts/check valgrind` runs
this with every node under Valgrind, whose findings become exit codes; without it, it is an ordinary test."""

import json
import signal

from harness import ADMIN_PORT, HTTP_PORT, Clients, ClusterCase, long_window, main, request, wait_equal, wait_until
from harness.grpc import RATE_LIMIT, GrpcClient, rate_limit_request

service = "starling-peers.test.svc.cluster.local"
rules = """
domain: gateway
rules:
  - name: each
    match: {{principal: "*"}}
    limits: [{{requests: {requests}, per: {window}}}]
    overrides:
      - match: {{principal: anonymous}}
        limits: [{{requests: 7, per: {window}}}]
    ignoring: [batch]
  - name: login
    match: {{path: /login, client_ip: "*"}}
    limits: [{{requests: 5, per: {window}}}]
    algorithm: sliding_window
    admission: guarded
  - name: short
    match: {{user: "*"}}
    limits: [{{requests: 10, per: 1s}}, {{requests: 20, per: 2s}}]
"""


class WholeLife(ClusterCase):
    def setUp(self):
        super().setUp()
        self.window = long_window()[0]

    def write_rules(self, requests):
        return self.rules(rules.format(requests=requests, window=self.window))

    def limit_of(self, node, principal="probe"):
        return int(node.check(principal=principal, hits=0).headers["X-RateLimit-Limit"])

    def wait_limit(self, nodes, principal, expected):
        for node in nodes:
            wait_equal(f"the limit of {principal} on {node.name}", lambda node=node: self.limit_of(node, principal), expected)

    def override(self, node, method, **subject):
        answer = request(node.address, ADMIN_PORT, "/v1/overrides", method, json.dumps(subject), {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer)

    def start(self):
        hosts = [self.subnet.host(number) for number in (1, 2, 3)]
        self.dns().set(service, hosts)
        settings = {"config": self.write_rules(150), "neighborhood_host": service, "dns_servers": self.dns().server,
                    "resolve_interval": "1s", "sync_interval": "100ms"}
        nodes = [self.node(number, **settings) for number in (1, 2, 3)]
        self.wait_together(nodes)
        return nodes

    def ask_everything(self, nodes):
        """Load over HTTP until the limit is reached, over gRPC and with bodies; and what people and Prometheus ask."""
        Clients(nodes, requests_each=50, user="eve").wait()  # windows that end meanwhile
        clients = Clients(nodes, requests_each=100, principal="alice").wait()
        self.assertGreaterEqual(clients.admitted_count(), 150)
        self.wait_totals(nodes, clients.admitted_count(), principal="alice")
        for node in nodes:
            with GrpcClient(node.address) as client:
                for _ in range(20):
                    self.assertIsNotNone(client.call(RATE_LIMIT, rate_limit_request("gateway", principal="bob")))
            for target in ("/v1/check?path=/login&client_ip=10.1.2.3", "/v1/check?principal=batch&explain=1", "/v1/nothing", "/v1/check?%"):
                node.get(target, HTTP_PORT)
            body = json.dumps({"domain": "gateway", "descriptors": [{"entries": [{"key": "principal", "value": "carol"}]}]})
            self.assertEqual(request(node.address, HTTP_PORT, "/json", "POST", body).status, 200)
            for target in ("/metrics", "/v1/peers", "/v1/rules", "/v1/top", "/v1/overrides", "/"):
                self.assertEqual(node.get(target).status, 200, target)
        wait_until("names of principals that others counted",
                   lambda: "alice" in nodes[0].get("/v1/top").body.decode("utf-8"))

    def change_rules(self, nodes):
        refused = self.directory / "rules.yaml"
        self.write_rules(180)
        self.wait_limit(nodes, "probe", 180)
        refused.write_text("rules: [\n", encoding="utf-8")
        for node in nodes:
            node.signal(signal.SIGHUP)
            wait_until("a refusal", lambda node=node: node.status()["reload_error"])
        self.write_rules(200)
        self.wait_limit(nodes, "probe", 200)

    def change_live(self, nodes):
        alice = {"kind": "limits", "rule": "each", "match": {"principal": "alice"}}
        self.override(nodes[0], "PUT", **alice, limits=[{"requests": 300, "per": self.window}])
        self.wait_limit(nodes, "alice", 300)
        self.override(nodes[2], "DELETE", **alice)
        self.wait_limit(nodes, "alice", 200)

    def test_nodes_start_count_change_and_stop(self):
        nodes = self.start()
        self.ask_everything(nodes)
        self.change_rules(nodes)
        self.change_live(nodes)
        load = Clients(nodes[:2], pause_s=0.002, principal="dave")
        wait_until("some load", lambda: load.admitted_count() > 20)
        self.assertEqual(nodes[2].terminate(), 0)
        wait_equal("who is left", nodes[0].alive_peers, ["n2"])
        nodes[2].start()
        self.wait_together(nodes)
        load.stop()
        wait_equal("what the node that came back has been told", lambda: nodes[2].total(principal="dave"), load.admitted_count())
        for node in reversed(nodes):
            self.assertEqual(node.terminate(), 0, node.name)
        for node in nodes:
            self.assertNotRegex(node.log(), "ERROR SUMMARY: [1-9]|runtime error:|Sanitizer")


if __name__ == "__main__":
    main()
