#!/usr/bin/env python3
"""`starling config validate` says what a node would, without one."""

import json
import os
import subprocess

from harness import ClusterCase, binary, main, patience

good = 'rules:\n  - {name: each, match: {principal: "*"}, limits: [{requests: 5, per: 1month}]}\n'


class ConfigValidate(ClusterCase):
    def validate(self, *arguments):
        return self.starling("config", "validate", *arguments)

    def test_a_good_file_and_a_good_directory(self):
        path = self.rules(good)
        result = self.validate(path, str(self.directory))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"{path}: ok, 1 rule\n{self.directory}: ok, 1 rule\n")

    def test_a_file_without_rules_says_which_one_holds(self):
        path = self.rules("settings: {sync-port: 4300}\n")
        self.assertIn("1 rule, the built-in one", self.validate(path).stdout)

    def test_errors_are_told_by_place_and_the_good_files_all_the_same(self):
        bad = self.rules("rulez: []\nlearning: maybe\n", "bad.yaml")
        fine = self.rules(good, "good.yaml")
        result = self.validate(bad, fine)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, f"{fine}: ok, 1 rule\n")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(lines[0].startswith(f'{bad}:1:1: the file: unknown key "rulez"; expected one of: '), lines)
        self.assertEqual(lines[1], f'{bad}:2:11: learning: expected true or false, found "maybe"')

    def test_settings_are_judged_too(self):
        path = self.rules("settings:\n  sync-port: 99999\n  nope: 1\n")
        result = self.validate(path)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, rf'{path}:2:3: settings: sync-port: expected a port .*, found "99999"')
        self.assertRegex(result.stderr, rf'{path}:3:3: settings: unknown key "nope"')

    def test_a_warning_is_no_failure(self):
        path = self.rules("rules: []\n")
        result = self.validate(path)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr, f"{path}:1:8: warning: rules: an empty list: every request passes\n")
        self.assertEqual(result.stdout, f"{path}: ok, 0 rules\n")

    def test_json(self):
        result = self.validate("-o", "json", self.rules(good), str(self.directory / "none"))
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        first, second = json.loads(result.stdout)
        self.assertEqual((first["ok"], first["rules"], first["errors"]), (True, 1, []))
        self.assertEqual((second["ok"], len(second["errors"])), (False, 1))

    def test_what_is_piped_in(self):
        result = subprocess.run([binary(), "config", "validate", "-"], input=good + "rulez: 1\n", capture_output=True, text=True,
                                timeout=20 * patience(), check=False)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertTrue(result.stderr.startswith('standard input:3:1: the file: unknown key "rulez"'), result.stderr)

    def test_a_pipe_among_the_files_is_told_and_not_waited_for(self):
        fine = self.rules(good)
        os.mkfifo(self.directory / "x.yaml")
        result = self.validate(str(self.directory), fine)
        self.assertEqual((result.returncode, result.stdout), (1, f"{fine}: ok, 1 rule\n"))
        self.assertIn("x.yaml: expected a readable YAML file or a directory of them, found: a pipe;", result.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("-o", "yaml", "x")):
            result = self.validate(*arguments)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn("starling: ", result.stderr)
        self.assertEqual(self.starling("config").returncode, 2)


if __name__ == "__main__":
    main()
