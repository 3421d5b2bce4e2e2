#!/usr/bin/env python3
"""The scripts that people run: every one explains itself, refuses nonsense in one line, and passes shellcheck.

`test_scripts.py Shellcheck` and so on runs one part.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import ClusterCase, main, patience, skip

tree = pathlib.Path(__file__).resolve().parents[2]


def run(*command, environment=None, directory="/"):
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          cwd=directory, env=environment, timeout=60 * patience(), check=False)


def first_line(path):
    with open(path, "rb") as file:
        return file.readline()


def bash_files():
    folders = [tree / name for name in ("scripts", ".ci", "k8s", "tests")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in paths if path.suffix == ".sh" or first_line(path).rstrip().endswith(b"bash"))


def scripts():
    return sorted(path for path in (tree / "scripts").iterdir() if path.is_file() and os.access(path, os.X_OK))


class Shellcheck(unittest.TestCase):
    def test_every_bash_script_passes(self):
        self.assertIn(tree / ".ci/run", bash_files())
        result = run("shellcheck", "--external-sources", *bash_files(), directory=tree)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_every_bash_script_stops_at_the_first_error(self):
        for path in bash_files():
            if path.suffix != ".sh":
                self.assertIn("\nset -euo pipefail\n", path.read_text(encoding="utf-8"), path)


class Explains(unittest.TestCase):
    def test_every_script_answers_help(self):
        expected = {"bench", "build", "chaos", "check", "cluster", "demo", "fuzz", "image-root", "install-deps", "interop",
                    "loadtest",
                    "simulate-nightly", "simulate-report", "simulate-scale", "test"}
        self.assertGreaterEqual({path.name for path in scripts()}, expected)
        for path in scripts():
            with self.subTest(script=path.name):
                result = run(path, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertTrue(result.stdout.lower().startswith(f"usage: scripts/{path.name} "), result.stdout)

    def test_nonsense_is_refused_in_one_line(self):
        for name, *arguments in (
                ("build", "--bogus"), ("build", "--jobs"), ("build", "--jobs", "0"), ("build", "--type", "fast"),
                ("install-deps", "--for", "fun"), ("install-deps", "--bogus"), ("test", "--dir"),
                ("demo", "--bogus"), ("demo", "--limit", "5"), ("demo", "--limit", "0/5s"), ("demo", "--load", "1"),
                ("demo", "--seconds", "1"), ("demo", "--seconds"), ("demo", "--gateway"), ("demo", "--gateway", "apache"),
                ("simulate-nightly", "--bogus"), ("simulate-nightly", "--minutes"), ("simulate-nightly", "--minutes", "x"),
                ("simulate-nightly", "--jobs", "0"), ("simulate-nightly", "--first-seed", "-1"),
                ("check", "--bogus"), ("check", "lint"), ("check", "tidy", "--jobs"), ("check", "--jobs", "0"),
                ("interop", "--bogus"), ("interop", "--only"), ("interop", "--only", ""), ("interop", "--only", "nginx,fun"),
                ("simulate-report", "--windows", "0"), ("simulate-report", "--bogus"),
                ("bench",), ("bench", "backends"), ("bench", "frontends", "--rounds", "0"), ("bench", "frontends", "--seconds", "x"),
                ("bench", "all", "--bogus"), ("bench", "idle", "--rounds", "1"), ("bench", "latency", "-o", "xml"), ("bench", "all", "--write"),
                ("cluster",), ("cluster", "0"), ("cluster", "61"), ("cluster", "3", "--phase", "fun"), ("cluster", "3", "--load", "5"),
                ("cluster", "3", "--limit", "0/5s"), ("cluster", "3", "--lag", "2-1"), ("cluster", "3", "--gateway", "envoy"),
                ("cluster", "3", "--gateway-timeout", "fast"), ("cluster", "3", "--bogus"),
                ("fuzz", "nothing"), ("fuzz", "query", "0"), ("fuzz", "query", "1", "2"), ("fuzz", "query", "1", "--seconds", "1"),
                ("fuzz", "../main"), ("fuzz", "query", "--seconds", "0"), ("fuzz", "--bogus"),
                ("image-root",), ("image-root", "--bogus"), ("image-root", "a", "b"), ("image-root", "a", "--dir"),
                ("simulate-scale", "0"), ("simulate-scale", "1001"), ("simulate-scale", "--bogus")):
            with self.subTest(script=name, arguments=arguments):
                result = run(tree / "scripts" / name, *arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertTrue(result.stderr.startswith(name + ": "), result.stderr)

    def test_a_run_of_no_test_at_all_has_not_passed(self):
        """Meson finds nothing wrong with a suite that nobody has. The folder is a copy with steps that do nothing."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "scripts"
            copy.mkdir()
            for name in ("test", "lib.sh"):
                shutil.copy(tree / "scripts" / name, copy)
            for name in ("install-deps", "build", "meson"):
                (copy / name).write_text("#!/bin/sh\n", encoding="ascii")
                (copy / name).chmod(0o755)
            environment = {**os.environ, "PATH": f"{copy}:{os.environ['PATH']}"}
            result = run(copy / "test", "--suite", "fun", environment=environment)
            self.assertEqual((result.returncode, result.stdout), (1, ""), result)
            self.assertIn("--suite fun", result.stderr)
            self.assertEqual(run(copy / "test", "--list", environment=environment).returncode, 0)


