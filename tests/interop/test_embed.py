#!/usr/bin/env python3
"""Programs with a node inside: built from what `meson install` installs by what pkg-config says, in one cluster with
ordinary nodes.

Run alone:   python3 tests/interop/test_embed.py [BINARY] [unittest arguments]
The build folder is $STARLING_BUILD, else build/ at the top of the tree.
"""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

tree = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(tree / "tests/integration"))

from harness import ClusterCase, Session, main, patience, request, skip, wait_equal, wait_until  # noqa: E402
from harness.node import die_with_parent  # noqa: E402

sources = tree / "tests/interop/embed"
build = pathlib.Path(os.environ.get("STARLING_BUILD") or tree / "build")
compiler = [word for word in shlex.split(os.environ.get("STARLING_CXX", "g++")) if word != "ccache"]
sanitize = os.environ.get("STARLING_SANITIZE", "none")
warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Werror"]
program_deadline_s = 30.0
gateway_port = 8000


class Stage:
    """A staged installation and the examples built against it; made once for all tests of this file."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="starling-stage-")
        self.root = pathlib.Path(self._folder.name)
        self._programs = {}
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--tags", "devel",
                        "--destdir", self.root / "stage"], check=True, stdout=subprocess.DEVNULL)
        found = list(self.root.rglob("starling.pc"))
        assert len(found) == 1, f"expected one starling.pc in the stage, found {found}"
        self.pkgconfig = found[0].parent

    def pkg_config(self, *arguments, environment=None):
        """The words that pkg-config prints; without anything that this machine's user has set."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PKG_CONFIG")}
        done = subprocess.run(["pkg-config", *arguments, "starling"], capture_output=True, text=True, check=False,
                              env={**clean, "PKG_CONFIG_PATH": str(self.pkgconfig), **(environment or {})})
        assert done.returncode == 0, done.stderr
        return shlex.split(done.stdout)

    def program(self, name, flags=(), pkg_config=("--cflags", "--libs")):
        """The path of the example, compiled with what pkg-config says and no other path."""
        key = (name, *flags, *pkg_config)
        if key not in self._programs:
            out = self.root / f"{name}-{len(self._programs)}"
            extra = [] if sanitize == "none" else [f"-fsanitize={sanitize}"]
            # Without the library's debug information linking takes a sixth of the time.
            command = [*compiler, "-std=c++20", "-O1", "-Wl,--strip-debug", *warnings, *extra, *flags, sources / f"{name}.cpp",
                       "-o", out, *self.pkg_config(*pkg_config)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.root)
            assert done.returncode == 0, f"{name}.cpp does not build against the installed files:\n{done.stderr}"
            self._programs[key] = str(out)
        return self._programs[key]

    def close(self):
        self._folder.cleanup()


class Gateway:
    """The example gateway as a process; asked like a node."""

    def __init__(self, program, address, name, log_path, **settings):
        self.address, self.name, self.log_path = address, name, log_path
        words = {"bind": address, "http": gateway_port, "name": name, **settings}
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen([program, *(f"{key}={value}" for key, value in words.items())],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def wait_ready(self):
        wait_until(f"{self.name} to be ready", lambda: request(self.address, gateway_port, "/ready").status == 200)
        return self

    def session(self):
        return Session(self.address, gateway_port)

    def log(self):
        return pathlib.Path(self.log_path).read_text(encoding="utf-8", errors="replace")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20 * patience())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class EmbedCase(ClusterCase):
    stage = None

    @classmethod
    def setUpClass(cls):
        if EmbedCase.stage is None:
            EmbedCase.stage = Stage()
            unittest.addModuleCleanup(EmbedCase.stage.close)

    def run_program(self, *command, text=""):
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                              timeout=program_deadline_s * patience())

    def assert_runs(self, *command):
        done = self.run_program(*command)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}")
        return done.stdout


