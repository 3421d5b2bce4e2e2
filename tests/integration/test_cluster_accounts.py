#!/usr/bin/env python3
"""What scripts/cluster concludes from what it has seen, with made-up observations: each promise, kept and broken once."""

import pathlib
import unittest

from harness import main, shared  # noqa: F401
from cluster.accounts import judge
from cluster.load import Account, Question
from cluster.manifest import read_template
from cluster.yaml import YamlError, read

tree = pathlib.Path(__file__).resolve().parents[2]
limit, window_s, delay_s = 100, 2, 0.004


def window(number, admitted=limit, denied=400, **more):
    return {"window": number, "offered": admitted + denied, "admitted": admitted, "denied": denied, "edge": 0, "unsure": 0,
            "burst": 2, **more}


def target(name="gateway", retried=0, **outcomes):
    return {"name": name, "offered": sum(outcomes.values()), "retried": retried, "outcomes": outcomes}


def load(*windows, targets=None, not_sent=0):
    """Clients that were there from before the first of these windows until after the last one."""
    admitted = sum(each["admitted"] for each in windows)
    denied = sum(each["denied"] for each in windows)
    return {"first_wall": windows[0]["window"] * window_s, "last_wall": (windows[-1]["window"] + 1) * window_s,
            "not_sent": not_sent, "targets": targets or [target(admitted=admitted, denied=denied)], "windows": list(windows),
            "wait_ms": {"p50": 1, "p99": 2, "max": 3}, "problems": {}}


def account(seen, held=None, before=0, **more):
    admitted = sum(each["outcomes"].get("admitted", 0) for each in seen["targets"])
    return judge("phase", seen, held=before + admitted if held is None else held, before=before, limit=limit,
                 window_s=window_s, delay_s=delay_s, **{"nodes": 3, **more})


class Accounts(unittest.TestCase):
    def assert_broken(self, found, *words):
        self.assertEqual(len(found["broken"]), 1, found["broken"])
        for word in words:
            self.assertIn(word, found["broken"][0])

    def test_a_cluster_that_keeps_its_promises_is_within_bounds(self):
        found = account(load(window(7), window(8, limit + 1), window(9)), before=1000)
        self.assertEqual((found["broken"], found["lost"], found["over_admission_worst"]), ([], 0, 1))
        self.assertAlmostEqual(found["over_admission_mean"], 1 / 3)

    def test_one_hit_beyond_the_bound_breaks_it(self):
        bound = 2 + 3  # the busiest delay, and one for each node
        self.assertEqual(account(load(window(7, limit + bound)))["broken"], [])
        self.assert_broken(account(load(window(7), window(8, limit + bound + 1))), "window 8", "at most the limit 100 and 5 more")

    def test_hits_on_the_edge_of_a_window_break_nothing_by_themselves(self):
        self.assertEqual(account(load(window(7, limit + 8, edge=3)))["broken"], [])
        self.assert_broken(account(load(window(7, limit + 8, edge=2))), "window 7")

    def test_one_lost_hit_breaks_it_unless_a_kill_may_lose_it(self):
        seen = load(window(7), window(8))
        self.assert_broken(account(seen, held=199), "1 hits lost", "200", "199")
        self.assertEqual(account(seen, held=199, lost_max=1, graceful=False)["broken"], [])
        self.assert_broken(account(seen, held=198, lost_max=1, graceful=False), "2 hits lost")

    def test_what_a_kill_lost_may_pass_again(self):
        seen = load(window(7, limit + 15))
        self.assertEqual(account(seen, held=limit + 5, lost_max=10, graceful=False)["broken"], [])
        self.assert_broken(account(seen), "window 7")

    def test_hits_that_nobody_sent_are_noticed(self):
        self.assert_broken(account(load(window(7)), held=101), "1 hits counted that no client sent")
        unsure = load(window(7), targets=[target(admitted=100, denied=400, failed=1)])
        self.assertEqual(account(unsure, held=101, graceful=False)["broken"], [])

    def test_a_partition_may_pass_one_limit_on_each_side(self):
        self.assertEqual(account(load(window(7, 2 * limit + 5)), sides=2)["broken"], [])
        self.assert_broken(account(load(window(7, 2 * limit + 6)), sides=2), "window 7")

    def test_a_denial_below_the_limit_breaks_it_in_full_windows_only(self):
        self.assert_broken(account(load(window(7), window(8, limit - 1))), "1 requests denied")
        self.assertEqual(account(load(window(7), window(8, limit - 1, denied=0)))["broken"], [])
        partial = load(window(7, limit - 1), window(8))
        partial["first_wall"] += 0.1
        self.assertEqual(account(partial)["broken"], [])
        self.assertEqual(account(load(window(7, limit - 1, unsure=1)))["broken"], [])

    def test_each_answer_that_gateways_must_not_give_breaks_it(self):
        for outcome, words in (("502", "5xx"), ("403", "nobody expects"), ("failed", "without an answer"),
                               ("uncounted", "without asking")):
            with self.subTest(outcome=outcome):
                seen = load(window(7), targets=[target(admitted=100, denied=400, **{outcome: 1})])
                self.assert_broken(account(seen), words)
        killed = load(window(7), targets=[target(admitted=100, denied=400, failed=5, uncounted=5)])
        self.assertEqual(account(killed, graceful=False)["broken"], [])
        killed = load(window(7), targets=[target(admitted=100, denied=400, **{"502": 1})])
        self.assert_broken(account(killed, graceful=False), "1 answers 5xx")

    def test_load_that_was_not_there_proves_nothing(self):
        self.assert_broken(account(load(window(7), not_sent=3)), "3 requests could not be sent")


