#!/usr/bin/env python3
"""What is thrown at a node beyond its bounds: callers, addresses, rules, overrides, and kill -9.

STARLING_BOUNDS=100 makes the numbers whole (10 million callers, a table of one million; 4,000 forged addresses; ten
kills); without it they are a hundredth. Figures are printed, and nothing absolute is demanded of times.
"""

import json
import os
import random
import re
import socket
import statistics
import sys
import threading
import time

from harness import ADMIN_PORT, HEARTBEAT_PORT, HTTP_PORT, ClusterCase, main, patience, wait_equal, wait_until

scale = max(1, min(100, int(os.environ.get("STARLING_BOUNDS", "1"))))
pipelined = 250     # requests in one write


def figure(name, value):
    print(f"    {name}: {value}", file=sys.stderr)


class Flood:
    """Asks for callers one after the other, many to a write, on one connection."""

    def __init__(self, node):
        self._socket = socket.create_connection((node.address, HTTP_PORT), timeout=60 * patience())

    def ask(self, numbers):
        """(admitted, denied, seconds of each write with its answers)"""
        admitted = denied = 0
        took = []
        numbers = list(numbers)
        for at in range(0, len(numbers), pipelined):
            part = numbers[at:at + pipelined]
            began = time.perf_counter()
            self._socket.sendall(b"".join(b"GET /v1/check?principal=caller-%d HTTP/1.1\r\nHost: n\r\n\r\n" % each for each in part))
            # A status line may lie across two reads: only whole heads are counted.
            rest, passed, refused = b"", 0, 0
            while passed + refused < len(part):
                chunk = self._socket.recv(1 << 20)
                if not chunk:
                    raise ConnectionError("the node has hung up")
                rest += chunk
                cut = rest.rfind(b"HTTP/1.1 ")
                whole, rest = (rest, b"") if len(rest) - cut >= 12 else (rest[:cut], rest[cut:])
                passed += whole.count(b"HTTP/1.1 200")
                refused += whole.count(b"HTTP/1.1 429")
            took.append(time.perf_counter() - began)
            admitted += passed
            denied += refused
        return admitted, denied, took

    def close(self):
        self._socket.close()


