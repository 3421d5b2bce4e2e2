#!/usr/bin/env python3
"""Thousands of gRPC calls at once from h2load, another HTTP/2 client: none fails, and each is counted.

h2load knows nothing of gRPC: it posts one framed message again and again and looks at :status. What was decided is read from
the node's counter.
"""

import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ClusterCase, main, patience, skip  # noqa: E402

grpc_port = 8081
# domain "default", one descriptor {principal: "alice"}: written by hand, so that no protobuf is needed.
entry = b"\x0a\x09principal\x12\x05alice"
descriptor = b"\x0a" + bytes([len(entry)]) + entry
message = b"\x0a\x07default" + b"\x12" + bytes([len(descriptor)]) + descriptor
path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"


class H2Load(ClusterCase):
    def load(self, node, connections, streams, requests):
        """Runs h2load; returns its output."""
        body = self.directory / "request.bin"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        ended = subprocess.run(
            ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{requests}", f"--data={body}", "-H", "te: trailers",
             "-H", "content-type: application/grpc", f"http://{node.address}:{grpc_port}{path}"],
            capture_output=True, text=True, timeout=100 * patience(), check=True)
        found = re.search(r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored",
                          ended.stdout)
        self.assertIsNotNone(found, ended.stdout)
        self.assertEqual([int(each) for each in found.groups()], [requests] * 4 + [0, 0], ended.stdout)
        self.assertIn(f"status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx", ended.stdout)
        return ended.stdout

    def test_five_thousand_streams_at_once(self):
        node = self.node(1, config=self.one_rule(150_000), log_level="info").wait_ready()
        told = self.load(node, 50, 100, 200_000)
        self.assertEqual(node.total(principal="alice"), 150_000)
        print(re.search(r"finished in.*", told).group())
        print(re.search(r"time for request:.*", told).group())

    def test_a_thousand_connections_with_one_stream_each(self):
        node = self.node(1, config=self.one_rule(1_000_000), log_level="info").wait_ready()
        self.load(node, 1000, 1, 20_000)
        self.assertEqual(node.total(principal="alice"), 20_000)

    def test_two_nodes_share_the_limit_under_load(self):
        first, second = self.cluster(2, config=self.one_rule(30_000), log_level="info")
        self.load(first, 10, 10, 20_000)
        self.wait_totals([second], 20_000, principal="alice")
        self.load(second, 10, 10, 20_000)
        self.wait_totals([first, second], 30_000, principal="alice")


if __name__ == "__main__":
    if shutil.which("h2load") is None:
        skip("no h2load in PATH; Debian's package nghttp2-client brings it")
    main()
