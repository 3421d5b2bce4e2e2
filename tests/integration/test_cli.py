#!/usr/bin/env python3
"""The client commands against real nodes: output, exit codes, and what they say when something is wrong."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading

from harness import ClusterCase, binary, free_of_settings, long_window, main, wait_until

done, failed, usage, denied = 0, 1, 2, 3
columns = ["NAME", "ADDRESS", "STATE", "AGE", "RTT", "LAG", "VERSION"]


class Cli(ClusterCase):
    def server(self, node):
        return ["--server", f"http://{node.address}:9090"]

    def output(self, *arguments):
        result = self.starling(*arguments)
        self.assertEqual((result.returncode, result.stderr), (done, ""), result)
        return result.stdout

    def test_peers(self):
        first, second = self.cluster(2)
        table = self.output("peers", *self.server(first)).splitlines()
        self.assertEqual(table[0].split(), columns)
        self.assertEqual([line.split()[0] for line in table[1:2]], ["n2"])
        self.assertIn("1 alive seen by n1", table[2])
        for word in ("n2", second.address, "alive", "0.1.0"):
            self.assertIn(word, table[1])
        self.assertEqual(self.output("peers", *self.server(first), "-o", "table").splitlines()[0].split(), columns)
        wide = self.output("peers", *self.server(first), "-o", "wide").splitlines()
        self.assertEqual(wide[0].split()[: len(columns)], columns)
        self.assertGreater(len(wide[0].split()), len(columns))
        self.assertIn(second.origin(), wide[1])
        body = json.loads(self.output("peers", *self.server(first), "-o", "json"))
        self.assertEqual((body["node"], [peer["name"] for peer in body["peers"]]), ("n1", ["n2"]))
        self.assertIn('name: "n2"', self.output("peers", *self.server(first), "-o", "yaml"))
        self.assertNotIn("\x1b", "".join(table), "colour is for terminals")

    def test_status(self):
        node = self.node(1, config=self.one_rule(10)).wait_ready()
        text = self.output("status", *self.server(node))
        for word in ("n1", "ready", "sync-interval", "500ms", "default", "flag"):
            self.assertIn(word, text)
        body = json.loads(self.output("status", *self.server(node), "-o", "json"))
        self.assertTrue(body["ready"])
        self.assertEqual(body["node"]["name"], "n1")
        self.assertIn("n1", self.output("status", *self.server(node), "-o", "yaml"))

    def test_check(self):
        node = self.node(1, config=self.one_rule(3)).wait_ready()
        for _ in range(3):
            self.assertEqual(self.starling("check", *self.server(node), "principal=alice").returncode, done)
        self.assertEqual(self.starling("check", *self.server(node), "principal=alice").returncode, denied)
        self.assertEqual(self.starling("check", *self.server(node), "--hits", "4", "principal=bob").returncode, denied)
        self.assertEqual(self.starling("check", *self.server(node), "--hits", "3", "principal=bob").returncode, done)
        odd = "principal=a b&c=d%/ü"
        self.assertEqual(self.starling("check", *self.server(node), "--hits", "3", odd).returncode, done)
        self.assertEqual(node.total(principal=odd.partition("=")[2]), 3)
        # A domain that has no rules: nothing limits it.
        self.assertEqual(self.starling("check", *self.server(node), "--domain", "other", "principal=alice").returncode, done)

    def allowed(self, node, count, **entries):
        """How many of `count` requests pass."""
        return sum(node.check(**entries).status == 200 for _ in range(count))

    def test_override(self):
        node = self.node(1, config=self.one_rule(3)).wait_ready()
        window, _ = long_window()
        words = ["--rule", "each", "--match", "principal=alice", *self.server(node)]
        said = self.output("override", "set", *words, "--limit", f"5/{window}", "--expires", "1h", "--as", "tester")
        self.assertEqual(len(said.splitlines()), 1, said)
        for word in ("each", "principal=alice", "5 per", "for 1h"):
            self.assertIn(word, said)
        self.assertEqual(self.allowed(node, 8, principal="alice"), 5)
        self.assertEqual(self.allowed(node, 8, principal="bob"), 3)
        listed = json.loads(self.output("override", "list", *self.server(node), "-o", "json"))["overrides"]
        self.assertEqual([(each["match"], each["set_by"], each["set_on"], each["applies"]) for each in listed],
                         [({"principal": "alice"}, "tester", "n1", True)])
        for word in ("each", "principal=alice", "tester", "yes"):
            self.assertIn(word, self.output("override", "list", *self.server(node)))
        self.assertIn("principal=alice", self.output("rules", *self.server(node)))
        self.assertEqual(self.starling("check", "principal=alice", *self.server(node)).returncode, denied)
        self.assertIn("for principal=alice is taken back", self.output("override", "delete", *words))
        again = self.starling("override", "delete", *words)
        self.assertEqual((again.returncode, len(again.stderr.splitlines())), (failed, 1), again)
        self.assertIn("no live overrides", self.output("override", "list", *self.server(node)))

    def test_an_override_of_a_rule_that_is_not_here(self):
        node = self.node(1).wait_ready()
        result = self.starling("override", "set", "--rule", "gone", "--unlimited", *self.server(node))
        self.assertEqual(result.returncode, done, result)
        self.assertIn("does nothing", result.stderr)
        self.assertIn("gone", self.output("rules", *self.server(node)))
        self.assertIn("1 override", self.output("override", "delete", "--rule", "gone", "--all", *self.server(node)))

    def test_learning_and_lists(self):
        node = self.node(1, config=self.one_rule(1)).wait_ready()
        server = self.server(node)
        self.assertEqual(self.allowed(node, 3, principal="alice"), 1)
        self.output("learning", "on", *server)
        self.assertEqual(self.allowed(node, 3, principal="alice"), 3)
        self.assertIn("yes", self.output("learning", "status", *server))
        self.output("enforce", "add", "alice", *server)
        self.assertEqual(self.allowed(node, 3, principal="alice"), 0)
        self.assertEqual(self.allowed(node, 3, principal="bob"), 3)
        warned = self.starling("learning", "on", *server)
        self.assertEqual(warned.returncode, done, warned)
        self.assertIn("alice is in its enforcing list", warned.stderr)
        self.assertIn("alice", self.output("enforce", "list", *server))
        self.output("enforce", "remove", "alice", *server)
        self.output("learning", "clear", *server)
        self.assertEqual(self.allowed(node, 3, principal="alice"), 0)
        self.output("ignore", "add", "--match", "principal=alice", *server)
        self.assertEqual(self.allowed(node, 3, principal="alice"), 3)

    def test_rules_tell_where_values_come_from(self):
        node = self.node(1, config=self.one_rule(3)).wait_ready()
        body = json.loads(self.output("rules", *self.server(node), "-o", "json"))
        self.assertEqual([rule["name"] for rule in body["rules"]], ["each"])
        self.assertEqual(body["rules"][0]["algorithm"], {"value": "fixed_window", "from": "default"})
        self.assertIn("rules.yaml:2", body["rules"][0]["limits"]["from"])
        self.assertIn('name: "each"', self.output("rules", "--rule", "each", *self.server(node), "-o", "yaml"))
        self.assertIn("fixed_window", self.output("rules", *self.server(node), "-o", "wide"))
        self.assertEqual(self.starling("rules", "--rule", "gone", *self.server(node)).returncode, failed)

    def test_check_wide_tells_who_counted_what(self):
        first, second = self.cluster(2, config=self.one_rule(10))
        second.hit(3, principal="alice")
        self.wait_totals([first, second], 3, principal="alice")
        lines = self.output("check", "principal=alice", *self.server(first), "-o", "wide").splitlines()
        shares = [line.split()[-4:] for line in lines if line.endswith("%")]
        self.assertEqual(sorted(shares), [["n1", "1", "25.0", "%"], ["n2", "3", "75.0", "%"]])

    def write(self, node, method="PUT", **headers):
        """The status of a write with these headers; a dash in their names is an underscore here."""
        connection = http.client.HTTPConnection(node.address, 9090, timeout=20)
        try:
            connection.request(method, "/v1/overrides", '{"kind": "learning", "learning": true}',
                               {"Content-Type": "application/json", **{key.replace("_", "-"): value for key, value in headers.items()}})
            return connection.getresponse().status
        finally:
            connection.close()

    def test_who_may_write(self):
        token = "0123456789abcdef0123456789abcdef"
        file = self.rules(token + "\n", "token")
        os.chmod(file, 0o600)
        node = self.node(1, admin_token_file=file).wait_ready()
        self.assertEqual(self.write(node), 200)
        self.assertEqual(self.write(node, Content_Type="text/plain"), 415)
        self.assertEqual(self.write(node, method="POST"), 405)
        self.assertEqual(self.write(node, Host="page.example"), 403)
        self.assertEqual(self.write(node, X_Forwarded_For="10.0.0.1"), 403)
        self.assertEqual(self.write(node, Authorization="Bearer 0123456789abcdef0123456789abcdeX"), 403)
        self.assertEqual(self.write(node, Host="page.example", Authorization=f"Bearer {token}"), 200)
        self.output("learning", "on", *self.server(node), "--token-file", file)
        environment = {"STARLING_ADMIN_TOKEN_FILE": self.rules("another-secret-line", "other")}
        os.chmod(environment["STARLING_ADMIN_TOKEN_FILE"], 0o600)
        refused = self.starling("learning", "on", *self.server(node), environment=environment)
        self.assertEqual((refused.returncode, len(refused.stderr.splitlines())), (failed, 1), refused)
        self.assertIn("403", refused.stderr)

    def test_a_token_file_that_keeps_no_secret(self):
        for content, mode in (("0123456789abcdef", 0o644), ("short", 0o600)):
            with self.subTest(content=content):
                file = self.rules(content, "token")
                os.chmod(file, mode)
                for command in (["node", "--bind", self.subnet.host(1), "--admin-token-file", file],
                                ["learning", "on", "--token-file", file]):
                    result = self.starling(*command)
                    self.assertEqual((result.returncode, len(result.stderr.splitlines())), (failed, 1), result)
                    self.assertIn(f"token-file: {file}: expected", result.stderr)

    def test_version_and_help(self):
        for spelling in ("version", "--version"):
            self.assertEqual(self.output(spelling), "starling 0.1.0\n")
        for command in ([], ["node"], ["peers"], ["status"], ["check"], ["simulate"], ["version"], ["rules"], ["override"],
                        ["override", "set"], ["override", "list"], ["override", "delete"], ["learning"], ["learning", "on"],
                        ["learning", "status"], ["enforce", "add"], ["ignore", "remove"]):
            self.assertTrue(self.output(*command, "--help"), command)

    def test_simulate(self):
        question = ["--nodes", "5", "--limit", "200/1s", "--load", "10x", "--spread", "zipf", "--delay", "500us",
                    "--loss", "1%", "--windows", "5"]
        body = json.loads(self.output("simulate", *question, "-o", "json"))
        self.assertEqual(body, json.loads(self.output("simulate", *question, "-o", "json")), "not the same twice")
        self.assertEqual((body["parameters"]["nodes"], body["parameters"]["loss"]), (5, "1%"))
        self.assertLess(body["over_admission_pct"]["mean"], 10)
        self.assertLessEqual(body["over_admission_pct"]["mean"], body["over_admission_pct"]["max"])
        self.assertGreater(body["packets_per_node_per_window"], 0)
        fixed = json.loads(self.output("simulate", *question, "--sync", "100ms", "-o", "json"))
        self.assertGreater(fixed["over_admission_pct"]["mean"], 2 * body["over_admission_pct"]["mean"])
        table = self.output("simulate", *question)
        for words in ("5 node(s), limit 200/1s, offered 10x (zipf)", "over-admission", "false rejections", "convergence"):
            self.assertIn(words, table)

    def test_wrong_usage(self):
        for arguments in (["peers", "--bogus"], ["peers", "-o", "xml"], ["peers", "--server", "ftp://nonsense"], ["check"],
                          ["check", "noequals"], ["check", "--hits", "x", "a=b"], ["status", "surplus"],
                          ["simulate", "--nodes", "0"], ["simulate", "--limit", "5"], ["simulate", "--bogus"], ["simulate", "10"],
                          ["simulate", "--scheme", "split", "--sync", "100ms"], ["override"], ["override", "get"], ["override", "set"],
                          ["override", "set", "--rule", "each"], ["override", "set", "--rule", "each", "--limit", "5"],
                          ["override", "set", "--rule", "each", "--limit", "5/1s", "--unlimited"],
                          ["override", "set", "--rule", "each", "--unlimited", "--match", "alice"],
                          ["override", "set", "--rule", "each", "--unlimited", "--match", "a=1", "--match", "a=2"],
                          ["override", "set", "--rule", "each", "--limit", "5/1s", "--expires", "soon"], ["override", "delete"],
                          ["override", "delete", "--rule", "each", "--all", "--match", "a=1"], ["override", "list", "--kind", "x"],
                          ["learning"], ["learning", "maybe"], ["enforce", "add"], ["ignore", "add", "alice", "--match", "a=b"],
                          ["ignore", "add", "alice", "bob"], ["rules", "surplus"]):
            with self.subTest(arguments=arguments):
                result = self.starling(*arguments)
                self.assertEqual((result.returncode, result.stdout), (usage, ""), result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_a_node_that_is_down(self):
        server = ["--server", f"http://{self.subnet.host(1)}:9090"]
        for arguments in (["peers"], ["status"], ["check", "principal=alice"], ["rules"], ["override", "list"],
                          ["override", "set", "--rule", "each", "--unlimited"], ["learning", "on"], ["enforce", "remove", "alice"]):
            with self.subTest(arguments=arguments):
                result = self.starling(*arguments, *server)
                self.assertEqual((result.returncode, result.stdout), (failed, ""), result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertIn(f"{self.subnet.host(1)}:9090", result.stderr)

    def test_wrong_values_are_told_with_what_was_expected(self):
        for arguments, words in ((["check", "--hits", "-1", "a=b"], '--hits: expected a whole number of 0 or more, found "-1"'),
                                 (["check", "--hits", "4294967296", "a=b"], 'found "4294967296"'),
                                 (["peers", "--interval", "x"], '--interval: expected seconds from 0.1 to 3600, such as 2, found "x"'),
                                 (["peers", "--interval", "nan"], 'found "nan"'),
                                 (["config", "import", "--from", "nginx", "x"], '--from: expected envoy, spinnaker, kong, found "nginx"')):
            result = self.starling(*arguments)
            self.assertEqual((result.returncode, result.stdout), (usage, ""), result)
            self.assertIn(words, result.stderr)

    def test_what_is_no_node_is_told_so(self):
        def answer_of(body):
            listener = socket.create_server((self.subnet.host(1), 0))
            self.addCleanup(listener.close)

            def serve():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            threading.Thread(target=serve, daemon=True).start()
            return ["--server", "http://{}:{}".format(*listener.getsockname())]

        deep = b'{"peers":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        for body, arguments in ((b"<html>", ["peers"]), (b"[]", ["status"]), (deep, ["peers", "-o", "json"]),
                                (deep, ["status", "-o", "yaml"]), (b"{}", ["check", "principal=alice"]),
                                (b"{}", ["learning", "on"]), (b"{}", ["ignore", "add", "alice"])):
            result = self.starling(*arguments, *answer_of(body))
            self.assertEqual((result.returncode, result.stdout), (failed, ""), (body[:20], result))
            self.assertRegex(result.stderr, r"^starling: http://.* is it the admin port of a node\?\n$")

    def test_watch_prints_again_and_ends_on_ctrl_c(self):
        node = self.node(1).wait_ready()
        with open(self.directory / "watch.out", "wb") as output:
            watching = subprocess.Popen([binary(), "peers", *self.server(node), "--watch"], stdin=subprocess.DEVNULL,
                                        stdout=output, stderr=output, env=free_of_settings())
        self.addCleanup(lambda: (watching.kill(), watching.wait()))

        def printed():
            self.assertIsNone(watching.poll(), "it has ended by itself")
            return (self.directory / "watch.out").read_text(encoding="utf-8").count("NAME") >= 2

        wait_until("the table twice", printed)
        watching.send_signal(signal.SIGINT)
        self.assertIn(watching.wait(10), (0, 130, -signal.SIGINT))
        self.assertEqual(node.get("/livez").status, 200)


if __name__ == "__main__":
    main()