class Writes:
    """Changes overrides one after the other, many to a write, on one connection."""

    def __init__(self, node):
        self._host = node.address
        self._socket = socket.create_connection((node.address, ADMIN_PORT), timeout=60 * patience())
        self._answers = self._socket.makefile("rb")

    def ask(self, method, documents):
        """(status, document) of each"""
        answers = []
        for at in range(0, len(documents), pipelined):
            bodies = [json.dumps(each).encode() for each in documents[at:at + pipelined]]
            self._socket.sendall(b"".join(b"%s /v1/overrides HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                                          % (method.encode(), self._host.encode(), len(body), body) for body in bodies))
            answers += [self._answer() for _ in bodies]
        return answers

    def _answer(self):
        status = int(self._answers.readline().split()[1])
        length = 0
        while (line := self._answers.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, json.loads(self._answers.read(length))

    def close(self):
        self._answers.close()
        self._socket.close()


def resident_bytes(node):
    return node.metrics().value("process_resident_memory_bytes")


def longest_turn_at_most(node):
    """The bucket of the loop's longest turn, in seconds."""
    counts = {dict(labels)["le"]: value for labels, value in node.metrics().values("starling_loop_busy_seconds_bucket").items()}
    total = max(counts.values())
    return min((le for le, value in counts.items() if value == total), key=float)


def advice(node):
    """Codes of what the node says is to be done, or to be known."""
    return [each["code"] for each in node.status()["advice_items"]]


class ManyCallers(ClusterCase):
    counters_max = 2_000 if scale == 1 else 10_000 * scale
    short_s = 5     # a window that a table of two thousand is filled in, ten times over

    def file(self, when_full, per):
        return self.rules(f'rules:\n  - name: each\n    match: {{principal: "*"}}\n    when_full: {when_full}\n'
                          f"    limits: [{{requests: 5, per: {per}}}]\n", f"{when_full}.yaml")

    def flood(self, node, numbers):
        flood = Flood(node)
        self.addCleanup(flood.close)
        return flood.ask(numbers)

    def test_ten_times_more_callers_than_counters(self):
        nodes = [self.one_full_node(when_full) for when_full in ("learning", "deny")]
        if scale != 1:
            return  # a table of a million takes windows of minutes to fill
        for node in nodes:
            wait_equal("the counters, their windows over", lambda node=node: node.metrics().value("starling_counters"), 0, 60)
            self.assertEqual(node.check(principal="another").status, 200)
            self.assertEqual(node.metrics().value("starling_counters"), 1)
            figure("longest turn of the loop, s, at most", longest_turn_at_most(node))

    def one_full_node(self, when_full):
        count = self.counters_max
        per = f"{self.short_s}s" if scale == 1 else "10m"
        node = self.node(1 if when_full == "deny" else 2, config=self.file(when_full, per), max_counters=count).wait_ready()
        if scale == 1:  # so that no window ends meanwhile
            wait_until("a fresh window", lambda: time.time() % self.short_s < 0.5)
        admitted, denied, below = self.flood(node, range(count))
        self.assertEqual((admitted, denied), (count, 0))
        full_bytes = resident_bytes(node)
        admitted, denied, above = self.flood(node, range(count, 10 * count))
        page = node.metrics()
        grown = resident_bytes(node) / full_bytes
        if page.value("starling_counters_expired_total") == 0:  # else the machine was slower than the window
            self.assertEqual((admitted, denied), (9 * count, 0) if when_full == "learning" else (0, 9 * count))
            self.assertEqual(page.value("starling_counters_refused_total"), 9 * count)
            self.assertEqual(page.value("starling_counters"), count)
            # One hit each was counted while all was full: four of five are left.
            answers = [node.check(principal="caller-7").status for _ in range(5)]
            self.assertEqual(answers, [200] * 4 + [429])
            said = "table_full" if when_full == "deny" else "uncounted"
            wait_until(f"the advice {said}", lambda: said in advice(node))
        self.assert_memory_below(grown, 1.25)
        wait_until("the log to say that the table is full", lambda: "counter table full" in node.log())
        self.assertLessEqual(node.log().count("counter table full"), 2 + (sum(above) + sum(below)) / 10)
        slow = [statistics.quantiles(each, n=1000)[-1] for each in (above, below)]
        figure(f"{when_full}: resident MB when full", round(full_bytes / 1e6))
        figure(f"{when_full}: resident at ten times the callers / when full", round(grown, 3))
        figure(f"{when_full}: {pipelined} decisions above / below the bound, median", round(statistics.median(above) / statistics.median(below), 2))
        figure(f"{when_full}: the same, 99.9th percentile", round(slow[0] / slow[1], 2))
        figure(f"{when_full}: longest turn of the loop, s, at most", longest_turn_at_most(node))
        return node

    def test_the_peers_of_a_flooded_node(self):
        count = self.counters_max
        length = self.short_s if scale == 1 else 300
        per = f"{length}s"
        nodes = self.cluster(3, config=self.file("learning", per), max_counters=count, sync_interval="100ms", log_level="info")
        self.flood(nodes[1], [5] * 2)
        before = [resident_bytes(node) for node in nodes]
        self.flood(nodes[0], range(100, 3 * count))
        for node in nodes:
            page = node.metrics()
            self.assertLessEqual(page.value("starling_counters"), count)
            self.assertEqual(node.alive_peers(), sorted(each.name for each in nodes if each is not node))
        figure("resident MB before, after", [round(each / 1e6) for each in before + [resident_bytes(node) for node in nodes]])
        figure("longest turn of the loop, s, at most", [longest_turn_at_most(node) for node in nodes])
        # What a peer had no room for is counted: nothing is lost in silence.
        refusing = [node for node in nodes if node.metrics().value("starling_counters_refused_total") > 0]
        self.assertIn(nodes[0], refusing)
        for node in refusing:
            wait_until("the log to say that the table is full", lambda node=node: "counter table full" in node.log())
        for node in nodes:
            wait_equal(f"the counters on {node.name}, their windows over", lambda node=node: node.metrics().value("starling_counters"), 0,
                       60 if scale == 1 else 900)
        # In the middle of a window: one that ends here would be another counter.
        wait_until("the first half of a window", lambda: time.time() % length < length / 2, 2 * length)
        for node in nodes:
            self.assertEqual(node.check(principal="late").status, 200)
        self.wait_totals(nodes, 3, principal="late")


class ForgedAddresses(ClusterCase):
    """Whoever writes into DNS lists addresses of nobody, of this test's victim, and of the true nodes among them."""

    def test_true_nodes_find_each_other_among_forged_ones(self):
        count = 1000 if scale == 1 else 4000
        victim = self.subnet.host(99)
        packets = []
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sink.close)
        sink.bind((victim, HEARTBEAT_PORT))
        sink.settimeout(0.2)
        ending = threading.Event()

        def listen():
            while not ending.is_set():
                try:
                    packets.append((time.monotonic(), len(sink.recv(65536))))
                except OSError:
                    continue

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        self.addCleanup(lambda: (ending.set(), listener.join()))
        forged = [f"127.{251 + number // 60000}.{number // 250 % 240}.{number % 250 + 1}" for number in range(count - 100)]
        forged += [f"fd00:bad::{number:x}" for number in range(1, 100)] + [victim]
        true = [self.subnet.host(number) for number in (1, 2, 3)]
        self.dns().set("peers.cluster.local", forged + true)
        settings = {"neighborhood_host": "peers.cluster.local.", "dns_servers": self.dns().server, "config": self.one_rule(100),
                    "log_level": "info", "resolve_interval": "1s"}
        nodes = [self.node(number, **settings) for number in (1, 2, 3)]
        self.wait_together(nodes)  # ready, though somebody who is listed never answers
        for node in nodes:
            self.assertEqual(node.check(principal="alice").status, 200)
        self.wait_totals(nodes, 3, principal="alice")
        status = nodes[0].status()
        figure("known / live nodes", [status["cluster_known"], status["cluster_size"]])
        figure("advice", [each["code"] for each in status["advice_items"]])
        sent = [self.heartbeats(node) for node in nodes]
        began = time.monotonic()
        first = len(packets)
        wait_until("some more time for greetings", lambda: time.monotonic() - began > (4 if scale == 1 else 60), 90)
        rate = max((self.heartbeats(node) - before) / (time.monotonic() - began) for node, before in zip(nodes, sent))
        figure("heartbeats a second of a node, at most", round(rate))
        figure("packets to the victim: all, lately; the largest in bytes", [len(packets), len(packets) - first, max(each[1] for each in packets)])
        figure("resident MB", [round(resident_bytes(node) / 1e6) for node in nodes])
        self.assertLess(rate, 3 * count)    # not every address at every interval, which is five times a second
        self.wait_together(nodes)

    @staticmethod
    def heartbeats(node):
        return node.metrics().sum("starling_gossip_packets_total", kind="heartbeat", direction="sent")


class CrashOnly(ClusterCase):
    def test_killed_at_any_moment_it_is_back_with_its_peers_counts(self):
        seed = int(os.environ.get("STARLING_SEED", random.randrange(1 << 32)))
        figure("seed (STARLING_SEED)", seed)
        draw = random.Random(seed)
        nodes = self.cluster(3, config=self.one_rule(1_000_000), sync_interval="50ms", log_level="info")
        first, second, third = nodes
        ending = threading.Event()

        def load(node, number):
            while not ending.is_set():
                try:
                    with node.session() as session:
                        for each in range(100):
                            session.check(principal=f"user-{(number + each) % 40}")
                except Exception:  # noqa: BLE001  it was killed
                    time.sleep(0.01)

        threads = [threading.Thread(target=load, args=(node, number * 13), daemon=True) for number, node in enumerate(nodes)]
        for thread in threads:
            thread.start()
        self.addCleanup(lambda: (ending.set(), [thread.join() for thread in threads]))
        times = []
        for _ in range(3 if scale == 1 else 10):
            time.sleep(draw.uniform(0.05, 0.8))
            second.kill()
            before = len(second.log())
            # What both of the others hold of the last life, all of it published long ago or never.
            told = {f"user-{number}": first.total(principal=f"user-{number}") for number in range(0, 40, 7)}
            began = time.monotonic()
            second.start().wait_ready()
            times.append(time.monotonic() - began)
            for principal, total in told.items():
                self.assertGreaterEqual(second.total(principal=principal), total, principal)
            wait_until("a word of it in the log", lambda: "ready: all peers' counts are in" in second.log()[before:])
        figure("from start to ready, s", [round(each, 2) for each in times])
        ending.set()
        for number in range(0, 40, 7):
            totals = lambda number=number: len({node.total(principal=f"user-{number}") for node in nodes})  # noqa: E731
            wait_equal("the number of different views", totals, 1)
        self.assertEqual(third.check(principal="user-1").status, 200)

    def test_a_restart_beside_full_tables(self):
        count = 10_000 * scale
        nodes = self.cluster(3, config=self.one_rule(5), max_counters=count, log_level="info")
        flood = Flood(nodes[0])
        self.addCleanup(flood.close)
        flood.ask(range(count))
        wait_equal("the counters of the last node", lambda: nodes[2].metrics().value("starling_counters"), count, 120)
        nodes[2].kill()
        before = len(nodes[2].log())
        began = time.monotonic()
        nodes[2].start().wait_ready()
        ready = time.monotonic() - began
        held = nodes[2].metrics().value("starling_counters")
        said = wait_until("its word about being ready; the log's thread may lag behind",
                          lambda: re.search("ready(: | after ).*", nodes[2].log()[before:]))[0]
        complete = "ready: all peers' counts are in" in said
        figure("ready after s, with, complete", [round(ready, 2), held, complete])
        if complete:
            self.assertEqual(held, count)
        else:
            self.assertIn("ready after --join-timeout without the counts of every peer", said)
            self.assertIn("joined_incomplete", advice(nodes[2]))
        wait_equal("the counters it is told of", lambda: nodes[2].metrics().value("starling_counters"), count, 120)
        figure("all there after s", round(time.monotonic() - began, 2))


class ManyRules(ClusterCase):
    def big(self, count):
        return "rules:\n" + "".join(f'  - name: rule-{number}\n    match: {{key-{number}: "*"}}\n'
                                    f"    limits: [{{requests: 5, per: 1h}}]\n" for number in range(count))

    def test_ten_thousand_rules(self):
        count = 1000 if scale == 1 else 10_000
        path = self.rules(self.big(count))
        began = time.monotonic()
        node = self.node(1, config=path, log_level="info").wait_ready()
        figure("ready after s", round(time.monotonic() - began, 2))
        figure("resident MB", round(resident_bytes(node) / 1e6))
        self.assertEqual(node.check(**{f"key-{count - 1}": "x"}).headers["X-RateLimit-Remaining"], "4")
        with node.session() as session:
            def cost():
                took = []
                for _ in range(300):
                    began = time.perf_counter()
                    session.check(**{f"key-{count - 1}": "y"}, hits=0)
                    took.append(time.perf_counter() - began)
                return statistics.median(took)
            many = cost()
            began = time.monotonic()
            self.rules(self.big(count - 1) + '  - name: one-more\n    match: {more: "*"}\n    limits: [{requests: 7, per: 1h}]\n')
            asked = 0
            while session.check(more="x", hits=0).headers.get("X-RateLimit-Limit") != "7":
                asked += 1
                self.assertLess(time.monotonic() - began, 60 * patience())
            figure("reloaded after s, requests answered meanwhile", [round(time.monotonic() - began, 2), asked])
            self.rules(self.big(1))
            wait_until("the small file", lambda: node.check(more="x", hits=0).headers.get("X-RateLimit-Limit") is None)
            figure("a check beside many rules / beside one", round(many / cost(), 1))
        figure("longest turn of the loop, s, at most", longest_turn_at_most(node))


class ManyOverrides(ClusterCase):
    count = 10_000

    def test_ten_thousand_overrides_and_not_one_more(self):
        rules = self.one_rule(100)
        nodes = self.cluster(2, config=rules, log_level="warn")
        with nodes[0].session() as session:
            plain = self.median(session)
        bytes_before = resident_bytes(nodes[0])
        writes = Writes(nodes[0])
        self.addCleanup(writes.close)
        began = time.monotonic()
        answers = writes.ask("PUT", [self.override(number) for number in range(self.count)])
        figure("10,000 overrides set in s", round(time.monotonic() - began, 2))
        self.assertEqual([each for each in answers if each[0] != 200], [])
        self.assertEqual(self.held(nodes[0]), self.count)

        refused = writes.ask("PUT", [self.override(self.count)])[0]
        self.assertEqual(refused, (400, {"message": "expected room for one more override, found all 10000 in use; delete some, "
                                                    "or put them into the rules file"}))
        self.assertEqual(self.held(nodes[0]), self.count)
        wait_until("the advice overrides_full", lambda: "overrides_full" in advice(nodes[0]))
        self.assertEqual(writes.ask("PUT", [self.override(7)])[0][0], 200)  # one of those that are there may change

        more_bytes = resident_bytes(nodes[0]) - bytes_before
        with nodes[0].session() as session:
            self.assertEqual(session.check(principal=f"p{self.count - 1}", hits=0).headers["X-RateLimit-Limit"], "3")
            figure("a check beside 10,000 overrides / none", round(self.median(session) / plain, 2))
        figure("MB more", round(more_bytes / 1e6, 1))
        self.assert_memory_below(more_bytes, 50e6)
        wait_equal("the overrides of the other", lambda: self.held(nodes[1]), self.count, 60)

        joiner = self.join(rules)
        self.assertEqual(joiner.check(principal=f"p{self.count - 1}", hits=0).headers["X-RateLimit-Limit"], "3")
        nodes.append(joiner)
        self.one_makes_room(nodes, writes)
        figure("longest turn of the loop, s, at most", [longest_turn_at_most(node) for node in nodes])

    def join(self, rules):
        """A third node, which has all overrides when it says that it is ready."""
        began = time.monotonic()
        joiner = self.node(3, config=rules, log_level="warn", neighborhood_host=self.neighborhood(3), join_timeout="60s")
        joiner.wait_live()
        while not (status := joiner.status())["ready"]:
            self.assertLess(time.monotonic() - began, 60 * patience())
        self.assertEqual(status["overrides"]["used"], self.count)
        figure("a joiner has them, and is ready, after s", round(time.monotonic() - began, 2))
        return joiner

    def one_makes_room(self, nodes, writes):
        """Taken back at one node, set at another, and known to the third."""
        elsewhere = Writes(nodes[1])
        self.addCleanup(elsewhere.close)
        subject = {key: value for key, value in self.override(0).items() if key != "limits"}
        self.assertEqual(elsewhere.ask("DELETE", [subject])[0][0], 200)
        wait_equal("the overrides left", lambda: self.held(nodes[0]), self.count - 1)
        self.assertEqual(writes.ask("PUT", [self.override(self.count)])[0][0], 200)
        self.assertEqual(writes.ask("PUT", [self.override(self.count + 1)])[0][0], 400)
        for principal, limit in ((f"p{self.count}", "3"), ("p0", "100")):
            for node in nodes:
                wait_equal(f"the limit of {principal} on {node.name}",
                           lambda node=node, principal=principal: node.check(principal=principal, hits=0).headers["X-RateLimit-Limit"], limit)

    @staticmethod
    def held(node):
        return node.status()["overrides"]["used"]

    @staticmethod
    def median(session):
        took = []
        for _ in range(500):
            began = time.perf_counter()
            session.check(principal="somebody", hits=0)
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    @staticmethod
    def override(number):
        return {"kind": "limits", "rule": "each", "match": {"principal": f"p{number}"}, "limits": [{"requests": 3, "per": "1h"}]}


if __name__ == "__main__":
    main()
