#!/usr/bin/env python3
"""scripts/check says "not clean" when something is not. In a small tree of its own, with Meson and Ninja made of paper, so that
only the script is under test; what it finds in Starling is its own affair."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import main, patience

tree = pathlib.Path(__file__).resolve().parents[2]

# `setup` makes the folder; `test` says what $SAID holds, and a process of it writes its report if $REPORT is set.
paper_meson = """#!/bin/sh
case $1 in
  setup) mkdir -p "$2" && touch "$2/build.ninja" && echo '[]' >"$2/compile_commands.json" ;;
  introspect) echo '[{"name": "unit_node", "suite": ["starling:unit"]}]' ;;
  test)
    log="${ASAN_OPTIONS:-$TSAN_OPTIONS}"
    [ -z "$REPORT" ] || echo "$REPORT" >"${log##*log_path=}.17"
    printf 'Ok:                 3   \\nFail:               %s   \\n' "$FAILURES"
    exit "$FAILURES" ;;
esac
"""


class Check(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="starling-test-")
        self.addCleanup(scratch.cleanup)
        self.tree = pathlib.Path(scratch.name) / "tree"
        shutil.copytree(tree / "scripts/lib/check", self.tree / "scripts/lib/check")
        for name in ("scripts/check", "scripts/lib.sh", ".clang-tidy"):
            shutil.copy(tree / name, self.tree / name)
        for name in ("src", "include", "bin"):
            (self.tree / name).mkdir()
        self.program("meson", paper_meson)
        self.program("ninja", "#!/bin/sh\n")

    def program(self, name, text):
        path = self.tree / "bin" / name
        path.write_text(text, encoding="ascii")
        path.chmod(0o755)

    def source(self, text):
        (self.tree / "src/a.cpp").write_text(text, encoding="ascii")

    def check(self, step, **environment):
        """(exit code, the words of the one line on stdout), and what stderr had to say."""
        path = f"{self.tree}/bin:{os.environ['PATH']}"
        outer = {name: value for name, value in os.environ.items() if not name.endswith("SAN_OPTIONS")}  # this may be a step itself
        result = subprocess.run([self.tree / "scripts/check", step, "--jobs", "1"], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, cwd="/", env={**outer, "PATH": path, "REPORT": "", "FAILURES": "0", **environment},
                                timeout=60 * patience(), check=False)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 1, result)
        self.assertTrue(lines[0].startswith(step), lines)
        return result.returncode, " ".join(lines[0].split()[1:]), result.stderr

    def test_a_report_of_a_process_fails_the_step_though_every_test_passes(self):
        for step in ("asan", "tsan"):
            with self.subTest(step=step):
                code, line, _ = self.check(step)
                self.assertEqual(code, 0)
                self.assertRegex(line, r"^clean \d+ s 3 ok, 0 fail$")
                code, line, told = self.check(step, REPORT="ERROR: heap-use-after-free")
                self.assertEqual(code, 1)
                self.assertRegex(line, r"^not clean \d+ s 3 ok, 0 fail$")
                self.assertIn("heap-use-after-free", told)
                self.assertEqual(self.check(step)[0], 0, "a report of the run before is none of this one")

    def test_a_failed_test_fails_the_step_though_no_process_reports(self):
        code, line, _ = self.check("asan", FAILURES="1")
        self.assertEqual(code, 1)
        self.assertRegex(line, r"^not clean \d+ s 3 ok, 1 fail$")

    def test_a_compile_command_without_the_flags_fails_the_step(self):
        flags = "-Wall -Wextra -Wconversion -Wshadow -Werror"
        for command, expected in ((flags, 0), (flags + " -Wno-shadow", 1), (flags.replace("-Wconversion ", ""), 1)):
            with self.subTest(command=command):
                entry = f'[{{"file": "a.cpp", "directory": "/", "command": "c++ {command} -c a.cpp"}}]'
                self.program("meson", paper_meson.replace("[]", entry))
                for folder in self.tree.glob("build-*"):
                    shutil.rmtree(folder)
                self.assertEqual(self.check("warnings")[0], expected)

    @unittest.skipUnless(shutil.which("cppcheck"), "cppcheck is not installed")
    def test_cppcheck_fails_the_step(self):
        for text, expected in (("int f() {\n  int a[2] = {};\n  return a[2];\n}\n", 1), ("int f() { return 1; }\n", 0)):
            self.source(text)
            self.assertEqual(self.check("cppcheck")[0], expected, text)

    @unittest.skipUnless(shutil.which("clang-tidy"), "clang-tidy is not installed")
    def test_clang_tidy_fails_the_step_until_the_cause_has_gone(self):
        entries = [{"file": f"../src/{path}", "directory": f"{self.tree}/build-clang", "command": f"clang++ -std=c++20 -c ../src/{path}"}
                   for path in ("a.cpp", "pair/b.cpp", "pair/c.cpp")]
        self.program("meson", paper_meson.replace("[]", json.dumps(entries)))
        (self.tree / "src/pair").mkdir()
        for name in ("b", "c"):
            text = f"static int one() {{ return 1; }}\nint {name}() {{ return one(); }}\n"
            (self.tree / f"src/pair/{name}.cpp").write_text(text, encoding="ascii")
        header = self.tree / "src/a.hpp"
        self.source('#include "a.hpp"\n')
        # Beside it two files that do not compile together; and of what is known to be clean, nothing is looked at again.
        for text, expected, looked_at in (("int f(int);\n", 0, 3), ("int f(int);\n", 0, 0),
                                          ("inline int f(int unused) { return 1; }\n", 1, 1),
                                          ("inline int f(int unused) { return 1; }\n", 1, 1), ("int g(int);\n", 0, 1)):
            header.write_text(text, encoding="ascii")
            code, line, told = self.check("tidy")
            self.assertEqual(code, expected, told)
            self.assertRegex(line, rf" {expected} findings in 3 files, {looked_at} of them looked at now$")

    def test_a_missing_program_fails_its_step_and_says_what_to_install(self):
        (self.tree / "bin/bash").symlink_to(shutil.which("bash"))
        for name in ("dirname", "basename", "nproc", "sort", "tail", "grep", "mkdir", "touch", "cat", "rm"):
            (self.tree / "bin" / name).symlink_to(shutil.which(name))
        for step, package in (("cppcheck", "cppcheck"), ("valgrind", "valgrind"), ("tidy", "clang-tidy"), ("warnings", "clang")):
            with self.subTest(step=step):
                result = subprocess.run([shutil.which("bash"), self.tree / "scripts/check", step], stdin=subprocess.DEVNULL,
                                        capture_output=True, text=True, env={"PATH": f"{self.tree}/bin"}, timeout=60 * patience(), check=False)
                self.assertEqual((result.returncode, result.stdout.split()[:3]), (1, [step, "not", "clean"]), result)
                self.assertIn(f"apt-get install {package}", result.stderr)


if __name__ == "__main__":
    main()
