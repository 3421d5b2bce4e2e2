#!/usr/bin/env python3
"""What tests/bench/count_delay makes of nodes that answer late, or never: two that are made up."""

import contextlib
import json
import pathlib
import socket
import subprocess
import threading
import time
import unittest

from harness import HTTP_PORT, Subnet, binary, main, patience


class FakeNode:
    """Answers one client's questions at the check API after a while, or never."""

    def __init__(self, address, after_s):
        self._after_s = after_s
        self._listener = socket.create_server((address, HTTP_PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError), self._listener.accept()[0] as connection:
            while connection.recv(4096):
                if self._after_s is not None:
                    time.sleep(self._after_s)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-RateLimit-Remaining: 3\r\n\r\n")

    def close(self):
        self._thread.join()   # the client has gone
        self._listener.close()


class CountDelay(unittest.TestCase):
    def ask(self, after_s_a, after_s_b):
        subnet = Subnet()
        self.addCleanup(subnet.close)
        for number, after_s in ((1, after_s_a), (2, after_s_b)):
            self.addCleanup(FakeNode(subnet.host(number), after_s).close)
        return subprocess.run([pathlib.Path(binary()).resolve().parents[2] / "tests/bench/count_delay", subnet.host(1), subnet.host(2), "50", "1", "4"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=100 * patience(), check=False)

    def test_an_answer_has_its_own_time_and_not_that_of_the_other_node(self):
        for of_a, of_b in ((0, 1), (1, 0)):
            with self.subTest(of_a=of_a, of_b=of_b):
                result = self.ask(of_a, of_b)
                self.assertEqual(result.returncode, 0, result.stderr)
                sample, = json.loads(result.stdout)["samples"]
                slow, quick = ("most_us", "answer_us") if of_b else ("answer_us", "most_us")
                self.assertGreaterEqual(sample[slow], 1e6)
                self.assertLess(sample[quick], sample[slow] / 2)

    def test_a_node_that_never_answers_is_an_error(self):
        for after_s in ((None, 0), (0, None)):
            with self.subTest(after_s=after_s):
                result = self.ask(*after_s)
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertRegex(result.stderr, r"127\.\d+\.\d+\.[12]: expected an answer within 5 s, found none")


if __name__ == "__main__":
    main()
