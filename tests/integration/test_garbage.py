#!/usr/bin/env python3
"""Garbage on any port is dropped and counted, and the node lives on."""

import random
import socket
import time

from harness import (ADMIN_PORT, HEARTBEAT_PORT, HTTP_PORT, SYNC_PORT, ClusterCase, Relay, main, patience, wait_until)

seed = 20240229
batch_count = 50         # datagrams between two looks at the node, so that the kernel's buffer never overflows
datagram_ports = (SYNC_PORT, HEARTBEAT_PORT)


def received(node):
    return node.status()["datagrams"]["received"]


def dropped(node):
    return node.status()["datagrams"]["dropped"]


class Datagrams(ClusterCase):
    def pour(self, node, send, count):
        """Calls `send(number)` `count` times; most of it has arrived at the return."""
        base = received(node)
        for number in range(count):
            send(number)
            if number % batch_count == batch_count - 1:
                wait_until("the node to have read", lambda: received(node) >= base + number * 0.8)

    def test_random_bytes(self):
        node = self.node(1, neighborhood_host=self.subnet.host(2), join_timeout="100ms").wait_ready()
        node.hit(3, principal="alice")
        before, count = sum(dropped(node).values()), 2000
        for port in datagram_ports:
            dice = random.Random(seed + port)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((self.subnet.host(2), 0))  # an address that the node even expects a peer at

                def send(_):
                    length = dice.choice((0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 64, 200, 1232, 1500, 9000))
                    stranger.sendto(dice.randbytes(length), (node.address, port))

                self.pour(node, send, count)
        after = dropped(node)
        self.assertGreaterEqual(sum(after.values()) - before, count)
        self.assertTrue(all(reason and amount > 0 for reason, amount in after.items()
                            if amount), after)
        self.assertEqual(node.total(principal="alice"), 3)
        self.assertEqual(node.peers() and node.alive_peers(), [])
        self.assertEqual(node.check(principal="alice").status, 200)

    def test_real_datagrams_truncated_and_altered(self):
        near_first, near_second = self.subnet.host(11), self.subnet.host(12)
        settings = {"config": self.one_rule(1000), "sync_interval": "20ms", "heartbeat_interval": "100ms"}
        first = self.node(1, neighborhood_host=near_second, **settings)
        second = self.node(2, neighborhood_host=near_first, **settings)
        relay = Relay(first.address, second.address, near_first, near_second)
        self.addCleanup(relay.close)
        self.wait_together([first, second])

        def recorded_enough():
            second.hit(1, principal="bob")
            first.hit(1, principal="carol")
            return len(relay.recorded[SYNC_PORT]) >= 20 and len(relay.recorded[HEARTBEAT_PORT]) >= 20

        wait_until("recorded datagrams of both kinds", recorded_enough)
        before = sum(dropped(first).values())
        dice = random.Random(seed)
        for port in datagram_ports:
            originals = list(relay.recorded[port])
            # Each length once, then flipped bits, a wrong port, something in the middle, something behind.
            for length in range(len(originals[0])):
                relay.send(near_second, port, originals[0][:length])
            self.pour(first, lambda _: relay.send(near_second, port, self.altered(dice, originals)), 1500)
            other = SYNC_PORT + HEARTBEAT_PORT - port
            self.pour(first, lambda _: relay.send(near_second, other, dice.choice(originals)), 200)
        after = dropped(first)
        self.assertGreater(sum(after.values()), before + 500, after)
        self.assertGreaterEqual(len([reason for reason, count in after.items() if count]), 2, after)

        # The two still work together: what each admits, the other learns.
        self.wait_together([first, second])
        first.hit(4, principal="dave")
        second.hit(5, principal="dave")
        self.wait_totals([first, second], 9, principal="dave")

    def altered(self, dice, originals):
        datagram = bytearray(dice.choice(originals))
        kind = dice.randrange(5)
        if kind == 0:
            return bytes(datagram[: dice.randrange(len(datagram))])
        if kind == 1:
            return bytes(datagram) + dice.randbytes(dice.randrange(1, 64))
        if kind == 2:
            place = dice.randrange(len(datagram))
            return bytes(datagram[:place]) + dice.randbytes(8) + bytes(datagram[place:])
        for _ in range(dice.choice((1, 1, 2, 8))):
            datagram[dice.randrange(len(datagram))] ^= 1 << dice.randrange(8)
        return bytes(datagram)

    def test_replayed_datagrams_change_nothing(self):
        near_first, near_second = self.subnet.host(11), self.subnet.host(12)
        settings = {"config": self.one_rule(1000), "sync_interval": "20ms"}
        first = self.node(1, neighborhood_host=near_second, **settings)
        second = self.node(2, neighborhood_host=near_first, **settings)
        relay = Relay(first.address, second.address, near_first, near_second)
        self.addCleanup(relay.close)
        self.wait_together([first, second])
        first.hit(4, principal="alice")
        second.hit(5, principal="alice")
        self.wait_totals([first, second], 9, principal="alice")
        originals = list(relay.recorded[SYNC_PORT])
        self.assertTrue(originals)
        random.Random(seed).shuffle(originals)
        for near, node in ((near_second, first), (near_first, second)):
            self.pour(node, lambda number: relay.send(near, SYNC_PORT, originals[number % len(originals)]), 500)
            self.assertEqual(node.total(principal="alice"), 9)
        second.hit(1, principal="alice")
        self.wait_totals([first, second], 10, principal="alice")


