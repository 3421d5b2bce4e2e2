#!/usr/bin/env python3
"""/metrics: every number is what clients saw, names of files and nodes cannot break the page, and it stays bounded."""

import json
import pathlib
import re
import socket

from harness import (ADMIN_PORT, HEARTBEAT_PORT, HTTP_PORT, ClusterCase, Page, long_window, main, request, wait_equal,
                     wait_until)
from harness.grpc import RATE_LIMIT, GrpcClient, rate_limit_request

readme = pathlib.Path(__file__).resolve().parents[2] / "README.md"
content_type = "text/plain; version=0.0.4; charset=utf-8"
decisions, requests = "starling_decisions_total", "starling_requests_total"
page_bytes_max = 1024 * 1024


def said(page, rule, domain="default"):
    """(allowed, learning_denied, denied) of a rule."""
    return tuple(page.value(decisions, domain=domain, rule=rule, result=result)
                 for result in ("allowed", "learning_denied", "denied"))


class Metrics(ClusterCase):
    def two_rules(self):
        window = long_window()[0]
        return self.rules(f"""
rules:
  - {{name: each, match: {{principal: "*"}}, limits: [{{requests: 5, per: {window}}}, {{requests: 1000, per: 366d}}]}}
  - {{name: shadow, match: {{principal: "*"}}, limits: [{{requests: 3, per: {window}}}], learning: true}}
  - {{name: never, match: {{other: "*"}}, limits: [{{requests: 1, per: {window}}}]}}
""")

    def test_readme_lists_what_is_there_and_nothing_else(self):
        section = readme.read_text(encoding="utf-8").split("\n## Metrics\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| (`(?:starling|process)_.*?) \| (\w+) \|", section, re.MULTILINE)
        listed = {}
        for names, kind in rows:
            for name in re.findall(r"`((?:starling|process)_\w+)`", names):
                self.assertNotIn(name, listed, "listed twice")
                listed[name] = kind
        node = self.node(1).wait_ready()
        self.assertEqual(listed, node.metrics().types)

    def test_every_series_is_there_before_anything_happened(self):
        page = self.node(1, config=self.two_rules()).wait_ready().metrics()
        self.assertEqual([said(page, rule) for rule in ("each", "shadow", "never")], [(0, 0, 0)] * 3)
        states = {dict(labels)["state"] for labels in page.values("starling_peers")}
        self.assertEqual(states, {"candidate", "alive", "suspect", "dead", "left"})
        for protocol, codes in (("http", {"200", "429"}), ("json", {"200", "429"}), ("grpc", {"OK", "OVER_LIMIT"})):
            found = {dict(labels)["code"] for labels in page.values(requests) if dict(labels)["protocol"] == protocol}
            self.assertEqual(found, codes)
        for front_end in ("http", "grpc", "admin"):
            self.assertEqual(page.value("starling_front_end_errors_total", front_end=front_end, reason="accept_failed"), 0)
        kinds = {dict(labels)["kind"] for labels in page.values("starling_gossip_packets_total")}
        self.assertEqual(len(kinds), 9)
        self.assertEqual(len(page.values("starling_gossip_packets_total")), 18)
        self.assertEqual(len(page.values("starling_gossip_egress_bytes_total")), 8)
        self.assertEqual(page.sum("starling_gossip_dropped_total"), 0)
        self.assertEqual(page.value("starling_ready"), 1)
        self.assertGreater(page.value("starling_log_lines_total", level="info"), 0)
        self.assertEqual([page.value("starling_log_lines_total", level="error"), page.value("starling_log_lines_dropped_total")],
                         [0, 0])
        self.assertEqual(page.value("starling_nodes"), 1)
        self.assertEqual(page.value("starling_node_info", node="n1", cluster="test-" + self.subnet.host(0)), 1)
        self.assertEqual(page.values("starling_peer_rtt_seconds"), {})

    def test_numbers_are_what_clients_of_every_protocol_saw(self):
        node = self.node(1, config=self.two_rules()).wait_ready()
        with node.session() as session:
            answers = [session.check(principal="alice") for _ in range(7)]
            self.assertEqual([answer.status for answer in answers], [200] * 5 + [429] * 2)
            self.assertEqual([answer.headers["Starling-Learning"] for answer in answers[2:5]], [None, "true", "true"])
            self.assertEqual(session.request("/v1/check?hits=x").status, 400)
        page = node.metrics()
        self.assertEqual(said(page, "each"), (5, 0, 2))
        self.assertEqual(said(page, "shadow"), (3, 4, 0))
        self.assertEqual(said(page, "never"), (0, 0, 0))
        self.assertEqual([page.value(requests, protocol="http", code=code) for code in ("200", "429", "400")], [5, 2, 1])
        self.assertEqual([page.value("starling_verdicts_total", result=each) for each in ("allowed", "denied", "failed")],
                         [5, 2, 0])
        self.assertEqual(page.value("starling_counters"), 3)

        descriptor = {"entries": [{"key": "principal", "value": "bob"}]}
        body = json.dumps({"domain": "default", "descriptors": [descriptor], "hits_addend": 5})
        for status in (200, 429, 429):
            self.assertEqual(request(node.address, HTTP_PORT, "/json", "POST", body).status, status)
        self.assertEqual(request(node.address, HTTP_PORT, "/json", "POST", "{").status, 400)
        brought = {**descriptor, "limit": {"requests_per_unit": 1, "unit": "YEAR"}}
        for status in (200, 429):
            body = json.dumps({"domain": "default", "descriptors": [brought]})
            self.assertEqual(request(node.address, HTTP_PORT, "/json", "POST", body).status, status)
        with GrpcClient(node.address) as client:
            for _ in range(6):
                self.assertIsNotNone(client.call(RATE_LIMIT, rate_limit_request("default", principal="carol")))
            self.assertIsNone(client.call(RATE_LIMIT, rate_limit_request("", principal="carol")))
        page = node.metrics()
        self.assertEqual([page.value(requests, protocol="json", code=code) for code in ("200", "429", "400")], [2, 3, 1])
        self.assertEqual([page.value(requests, protocol="grpc", code=code) for code in ("OK", "OVER_LIMIT", "INVALID_ARGUMENT")],
                         [5, 1, 1])
        self.assertEqual(said(page, "(request)"), (1, 0, 1))
        self.assertEqual(said(page, "each"), (5 + 1 + 5, 0, 2 + 2 + 1))
        self.assertGreaterEqual(page.value("starling_connections", front_end="admin"), 1)  # this one

        node.get("/v1/check?principal=dave", ADMIN_PORT)  # by hand: a decision, and no gateway's request
        before, page = page, node.metrics()
        self.assertEqual(said(page, "each"), (12, 0, 5))
        self.assertEqual(page.sum(requests), before.sum(requests))

    def test_histograms_count_turns_and_every_61st_decision(self):
        node = self.node(1, config=self.one_rule(10_000)).wait_ready()
        node.hit(610, principal="alice")
        page = node.metrics()
        self.assertEqual(page.value("starling_decision_duration_seconds_count"), 10)
        for name in ("starling_decision_duration_seconds", "starling_loop_busy_seconds"):
            buckets = sorted((float(dict(labels)["le"]), value) for labels, value in page.values(name + "_bucket").items())
            self.assertEqual(sorted(value for _, value in buckets), [value for _, value in buckets], "cumulative")
            self.assertEqual(buckets[-1], (float("inf"), page.value(name + "_count")))
            self.assertGreater(page.value(name + "_sum"), 0)
        self.assertGreater(page.value("starling_loop_busy_seconds_count"), 600)
        # Busy is less than the time that passed: what was slept away is not in it.
        self.assertLess(page.value("starling_loop_busy_seconds_sum"), node.status()["node"]["uptime_ms"] / 1000 + 1)

    def test_gossip_between_two_nodes(self):
        first, second = self.cluster(2, config=self.one_rule(100))
        first.hit(30, principal="alice")
        self.wait_totals([second], 30, principal="alice")
        sender, receiver = first.metrics(), second.metrics()
        for name in ("starling_gossip_packets_total", "starling_gossip_bytes_total"):
            for kind in ("delta", "heartbeat"):
                self.assertGreater(sender.value(name, direction="sent", kind=kind), 0)
                self.assertGreater(receiver.value(name, direction="received", kind=kind), 0)
        # Nothing was lost on this machine: what one has sent the other gets.
        wait_until("n2 to have every delta of n1", lambda: second.metrics().value(
            "starling_gossip_packets_total", direction="received", kind="delta") >= sender.value(
                "starling_gossip_packets_total", direction="sent", kind="delta"))
        self.assertGreater(sender.value("starling_gossip_entries_total", direction="sent"), 0)
        self.assertGreater(receiver.value("starling_gossip_entries_total", direction="received"), 0)
        self.assertGreater(sender.value("starling_gossip_flushes_total", cause="urgent"), 0)
        self.assertEqual(sender.sum("starling_gossip_egress_bytes_total"),
                         sender.sum("starling_gossip_bytes_total", direction="sent"))
        where = {"peer": "n2", "address": second.address}
        wait_until("a round trip time", lambda: 0 < first.metrics().value("starling_peer_rtt_seconds", **where) < 20)
        self.assertEqual(sender.value("starling_nodes"), 2)
        self.assertEqual(sender.value("starling_peers", state="alive"), 1)
        self.assertGreater(sender.value("starling_peer_delay_seconds"), 0)
        self.assertIn((("address", second.address), ("peer", "n2")), sender.values("starling_peer_lag_seconds"))

        second.kill()
        wait_equal("dead peers", lambda: first.metrics().value("starling_peers", state="dead"), 1)
        page = first.metrics()
        self.assertEqual((page.value("starling_nodes"), page.value("starling_nodes_known")), (1, 2))
        self.assertEqual(page.value("starling_isolated"), 1)
        self.assertEqual(page.values("starling_peer_lag_seconds"), {})

    def test_two_peers_of_one_name_are_two(self):
        nodes = [self.node(number, node_name="twin", neighborhood_host=self.neighborhood(3)) for number in (1, 2, 3)]
        for node in nodes:
            wait_equal("twins", lambda: len(node.metrics().values("starling_peer_lag_seconds")), 2)
        found = {dict(labels)["address"] for labels in nodes[0].metrics().values("starling_peer_lag_seconds")}
        self.assertEqual(found, {nodes[1].address, nodes[2].address})

    def test_two_peers_of_one_name_at_one_address_are_told_apart_by_their_ports(self):
        first = self.node(1)
        there = f"{self.subnet.host(2)}:{HEARTBEAT_PORT},{self.subnet.host(2)}:5291"
        first.close()
        first = self.node(1, neighborhood_host=there)
        self.node(2, node_name="twin", neighborhood_host=first.address)
        self.node(2, node_name="twin", neighborhood_host=first.address, heartbeat_port=5291, sync_port=5290, http_port=5080,
                  grpc_port=5081, admin_port=5090)
        wait_equal("twins", lambda: len(first.metrics().values("starling_peer_clock_skew_seconds")), 2)

    def test_dns_rounds_and_reloads_are_counted(self):
        name = "peers.cluster.local"
        self.dns().set(name, [self.subnet.host(1)])
        config = self.one_rule(10)
        node = self.node(1, config=config, neighborhood_host=name, dns_servers=self.dns().server, resolve_interval="1s")
        node.wait_ready()
        page = node.metrics()
        self.assertGreaterEqual(page.value("starling_dns_resolutions_total", result="ok"), 1)
        started = page.value("starling_config_last_reload_success_timestamp_seconds")
        self.assertEqual((page.value("starling_config_last_reload_successful"), page.value("starling_rules")), (1, 1))
        self.dns().set(name, [])
        wait_until("a failed round", lambda: node.metrics().value("starling_dns_resolutions_total", result="error") > 0)

        pathlib.Path(config).write_text("rules: nonsense\n", encoding="utf-8")
        wait_equal("refused reloads", lambda: node.metrics().value("starling_config_reloads_total", result="refused"), 1)
        page = node.metrics()
        self.assertEqual(page.value("starling_config_last_reload_successful"), 0)
        self.assertEqual(page.value("starling_config_last_reload_success_timestamp_seconds"), started)
        self.one_rule(11)
        wait_equal("reloads", lambda: node.metrics().value("starling_config_reloads_total", result="ok"), 1)
        page = node.metrics()
        self.assertEqual(page.value("starling_config_last_reload_successful"), 1)
        self.assertGreater(page.value("starling_config_last_reload_success_timestamp_seconds"), started)

    def test_a_reload_lowers_no_counter(self):
        window = long_window()[0]

        def write(*names):
            rules = "".join(f'  - {{name: {name}, match: {{principal: "*"}}, limits: [{{requests: 10, per: {window}}}]}}\n'
                            for name in names)
            return self.rules("rules:\n" + rules)

        node = self.node(1, config=write("a", "b")).wait_ready()
        node.hit(4, principal="alice")
        before = node.metrics()
        write("c", "b")
        wait_equal("reloads", lambda: node.metrics().value("starling_config_reloads_total", result="ok"), 1)
        node.hit(1, principal="alice")
        page = node.metrics()
        self.assertEqual([said(page, rule)[0] for rule in "abc"], [4, 5, 1])
        for key, value in before.samples.items():
            if key[0].endswith(("_total", "_count", "_sum", "_bucket")):
                self.assertGreaterEqual(page.samples[key], value, key)

    def test_hostile_names_stay_labels(self):
        # YAML's escapes: quotes, ends of lines, a NUL, controls, characters of every length.
        names = {r"quote\"": 'quote"', r"line\nend": "line\nend", r"back\\slash": "back\\slash", r"nul\0": "nul\ufffd",
                 r"\x01\x1b[2J": "\x01\x1b[2J", "\u00fcmlaut \U0001f426": "\u00fcmlaut \U0001f426", "{a=\\\"b\\\"} 1": '{a="b"} 1',
                 r"\r": "\r", "(others)": "(others)", "(request)": "(request)"}
        rules = "".join(f'  - {{name: "{name}", match: {{principal: "*"}}, limits: [{{requests: 9, per: 1d}}]}}\n' for name in names)
        node = self.node(1, config=self.rules('domain: "do\\"main\\n"\nrules:\n' + rules)).wait_ready()
        node.hit(1, principal='x"} 1\nstarling_ready 7\n')
        page = node.metrics()
        self.assertEqual({dict(labels)["rule"] for labels in page.values(decisions)}, set(names.values()))
        for name in names.values():
            self.assertEqual(said(page, name, domain='do"main\n'), (1, 0, 0))

    def test_ten_thousand_rules_make_a_bounded_page(self):
        rules = "".join(f'  - {{name: rule-{number}, match: {{key: "{number}"}}, limits: [{{requests: 9, per: 1d}}]}}\n'
                        for number in range(10_000))
        node = self.node(1, config=self.rules("rules:\n" + rules), log_level="info").wait_ready()
        for number in (0, 5, 9_000, 9_999):
            node.hit(2, key=number)
        answer = node.get("/metrics")
        self.assertLess(len(answer.body), page_bytes_max)
        page = Page(answer.body.decode())
        self.assertEqual(len(page.values(decisions)), 3 * 1_001 - 3 * 1)  # (request) takes a place, and nobody asked for it
        self.assertEqual(said(page, "rule-5"), (2, 0, 0))
        self.assertEqual(said(page, "(others)", domain="(others)"), (4, 0, 0))
        self.assertEqual(page.sum(decisions), 8)
        self.assertEqual(page.value("starling_rules"), 10_000)

    def test_counters_that_find_no_room_and_that_leave_with_their_window(self):
        full = self.node(1, config=self.one_rule(9), max_counters=100).wait_ready()
        with full.session() as session:
            for number in range(130):
                self.assertEqual(session.check(principal=f"caller-{number}").status, 200)
        page = full.metrics()
        self.assertEqual([page.value("starling_counters" + what) for what in ("", "_max", "_refused_total", "_expired_total")],
                         [100, 100, 30, 0])
        self.assertEqual(page.value("starling_uncounted_limits_total"), 30)
        self.assertEqual(said(page, "each"), (130, 0, 0))

        brief = self.node(2, config=self.rules("""
rules:
  - {name: each, match: {principal: "*"}, limits: [{requests: 9, per: 1s}]}
""", "brief.yaml")).wait_ready()
        with brief.session() as session:
            for number in range(50):
                self.assertEqual(session.check(principal=f"caller-{number}").status, 200)
        wait_equal("expired counters", lambda: brief.metrics().value("starling_counters_expired_total"), 50)
        self.assertEqual(brief.metrics().value("starling_counters"), 0)

    def test_clients_that_do_not_read_hold_a_page_each_and_nobody_up(self):
        rules = "".join(f'  - {{name: rule-{number}, match: {{key: "{number}"}}, limits: [{{requests: 9, per: 1d}}]}}\n'
                        for number in range(10_000))
        node = self.node(1, config=self.rules("rules:\n" + rules), log_level="info", max_counters=1000).wait_ready()
        page_bytes = len(node.get("/metrics").body)
        before = node.metrics().value("process_resident_memory_bytes")
        slow = [socket.create_connection((node.address, ADMIN_PORT)) for _ in range(16)]
        for client in slow:  # each asks for a thousand pages and reads none
            self.addCleanup(client.close)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        wait_until("slow clients", lambda: node.metrics().value("starling_connections", front_end="admin") > len(slow))
        for _ in range(5):  # others are answered all the while
            page = node.metrics()
        unsent_bytes_max = 256 * 1024 + page_bytes  # of one connection: up to the bound, and the answer that crosses it
        grown = page.value("process_resident_memory_bytes") - before
        self.assert_memory_below(grown, len(slow) * 2 * unsent_bytes_max + 16 * 1024 * 1024)

    def test_only_get_and_head(self):
        node = self.node(1).wait_ready()
        answer = node.get("/metrics")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, content_type))
        head = request(node.address, ADMIN_PORT, "/metrics", "HEAD")
        self.assertEqual((head.status, head.headers["Content-Type"], head.body), (200, content_type, b""))
        self.assertGreater(int(head.headers["Content-Length"]), 10_000)
        self.assertEqual(request(node.address, ADMIN_PORT, "/metrics", "POST").status, 405)
        self.assertIn("/metrics", node.get("/nothing").json()["message"])


if __name__ == "__main__":
    main()
