#!/usr/bin/env python3
"""scripts/loadtest: its words, its arithmetic, and short real runs whose counts are held against the nodes' own.

Whether a run was valid is not asserted: a machine that does ten other things may well be too slow, and is told so.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import types
import unittest

from harness import ADMIN_PORT, HTTP_PORT, ClusterCase, binary, free_of_settings, main, patience

tree = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(tree / "scripts/lib"))
sys.dont_write_bytecode = True
from loadtest import cluster as loadtest_cluster  # noqa: E402
from loadtest import patterns as loadtest_patterns  # noqa: E402
from loadtest import report as loadtest_report  # noqa: E402

build_dir = pathlib.Path(binary()).parents[2]
limit_text = 'rules:\n  - name: each\n    match: {principal: "*"}\n    limits: [{requests: 100, per: 1s}]\n'
slow_machine = ("keep up", "no free connection", "no full window", "restarted in time")


def loadtest(*arguments):
    command = [sys.executable, tree / "scripts/loadtest", "--build-dir", build_dir, *arguments]
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=free_of_settings(), timeout=100 * patience(), check=False)


class Refuses(ClusterCase):
    """What cannot be measured is said in one line, before anything is sent."""

    def refused(self, status, *arguments, names=()):
        result = loadtest(*arguments)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result)
        last = result.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("loadtest: "), result.stderr)
        for name in names:
            self.assertIn(name, last)

    def url(self, node):
        return f"http://{node.address}:{HTTP_PORT}"

    def test_wrong_usage(self):
        url = "http://127.0.0.1:1"
        for arguments in (("--bogus",), ("ftp://127.0.0.1",), ("http://127.0.0.1:99999",), (url, "--pattern", "evn"), (url, "--rate", "x"),
                          (url, "--rate", "nan"), (url, "--entry", "novalue"), (url, "--entry", "a=1", "--entry", "a=2"), ("--local", "0"),
                          ("--local", "2", url), (url, "--limit", "5/1s"), ("--local", "1", "--limit", "5"), ("--local", "1", "--limit", "0/5s"),
                          (url, "--plot", "x.pdf"), (url, "--plot", "no/such/x.png"), (url, "--seconds", "3", "--windows", "3"), (url, "--pattern", "even,churn"),
                          (url, "--admin", url, url), (url, "--pattern", "principals", "--principal", "x"),
                          (url, "--generator", "wrk", "--protocol", "grpc")):
            with self.subTest(arguments=arguments):
                self.refused(2, *arguments)

    def test_a_cluster_that_is_not_there_or_somebody_elses(self):
        url = f"http://{self.subnet.host(1)}:8080"
        self.refused(1, url, names=[self.subnet.host(1), "Connection refused"])
        self.refused(1, "http://192.0.2.1:8080", names=["192.0.2.1", "--yes"])

    def test_what_cannot_be_measured(self):
        node = self.node(1, config=self.rules(
            'rules:\n  - name: hour\n    match: {hour: "*"}\n    limits: [{requests: 5, per: 1h}]\n'
            '  - name: two\n    match: {two: "*"}\n    limits: [{requests: 5, per: 1s}, {requests: 50, per: 1m}]\n'
            '  - name: learns\n    match: {learns: "*"}\n    limits: [{requests: 5, per: 1s}]\n    learning: true\n')).wait_ready()
        url = self.url(node)
        self.refused(1, url, names=["expected a rule that limits principal=", "hour", "two"])
        self.refused(1, url, "--entry", "hour=x", names=["3600 s", "--windows"])
        self.refused(1, url, "--entry", "hour=x", "--seconds", "20", names=["7200 s"])
        self.refused(1, url, "--entry", "learns=x", names=["learns", "only learns"])
        self.refused(1, url, "--entry", "two=x", "--protocol", "grpc", names=["found 2", "--protocol http"])
        self.refused(1, url, "--entry", "two=x", "--load", "1000", "--windows", "10000", names=["at most 9,000,000 requests"])
        self.refused(1, url, "--admin", url, names=["expected the status of a Starling node"])

    def test_nodes_that_do_not_agree_on_the_limit(self):
        first = self.node(1, config=self.rules(limit_text)).wait_ready()
        second = self.node(2, config=self.rules(limit_text.replace("100", "99"), "other.yaml")).wait_ready()
        self.refused(1, self.url(first), self.url(second), names=["expected one limit on all nodes", "99", "100"])


class Runs(ClusterCase):
    def loaded(self, nodes, *arguments, status=0):
        result = loadtest(*(f"http://{node.address}:{HTTP_PORT}" for node in nodes), "-o", "json", *arguments)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return json.loads(result.stdout), result

    def check_shape(self, run):
        self.assertEqual(set(run), set(loadtest_report.pattern_keys))
        for window in run["windows"]:
            self.assertEqual(set(window), set(loadtest_report.window_keys))
            self.assertEqual(sum(node["allowed"] for node in window["nodes"]), window["allowed"])
            self.assertEqual(sum(node["offered"] for node in window["nodes"]), window["offered"])
            self.assertEqual(window["offered"], window["allowed"] + window["denied"] + window["lost"])
        self.assertEqual(run["windows_full"], sum(window["full"] for window in run["windows"]))
        for problem in run["problems"]:
            self.assertTrue(any(known in problem for known in slow_machine), problem)

    def test_what_it_counts_is_what_the_nodes_counted(self):
        nodes = self.cluster(3, config=self.rules(limit_text))
        picture = self.directory / "load.svg"
        plots = subprocess.run(["/usr/bin/python3", "-c", "import matplotlib"], capture_output=True, check=False).returncode == 0
        report, _ = self.loaded(nodes, "--pattern", "even,one-node,burst", "--windows", "2", *(["--plot", picture] if plots else []))
        self.assertEqual([run["pattern"] for run in report["patterns"]], ["even", "one-node", "burst"])
        for run in report["patterns"]:
            self.check_shape(run)
            self.assertEqual(run["limit"] | {"admission": None}, {"rule": "each", "requests": 100, "window_s": 1, "algorithm": "fixed_window",
                                                                 "admission": None})
            self.assertEqual((run["failed"], run["lost"]), (0, 0))
            self.assertGreater(run["latency_us"]["max"], 0)
            for window in run["windows"]:
                self.assertEqual(window["over_admission"], max(0, window["allowed"] - 100))
                if window["denied"]:
                    self.assertGreaterEqual(window["allowed"] + window["false_rejections"]["possible"], 100)
            self.assertEqual(run["false_rejections"]["certain"], 0)
        for index, node in enumerate(nodes):  # each was asked once more for what it would say, at no cost
            decisions = node.status()["decisions"]
            counted = [sum(run["nodes"][index][key] for run in report["patterns"]) for key in ("allowed", "denied")]
            self.assertEqual((decisions["allowed"] - 1, decisions["denied"]), tuple(counted))
        self.assertEqual([node["offered"] for node in report["patterns"][1]["nodes"]][1:], [0, 0])
        self.assertGreater(report["patterns"][1]["nodes"][0]["gossip_packets_per_window"], 0)
        if plots:
            self.assertIn("<svg", picture.read_text(encoding="utf-8"))

    def test_by_grpc_the_windows_are_the_same(self):
        nodes = self.cluster(2, config=self.rules(limit_text.replace("1s", "2s")))
        report, _ = self.loaded(nodes, "--protocol", "grpc", "--windows", "1")
        run, = report["patterns"]
        self.check_shape(run)
        full = [window for window in run["windows"] if window["full"]]
        self.assertEqual(len(full), 1)
        self.assertGreaterEqual(full[0]["allowed"], 100)
        self.assertLess(full[0]["over_admission"], 100)  # what two nodes would do that know nothing of each other
        for index, node in enumerate(nodes):
            decisions = node.status()["decisions"]
            self.assertEqual((decisions["allowed"] - 1, decisions["denied"]), tuple(run["nodes"][index][key] for key in ("allowed", "denied")))

    def test_nodes_that_do_not_know_each_other_are_out_of_bounds(self):
        nodes = [self.node(number, config=self.rules(limit_text)).wait_ready() for number in (1, 2)]
        report, result = self.loaded(nodes, "--windows", "1", "--over-admission-max", "5", status=3)
        full = [window for window in report["patterns"][0]["windows"] if window["full"]]
        self.assertEqual([window["over_admission"] for window in full], [100])
        self.assertIs(report["within_bounds"], False)
        self.assertIn("allowed 200, expected at most 105", result.stderr)

    def test_many_callers_each_with_a_limit_of_its_own(self):
        node = self.node(1, config=self.rules(limit_text)).wait_ready()
        report, _ = self.loaded([node], "--pattern", "principals", "--rate", "3000", "--windows", "1")
        run, = report["patterns"]
        self.check_shape(run)
        full, = [window for window in run["windows"] if window["full"]]
        self.assertGreater(full["principals"], 50)
        self.assertGreater(full["principals_at_limit"], 0)
        self.assertEqual((full["over_admission"], full["allowed_of_limit"], run["false_rejections"]["certain"]), (0, full["limit"], 0))

    def test_a_cluster_of_its_own_whose_nodes_are_restarted_under_load(self):
        result = loadtest("--local", "2", "--limit", "100/1s", "--pattern", "churn", "--windows", "4", "-o", "json")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        run, = json.loads(result.stdout)["patterns"]
        self.check_shape(run)
        self.assertGreaterEqual(run["restarts"], 1)
        self.assertEqual(run["failed"], 0)
        for node in run["nodes"]:
            self.assertGreater(node["cpu_percent"], 0)
            self.assertGreater(node["memory_bytes"], 1_000_000)

    def test_the_highest_rate_by_the_generators_that_people_know(self):
        tools = {"wrk": ["http"], "h2load": ["http", "grpc"]}
        ran = [(tool, protocol) for tool, protocols in tools.items() if shutil.which(tool) for protocol in protocols]
        if not ran:
            self.skipTest("expected wrk or h2load, found neither; apt-get install wrk nghttp2-client")
        node = self.node(1, config=self.rules(limit_text)).wait_ready()
        seen = 0
        for tool, protocol in ran:
            with self.subTest(tool=tool, protocol=protocol):
                report, _ = self.loaded([node], "--pattern", "capacity", "--windows", "1", "--connections", "4",
                                        "--generator", tool, "--protocol", protocol)
                run, = report["patterns"]
                self.assertEqual((set(run), run["generator"]), (set(loadtest_report.pattern_keys), tool))
                self.assertGreater(run["rate"], 0)
                self.assertGreater(run["latency_us"]["max"] or run["latency_us"]["p99"], 0)
                if protocol == "http":
                    self.assertEqual(run["allowed"] + run["denied"], run["offered"])
                    self.assertGreater(run["denied"], 0)
                seen += run["offered"] + 1
                decisions = node.status()["decisions"]  # what was under way at the end was counted, and not told
                self.assertGreaterEqual(decisions["allowed"] + decisions["denied"], seen)

    def test_a_restart_that_fails_is_named(self):
        node = self.node(1, config=self.rules(limit_text)).wait_ready()
        result = loadtest(f"http://{node.address}:{HTTP_PORT}", "--pattern", "churn", "--restart-command", "echo no {number} {url} >&2; exit 3",
                          "--windows", "2")
        self.assertEqual((result.returncode, result.stdout), (1, ""), result)
        self.assertIn(f"no 1 http://{node.address}:{HTTP_PORT}", result.stderr.splitlines()[-1])


class Arithmetic(unittest.TestCase):
    """On made-up counts: what must be found, and what must not."""

    limit = loadtest_patterns.Limit("r", 100, 5, "fixed_window", "optimistic", "rule")
    plan = loadtest_patterns.Plan("even", [(10.2, 100, 0)], [1.0])

    def raw(self, **changes):
        window = {"window": 200, "limit": 100, "offered": 500, "allowed": 103, "denied": 397, "denied_elsewhere": 0, "lost": 0,
                  "over_admission": 3, "over_admission_worst": 3, "false_certain": 2, "false_possible": 5, "callers": 1, "pressed_callers": 1,
                  "pressed_offered": 500, "pressed_allowed": 103, "targets": [{"offered": 500, "allowed": 103}]}
        quantiles = dict.fromkeys(("p50", "p90", "p99", "p999", "max"), 1.0)
        target = {"offered": 1000, "allowed": 206, "denied": 794, "failed": 0, "lost": 0, "unsent": 0, "redirected": 0, "problem": None}
        return {"seconds": 10.2, "offered": 1000, "allowed": 206, "denied": 794, "failed": 0, "lost": 0, "unsent": 0, "untold": 0, "redirected": 0,
                "began": 999.9, "ended": 1010.1, "latency_us": quantiles, "lag_us": quantiles, "targets": [target],
                "windows": [window, {**window, "window": 201, "allowed": 100, "over_admission": 0, "over_admission_worst": 0}]} | changes

    def summary(self, plan=None, restarts=0, **changes):
        node = loadtest_cluster.Node("http://127.0.0.1:8080")
        spent = {"cpu_s": 1.02, "packets": 102.0, "bytes": None, "memory_bytes": 7}
        return loadtest_report.summarize(plan or self.plan, "http", self.limit, [node], self.raw(**changes), [spent], restarts)

    def judged(self, result, percent_max, windows=2):
        return loadtest_report.judge([result], types.SimpleNamespace(over_admission_max=percent_max, windows=windows))

    def test_over_admission_is_of_full_windows(self):
        result = self.summary()
        self.assertEqual((result["windows_full"], result["valid"]), (2, True))
        self.assertEqual(result["over_admission_percent"], {"mean": 1.5, "worst": 3.0})
        self.assertEqual(result["false_rejections"], {"certain": 4, "possible": 10})
        self.assertAlmostEqual(result["nodes"][0]["gossip_packets_per_window"], 50)
        self.assertAlmostEqual(result["nodes"][0]["cpu_percent"], 10)
        self.assertIsNone(result["nodes"][0]["gossip_bytes_per_window"])

    def test_a_window_in_which_load_began_or_ended_is_not_full(self):
        self.assertEqual([window["full"] for window in self.summary(began=1000.01)["windows"]], [False, True])
        self.assertEqual([window["full"] for window in self.summary(ended=1009.99)["windows"]], [True, False])
        self.assertEqual(self.summary(began=1000.01)["over_admission_percent"], {"mean": 0.0, "worst": 0.0})

    def test_a_run_that_was_not_what_it_should_be_is_not_valid(self):
        late = dict.fromkeys(("p50", "p90", "p99", "p999", "max"), 60_000.0)
        for changes, word in (({"lag_us": late}, "did not keep up"), ({"unsent": 1}, "no free connection"), ({"seconds": 4.0}, "stopped after"),
                              ({"untold": 2}, "do not tell"), ({"began": 1009.0}, "no full window")):
            with self.subTest(word=word):
                result = self.summary(**changes)
                self.assertFalse(result["valid"])
                self.assertIn(word, result["problems"][0])
                self.assertTrue(any("not valid" in reason for reason in self.judged(result, 100)))
        churn = loadtest_patterns.Plan("churn", self.plan.phases, [1.0], restarts=True)
        self.assertIn("0 of 1 nodes", self.summary(plan=churn)["problems"][0])
        self.assertEqual(self.summary(plan=churn, restarts=1)["problems"], [])

    def test_the_bound_is_held_in_every_window(self):
        self.assertEqual(self.judged(self.summary(), 3), [])
        self.assertEqual(len(self.judged(self.summary(), 2.9)), 1)
        self.assertIn("3 full windows", self.judged(self.summary(), 3, windows=3)[0])

    def test_too_little_admitted_is_out_of_bounds_too(self):
        windows = self.raw()["windows"]
        windows[0] |= {"allowed": 99, "over_admission": 0}
        self.assertIn("at least the limit", self.judged(self.summary(windows=windows), 5)[0])

    def test_lost_requests_are_out_of_bounds(self):
        self.assertIn("without an answer", self.judged(self.summary(lost=1), 5)[0])
        self.assertIn("neither", self.judged(self.summary(failed=1), 5)[0])

    def test_of_a_sliding_window_no_false_rejections_are_told(self):
        self.limit = loadtest_patterns.Limit("r", 100, 5, "sliding_window", "optimistic", "rule")
        self.assertIsNone(self.summary()["false_rejections"])

    def test_metrics_are_summed_over_what_was_sent(self):
        text = ("# HELP x y\nprocess_cpu_seconds_total 2.5\nprocess_resident_memory_bytes 1e+06\n"
                'starling_gossip_packets_total{direction="sent",kind="delta"} 3\nstarling_gossip_packets_total{direction="sent",kind="pull"} 4\n'
                'starling_gossip_packets_total{direction="received",kind="delta"} 90\nstarling_gossip_bytes_total{direction="sent",kind="delta"} 70\n')
        self.assertEqual(loadtest_cluster.meters_of(text), {"cpu_s": 2.5, "memory_bytes": 1e6, "packets": 7.0, "bytes": 70.0})
        self.assertEqual(loadtest_cluster.meters_of("")["cpu_s"], None)

    def test_a_meter_goes_on_when_a_node_began_again(self):
        told = [{"cpu_s": 10.0, "packets": 100, "bytes": None, "memory_bytes": 5}, {"cpu_s": 12.0, "packets": 130, "bytes": None, "memory_bytes": 6},
                {"cpu_s": 1.0, "packets": 4, "bytes": None, "memory_bytes": 3}]
        meter = loadtest_cluster.Meter(types.SimpleNamespace(meters=lambda: told.pop(0)))
        meter.read()
        self.assertEqual(meter.read(), {"cpu_s": 3.0, "packets": 34.0, "bytes": None, "memory_bytes": 3})

    def test_skewed_weights_are_80_15_5(self):
        self.assertEqual(loadtest_patterns.skewed_weights(1), [80.0])
        self.assertEqual(loadtest_patterns.skewed_weights(2), [80.0, 20.0])
        self.assertEqual(loadtest_patterns.skewed_weights(3), [80.0, 15.0, 5.0])
        self.assertEqual(sum(loadtest_patterns.skewed_weights(7)), 100.0)


if __name__ == "__main__":
    assert ADMIN_PORT == loadtest_cluster.admin_port and os.path.isdir(build_dir)
    main()
