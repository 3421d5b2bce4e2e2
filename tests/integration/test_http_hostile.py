#!/usr/bin/env python3
"""Hostile clients on the check API of a real node: each is told or cut off, counted by reason, and harms nobody else."""

import contextlib
import http.client
import os
import re
import resource
import socket
import time

from harness import ADMIN_PORT, HTTP_PORT, ClusterCase, main, patience, wait_equal, wait_until

idle_count = 10_000       # the usual bound
idle_bytes_max = 4096     # of a node's own memory per idle connection; the kernel's is not its own
flood_connections = 200
pipelined_count = 2000


def descriptors_to(wanted):
    """As many as `wanted` if the hard limit lets us; how many there are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class HostileCase(ClusterCase):
    def setUp(self):
        super().setUp()
        self.held = contextlib.ExitStack()
        self.addCleanup(self.held.close)

    def connect(self, node, port=HTTP_PORT):
        return self.held.enter_context(socket.create_connection((node.address, port), timeout=5 * patience()))

    def front_end(self, node, name="http"):
        found = [each for each in node.status()["front_ends"] if each["name"] == name]
        self.assertEqual(len(found), 1)
        return found[0]

    def errors(self, node):
        return self.front_end(node)["errors"]

    def tell(self, node, data):
        """Sends `data` and returns what comes until the node closes."""
        with socket.create_connection((node.address, HTTP_PORT), timeout=5 * patience()) as stream:
            with contextlib.suppress(ConnectionError):
                stream.sendall(data)
                stream.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(ConnectionError):
                while piece := stream.recv(65536):
                    received += piece
            return received

    def memory(self, node):
        """Resident bytes of the process."""
        with open(f"/proc/{node._process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    def cpu_s(self, node):
        with open(f"/proc/{node._process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class BadRequests(HostileCase):
    def test_each_refusal_has_its_status_and_its_reason(self):
        node = self.node(1, config=self.one_rule(100_000)).wait_ready()
        head = b"GET /v1/check?principal=mallory HTTP/1.1\r\nHost: x\r\n"
        many = b"".join(b"X-%d: y\r\n" % number for number in range(100))
        cases = (
            (400, "malformed_request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 500),
            (400, "malformed_request", b"\0"),
            (400, "malformed_request", b"nonsense\r\n\r\n"),
            (400, "malformed_request", head + b"Content-Length: 99999999999999999999999\r\n\r\n"),
            (400, "malformed_request", head + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"),
            (400, "malformed_request", head + b"X: a\r\n folded\r\n\r\n"),
            (400, "malformed_request", head + b": no name\r\n\r\n"),
            (400, "malformed_request", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n"),
            (414, "target_too_long", b"GET /v1/check?principal=" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"),
            (431, "headers_too_large", head + b"Cookie: " + b"c" * 100_000 + b"\r\n\r\n"),
            (431, "headers_too_many", head + many + b"\r\n"),
            (501, "method_unsupported", b"BREW /v1/check?principal=mallory HTTP/1.1\r\nHost: x\r\n\r\n"),
            (501, "method_unsupported", b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n"),
            (505, "version_unsupported", b"GET / HTTP/3.0\r\n\r\n"),
        )
        counted = {}
        for status, reason, data in cases:
            with self.subTest(status=status, data=data[:60]):
                answer = self.tell(node, data)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer[:200])
                self.assertIn(b"\r\nConnection: close\r\n", answer)
                self.assertIn(b'{"message":"', answer)
                counted[reason] = counted.get(reason, 0) + 1
                self.assertEqual(self.errors(node), counted)
        for data in (head, b"GET /v1/check", b"G"):
            self.assertEqual(self.tell(node, data), b"")
        self.assertEqual(self.errors(node), {**counted, "head_truncated": 3})
        for nothing in (b"", b"\r\n" * 1000):
            self.assertEqual(self.tell(node, nothing), b"")
        self.assertEqual(self.errors(node), {**counted, "head_truncated": 3})
        self.assertEqual(node.total(principal="mallory"), 0)
        self.assertEqual(node.check(principal="alice").status, 200)

    def test_absurd_hits(self):
        node = self.node(1, config=self.one_rule(1000)).wait_ready()
        for hits in ("99999999999999999999", "4294967296", "-1", "+1", "1e3", "0x10", "1.5", "", " 1", "1,2", "\u0661"):
            with self.subTest(hits=hits):
                answer = node.check(principal="alice", hits=hits)
                self.assertEqual(answer.status, 400, answer)
                self.assertIn("hits", answer.json()["message"])
        self.assertEqual(node.total(principal="alice"), 0)
        denied = node.check(principal="alice", hits="4294967295")
        self.assertEqual(denied.status, 429)
        self.assertEqual(node.total(principal="alice"), 0)  # denied requests count nowhere
        self.assertEqual(node.check(principal="alice", hits="1000").status, 200)
        self.assertEqual(node.check(principal="alice", hits="4294967295").status, 429)
        self.assertEqual(node.total(principal="alice"), 1000)

    def test_the_greatest_cost_is_counted_right(self):
        node = self.node(1, config=self.one_rule(4_294_967_295)).wait_ready()
        self.assertEqual(node.check(principal="alice", hits="4294967295").status, 200)
        self.assertEqual(node.total(principal="alice"), 4_294_967_295)
        self.assertEqual(node.check(principal="alice").status, 429)
        self.assertEqual(node.check(principal="alice", hits="4294967295").status, 429)
        self.assertEqual(node.total(principal="alice"), 4_294_967_295)


class Floods(HostileCase):
    def fair(self, node, count):
        """One client with one request at a time; every one is answered."""
        with node.session() as session:
            for _ in range(count):
                self.assertEqual(session.check(principal="fair").status, 200)

    def test_slow_headers_harm_nobody(self):
        node = self.node(1, config=self.one_rule(100_000)).wait_ready()
        head = b"GET /v1/check?principal=slow HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 400
        streams = [self.connect(node) for _ in range(flood_connections)]
        for place in range(0, len(head), 20):
            for stream in streams:
                stream.sendall(head[place:place + 20])
            self.fair(node, 2)
        self.assertEqual(node.total(principal="slow"), 0)
        self.assertGreaterEqual(self.front_end(node)["connections"]["open"], flood_connections)
        # They all stop in the middle: counted, and gone.
        for stream in streams:
            stream.close()
        wait_equal("slow clients that were given up", lambda: self.errors(node), {"head_truncated": flood_connections})
        wait_until("their connections to be gone", lambda: self.front_end(node)["connections"]["open"] <= 1)

    def test_pipelining_without_reading_stops_at_the_bound(self):
        node = self.node(1, config=self.one_rule(100_000_000)).wait_ready()
        self.fair(node, 10)
        before = self.memory(node)
        request = b"GET /v1/check?principal=flood HTTP/1.1\r\nHost: x\r\n\r\n" * pipelined_count
        streams = [self.connect(node) for _ in range(20)]
        for stream in streams:
            stream.setblocking(False)
        pending = {stream: 0 for stream in streams}
        stuck = 0
        while stuck < 20:  # until no stream has taken a byte for a while: the node reads no more of anybody
            progress = False
            for stream in streams:
                with contextlib.suppress(BlockingIOError):
                    pending[stream] = (pending[stream] + stream.send(request[pending[stream]:])) % len(request)
                    progress = True
            self.fair(node, 1)
            stuck = 0 if progress else stuck + 1
        # Unsent answers, and one read of unread requests, for each: 256 KiB and 64 KiB, and what is being written.
        self.assert_memory_below(self.memory(node) - before, len(streams) * 1024 * 1024)
        for stream in streams:
            stream.close()
        wait_until("their connections to be gone", lambda: self.front_end(node)["connections"]["open"] <= 1)
        self.fair(node, 10)

    def test_thousands_of_idle_connections(self):
        if descriptors_to(idle_count + 500) < idle_count + 500:
            self.skipTest(f"needs {idle_count + 500} file descriptors (ulimit -Hn)")
        node = self.node(1, config=self.one_rule(100_000_000)).wait_ready()
        self.assertEqual(self.front_end(node)["connections"]["refused"], 0)
        fewer = re.search("takes ([0-9]+) connections of gateways", node.wait_log())  # the hard limit allows no more
        count = int(fewer[1]) if fewer else idle_count
        self.fair(node, 10)
        before = self.memory(node)
        with node.session() as early:
            early.check(principal="fair")
            for number in range(count - 1):
                # Half of them have asked before, as a gateway's pool of connections has.
                stream = self.connect(node)
                if number % 2:
                    stream.sendall(b"GET /v1/check?principal=pool HTTP/1.1\r\nHost: x\r\n\r\n")
                if number % 200 == 0:
                    self.assertEqual(early.check(principal="fair").status, 200)
            wait_equal("open connections", lambda: self.front_end(node)["connections"]["open"], count)
            wait_equal("counted requests", lambda: node.total(principal="pool"), (count - 1) // 2)
            each = (self.memory(node) - before) / count
            print(f"{each:.0f} bytes of the node per idle connection", flush=True)
            self.assert_memory_below(each, idle_bytes_max)
            for _ in range(100):
                self.assertEqual(early.check(principal="fair").status, 200)
            # One more takes the place of one that never asked, which is counted; people still reach the admin port.
            self.fair(node, 3)
            self.assertEqual(self.front_end(node)["connections"]["refused"], 1)
            self.assertEqual(early.check(principal="fair").status, 200)
            self.held.close()
            wait_equal("open connections", lambda: self.front_end(node)["connections"]["open"], 1)
        self.fair(node, 10)


class Probes(HostileCase):
    """Whoever holds all connections of a port keeps nobody from asking it once."""

    admin_max = 500

    def connections(self, node, count, port, opening, answered):
        """Opens `count` connections that say `opening`, and takes one answer on each if there is one."""
        for _ in range(count):
            stream = self.connect(node, port)
            stream.sendall(opening)
            if answered:
                self.assertTrue(stream.recv(4096))

    def test_probes_are_answered_while_others_hold_all_connections(self):
        if descriptors_to(self.admin_max + 200) < self.admin_max + 200:
            self.skipTest(f"needs {self.admin_max + 200} file descriptors (ulimit -n)")
        node = self.node(1, config=self.one_rule(100_000)).wait_ready()
        for name, opening, answered in (("idle", b"", False), ("half a head", b"GET /livez HTTP/1.1\r\nHost", False),
                                        ("half a body", b"PUT /v1/overrides HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                                         b"application/json\r\nContent-Length: 999\r\n\r\n{", False),
                                        ("asked once", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", True)):
            with self.subTest(name):
                refused = self.front_end(node, "admin")["connections"]["refused"]
                self.connections(node, self.admin_max, ADMIN_PORT, opening, answered)
                for _ in range(20):
                    for path in ("/livez", "/readyz"):
                        self.assertEqual(self.probe(node, path), 200)
                self.assertGreater(self.front_end(node, "admin")["connections"]["refused"], refused)
                self.held.close()

    def probe(self, node, path):
        """As the kubelet does: a connection of its own."""
        connection = http.client.HTTPConnection(node.address, ADMIN_PORT, timeout=5 * patience())
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status


class FewDescriptors(HostileCase):
    """A node that may open very few files is neither deaf nor busy with nothing."""

    limit = 100

    def test_more_clients_than_descriptors(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        node = self.node_with_limit()
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), before)
        self.assertRegex(node.wait_log(), f"may have {self.limit} files open, so it takes [0-9]+ connections")
        with node.session() as early:
            self.assertEqual(early.check(principal="alice").status, 200)
            streams = [self.connect(node) for _ in range(3 * self.limit)]
            wait_until("refused connections", lambda: self.front_end(node)["connections"]["refused"] > self.limit)
            self.assertEqual(early.check(principal="alice").status, 200)
            used, since = self.cpu_s(node), time.monotonic()
            wait_until("a second to pass", lambda: time.monotonic() - since > 1)
            self.assertLess(self.cpu_s(node) - used, 0.5 * (time.monotonic() - since))
            self.assertLess(len(os.listdir(f"/proc/{node._process.pid}/fd")), self.limit)
            self.assertNotIn("accept_failed", self.errors(node))
            for stream in streams:
                stream.close()
        wait_until("a new client to be served", lambda: node.check(principal="bob").status == 200)

    def node_with_limit(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        enter = self.subnet.enter

        def enter_with_few(number):
            enter(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.limit // 2, self.limit))

        self.subnet.enter = enter_with_few
        try:
            return self.node(1).wait_ready()
        finally:
            self.subnet.enter = enter
            self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), hard)


if __name__ == "__main__":
    main()
