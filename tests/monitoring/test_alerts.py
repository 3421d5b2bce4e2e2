#!/usr/bin/env python3
"""The alert rules: promtool accepts them and their tests, every alert has been seen to fire and to stay silent, clusters in which
all is well are quiet, and each alert tells what to do next with commands that there are.
"""

import functools
import json
import os
import pathlib
import re
import sys
import tempfile
import unittest

import yaml_here
from contract import labels_of, values_of
from product import alert_tests, alerts_file, component, manual, need, run, tree
from promql import scan
import scenarios


@functools.cache
def alert_rules():
    return {rule["alert"]: rule for group in yaml_here.load(alerts_file.read_text(encoding="utf-8"))["groups"]
            for rule in group["rules"]}


def alert_test_cases():
    return [case for path in sorted(alert_tests.glob("*.yaml"))
            for case in yaml_here.load(path.read_text(encoding="utf-8"))["tests"]]


def fired(case):
    """The alerts that fire at some time of a test."""
    return {re.search(r'alertname="(\w+)"', sample["labels"]).group(1)
            for look in case["promql_expr_test"] for sample in look["exp_samples"]}


class Rules(unittest.TestCase):
    maxDiff = None

    def test_promtool_accepts_them(self):
        result = run("promtool", "check", "rules", alerts_file)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_the_operators_rule_is_the_same(self):
        result = run(sys.executable, component / "generate.py", "--check")
        self.assertEqual(result.returncode, 0, result.stderr)
        rule = yaml_here.load((component / "prometheusrule.yaml").read_text(encoding="utf-8"))
        self.assertEqual((rule["apiVersion"], rule["kind"]), ("monitoring.coreos.com/v1", "PrometheusRule"))
        self.assertEqual(rule["spec"], yaml_here.load(alerts_file.read_text(encoding="utf-8")))

    def test_they_use_nothing_but_the_metrics_that_there_are(self):
        for name, rule in alert_rules().items():
            selectors, listed = scan(rule["expr"])
            self.assertTrue(selectors, name)
            known = set()
            for metric, matchers in selectors:
                with self.subTest(alert=name, metric=metric):
                    labels = labels_of(metric)
                    self.assertIsNotNone(labels, "no such metric")
                    known |= labels
                    self.assertIn(("job", "=~", "starling.*"), matchers)
                    for label, operator, value in matchers:
                        self.assertIn(label, labels)
                        allowed = values_of(metric, label)
                        if allowed is not None:
                            self.assertIn(operator, ("=", "=~"))
                            self.assertLessEqual(set(value.split("|")), allowed)
            self.assertLessEqual(listed, known, name)

    def test_each_says_what_it_means_and_what_to_do(self):
        rows = set(re.findall(r'<a id="(starling\w+)"></a>', manual.read_text(encoding="utf-8")))
        self.assertEqual(rows, {name.lower() for name in alert_rules()}, "the table in k8s/README.md")
        for name, rule in alert_rules().items():
            with self.subTest(alert=name):
                notes = rule["annotations"]
                self.assertEqual(set(notes), {"summary", "description", "runbook"})
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(notes["runbook"], f"k8s/README.md#{name.lower()}")
                self.assertRegex(notes["description"], r"Next: \S")
                self.assertLess(len(notes["summary"]), 150)

    def test_templates_name_labels_that_the_alert_has(self):
        for name, rule in alert_rules().items():
            by = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
            if not by or " without " in rule["expr"]:
                continue  # the labels of a series
            has = set.union(*(set(re.split(r",\s*", each)) for each in by))
            used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"] + rule["annotations"]["description"]))
            self.assertLessEqual(used, has, name)

    def test_the_commands_and_settings_that_they_name_exist(self):
        binary = os.environ.get("STARLING_BINARY") or tree / "build/src/app/starling"
        if not os.access(binary, os.X_OK):
            self.skipTest(f"needs {binary}")
        text = " ".join(rule["annotations"]["description"] for rule in alert_rules().values())
        commands = set(re.findall(r"\bstarling ((?:override|learning|config) [a-z]+|[a-z]+)\b", text)) - {"exec"}
        commands = {each for each in commands if each.split()[0] not in ("in", "has")}
        self.assertGreaterEqual(commands, {"status", "peers", "top", "rules", "override list", "learning clear", "config validate"})
        for command in commands:
            result = run(binary, *command.split(), "--help")
            self.assertEqual(result.returncode, 0, f"{command}: {result.stderr}")
            self.assertIn(command.split()[-1], result.stdout.splitlines()[0] + result.stdout, command)
        told = run(binary, "node", "--help").stdout
        for setting in re.findall(r"STARLING_[A-Z_]+|--(?:cluster|egress-limit|log-level)\b", text):
            self.assertIn(setting, told)