class Installed(EmbedCase):
    def test_the_pkg_config_file_is_sound_and_complete_with_and_without_static(self):
        self.stage.pkg_config("--validate")
        self.assertRegex(" ".join(self.stage.pkg_config("--modversion")), r"^\d+\.\d+\.\d+$")
        for words in (("--cflags", "--libs"), ("--static", "--cflags", "--libs")):
            program = self.stage.program("quickstart", pkg_config=words)
            self.assertEqual(self.assert_runs(program, self.subnet.host(1)), "200\n")

    def test_a_sysroot_leads_to_the_same_files(self):
        stage = str(self.stage.root / "stage")
        words = self.stage.pkg_config("--variable=includedir", environment={"PKG_CONFIG_SYSROOT_DIR": stage})
        self.assertTrue((pathlib.Path(words[0]) / "starling/node.hpp").is_file(), words)

    def test_each_header_stands_alone_and_needs_the_standard_library_only(self):
        """Whoever includes them takes over no dependency of ours. Installed are these headers and no others."""
        include = pathlib.Path(*self.stage.pkg_config("--variable=includedir"))
        headers = sorted(include.rglob("*.*"))
        self.assertEqual([each.name for each in headers],
                         ["engine.hpp", "error.hpp", "node.hpp", "request.hpp", "version.hpp", "view.hpp"])
        for header in headers:
            for name in re.findall(r"^\s*#\s*include\s*<(.+)>", header.read_text(), re.MULTILINE):
                self.assertTrue(name.startswith("starling/") or re.fullmatch(r"[a-z_]+", name), f"{header.name}: <{name}>")
            done = self.run_program(*compiler, "-std=c++20", *warnings, "-fsyntax-only", f"-I{include}", "-x", "c++", "-",
                                    text=f"#include <starling/{header.name}>\n")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_example_of_the_readme_is_the_one_that_is_tested(self):
        code = (sources / "quickstart.cpp").read_text().splitlines()[1:]
        quoted = "\n".join(("    " + line).rstrip() for line in code)
        self.assertIn(quoted, (tree / "README.md").read_text(), "expected README.md to quote tests/interop/embed/quickstart.cpp")


class Alone(EmbedCase):
    def test_engines_without_any_io_hold_one_limit(self):
        self.assertRegex(self.assert_runs(self.stage.program("engine_only")), r"^admitted 10[0-2] of 100, a knows 1 peer")

    def test_two_nodes_share_a_loop_which_closes_afterwards(self):
        out = self.assert_runs(self.stage.program("two_nodes"), self.subnet.host(1), self.subnet.host(2))
        self.assertEqual(out.count("loop closed: 0"), 2, out)

    def test_nothing_leaks(self):
        if sanitize == "none":  # else all of them look for leaks
            probe = self.run_program(*compiler, "-fsanitize=address", "-x", "c++", "-", "-o", str(self.directory / "probe"),
                                     text="int main() {}")
            if probe.returncode != 0:
                self.skipTest("the compiler has no AddressSanitizer")
        flags = () if sanitize != "none" else ("-fsanitize=address",)
        out = self.assert_runs(self.stage.program("two_nodes", flags), self.subnet.host(1), self.subnet.host(2))
        self.assertEqual(out.count("loop closed: 0"), 2, out)

    def test_what_is_wrong_with_the_options_is_said(self):
        rules = self.rules("rules:\n  - name: x\n    limit: 3\n")
        done = self.run_program(self.stage.program("gateway"), f"bind={self.subnet.host(1)}", "http=8000", f"rules={rules}")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"gateway: {rules}:3:5: ", done.stderr)


