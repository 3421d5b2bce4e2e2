#!/usr/bin/env python3
"""gRPC: Envoy's Rate Limit Service and health, at a real node; limits are those that HTTP clients have."""

import signal

from harness import ClusterCase, main, wait_until
from harness.grpc import CHECK, RATE_LIMIT, WATCH, GrpcClient, rate_limit_request

OK, OVER_LIMIT = b"\x08\x01", b"\x08\x02"  # how a RateLimitResponse begins
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


class Grpc(ClusterCase):
    def test_one_limit_for_grpc_and_http_on_two_nodes(self):
        first, second = self.cluster(2, config=self.one_rule(10))
        domain = first.status()["domain"]
        question = rate_limit_request(domain, principal="alice")
        with GrpcClient(first.address) as client:
            for _ in range(4):
                self.assertTrue(client.call(RATE_LIMIT, question).startswith(OK))
            second.hit(6, principal="alice")
            wait_until("all ten on n1", lambda: first.total(principal="alice") == 10)
            self.assertTrue(client.call(RATE_LIMIT, question).startswith(OVER_LIMIT))
            self.assertTrue(client.call(RATE_LIMIT, rate_limit_request(domain, principal="bob")).startswith(OK))
        self.assertEqual(first.check(principal="alice").status, 429)

    def test_health_follows_the_node_until_it_has_left(self):
        first, second = self.cluster(2, config=self.one_rule(1000), sync_interval="1h", drain_timeout="10s")
        first.hit(5, principal="alice")
        with GrpcClient(first.address) as watcher, GrpcClient(first.address) as idle:
            self.assertEqual(idle.call(CHECK, b""), SERVING)
            told = watcher.events(watcher.begin(WATCH, b""))
            self.assertEqual(next(told), ("message", SERVING))
            first.signal(signal.SIGTERM)
            self.assertEqual(list(told), [("message", NOT_SERVING)])
            for client in (watcher, idle):
                client.wait_closed()
                self.assertEqual(len(client.goaways), 2, client.goaways)
                self.assertEqual(client.goaways[0], 0x7FFFFFFF)
        self.assertEqual(first.wait_exit(), 0)
        self.assertEqual(second.total(principal="alice"), 5)

    def test_a_connection_has_an_age(self):
        node = self.node(1, grpc_max_connection_age="1s").wait_live()
        with GrpcClient(node.address) as client:
            self.assertEqual(client.call(CHECK, b""), SERVING)
            client.wait_closed()
            self.assertEqual(client.goaways, [0x7FFFFFFF, 1])
        with GrpcClient(node.address) as client:
            self.assertEqual(client.call(CHECK, b""), SERVING)

    def test_a_busy_port_is_named(self):
        node = self.node(1).wait_live()
        result = self.starling("node", "--bind", node.address, "--grpc-port", "8081", "--http-port", "0", "--admin-port",
                               "0", "--sync-port", "0", "--heartbeat-port", "0")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--grpc-port: cannot listen on TCP", result.stderr)


if __name__ == "__main__":
    main()
