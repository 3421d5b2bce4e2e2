#!/usr/bin/env python3
"""The JavaScript implementation of gRPC (@grpc/grpc-js) as a client: health and limits, errors, deadlines, many at once.

Needs `node` and the npm packages @grpc/grpc-js and @grpc/proto-loader, found by $NODE_PATH or in build/interop.
"""

import itertools
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading

tree = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(tree / "tests/integration"))

from harness import ClusterCase, main, patience, skip, wait_until  # noqa: E402
from harness.node import die_with_parent  # noqa: E402

grpc_port = 8081
answer_deadline_s = 20
ok, cancelled, invalid_argument, deadline_exceeded, not_found, unimplemented, unavailable = 0, 1, 3, 4, 5, 12, 14


def node_path():
    """The folder that has the npm packages, or None."""
    places = os.environ.get("NODE_PATH", "").split(":") + [str(each) for each in sorted(tree.glob("build*/interop/node_modules"))]
    return next((place for place in places if place and os.path.isdir(os.path.join(place, "@grpc/grpc-js"))), None)


def entries(**values):
    return {"entries": [{"key": key, "value": value} for key, value in values.items()]}


class JsClient:
    """One process of grpc_client.js."""

    def __init__(self, node):
        self._address = f"{node.address}:{grpc_port}"
        self._ids = itertools.count(1)
        self._answers = {}
        self._process = subprocess.Popen(
            ["node", str(pathlib.Path(__file__).with_name("grpc_client.js")), str(tree / "protocol/envoy")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
            env={**os.environ, "NODE_PATH": node_path()})
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, method, request, **options):
        """Starts a call (or `count` of them); returns the queue of its answers."""
        number = next(self._ids)
        answers = self._answers[number] = queue.Queue()
        command = {"id": number, "address": self._address, "method": method, "request": request, **options}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return answers

    def call(self, method, request, **options):
        return self.next(self.begin(method, request, **options))

    def limit(self, *descriptors, domain="default", **options):
        return self.call("limit", {"domain": domain, "descriptors": list(descriptors)}, **options)

    def next(self, answers):
        return answers.get(timeout=answer_deadline_s * patience())

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self):
        try:
            for line in self._process.stdout:
                answer = json.loads(line)
                self._answers[answer["id"]].put(answer)
        except ValueError:
            pass  # closed while it was read


