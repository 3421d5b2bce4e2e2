#!/usr/bin/env python3
"""The client commands against real nodes: output, exit codes, and what they say when something is wrong."""

import json
import signal
import subprocess

from harness import ClusterCase, binary, free_of_settings, main, wait_until

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

    def test_version_and_help(self):
        self.assertEqual(self.output("version"), "starling 0.1.0\n")
        for command in ([], ["node"], ["peers"], ["status"], ["check"], ["simulate"], ["version"]):
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
        for arguments in (["peers", "--bogus"], ["peers", "-o", "xml"], ["peers", "--server", "nonsense"], ["check"],
                          ["check", "noequals"], ["check", "--hits", "x", "a=b"], ["status", "surplus"],
                          ["simulate", "--nodes", "0"], ["simulate", "--limit", "5"], ["simulate", "--bogus"], ["simulate", "10"],
                          ["simulate", "--scheme", "split", "--sync", "100ms"]):
            with self.subTest(arguments=arguments):
                result = self.starling(*arguments)
                self.assertEqual((result.returncode, result.stdout), (usage, ""), result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_a_node_that_is_down(self):
        server = ["--server", f"http://{self.subnet.host(1)}:9090"]
        for arguments in (["peers"], ["status"], ["check", "principal=alice"]):
            with self.subTest(arguments=arguments):
                result = self.starling(*arguments, *server)
                self.assertEqual((result.returncode, result.stdout), (failed, ""), result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertIn(f"{self.subnet.host(1)}:9090", result.stderr)

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
