#!/usr/bin/env python3
"""The check API on Unix domain sockets: for gateways beside the node, without a port."""

import http.client
import os
import socket
import stat

from harness import ClusterCase, main, patience, wait_until


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5 * patience())
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class UnixSocket(ClusterCase):
    def setUp(self):
        super().setUp()
        self.path = str(self.directory / "http.sock")

    def ask(self, target, path=None):
        connection = UnixConnection(path or self.path)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def served(self, path=None):
        return self.ask("/v1/check?principal=probe&hits=0", path).status == 200

    def ended(self, node):
        """What a node that cannot start says; its exit code is 1."""
        self.assertEqual(node.wait_exit(), 1)
        return node.log()

    def test_both_ways_lead_to_one_count(self):
        other = str(self.directory / "other.sock")
        node = self.node(1, config=self.one_rule(3), http_listen=f"unix:{self.path},unix:{other}?mode=0600").wait_ready()
        self.assertEqual(self.ask("/v1/check?principal=alice").status, 200)
        self.assertEqual(self.ask("/v1/check?principal=alice", other).headers["X-RateLimit-Remaining"], "1")
        self.assertEqual(node.check(principal="alice").status, 200)
        denied = self.ask("/v1/check?principal=alice")
        self.assertEqual(denied.status, 429)
        self.assertTrue(denied.headers["Retry-After"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o666)
        self.assertEqual(stat.S_IMODE(os.stat(other).st_mode), 0o600)
        front_end = node.status()["front_ends"][0]
        self.assertEqual(front_end["listeners"], [f"{node.address}:8080", f"unix:{self.path}", f"unix:{other}"])
        self.assertEqual(front_end["requests"], 4)
        shown = self.starling("status", "--server", f"http://{node.address}:9090").stdout
        self.assertIn(f"http {node.address}:8080 and unix:{self.path}", shown)
        self.assertRegex(shown, "\nhttp +4 requests, ")

    def test_people_are_not_served_there(self):
        self.node(1, http_listen=f"unix:{self.path}").wait_ready()
        for target in ("/v1/status", "/v1/overrides", "/readyz"):
            self.assertEqual(self.ask(target).status, 404)

    def test_a_graceful_stop_removes_it_and_a_kill_leaves_it_to_the_next(self):
        node = self.node(1, http_listen=f"unix:{self.path}").wait_ready()
        self.assertEqual(node.terminate(), 0)
        self.assertFalse(os.path.exists(self.path))
        node.start().wait_ready()
        node.kill()
        self.assertTrue(os.path.exists(self.path))
        with self.assertRaises(ConnectionRefusedError):
            self.ask("/v1/check")
        node.start().wait_ready()
        self.assertTrue(self.served())

    def test_a_living_node_keeps_it(self):
        node = self.node(1, http_listen=f"unix:{self.path}").wait_ready()
        second = self.node(2, http_listen=f"unix:{self.path}")
        self.assertIn(f"--http-listen: {self.path}: another process is listening there", self.ended(second))
        self.assertTrue(self.served())
        self.assertEqual(node.status()["front_ends"][0]["listeners"][-1], f"unix:{self.path}")

    def test_of_nodes_that_find_a_dead_one_exactly_one_gets_it(self):
        first = self.node(1, http_listen=f"unix:{self.path}").wait_ready()
        first.kill()
        nodes = [self.node(number, http_listen=f"unix:{self.path}") for number in range(2, 8)]
        wait_until("all but one to give up", lambda: [node.running() for node in nodes].count(True) == 1)
        winner = next(node for node in nodes if node.running()).wait_ready()
        self.assertTrue(self.served())
        self.assertEqual(winner.terminate(), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_what_cannot_be_is_said(self):
        precious = self.directory / "precious"
        precious.write_text("keep me", encoding="utf-8")
        for number, (where, words) in enumerate((
                (f"unix:{precious}", "something that is no socket is there"),
                (f"unix:{self.directory}/missing/s", f"there is no directory {self.directory}/missing"))):
            self.assertIn(words, self.ended(self.node(number + 1, http_listen=where)))
        self.assertEqual(precious.read_text(encoding="utf-8"), "keep me")
        for where, words in (("unix:@abstract", "expected a path in the file system"), ("http.sock", "expected `unix:`"),
                             ("unix:/" + "x" * 107, "expected a path of at most 107 bytes"),
                             ("unix:http.sock", "expected an absolute path")):
            refused = self.starling("node", "--http-listen", where)
            self.assertEqual(refused.returncode, 2)
            self.assertIn(words, refused.stderr)


if __name__ == "__main__":
    main()
