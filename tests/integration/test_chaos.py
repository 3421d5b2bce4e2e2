#!/usr/bin/env python3
"""scripts/chaos as people run it, small: a round of faults under load, and that it finds what is wrong.

`test_chaos.py Round` and so on runs one part.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

from harness import binary, free_of_settings, main, patience, skip
from harness.node import die_with_parent
from cluster.network import find, why_not

script = pathlib.Path(__file__).resolve().parents[2] / "scripts/chaos"
run_s_max = 110


class ChaosScript(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="starling-test-chaos-")
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name)

    def chaos(self, *arguments):
        command = [sys.executable, str(script), *arguments, "--build-dir", str(pathlib.Path(binary()).resolve().parents[2])]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=free_of_settings(),
                              timeout=run_s_max * patience(), preexec_fn=die_with_parent, check=False)


class Round(ChaosScript):
    def test_a_round_of_faults_breaks_no_promise(self):
        arguments = ("--nodes", "3", "--minutes", "0.25", "--seed", "4")
        plan = self.chaos(*arguments, "--plan").stdout.splitlines()[1:]
        self.assertGreaterEqual(len(plan), 8)
        found = self.chaos(*arguments)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn("seed 4", found.stdout.splitlines()[0])
        self.assertIn("all promises kept, seed 4", found.stdout)
        told = [line.split(" s  ", 1)[1] for line in found.stdout.splitlines() if " s  " in line]
        for line in plan:
            story = line.split(" s  ", 1)[1].split(" for ")[0]
            self.assertTrue(any(each.startswith(story) for each in told), f"{story} was drawn and did not come:\n{found.stdout}")


class Finds(ChaosScript):
    def assert_found(self, what, *words, only=()):
        logs = self.directory / "logs"
        found = self.chaos("--nodes", "3", "--minutes", "0.1", "--seed", "4", "--converge", "4", "--sabotage", what,
                           "--keep-logs", str(logs), *only)
        self.assertEqual(found.returncode, 1, found.stdout + found.stderr)
        self.assertIn("FAILED with seed 4", found.stderr)
        for word in words:
            self.assertIn(word, found.stderr)
        self.assertTrue((logs / "n3.log").exists())

    def test_a_node_of_another_cluster_is_found(self):
        self.assert_found("cluster", "n1 sees n2 alive, expected n2, n3")

    def test_a_node_with_higher_limits_is_found(self):
        self.assert_found("limit", "n1 and n3 have different rules")

    def test_a_node_that_admits_too_much_is_found_by_what_clients_counted(self):
        self.assert_found("deaf", "over, window", "admitted beyond the limit", "the views of over did not become equal",
                          only=("--only", "dns"))


if __name__ == "__main__":
    reason = why_not()
    if reason is None and find("dnsmasq") is None:
        reason = "expected dnsmasq (Debian package dnsmasq-base), found none; run scripts/install-deps --for test"
    if reason:
        skip(reason)
    main()
