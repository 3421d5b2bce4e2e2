#!/usr/bin/env python3
"""What a node says on stderr: text and JSON lines, a pipe that nobody reads, and the words of `starling status`."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading

from harness import ADMIN_PORT, HTTP_PORT, ClusterCase, long_window, main, patience, wait_until
from harness.node import SYNC_PORT


class PipedNode:
    """Starts a harness node with a pipe as its stderr, which the test reads or leaves alone."""

    def __init__(self, node):
        self.node = node
        self.reader, writer = os.pipe()
        node.close()
        node._process = subprocess.Popen(node._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer,
                                         env=node._environment, preexec_fn=node._before_exec)
        os.close(writer)

    def read(self):
        """All that is left, until the node has ended."""
        with os.fdopen(self.reader, "rb") as pipe:
            return pipe.read().decode()


class Logs(ClusterCase):
    def piped(self, **settings):
        made = PipedNode(self.node(1, config=self.one_rule(1_000_000), **settings))
        made.node.wait_ready()
        return made

    def storm(self, node, count):
        """Datagrams that are dropped, each with a line at debug."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect((node.address, SYNC_PORT))
            before = node.status()["datagrams"]["received"]
            sent = 0
            while node.status()["datagrams"]["received"] - before < count:
                for _ in range(200):
                    stranger.send(b"x" * 40)
                sent += 200
                self.assertLess(sent, 100 * count, "datagrams do not arrive")

    def test_every_line_is_one_json_object(self):
        made = self.piped(log_format="json", neighborhood_host=self.neighborhood(2))
        second = self.node(2, neighborhood_host=self.neighborhood(2))
        self.wait_together([made.node, second])
        self.assertEqual(made.node.terminate(), 0)
        lines = [json.loads(line) for line in made.read().splitlines()]
        for line in lines:
            self.assertRegex(line["ts"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(line["level"], ("trace", "debug", "info", "warn", "error"))
            self.assertEqual(line["node"], "n1")
            self.assertTrue(all(re.fullmatch("[a-z_]+", key) for key in line), line)
        alive = [line for line in lines if line["msg"] == "peer alive"]
        self.assertEqual((alive[0]["peer"], alive[0]["level"]), ("n2", "info"))
        self.assertTrue(alive[0]["address"].startswith(second.address + ":"))
        self.assertEqual(lines[-1]["msg"], "left")  # nothing is lost at the end

    def test_a_pipe_that_nobody_reads_delays_no_answer(self):
        for log_format in ("text", "json"):
            with self.subTest(log_format=log_format):
                made = self.piped(log_format=log_format)
                self.storm(made.node, 20_000)  # the pipe holds some 600 lines, the queue 8,192
                made.node.hit(200, principal="alice")
                self.assertEqual(made.node.total(principal="alice"), 200)
                text = []
                reader = threading.Thread(target=lambda: text.append(made.read()))
                reader.start()
                made.node.hit(10, principal="bob")
                self.assertEqual(made.node.terminate(), 0)
                reader.join()
                lines = text[0].splitlines()
                if log_format == "json":
                    told = [each["lines_lost"] for each in map(json.loads, lines) if "lines_lost" in each]
                else:
                    told = [int(each) for each in re.findall(r"lines_lost=(\d+)", text[0])]
                self.assertGreater(sum(told), 1000)
                self.assertIn("left", lines[-1])

    def test_a_node_ends_although_nobody_reads_its_log(self):
        made = self.piped()
        self.storm(made.node, 5_000)
        made.node.signal(signal.SIGTERM)
        self.assertEqual(made.node.wait_exit(), 0)
        os.close(made.reader)

    def test_a_full_counter_table_says_how_many_found_no_room(self):
        node = self.node(1, config=self.one_rule(10), max_counters=10, log_format="json").wait_ready()
        with node.session() as session:
            for number in range(60):
                self.assertEqual(session.check(principal=f"caller-{number}").status, 200)
        wait_until("the line", lambda: "counter table full" in node.log())
        self.assertEqual(node.terminate(), 0)
        (line,) = [json.loads(line) for line in node.log().splitlines() if "counter table full" in line]
        self.assertEqual((line["level"], line["counters"]), ("error", 10))
        self.assertIn(line["count"], range(1, 51))


class Denials(ClusterCase):
    rule = ('rules:\n  - name: per-user\n    match: {{principal: "*"}}\n    limits: [{{requests: 2, per: {per}}}]\n'
            '  - name: learns\n    learning: true\n    match: {{tenant: "*"}}\n    limits: [{{requests: 1, per: {per}}}]\n')

    def setUp(self):
        super().setUp()
        self.per, seconds = long_window()
        self.shown_per = "1h" if seconds == 3600 else self.per

    def ask(self, node, count, **entries):
        with node.session() as session:
            return [session.check(**entries).status for _ in range(count)]

    def config(self, setting=""):
        return self.rules(setting + self.rule.format(per=self.per))

    def denials(self, node):
        return [line for line in node.log().splitlines() if re.search(r"\bdenied\b", line)]

    def test_json_one_line_for_each_denied_principal(self):
        node = self.node(1, config=self.config("settings: {log-denials: on}\n"), log_format="json").wait_ready()
        hostile = 'x"\n{"forged":1}\x1b[31m'
        self.assertEqual(self.ask(node, 102, principal="alice"), [200] * 2 + [429] * 100)
        self.assertEqual(self.ask(node, 5, principal=hostile), [200] * 2 + [429] * 3)
        self.assertEqual(self.ask(node, 100, tenant="acme"), [200] * 100)
        self.assertEqual(self.ask(node, 2, principal="bob"), [200] * 2)
        self.assertEqual(node.terminate(), 0)  # all that is queued is written then
        lines = [json.loads(line) for line in self.denials(node)]
        told = [tuple(line[key] for key in ("level", "msg", "node", "rule", "principal", "limit", "per", "reason", "learning"))
                for line in lines]
        denied = ("info", "denied", "n1", "per-user")
        self.assertEqual(told, [(*denied, "principal=alice", 2, self.shown_per, "limit", False),
                                (*denied, f"principal={hostile}", 2, self.shown_per, "limit", False),
                                ("info", "would be denied, but the limit only learns", "n1", "learns", "tenant=acme", 1, self.shown_per, "limit", True)])

    def test_text_and_a_reload_in_between(self):
        node = self.node(1, config=self.config(), log_denials="on").wait_ready()
        self.ask(node, 50, principal="alice")
        self.rules(self.rule.format(per=self.per).replace("requests: 2", "requests: 0"))
        wait_until("the reload", lambda: "rules reloaded" in node.log())
        self.ask(node, 50, principal="alice")
        self.ask(node, 50, principal="b o b")
        self.assertEqual(node.terminate(), 0)
        told = [re.sub(r"^\S+Z info +", "", line) for line in self.denials(node)]
        rest = f"per={self.shown_per} reason=limit learning=false"
        self.assertEqual(told, [f'denied rule=per-user principal="principal=alice" limit=2 {rest}',
                                f'denied rule=per-user principal="principal=b o b" limit=0 {rest}'])

    def test_off_unless_asked_for(self):
        node = self.node(1, config=self.config()).wait_ready()
        self.assertEqual(node.setting("log-denials"), ("off", "default"))
        self.assertEqual(self.ask(node, 3, principal="alice"), [200, 200, 429])
        self.assertEqual(node.terminate(), 0)
        self.assertEqual(self.denials(node), [])


class Secrecy(ClusterCase):
    """Who asks is nobody's business but the gateway's, unless the operator wants it in the log."""

    def test_no_caller_is_in_the_log_unless_asked_for(self):
        per = long_window()[0]
        token_file = self.directory / "token"
        token_file.write_text("marker-of-the-token-0123456789\n", encoding="ascii")
        token_file.chmod(0o600)
        rules = ('rules:\n  - name: r\n    match: {principal: "*"}\n    limits: [{requests: 1, per: %s}]\n    when_full: deny\n' % per)
        node = self.node(1, config=self.rules(rules), max_counters=10, admin_token_file=str(token_file)).wait_ready()
        with node.session() as session:
            for number in range(40):  # counted, denied, and without room in the table
                for _ in range(3):
                    session.check(principal=f"marker-{number}", path="/marker-path")
        urls = [("GET", "/v1/check?principal=marker-bad&hits=marker", {}, None),
                ("GET", "/v1/check?%zz=marker-percent", {}, None),
                ("GET", "/v1/marker-path?principal=marker", {"X-Marker": "marker-header"}, None),
                ("POST", "/json", {}, b'{"domain": "marker", "descriptors": [{"entries": [{"key": "principal", "value": "marker-json"}]}]}'),
                ("POST", "/json", {}, b'{"marker": "marker-broken'),
                ("POST", "/json", {}, b"\xff\xfemarker\x00\x1b[31m")]
        for method, target, headers, body in urls:
            self.send(node, HTTP_PORT, method, target, headers, body)
        json_type = {"Content-Type": "application/json"}
        for method, headers, body in (("PUT", json_type, b'{"kind": "limits", "rule": "marker", "marker": 1}'),
                                      ("PUT", {**json_type, "Authorization": "Bearer marker-wrong-token"}, b"{}"),
                                      ("DELETE", json_type, b'{"kind": "limits", "rule": "r", "match": {"principal": "marker-nobody"}}')):
            self.assertIn(self.send(node, ADMIN_PORT, method, "/v1/overrides", headers, body), (400, 403, 404))
        self.send(node, ADMIN_PORT, "GET", "/v1/top?rule=marker&n=marker", {}, None)
        self.rules(rules + "    marker: {broken\n")
        wait_until("the refusal", lambda: "reload refused" in node.log())
        self.rules(rules)
        wait_until("the reload", lambda: "rules reloaded" in node.log())
        wait_until("the full table", lambda: "counter table full" in node.log())
        # Of an override the operator is to see afterwards who set what, and for whom.
        told = json.dumps({"kind": "limits", "rule": "r", "match": {"principal": "told"}, "limits": [{"requests": 2, "per": "10s"}]})
        self.assertEqual(self.send(node, ADMIN_PORT, "PUT", "/v1/overrides", json_type, told.encode()), 200)
        wait_until("its line", lambda: "override set" in node.log())
        self.assertEqual(node.terminate(), 0)
        self.assertRegex(node.log(), "override set .*principal=told")
        self.assertEqual([line for line in node.log().splitlines() if "marker" in line.replace("r.yaml", "")
                          and "reload refused" not in line], [])

    def send(self, node, port, method, target, headers, body):
        connection = http.client.HTTPConnection(node.address, port, timeout=5 * patience())
        with contextlib.closing(connection):
            connection.request(method, target, body=body, headers=headers)
            return connection.getresponse().status

    def test_what_hides_or_turns_a_name_is_written_out(self):
        hostile = "a\u200bb\u202ec\u2066d\ufeff\x1b[2J\x85"
        for log_format in ("text", "json"):
            with self.subTest(log_format):
                rules = self.rules('rules:\n  - name: r\n    match: {principal: "*"}\n    limits: [{requests: 1, per: %s}]\n' % long_window()[0])
                node = self.node(1, config=rules, log_denials="on", log_format=log_format).wait_ready()
                with node.session() as session:
                    for _ in range(3):
                        session.check(principal=hostile)
                table = self.starling("top", "--server", f"http://{node.address}:9090").stdout
                rows = self.starling("top", "-o", "json", "--server", f"http://{node.address}:9090").stdout
                self.assertEqual(node.terminate(), 0)
                for text in (table, rows, node.log()):
                    self.assertIn("\\u200bb\\u202ec\\u2066d\\ufeff\\u001b[2J\\u0085", text)
                    self.assertFalse(set(text) & set("\u200b\u202e\u2066\ufeff\x1b\x85"), text)
                self.assertEqual(json.loads(rows)["rows"][0]["principal"], f"principal={hostile}")
                node.close()


class StatusWords(ClusterCase):
    def codes(self, node):
        return [item["code"] for item in node.status()["advice_items"]]

    def status_text(self, node):
        return self.starling("status", "--server", f"http://{node.address}:9090").stdout

    def test_a_healthy_cluster_says_so_first(self):
        nodes = self.cluster(2, config=self.one_rule(10))
        wait_until("no advice", lambda: not nodes[0].status()["advice"])
        self.assertEqual(nodes[0].status()["verdict"], "healthy")
        self.assertTrue(self.status_text(nodes[0]).startswith("healthy\n"))

    def test_a_cluster_of_another_name_is_told_with_its_address(self):
        hosts = self.neighborhood(2)
        rules = self.one_rule(10)
        first = self.node(1, config=rules, neighborhood_host=hosts, cluster="blue")
        second = self.node(2, config=rules, neighborhood_host=hosts, cluster="green")
        wait_until("the advice", lambda: "wrong_cluster" in self.codes(first))
        (text,) = [item["text"] for item in first.status()["advice_items"] if item["code"] == "wrong_cluster"]
        self.assertIn(f"last from {second.address}", text)
        wait_until("a line", lambda: "datagrams of a cluster of another name were dropped" in first.log())
        self.assertRegex(self.status_text(first).splitlines()[0], r"^[2-9] things to do")

    def test_a_name_that_does_not_exist_and_a_refused_and_vanished_file(self):
        path = self.one_rule(10)
        node = self.node(1, config=path, neighborhood_host="nobody.test.svc.cluster.local.", dns_servers=self.dns().server)
        wait_until("the advice", lambda: "dns_not_found" in self.codes(node))
        self.rules("rules: 3\n")
        wait_until("the advice", lambda: "reload_refused" in self.codes(node))
        self.assertIn(f"{path}:1:8", self.status_text(node))
        os.remove(path)
        wait_until("the advice", lambda: "config_vanished" in self.codes(node))
        self.one_rule(10)
        wait_until("no such advice", lambda: not {"config_vanished", "reload_refused"} & set(self.codes(node)))

    def test_a_full_table(self):
        node = self.node(1, config=self.one_rule(10), max_counters=10).wait_ready()
        node.hit(1, principal="0")
        for number in range(1, 20):
            node.check(principal=str(number))
        wait_until("the advice", lambda: "uncounted" in self.codes(node))

    def test_the_built_in_rule_is_a_note(self):
        node = self.node(1).wait_ready()
        self.assertEqual(self.codes(node), ["built_in_rule"])
        text = self.status_text(node)
        self.assertTrue(text.startswith("healthy\n"), text)
        self.assertIn("Worth knowing:\n- no rules were given", text)


if __name__ == "__main__":
    main()
