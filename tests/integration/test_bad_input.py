#!/usr/bin/env python3
"""What a person gets wrong at the start: one line that names the thing, and an exit code."""

import os
import re
import subprocess

from harness import ClusterCase, binary, main, patience

failed, usage = 1, 2


class BadInput(ClusterCase):
    def refused(self, arguments, code, *names, environment=None):
        """The call ends with `code` and one line on stderr that starts with "starling: " and holds every name."""
        result = self.starling(*arguments, environment=environment)
        self.assertEqual(result.returncode, code, result)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("starling: "), lines[0])
        for name in names:
            self.assertIn(name, lines[0])

    def node_refused(self, flags, code, *names, environment=None):
        self.refused(["node", "--bind", self.subnet.host(1), *flags], code, *names, environment=environment)

    def file_refused(self, text, code, *names):
        path = self.rules(text)
        self.node_refused(["--config", path], code, path, *names)

    def test_an_unknown_flag(self):
        self.node_refused(["--no-such-flag"], usage, "--no-such-flag")

    def test_an_unknown_command_or_none(self):
        self.refused(["fly"], usage, "fly")
        result = self.starling()
        self.assertEqual(result.returncode, usage, result)
        self.assertTrue(result.stderr)

    def test_a_flag_without_its_value(self):
        self.node_refused(["--http-port"], usage, "--http-port")

    def test_bad_ports(self):
        for flag in ("--http-port", "--grpc-port", "--admin-port", "--sync-port", "--heartbeat-port"):
            for value in ("70000", "-1", "http", "80.5", ""):
                with self.subTest(flag=flag, value=value):
                    self.node_refused([f"{flag}={value}"], usage, flag)

    def test_bad_durations(self):
        for flag in ("--resolve-interval", "--heartbeat-interval", "--sync-interval", "--join-timeout", "--drain-timeout"):
            for value in ("5parsecs", "-5s", "s", "99999999999999999999s"):
                with self.subTest(flag=flag, value=value):
                    self.node_refused([f"{flag}={value}"], usage, flag, value)

    def test_other_bad_values(self):
        self.node_refused(["--log-level", "shout"], usage, "--log-level", "shout")
        self.node_refused(["--max-counters", "many"], usage, "--max-counters", "many")
        self.node_refused(["--dns-servers", "not an address"], usage, "--dns-servers", "not an address")
        self.refused(["node", "--bind", "300.1.1.1"], usage, "--bind", "300.1.1.1")

    def test_more_counters_than_there_is_memory_for(self):
        if {"ASAN_OPTIONS", "TSAN_OPTIONS"} & os.environ.keys():
            self.skipTest("a sanitizer's shadow needs terabytes of addresses")
        command = 'ulimit -v "$1"; shift; exec "$@"'
        for kilobytes in ("400000", "800000"):
            with self.subTest(kilobytes=kilobytes):
                result = subprocess.run(
                    ["sh", "-c", command, "sh", kilobytes, binary(), "node", "--bind", self.subnet.host(1), "--max-counters",
                     "10000000"], capture_output=True, text=True, timeout=30 * patience(), check=False)
                self.assertEqual(result.returncode, failed, result)
                self.assertEqual(result.stderr.splitlines()[-1], "starling: --max-counters: cannot reserve memory for 10000000 "
                                 "counters; choose fewer")

    def test_a_bad_environment_variable_is_named(self):
        self.node_refused([], usage, "STARLING_HTTP_PORT", "99999", environment={"STARLING_HTTP_PORT": "99999"})
        self.node_refused([], usage, "neighborhood.heartbeat.port", "x", environment={"neighborhood.heartbeat.port": "x"})

    def test_a_missing_config_file(self):
        missing = str(self.directory / "none.yaml")
        self.node_refused(["--config", missing], failed, missing)

    def test_a_config_that_is_a_folder(self):
        self.node_refused(["--config", str(self.directory)], failed, str(self.directory))

    def test_unparsable_yaml(self):
        self.file_refused("rules:\n  - name: [unclosed\n", failed)
        self.file_refused("rules: {\n", failed)
        self.file_refused("\x00\x01\x02", failed)

    def test_errors_in_the_file_name_line_and_column(self):
        rule = "rules:\n  - name: a\n    match: {principal: '*'}\n"
        for text, line, name in (
                ("rulez: []\n", 1, "rulez"),
                (rule + "    limit: [{requests: 1, per: 1s}]\n", 4, "limit"),
                (rule + "    limits: [{requests: 1, per: 5parsecs}]\n", 4, "5parsecs"),
                (rule + "    limits: [{requests: -1, per: 1s}]\n", 4, "-1"),
                (rule + "    limits: [{requests: many, per: 1s}]\n", 4, "many"),
                (rule + "    limits: [{requests: 1, per: 0s}]\n", 4, "0s"),
                (rule + "    limits: []\n", 4, "limits"),
                (rule + "    limits: [{requests: 1, per: 1s, pro: 1}]\n", 4, "pro"),
                ("rules:\n  - name: a\n    name: b\n    limits: [{requests: 1, per: 1s}]\n", 3, "name"),
                ("settings: {http-port: 99999}\nrules: []\n", 1, "http-port"),
                ("settings: {no-such-setting: 1}\nrules: []\n", 1, "no-such-setting")):
            with self.subTest(text=text):
                path = self.rules(text)
                result = self.starling("node", "--bind", self.subnet.host(1), "--config", path)
                self.assertEqual(result.returncode, failed, result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertIn(name, result.stderr)
                self.assertRegex(result.stderr, re.escape(path) + rf":{line}:\d+")

    def test_an_address_in_use(self):
        self.node(1).wait_ready()
        result = self.starling("node", "--bind", self.subnet.host(1), "--log-level", "error")
        self.assertEqual(result.returncode, failed, result)
        self.assertRegex(result.stderr.splitlines()[-1], rf"^starling: .*{re.escape(self.subnet.host(1))}.*")
        self.assertEqual(sum(line.startswith("starling: ") for line in result.stderr.splitlines()), 1, result.stderr)

    def test_an_address_that_is_not_of_this_machine(self):
        self.refused(["node", "--bind", "192.0.2.1", "--log-level", "error"], failed, "192.0.2.1")

    def test_an_unresolvable_name_is_no_reason_to_end(self):
        node = self.node(1, neighborhood_host="nowhere.test.svc.cluster.local.", dns_servers=self.dns().server,
                         resolve_interval="200ms").wait_ready()
        status = node.status()
        self.assertIn("nowhere.test.svc.cluster.local", status["neighborhood"]["error"])
        self.assertTrue(status["advice"])
        self.assertEqual(node.check(principal="alice").status, 200)

    def test_a_dns_server_that_does_not_answer_is_no_reason_to_end(self):
        node = self.node(1, neighborhood_host="nowhere.test.svc.cluster.local.",
                         dns_servers=f"{self.subnet.host(9)}:5391", resolve_interval="200ms").wait_ready()
        self.assertEqual(node.check(principal="alice").status, 200)

    def test_a_bad_query_is_explained(self):
        node = self.node(1).wait_ready()
        for query in ("hits=many", "hits=4294967296", "hits=-1", "principal=%zz", "principal=%4", "deny_status=200",
                      "deny_status=99999", "principal=a&principal=b", "&".join(f"k{number}=v" for number in range(33))):
            with self.subTest(query=query):
                answer = node.get(f"/v1/check?{query}", 8080)
                self.assertEqual(answer.status, 400, answer)
                self.assertTrue(answer.json()["message"])
        for port in (8080, 9090):
            answer = node.get("/no/such/path", port)
            self.assertEqual(answer.status, 404)
            self.assertTrue(answer.json()["message"])


if __name__ == "__main__":
    main()