class GrpcJs(ClusterCase):
    def one(self, limit=3, **settings):
        node = self.node(1, config=self.one_rule(limit), **settings).wait_ready()
        client = JsClient(node)
        self.addCleanup(client.close)
        return node, client

    def test_limits(self):
        node, client = self.one(3)
        for left in (2, 1, 0):
            answer = client.limit(entries(principal="alice"))
            self.assertEqual((answer["code"], answer["reply"]["overall_code"]), (ok, "OK"))
            (status,) = answer["reply"]["statuses"]
            self.assertEqual((status["code"], status.get("limit_remaining", 0)), ("OK", left))
            self.assertEqual((status["current_limit"]["requests_per_unit"], status["current_limit"]["name"]), (3, "each"))
            self.assertGreaterEqual(status["duration_until_reset"]["seconds"], 1)
        answer = client.limit(entries(principal="alice"), entries(principal="bob"), entries(other="x"))
        self.assertEqual(answer["reply"]["overall_code"], "OVER_LIMIT")
        self.assertEqual([each["code"] for each in answer["reply"]["statuses"]], ["OVER_LIMIT", "OK", "OK"])
        self.assertNotIn("current_limit", answer["reply"]["statuses"][2])
        headers = {each["key"]: each["value"] for each in answer["reply"]["response_headers_to_add"]}
        self.assertGreaterEqual(int(headers["retry-after"]), 1)
        self.assertIn("ratelimit-policy", headers)
        self.assertEqual([name for name in headers if name != name.lower()], [])
        self.assertEqual((node.total(principal="alice"), node.total(principal="bob")), (3, 0))

    def test_cost_peeks_and_limits_of_the_request(self):
        node, client = self.one(10)
        answer = client.call("limit", {"domain": "default", "hits_addend": 4, "descriptors": [entries(principal="alice")]})
        self.assertEqual(answer["reply"]["statuses"][0]["limit_remaining"], 6)
        answer = client.limit({**entries(principal="alice"), "hits_addend": {"value": 0}})
        self.assertEqual(answer["reply"]["statuses"][0]["limit_remaining"], 6)
        own = {**entries(principal="bob"), "limit": {"requests_per_unit": 1, "unit": "UNIT_YEAR"}}
        codes = [client.limit(own)["reply"]["overall_code"] for _ in range(2)]
        self.assertEqual(codes, ["OK", "OVER_LIMIT"])
        self.assertEqual(node.total(principal="alice"), 4)

    def test_errors_have_a_code_and_words(self):
        _, client = self.one()
        no_domain = client.limit(entries(principal="alice"), domain="")
        self.assertEqual(no_domain["code"], invalid_argument)
        self.assertIn("domain", no_domain["message"])
        none = client.limit()
        self.assertEqual(none["code"], invalid_argument)
        self.assertIn("descriptor", none["message"])
        nonsense = client.call("/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit", [0xff, 0xff, 0xff])
        self.assertEqual(nonsense["code"], invalid_argument)
        for path in ("/envoy.service.ratelimit.v3.RateLimitService/Other", "/other.Service/Method"):
            self.assertEqual(client.call(path, [])["code"], unimplemented)
        zipped = client.limit(entries(principal="x" * 2000), gzip=True)
        self.assertEqual(zipped["code"], unimplemented)
        self.assertEqual(client.limit(entries(principal="alice"))["code"], ok)

    def test_words_with_signs_of_any_kind_come_through(self):
        """grpc-message is percent-encoded; what is not ASCII in a question, the node's answer does not repeat."""
        _, client = self.one()
        answer = client.call("check", {"service": "Zürich 100% \u2603"})
        self.assertEqual(answer["code"], not_found)
        self.assertIn('rich 100% ', answer["message"])

    def test_health(self):
        node, client = self.one()
        for service in ("", "ratelimit", "envoy.service.ratelimit.v3.RateLimitService"):
            answer = client.call("check", {"service": service})
            self.assertEqual((answer["code"], answer["reply"]), (ok, {"status": "SERVING"}), service)
        self.assertEqual(client.call("check", {"service": "other"})["code"], not_found)

        watched = client.begin("watch", {"service": ""})
        self.assertEqual(client.next(watched)["reply"]["status"], "SERVING")
        unknown = client.begin("watch", {"service": "other"})
        self.assertEqual(client.next(unknown)["reply"]["status"], "SERVICE_UNKNOWN")
        left = client.begin("watch", {"service": "ratelimit"}, cancel_ms=50)
        self.assertEqual(client.next(left)["reply"]["status"], "SERVING")
        self.assertEqual(client.next(left)["code"], cancelled)
        node.signal(15)
        self.assertEqual(client.next(watched)["reply"]["status"], "NOT_SERVING")
        self.assertIn("code", client.next(watched))
        self.assertEqual(node.wait_exit(), 0)

    def test_a_node_that_has_not_met_the_others_is_not_serving_yet(self):
        nobody = self.subnet.host(9)
        node = self.node(1, config=self.one_rule(3), neighborhood_host=nobody, join_timeout="1h").wait_live()
        client = JsClient(node)
        self.addCleanup(client.close)
        watched = client.begin("watch", {"service": ""})
        self.assertEqual(client.next(watched)["reply"]["status"], "NOT_SERVING")
        self.assertEqual(client.call("check", {"service": ""})["reply"]["status"], "NOT_SERVING")
        self.node(9, neighborhood_host=node.address)
        self.assertEqual(client.next(watched)["reply"]["status"], "SERVING")

    def test_a_thousand_calls_at_once(self):
        node, client = self.one(700)
        answers = client.begin("limit", {"domain": "default", "descriptors": [entries(principal="alice")]}, count=1000)
        codes = [client.next(answers) for _ in range(1000)]
        self.assertEqual([each for each in codes if each["code"] != ok], [])
        outcomes = [each["reply"]["overall_code"] for each in codes]
        self.assertEqual((outcomes.count("OK"), outcomes.count("OVER_LIMIT")), (700, 300))
        self.assertEqual(node.total(principal="alice"), 700)

    def test_deadlines_and_cancelled_calls_harm_nobody(self):
        node, client = self.one(1_000_000)
        self.assertEqual(client.limit(entries(principal="alice"))["code"], ok)
        node.pause()
        late = client.begin("limit", {"domain": "default", "descriptors": [entries(principal="alice")]}, deadline_ms=50, count=500)
        self.assertEqual({client.next(late)["code"] for _ in range(500)}, {deadline_exceeded})
        node.resume()
        self.assertEqual(client.limit(entries(principal="alice"))["code"], ok)
        gone = client.begin("limit", {"domain": "default", "descriptors": [entries(principal="bob")]}, cancel_ms=0, count=3000)
        self.assertLessEqual({client.next(gone)["code"] for _ in range(3000)}, {ok, cancelled})
        # Three thousand streams that were reset at once: the connection still serves.
        self.assertEqual(client.limit(entries(principal="alice"))["code"], ok)

    def test_a_client_finds_the_node_again_after_a_restart(self):
        node, client = self.one(3)
        self.assertEqual(client.limit(entries(principal="alice"))["code"], ok)
        node.kill()
        wait_until("a failed call", lambda: client.limit(entries(principal="alice"))["code"] == unavailable)
        node.start().wait_ready()
        wait_until("calls to succeed", lambda: client.limit(entries(principal="alice"))["code"] == ok)


if __name__ == "__main__":
    if shutil.which("node") is None:
        skip("no `node` in PATH; Debian's package nodejs brings it")
    if node_path() is None:
        skip("no @grpc/grpc-js in $NODE_PATH or build/interop/node_modules; `npm install @grpc/grpc-js @grpc/proto-loader` brings it")
    main()
