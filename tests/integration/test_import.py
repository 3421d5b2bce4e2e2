#!/usr/bin/env python3
"""`starling config import` at the prompt: what goes where, and exit codes."""

import pathlib
import subprocess
import tempfile
import unittest

from harness import binary, free_of_settings, main

done, failed, usage = 0, 1, 2
examples = pathlib.Path(__file__).resolve().parents[1] / "unit" / "import" / "examples"


class Import(unittest.TestCase):
    def run_import(self, *arguments, text=None):
        return subprocess.run([binary(), "config", "import", *arguments], input=text, capture_output=True, text=True,
                              env=free_of_settings(), timeout=30)

    def test_rules_go_to_stdout_and_notes_to_stderr(self):
        path = examples / "envoy-metrics.yaml"
        result = self.run_import("--from", "envoy", str(path))
        self.assertEqual(result.returncode, done, result)
        self.assertIn('match: {key1: "*"}', result.stdout)
        self.assertEqual(result.stderr.splitlines(), [f"{path}:4:5: not carried over: detailed_metric: says how "
                                                      "metrics are named there, and has no place here"])
        self.assertIn(f"# {result.stderr}".strip(), result.stdout)

    def test_strict_fails_if_anything_was_lost(self):
        self.assertEqual(self.run_import("--strict", "--from", "envoy", str(examples / "envoy-metrics.yaml")).returncode,
                         failed)
        result = self.run_import("--strict", "--from", "envoy", str(examples / "envoy-order.yaml"))
        self.assertEqual((result.returncode, result.stderr), (done, ""))
        # Remarks are not losses.
        result = self.run_import("--strict", "--from", "kong", str(examples / "kong-global.yaml"))
        self.assertEqual(result.returncode, done)
        self.assertIn("note: ", result.stderr)

    def test_standard_input(self):
        text = (examples / "spinnaker-kebab.yaml").read_text()
        result = self.run_import("--from", "spinnaker", "-", text=text)
        self.assertEqual(result.returncode, done, result)
        self.assertIn("from standard input.", result.stdout)

    def test_input_that_makes_no_sense(self):
        for text, message in (("", "standard input: expected a configuration"), ("{", "standard input:"),
                              ("a: 1", "standard input:1:1: expected a `domain`")):
            result = self.run_import("--from", "envoy", "-", text=text)
            self.assertEqual((result.returncode, result.stdout), (failed, ""), result)
            self.assertTrue(result.stderr.startswith(message), result.stderr)
        with tempfile.TemporaryDirectory() as folder:
            for path in (folder, f"{folder}/none"):
                result = self.run_import("--from", "envoy", path)
                self.assertEqual((result.returncode, result.stdout), (failed, ""), result)
                self.assertIn(path, result.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("x.yaml",), ("--from", "nginx", "x.yaml"), ("--from", "envoy"),
                          ("--from", "envoy", "a", "b")):
            result = self.run_import(*arguments)
            self.assertEqual((result.returncode, result.stdout), (usage, ""), result)
            self.assertIn("--help", result.stderr)


if __name__ == "__main__":
    main()