class Mixed(EmbedCase):
    """An embedded node (number 1) and two ordinary ones."""

    def mixed(self, requests, **settings):
        config = self.one_rule(requests)
        neighborhood = self.neighborhood(3)
        gateway = self.gateway(1, rules=config, neighborhood=neighborhood,
                               **{key.replace("_", "-"): value for key, value in settings.items()})
        nodes = [self.node(number, config=config, neighborhood_host=neighborhood, **settings) for number in (2, 3)]
        for node, other in zip(nodes, reversed(nodes)):
            wait_equal(f"the alive peers of {node.name}", node.alive_peers, ["gw", other.name])
            node.wait_ready()
        gateway.wait_ready()
        return gateway, nodes

    def gateway(self, number, **settings):
        made = Gateway(self.stage.program("gateway"), self.subnet.host(number), "gw", str(self.directory / "gateway.log"),
                       cluster="test-" + self.subnet.host(0), **settings)
        self.addCleanup(made.close)
        return made

    def ask(self, gateway, count, key="alice"):
        with gateway.session() as session:
            return [session.request("/", headers={"X-Api-Key": key}) for _ in range(count)]

    def test_ordinary_nodes_list_the_embedded_one_by_name_and_version(self):
        _, (second, _) = self.mixed(10)
        version = self.stage.pkg_config("--modversion")[0]
        listed = self.starling("peers", "-o", "wide", "--server", f"http://{second.address}:9090").stdout
        row = next(line for line in listed.splitlines() if re.search(r"\bgw\b", line))
        self.assertIn(version, row)
        self.assertIn("alive", row)

    def test_step_by_step_exactly_the_limit_is_admitted(self):
        limit = 30
        gateway, nodes = self.mixed(limit, sync_interval="10ms")
        for number in range(limit):
            if number % 3 == 0:
                answer = self.ask(gateway, 1)[0]
            else:
                answer = nodes[number % 3 - 1].check(principal="alice")
            self.assertEqual((answer.status, answer.headers["X-RateLimit-Remaining"]), (200, str(limit - number - 1)))
            self.wait_totals(nodes, number + 1, principal="alice")
            self.wait_remaining(gateway, limit - number - 1)
        for answer in [*self.ask(gateway, 1), *(node.check(principal="alice") for node in nodes)]:
            self.assertEqual(answer.status, 429)
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def wait_remaining(self, gateway, remaining):
        """The embedded node's view, which nobody can ask for but by a request: one that costs nothing."""
        wait_equal(f"what {gateway.name} has left",
                   lambda: int(request(gateway.address, gateway_port, "/", "PEEK",
                                       headers={"X-Api-Key": "alice"}).headers["X-RateLimit-Remaining"]), remaining)

    def test_under_concurrent_load_the_limit_is_admitted_and_little_more(self):
        limit, requests_each = 300, 600
        gateway, nodes = self.mixed(limit)
        admitted = [0, 0, 0]
        gate = threading.Barrier(3)

        def load(index, member, ask):
            with member.session() as session:
                gate.wait()
                for _ in range(requests_each):
                    admitted[index] += ask(session).status == 200

        asks = [lambda session: session.request("/", headers={"X-Api-Key": "alice"})]
        asks += [lambda session: session.check(principal="alice")] * 2
        threads = [threading.Thread(target=load, args=(index, member, ask))
                   for index, (member, ask) in enumerate(zip([gateway, *nodes], asks))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(sum(admitted), limit)
        self.assertLessEqual(sum(admitted), limit * 1.2)
        self.assertGreater(admitted[0], 0)
        self.wait_totals(nodes, sum(admitted), principal="alice")

    def test_a_graceful_stop_loses_no_hit_and_closes_the_loop(self):
        gateway, nodes = self.mixed(1000, sync_interval="1h")  # only leaving publishes 5 of 1000
        self.ask(gateway, 5)
        self.assertEqual([node.total(principal="alice") for node in nodes], [0, 0])
        self.assertEqual(gateway.terminate(), 0, gateway.log())
        for node in nodes:
            self.assertEqual(node.total(principal="alice"), 5, "right after the exit, without waiting")
            wait_equal(f"the state of gw on {node.name}", lambda: node.states().get("gw"), "left")
        self.assertIn("left\n", gateway.log())

    def test_a_kill_loses_nothing_that_was_published(self):
        gateway, nodes = self.mixed(1000, sync_interval="10ms")
        self.ask(gateway, 5)
        self.wait_totals(nodes, 5, principal="alice")
        gateway.process.kill()
        gateway.process.wait()
        for node in nodes:
            node.hit(1, principal="alice")
        self.wait_totals(nodes, 7, principal="alice")
        again = self.gateway(1, rules=self.one_rule(1000), neighborhood=self.neighborhood(3)).wait_ready()
        self.wait_remaining(again, 993)


if __name__ == "__main__":
    for tool in ("meson", "pkg-config", compiler[0]):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    main()