class InstallDeps(ClusterCase):
    """With a package manager made of paper: it writes down what it was asked and plays back what the test wants."""

    def setUp(self):
        super().setUp()
        self.bin = self.directory / "bin"
        self.bin.mkdir()
        self.calls = self.directory / "calls"
        self.installed = self.directory / "installed"
        self.installed.write_text("", encoding="ascii")
        self.program("dpkg-query", f'for each in $(cat {self.installed}); do printf "installed:%s " "$each"; done')
        self.program("sudo", 'while [ "$1" = -- ]; do shift; done; exec "$@"')
        self.program("sleep", ":")

    def program(self, name, body):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
        path.chmod(0o755)

    def apt_get(self, failures_count):
        """Fails so many installs, then succeeds."""
        count = self.directory / "failures"
        count.write_text(str(failures_count), encoding="ascii")
        self.program("apt-get", f"""echo "$@" >>{self.calls}
[ "$1" = install ] || exit 0
left=$(cat {count})
if [ "$left" -gt 0 ]; then echo $((left - 1)) >{count}; echo "E: no luck"; exit 100; fi
for each in "$@"; do echo "$each"; done >>{self.installed}""")

    def install(self, *arguments):
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        result = run(tree / "scripts/install-deps", *arguments, environment=environment)
        self.asked = self.calls.read_text(encoding="ascii").splitlines() if self.calls.exists() else []
        return result

    def test_with_everything_there_nothing_is_asked_of_apt(self):
        self.apt_get(0)
        self.assertEqual(self.install("--for", "all").returncode, 0)
        self.calls.unlink()
        result = self.install("--for", "all", "--quiet")
        self.assertEqual((result.returncode, result.stdout + result.stderr, self.asked), (0, "", []))

    def test_proxies_that_are_there_are_not_asked_of_apt_either(self):
        self.apt_get(0)
        self.installed.write_text("nginx haproxy", encoding="ascii")
        result = run(tree / "scripts/interop", "--install-only", "--only", "nginx,haproxy",
                     environment={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"})
        self.assertEqual((result.returncode, result.stdout + result.stderr, self.calls.exists()), (0, "", False))

    def test_only_what_is_missing_is_installed_after_one_update(self):
        self.apt_get(0)
        self.installed.write_text("python3 python3-yaml shellcheck binutils procps iproute2 nftables\n", encoding="ascii")
        self.assertEqual(self.install("--for", "test").returncode, 0)
        self.assertEqual(self.asked, ["update", "install --yes --no-install-recommends dnsmasq-base"])

    def test_one_failure_is_tried_again(self):
        self.apt_get(1)
        self.assertEqual(self.install("--for", "build").returncode, 0)
        self.assertEqual([call.split()[0] for call in self.asked], ["update", "install"] * 2)

    def test_two_failures_are_reported_with_what_apt_said(self):
        self.apt_get(2)
        result = self.install("--for", "build", "--quiet")
        self.assertEqual(result.returncode, 1)
        self.assertIn("E: no luck", result.stderr)
        self.assertTrue(result.stderr.splitlines()[-1].startswith("install-deps: apt-get install: "), result.stderr)


class Bench(unittest.TestCase):
    """Whether it measures, not what: a tenth of a second on a machine that does other things says nothing."""

    def test_it_measures_everything_and_judges_it(self):
        for program in ("redis-server", "redis-benchmark", "h2load"):
            if not shutil.which(program):
                self.skipTest(f"expected {program}, found none; apt-get install redis-server redis-tools nghttp2-client")
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            self.skipTest("expected two cores, found one")
        build_dir = pathlib.Path(os.environ["STARLING_BINARY"]).parents[2]
        result = run(tree / "scripts/bench", "frontends", "--build-dir", build_dir, "--rounds", "1", "--seconds", "0.1",
                     "--connections", "4", "--server-core", cores[0], "--client-core", cores[1], "-o", "json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        rivals = [shutil.which("nginx"), os.access(build_dir / "tests/bench/bare_grpcpp", os.X_OK)]
        self.assertEqual(len(report["comparisons"]), 10 + sum(map(bool, rivals)))
        for row in report["comparisons"]:
            self.assertGreater(row["rate"]["median"], 0, row)
            self.assertGreater(row["cpu_us"], 0, row)
            self.assertEqual(row["reached"], row["goal_pct"] is None or row["judged_pct"] >= row["goal_pct"])
            self.assertEqual(row["reached"], f"goal missed: {row['name']}: " not in result.stderr, result.stderr)
        self.assertEqual(len(report["latency"]), 5)
        for row in report["latency"]:
            self.assertTrue(0 < row["p50_us"] <= row["p99_us"] <= row["p999_us"], row)


if __name__ == "__main__":
    if "Shellcheck" in sys.argv and shutil.which("shellcheck") is None:
        skip("expected shellcheck, found none; run scripts/install-deps --for test")
    main()
