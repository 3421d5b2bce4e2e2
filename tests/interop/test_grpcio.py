#!/usr/bin/env python3
"""gRPC's C core (python3-grpcio) as a client: answers, refusals, and going on without a failed call when a node stops.

Needs grpc and google.protobuf: if this Python has none, the system's /usr/bin/python3 is tried (Debian: python3-grpcio).
"""

import os
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ClusterCase, main, patience, skip, wait_equal, wait_until  # noqa: E402

# Nodes are started while calls are under way. gRPC's fork handlers would wait, before each fork, for threads that never rest
# under load (gRPC 1.51: "Waiting for thread pool to idle before forking", for ever); the child is to exec at once, it needs none.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

try:
    import grpc
except ImportError:
    grpc = None
if grpc is not None:
    import rls_messages as rls  # noqa: E402

system_python = "/usr/bin/python3"
grpc_port = 8081
deadline_s = 20

# What a careful client configures: a call that the server refused to begin is made again, on another node.
retries = """{"loadBalancingConfig": [{"round_robin": {}}],
 "methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.1s",
                                                 "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}"""


class Client:
    """A channel to one or more nodes, and the three methods on it."""

    def __init__(self, nodes, *options):
        places = ",".join(f"{node.address}:{grpc_port}" for node in nodes)
        # Channels do not share connections. min_reconnect_backoff is also how long the server's SETTINGS are waited for.
        self.channel = grpc.insecure_channel("ipv4:" + places, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", deadline_s * 1000), ("grpc.max_reconnect_backoff_ms", 200), *options])
        self._limit = self._unary(rls.limit_path, rls.Response)
        self._check = self._unary(rls.check_path, rls.HealthResponse)
        self._watch = self.channel.unary_stream(rls.watch_path, lambda message: message.SerializeToString(),
                                                rls.HealthResponse.FromString)

    def _unary(self, path, reply):
        return self.channel.unary_unary(path, lambda message: message.SerializeToString(), reply.FromString)

    def limit(self, *descriptors, domain="default", hits=0, **options):
        return self._limit(rls.limit_request(*descriptors, domain=domain, hits=hits), timeout=deadline_s * patience(), **options)

    def begin(self, *descriptors, **options):
        return self._limit.future(rls.limit_request(*descriptors), timeout=deadline_s * patience(), **options)

    def check(self, service=""):
        return self._check(rls.HealthRequest(service=service), timeout=deadline_s * patience()).status

    def watch(self, service=""):
        return self._watch(rls.HealthRequest(service=service), timeout=deadline_s * patience())

    def raw(self, path, message):
        return self.channel.unary_unary(path)(message, timeout=deadline_s * patience())


def code_of(call):
    """The status code that `call()` fails with, and its words; OK and None if it does not."""
    try:
        call()
        return grpc.StatusCode.OK, None
    except grpc.RpcError as error:
        return error.code(), error.details()


class Grpcio(ClusterCase):
    def client(self, nodes, *options):
        made = Client(nodes, *options)
        self.addCleanup(made.channel.close)
        return made

    def one(self, limit=3, **settings):
        node = self.node(1, config=self.one_rule(limit), **settings).wait_ready()
        return node, self.client([node])

    # --- answers

    def test_answers(self):
        node, client = self.one(2)
        seen = []
        for _ in range(3):
            answer = client.limit({"principal": "alice"}, {"nothing": "matches"})
            first, second = answer.statuses
            self.assertEqual(answer.overall_code, first.code)
            self.assertEqual((second.code, second.HasField("current_limit")), (rls.OK, False))
            self.assertEqual((first.current_limit.requests_per_unit, first.current_limit.name), (2, "each"))
            self.assertGreaterEqual(first.duration_until_reset.seconds, 1)
            self.assertEqual(first.duration_until_reset.nanos, 0)
            seen.append((first.code, first.limit_remaining))
        self.assertEqual(seen, [(rls.OK, 1), (rls.OK, 0), (rls.OVER_LIMIT, 0)])
        self.assertIn("retry-after", [each.key for each in answer.response_headers_to_add])
        self.assertEqual(node.total(principal="alice"), 2)

    def test_health(self):
        _, client = self.one()
        for service in ("", "ratelimit", "envoy.service.ratelimit.v3.RateLimitService"):
            self.assertEqual(client.check(service), rls.SERVING, service)
        self.assertEqual(code_of(lambda: client.check("other"))[0], grpc.StatusCode.NOT_FOUND)
        self.assertEqual(next(client.watch("other")).status, rls.SERVICE_UNKNOWN)

    def test_what_cannot_be_served_is_refused_in_words(self):
        node, client = self.one()
        refused = (
            (lambda: client.limit({"principal": "alice"}, domain=""), grpc.StatusCode.INVALID_ARGUMENT),
            (lambda: client.limit(), grpc.StatusCode.INVALID_ARGUMENT),
            (lambda: client.raw(rls.limit_path, b"\xff\xff\xff"), grpc.StatusCode.INVALID_ARGUMENT),
            (lambda: client.limit({"principal": "x" * 2000}, compression=grpc.Compression.Gzip), grpc.StatusCode.UNIMPLEMENTED),
            (lambda: client.raw(rls.limit_path, b"x" * (64 * 1024 + 1)), grpc.StatusCode.RESOURCE_EXHAUSTED),
            (lambda: client.raw(rls.limit_path, b"x" * (8 << 20)), grpc.StatusCode.RESOURCE_EXHAUSTED),
            (lambda: client.raw("/envoy.service.ratelimit.v3.RateLimitService/No", b""), grpc.StatusCode.UNIMPLEMENTED),
            (lambda: client.raw("/no.Service/No", b""), grpc.StatusCode.UNIMPLEMENTED),
        )
        for number, (call, expected) in enumerate(refused):
            with self.subTest(number=number):
                code, words = code_of(call)
                self.assertEqual(code, expected, words)
                self.assertTrue(words)
                self.assertEqual(client.limit({"principal": f"after-{number}"}).overall_code, rls.OK)
        self.assertEqual(node.counters(principal="alice"), [])

    def test_many_entries_and_long_values(self):
        node, client = self.one(5)
        many = [{"principal": f"p{number}", "other": "x" * 1500} for number in range(30)]
        answer = client.limit(*many)
        self.assertEqual([each.limit_remaining for each in answer.statuses], [4] * 30)
        self.assertEqual(node.total(principal="p29"), 1)

    def test_metadata_and_user_agents_of_any_size_that_is_reasonable(self):
        _, client = self.one()
        metadata = [(f"x-trace-{number}", "v" * 100) for number in range(20)] + [("binary-bin", bytes(range(256)))]
        self.assertEqual(client.limit({"principal": "alice"}, metadata=metadata).overall_code, rls.OK)

    def test_cancelled_calls_harm_nobody(self):
        node, client = self.one(1_000_000)
        for _ in range(20):
            begun = [client.begin({"principal": "alice"}) for _ in range(100)]
            for call in begun:
                call.cancel()
        self.assertEqual(client.limit({"principal": "bob"}).overall_code, rls.OK)
        self.assertEqual(node.total(principal="bob"), 1)

    # --- a node stops

    def test_a_watcher_is_told_when_a_node_stops(self):
        node, client = self.one()
        watched = client.watch()
        self.assertEqual(next(watched).status, rls.SERVING)
        node.signal(15)
        self.assertEqual(next(watched).status, rls.NOT_SERVING)
        self.assertIn(code_of(lambda: list(watched))[0], (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE))
        self.assertEqual(node.wait_exit(), 0)

    def load(self, clients, body):
        """Runs `body(answers)` while each client keeps asking, the first for principal c0 and so on; returns how many answers
        came. A failed call fails the test."""
        ending, problems, answers = threading.Event(), [], []

        def ask(number, client):
            while not ending.is_set():
                try:
                    answers.append(client.limit({"principal": f"c{number}"}).overall_code)
                except grpc.RpcError as error:
                    problems.append((error.code(), error.details()))

        threads = [threading.Thread(target=ask, args=each) for each in enumerate(clients)]
        for thread in threads:
            thread.start()
        try:
            wait_until("answers", lambda: len(answers) > 100)
            body(answers)
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(set(answers), {rls.OK})
        return len(answers)

    def test_stopping_one_node_after_the_other_fails_no_call_and_loses_no_count(self):
        nodes = self.cluster(2, config=self.one_rule(1_000_000))

        def restart_both(answers):
            for node in nodes:
                self.assertEqual(node.terminate(), 0)
                before = len(answers)
                wait_until("calls to go on", lambda: len(answers) > before + 100)
                node.start().wait_ready()
                self.wait_together(nodes)
                origin = node.origin()
                for number in range(clients_count):
                    wait_until(f"client {number} to ask {node.name} again",
                               lambda: node.components(principal=f"c{number}").get(origin))

        clients_count = 4
        clients = [self.client(nodes, ("grpc.service_config", retries)) for _ in range(clients_count)]
        answers_count = self.load(clients, restart_both)
        for node in nodes:
            wait_equal(f"all that was counted on {node.name}",
                       lambda: sum(node.total(principal=f"c{number}") for number in range(clients_count)), answers_count)

    def test_old_connections_are_closed_without_a_failed_call(self):
        node, _ = self.one(10_000_000, grpc_max_connection_age="200ms")
        client = self.client([node])

        def accepted():
            return node.metrics().value("starling_connections_accepted_total", front_end="grpc")

        def grow_old(_):
            wait_until("ten connections to have followed an old one", lambda: accepted() >= 1 + 10)

        answers_count = self.load([client], grow_old)
        self.assertEqual(node.total(principal="c0"), answers_count)


def has_grpc(python):
    found = subprocess.run([python, "-c", "import grpc, google.protobuf"], capture_output=True, check=False)
    return found.returncode == 0


if __name__ == "__main__":
    if grpc is None:
        if not os.path.exists(system_python) or not has_grpc(system_python):
            skip("no module grpc in this Python nor in /usr/bin/python3; Debian's package python3-grpcio brings it")
        os.execv(system_python, [system_python, *sys.argv])
    main()