class Streams(ClusterCase):
    def exchange(self, address, port, data):
        """Sends, reads until the node has nothing more to say at once, hangs up."""
        with socket.create_connection((address, port), timeout=5 * patience()) as stream:
            try:
                stream.sendall(data)
                stream.shutdown(socket.SHUT_WR)
                return stream.recv(65536)
            except ConnectionError:
                return b""  # hung up on: fine

    def assert_serves(self, node):
        self.assertEqual(node.check(principal="alice").status, 200)
        self.assertEqual(node.get("/livez").status, 200)

    def test_malformed_http(self):
        node = self.node(1, config=self.one_rule(100000)).wait_ready()
        head = b"GET /v1/check?principal=alice HTTP/1.1\r\nHost: x\r\n"
        for port in (HTTP_PORT, ADMIN_PORT):
            for data in (
                    b"\r\n\r\n", b"\0" * 1000, b"GET", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\nx\r\n\r\n",
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 500,
                    b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n",
                    b"GET /v1/check?principal=" + b"%41" * 50000 + b" HTTP/1.1\r\n\r\n",
                    head + b"X: " + b"b" * 200000 + b"\r\n\r\n",
                    head + b"".join(b"X-%d: y\r\n" % number for number in range(20000)) + b"\r\n",
                    head + b"Content-Length: -5\r\n\r\n", head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                    head + b"Content-Length: 99999999999999999999999\r\n\r\n",
                    head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", head + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
                    head + b"Bad Header\r\n\r\n", head + b": no name\r\n\r\n", head + b"X: a\0b\r\n\r\n",
                    b"GET /v1/check?\x80\xff=\xfe HTTP/1.1\r\nHost: x\r\n\r\n"):
                with self.subTest(port=port, data=data[:60]):
                    answer = self.exchange(node.address, port, data)
                    self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1."), answer[:100])
                    self.assert_serves(node)

    def test_random_bytes(self):
        node = self.node(1, config=self.one_rule(100000)).wait_ready()
        dice = random.Random(seed)
        request = b"POST /v1/check?principal=mallory HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        for port in (HTTP_PORT, ADMIN_PORT):
            for number in range(150):
                data = bytearray(request * dice.randrange(1, 4))
                for _ in range(dice.randrange(1, 12)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
                self.exchange(node.address, port, bytes(data) if number % 3 else dice.randbytes(dice.randrange(1, 5000)))
        self.assert_serves(node)

    def test_half_open_and_cut_connections(self):
        node = self.node(1).wait_ready()
        held = []
        try:
            for number in range(100):
                stream = socket.create_connection((node.address, HTTP_PORT if number % 2 else ADMIN_PORT))
                stream.sendall(b"GET /v1/check?principal=slow HTTP/1.1\r\nHo"[: number % 40 + 1])
                held.append(stream)
            self.assert_serves(node)
            for stream in held[::2]:  # a reset instead of a farewell
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        finally:
            for stream in held:
                stream.close()
        self.assert_serves(node)

    def test_pipelined_requests_are_answered_in_order(self):
        node = self.node(1, config=self.one_rule(5)).wait_ready()
        request = b"GET /v1/check?principal=pipe HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.create_connection((node.address, HTTP_PORT), timeout=5 * patience()) as stream:
            stream.sendall(request * 8)
            answers, ends = b"", time.monotonic() + 10 * patience()
            while answers.count(b"HTTP/1.1 ") < 8 and time.monotonic() < ends:
                answers += stream.recv(65536)
        statuses = [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual(statuses, [b"200"] * 5 + [b"429"] * 3)

    def test_the_answer_does_not_wait_for_a_body(self):
        node = self.node(1).wait_ready()
        with socket.create_connection((node.address, HTTP_PORT), timeout=5 * patience()) as stream:
            stream.sendall(b"POST /v1/check?principal=alice HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            self.assertTrue(stream.recv(65536).startswith(b"HTTP/1.1 200"))


if __name__ == "__main__":
    main()