class Tests(unittest.TestCase):
    def test_promtool_finds_what_the_tests_expect(self):
        files = sorted(alert_tests.glob("*.yaml"))
        self.assertGreater(len(files), 5)
        result = run("promtool", "test", "rules", *files)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_every_alert_fires_in_one_and_stays_silent_in_another(self):
        cases = alert_test_cases()
        self.assertEqual(len({case["name"] for case in cases}), len(cases), "names are unique")
        for name, rule in alert_rules().items():
            own = [case for case in cases if case["name"].startswith(name + " ")]
            firing = [case for case in own if name in fired(case)]
            silent = [case for case in own if case["name"].startswith(name + " stays silent")]
            with self.subTest(alert=name):
                self.assertTrue(firing, "no test in which it fires")
                self.assertTrue(silent, "no test in which it stays silent")
                for case in silent:
                    self.assertNotIn(name, fired(case))
                    # Silent for want of series is no test.
                    there = {scan(each["series"])[0][0].metric for each in case["input_series"]}
                    asked = {selector.metric for selector in scan(rule["expr"])[0]}
                    self.assertTrue(there & asked, f"{case['name']}: none of {asked} is there")


class AllIsWell(unittest.TestCase):
    """No alert fires. Where nothing at all goes on none may even be pending."""

    def judge(self, name, nodes, steps, states="firing", rules=alerts_file):
        with tempfile.TemporaryDirectory(prefix="starling-alerts-") as folder:
            path = pathlib.Path(folder) / "scenario.yaml"
            asked = {selector.metric for rule in alert_rules().values() for selector in scan(rule["expr"])[0]}
            test = scenarios.promtool_test(rules, name, nodes, steps, states, asked)
            path.write_text(json.dumps(test), encoding="utf-8")
            return run("promtool", "test", "rules", path)

    def assert_quiet(self, *arguments, **more):
        result = self.judge(*arguments, **more)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_three_idle_nodes(self):
        self.assert_quiet("idle", scenarios.idle(100), 100, states="pending|firing")

    def test_a_single_node(self):
        self.assert_quiet("alone", scenarios.alone(100), 100, states="pending|firing")

    def test_three_busy_nodes_that_deny_a_quarter(self):
        self.assert_quiet("busy", scenarios.busy(100), 100, states="pending|firing")

    def test_six_nodes_that_are_replaced_one_by_one(self):
        self.assert_quiet("restart", scenarios.rolling_restart(6, 80, every=2), 80)

    def test_twelve_nodes_that_take_their_time(self):
        self.assert_quiet("slow restart", scenarios.rolling_restart(12, 120, every=6), 120)

    def test_a_rolling_restart_would_fire_without_patience(self):
        """The scenario has teeth: with every `for` taken away several alerts do fire."""
        with tempfile.TemporaryDirectory(prefix="starling-alerts-") as folder:
            rules = pathlib.Path(folder) / "impatient.yaml"
            rules.write_text(re.sub(r"\n +for: \w+", "", alerts_file.read_text(encoding="utf-8")), encoding="utf-8")
            result = self.judge("restart", scenarios.rolling_restart(6, 80, every=2), 80, rules=rules)
        fired_names = set(re.findall(r'alertname="(\w+)"', result.stdout + result.stderr))
        self.assertGreaterEqual(fired_names, {"StarlingNodeNotReady", "StarlingIsolated", "StarlingPeersLost",
                                              "StarlingCountsLate"}, result.stdout + result.stderr)


if __name__ == "__main__":
    need("promtool", "apt-get install prometheus")
    unittest.main(verbosity=2)