class ClientsAccount(unittest.TestCase):
    def test_a_burst_is_the_most_requests_within_the_delay(self):
        found = Account(window_s)
        for when in (10.0, 10.5, 10.503, 10.504, 10.6, 12.0, 12.003):
            question = Question()
            question.sent_at = when
            found.on_sent(question)
        self.assertEqual([(each["window"], each["offered"], each["burst"]) for each in found.windows(delay_s)],
                         [(5, 5, 3), (6, 2, 2)])


class Manifest(unittest.TestCase):
    def test_the_deployment_is_what_the_pods_follow(self):
        template = read_template(str(tree / "k8s/base/deployment.yaml"))
        self.assertEqual(template.environment["neighborhood.host"], "starling-peers")
        self.assertEqual((template.startup.path, template.readiness.path, template.liveness.path), ("/readyz", "/readyz", "/livez"))
        self.assertEqual((template.surge_max, template.unavailable_max), (1, 0))
        self.assertGreater(template.pre_stop_s, 2, "pods must outlast the news that they go")
        self.assertGreaterEqual(template.grace_s, template.pre_stop_s + 10, "--drain-timeout is 10 s")

    def test_yaml_is_read_as_it_is_meant(self):
        text = ("---\n# a comment\na: 1  # 'one'\nb:\n  - {x: y, z: [1, two, {n: null}]}\n  - name: 'q # r'\n    on: true\n"
                "c:\n- plain text: with a colon? no\n- \"0123\"\nd: {}\n---\nother: document\n")
        self.assertEqual(read(text.replace("plain text: with a colon? no", "http://h:1/p#q"), "t"), {
            "a": 1, "b": [{"x": "y", "z": [1, "two", {"n": None}]}, {"name": "q # r", "on": True}],
            "c": ["http://h:1/p#q", "0123"], "d": {}})

    def test_yaml_that_is_not_understood_is_refused_by_line(self):
        for text in ("a: |\n  text\n", "a: 1\na: 2\n", "a: {b: 1\n", "a: 1\n   b: 2\n", "just words\n", "a: &x 1\n"):
            with self.subTest(text=text), self.assertRaisesRegex(YamlError, r"^t:\d+: expected .*, found: "):
                read(text, "t")


if __name__ == "__main__":
    main()
