#!/usr/bin/env python3
"""The purity checks must see what they are for: each kind of offence is committed once and has to be found."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parent.parent / "src"


class Includes(unittest.TestCase):
    def check_with(self, path, line):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "src"
            shutil.copytree(SOURCE, copy)
            with open(copy / path, "a") as file:
                file.write(line + "\n")
            return subprocess.run([sys.executable, HERE / "includes.py", copy], capture_output=True, text=True)

    def test_a_layer_above_is_found(self):
        result = self.check_with("counter/counter_table.cpp", '#include "gossip/gossip.hpp"')
        self.assertEqual(result.returncode, 1)
        self.assertIn("`counter` may not use `gossip`", result.stdout)

    def test_libuv_in_the_core_is_found(self):
        self.assertIn("the library uv", self.check_with("engine/engine.hpp", "#include <uv.h>").stdout)

    def test_a_system_header_for_io_in_the_core_is_found(self):
        self.assertIn("sans-IO", self.check_with("gossip/gossip.cpp", "#include <sys/socket.h>").stdout)

    def test_the_tree_as_it_is_passes(self):
        result = self.check_with("engine/engine.cpp", "// nothing")
        self.assertEqual(result.returncode, 0, result.stdout)


class Symbols(unittest.TestCase):
    def test_a_clock_and_a_file_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "offence.cpp"
            source.write_text("#include <chrono>\n#include <cstdio>\n"
                              "long f() { return std::chrono::steady_clock::now().time_since_epoch().count(); }\n"
                              'void* g() { return std::fopen("x", "r"); }\n')
            archive = pathlib.Path(folder) / "libstarling_counter.a"
            subprocess.run(["g++", "-std=c++20", "-c", source, "-o", f"{folder}/offence.o"], check=True)
            subprocess.run(["ar", "rcs", archive, f"{folder}/offence.o"], check=True)
            result = subprocess.run([sys.executable, HERE / "symbols.py", SOURCE, archive], capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("steady_clock::now", result.stdout)
        self.assertIn("fopen", result.stdout)


if __name__ == "__main__":
    unittest.main()
