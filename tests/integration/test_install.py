#!/usr/bin/env python3
"""`meson install` into a stage: exactly these files, a binary that runs, pages and a unit without complaint, and an uninstall
that leaves nothing. Needs $STARLING_BUILD, the build folder."""

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from harness import ClusterCase, binary, free_of_settings, main, wait_until

runtime = {
    "bin/starling", "lib/systemd/system/starling.service", "share/starling/rules.yaml",
    "share/bash-completion/completions/starling", "share/zsh/site-functions/_starling",
    "share/fish/vendor_completions.d/starling.fish",
}
man = {"share/man/man1/starling.1", "share/man/man1/starling-node.1", "share/man/man5/starling-rules.5"}
devel = {"LIBDIR/libstarling.a", "LIBDIR/pkgconfig/starling.pc"} | {
    f"include/starling/{name}.hpp" for name in ("engine", "error", "node", "request", "version", "view")}


def tool(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not found:
        raise unittest.SkipTest(f"{name} is not installed")
    return found


class Install(ClusterCase):
    def install(self, *arguments):
        """The stage's folder that is the prefix in it, and the stage."""
        folder = tempfile.TemporaryDirectory(prefix="starling-stage-")
        self.addCleanup(folder.cleanup)
        stage = pathlib.Path(folder.name) / "stage"
        subprocess.run(["meson", "install", "-C", os.environ["STARLING_BUILD"], "--no-rebuild", "--quiet", "--destdir", stage,
                        *arguments], check=True, stdout=subprocess.DEVNULL)
        return stage / self.option("prefix").lstrip("/"), stage

    @staticmethod
    @functools.cache
    def option(name):
        """One of the build folder's."""
        said = subprocess.run(["meson", "introspect", "--buildoptions", os.environ["STARLING_BUILD"]], capture_output=True, check=True)
        return next(each["value"] for each in json.loads(said.stdout) if each["name"] == name)

    def assert_files(self, prefix, stage, expected):
        """These below the prefix, and nothing anywhere else."""
        libraries = self.option("libdir")  # lib/ and the architecture, in Debian
        self.assertEqual({str(path.relative_to(stage)) for path in stage.rglob("*") if not path.is_dir()},
                         {str((prefix / name.replace("LIBDIR", libraries)).relative_to(stage)) for name in expected})
        for path in stage.rglob("*"):  # anybody may read it, nobody else write it
            mode = 0o755 if path.is_dir() or path.name == "starling" and path.parent.name == "bin" else 0o644
            self.assertEqual(path.stat().st_mode & 0o7777, mode, path)

    def test_the_tags(self):
        for tag, expected in (("runtime", runtime), ("devel", devel), ("runtime,man", runtime | man)):
            with self.subTest(tags=tag):
                self.assert_files(*self.install("--tags", tag), expected)

    def test_a_stripped_binary_runs(self):
        binaries = []
        for arguments in ((), ("--strip",)):
            prefix, _ = self.install("--tags", "runtime", *arguments)
            binaries.append(prefix / "bin/starling")
        sections = [subprocess.run(["readelf", "-SWd", path], capture_output=True, text=True, check=True).stdout for path in binaries]
        self.assertEqual([".symtab" in each for each in sections], [True, False])
        self.assertNotIn(".debug_info", sections[1])
        self.assertLess(binaries[1].stat().st_size, binaries[0].stat().st_size)
        for each in sections:
            self.assertNotRegex(each, "R(UN)?PATH")
        said = subprocess.run([binaries[1], "--version"], capture_output=True, text=True, check=True)
        self.assertEqual(said.stdout, "starling 0.1.0\n")

    def test_everything_comes_and_goes(self):
        prefix, stage = self.install()
        self.assert_files(prefix, stage, runtime | man | devel)
        # meson's uninstall reads the log of the last installation; a copy, for other tests install as well.
        place = stage.parent / "log"
        (place / "meson-logs").mkdir(parents=True)
        shutil.copy(pathlib.Path(os.environ["STARLING_BUILD"]) / "meson-logs" / "install-log.txt", place / "meson-logs")
        subprocess.run(["meson", "--internal", "uninstall"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual([str(path) for path in stage.rglob("*")], [])

    def test_the_pages_are_clean_and_tell_all_options(self):
        prefix, _ = self.install("--tags", "runtime,man")
        for page in sorted(man):
            said = subprocess.run([tool("mandoc"), "-T", "lint", "-W", "warning", prefix / page], capture_output=True, text=True, check=False)
            self.assertEqual((said.stdout, said.stderr), ("", ""), page)
        text = {}
        for page in ("starling.1", "starling-node.1"):
            text[page] = subprocess.run([tool("mandoc"), "-T", "utf8", prefix / "share/man/man1" / page], capture_output=True, text=True,
                                        check=True).stdout
            text[page] = "".join(text[page][at] for at in range(len(text[page])) if text[page][at:at + 1] != "\b" and
                                 text[page][at + 1:at + 2] != "\b")
        commands = self.commands()
        self.assertGreater(len(commands), 20)
        for command in [[], *commands]:
            page = set(re.findall(r"-[-\w.]*\w", text["starling-node.1" if command == ["node"] else "starling.1"]))
            said = self.starling(*command, "--help").stdout
            options = {name for line in said.splitlines() if re.match(r"  +-", line)
                       for name in re.match(r" *(\S+)", line)[1].split(",")}
            self.assertIn("--help", options)
            self.assertLessEqual(options, page, command)

    def test_pages_and_scripts_are_the_same_whoever_builds(self):
        prefix, _ = self.install("--tags", "runtime,man")
        strange = {"USER": "carol", "HOME": "/nowhere", "STARLING_SERVER": "http://192.0.2.9:1", "COLUMNS": "40", "LC_ALL": "C",
                   "STARLING_CONFIG": "/x", "STARLING_ADMIN_TOKEN_FILE": "/y", "TZ": "Asia/Tokyo", "PATH": os.environ["PATH"]}
        for shell, path in (("bash", "bash-completion/completions/starling"), ("zsh", "zsh/site-functions/_starling"),
                            ("fish", "fish/vendor_completions.d/starling.fish")):
            said = subprocess.run([binary(), "completion", shell], env=strange, capture_output=True, text=True, check=True)
            self.assertEqual(said.stdout, (prefix / "share" / path).read_text(encoding="utf-8"), shell)
        tree = pathlib.Path(__file__).resolve().parents[2]
        for page in ("starling.1", "starling-node.1"):
            said = subprocess.run([binary(), "manual", tree / "src/install/man" / page], env=strange, capture_output=True, text=True,
                                  check=True)
            self.assertEqual(said.stdout, (prefix / "share/man/man1" / page).read_text(encoding="utf-8"), page)
            self.assertNotIn(socket.gethostname(), said.stdout.split())

    def commands(self, path=()):
        """All that completion knows: every command that has no further ones."""
        script = self.starling("completion", "bash").stdout
        paths = {line.split("'")[3] for line in script.splitlines() if line.strip().startswith("('") and "path='" in line}
        return [path.split() for path in paths if not any(other.startswith(path + " ") for other in paths)]

    def test_the_unit(self):
        prefix, _ = self.install("--tags", "runtime")
        unit = prefix / "lib/systemd/system/starling.service"
        text = unit.read_text(encoding="utf-8")
        found = [line.split("=", 1)[1].split()[0] for line in text.splitlines() if line.startswith("ExecStart=")]
        self.assertTrue(found[0].endswith("/bin/starling"), found)
        unit.write_text(text.replace(found[0], str(prefix / "bin/starling")), encoding="utf-8")
        said = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", unit], capture_output=True, text=True, check=False)
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        score = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=11", unit], capture_output=True, text=True,
                               check=False)
        self.assertEqual(score.returncode, 0, score.stdout[-500:] + score.stderr)

    def test_the_example_is_valid(self):
        prefix, _ = self.install("--tags", "runtime")
        self.assertEqual(self.starling("config", "validate", str(prefix / "share/starling/rules.yaml")).returncode, 0)


class Notify(ClusterCase):
    """What the service manager hears: sd_notify(3)."""

    def told(self, address):
        """All lines that came so far, by a function."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(address)
        listener.setblocking(False)
        self.addCleanup(listener.close)
        heard = []

        def lines():
            try:
                while True:
                    heard.extend(listener.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return heard
        return lines

    def managed(self, number=1, more=None, **settings):
        path = str(self.directory / f"notify-{number}")
        lines = self.told(path)
        return self.node(number, environment={"NOTIFY_SOCKET": path, **(more or {})}, **settings), lines

    def test_ready_alive_and_stopping(self):
        path = str(self.directory / "notify")
        for name, address in ((path, path), ("@" + path, "\0" + path)):
            with self.subTest(socket=name):
                lines = self.told(address)
                node = self.node(1, environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"})
                wait_until("READY=1", lambda: "READY=1" in lines())
                self.assertTrue(node.ready())
                wait_until("two signs of life", lambda: lines().count("WATCHDOG=1") >= 2)
                self.assertEqual(node.terminate(), 0)
                self.assertEqual([line for line in lines() if line != "WATCHDOG=1"],
                                 ["READY=1", "STATUS=ready", "STOPPING=1",
                                  "STATUS=leaving: peers are told all counts, clients may finish"])

    def test_it_is_alive_before_it_is_ready(self):
        node, lines = self.managed(more={"WATCHDOG_USEC": "20000"}, neighborhood_host=self.neighborhood(2), join_timeout="60s")
        wait_until("many signs of life", lambda: lines().count("WATCHDOG=1") >= 20)
        self.assertEqual(node.status()["state"], "joining")
        self.assertNotIn("READY=1", lines())
        node.signal(signal.SIGHUP)
        wait_until("the signal to be seen", lambda: "SIGHUP" in node.log())
        count = len(lines())
        wait_until("further signs of life", lambda: len(lines()) >= count + 5)
        self.assertEqual(set(lines()), {"WATCHDOG=1"})
        other = self.node(2, neighborhood_host=self.neighborhood(2))
        wait_until("READY=1", lambda: "READY=1" in lines())
        self.assertTrue(node.ready())
        other.wait_ready()
        self.assertEqual(node.terminate(), 0)

    def reload(self, node, lines):
        """SIGHUP until READY=1; the lines of it."""
        count, before = len(lines()), time.monotonic_ns()
        node.signal(signal.SIGHUP)
        wait_until("READY=1", lambda: "READY=1" in lines()[count:])
        begin, when, *rest = lines()[count:]
        self.assertEqual((begin, rest[1:]), ("RELOADING=1", ["READY=1", "STATUS=ready"]))
        self.assertRegex(when, r"^MONOTONIC_USEC=\d+$")
        self.assertTrue(before // 1000 <= int(when.partition("=")[2]) <= time.monotonic_ns() // 1000, when)

    def test_a_reload_is_over_when_the_rules_are_in_force(self):
        def text(name, count):  # so many that reading them takes a while
            return "rules:\n" + "".join(f'  - {{name: {name}{each}, match: {{principal: "*"}}, limits: [{{requests: 9, per: 1h}}]}}\n'
                                        for each in range(count))
        rules = self.rules(text("old", 1))
        node, lines = self.managed(config=rules)
        wait_until("READY=1", lambda: "READY=1" in lines())
        self.reload(node, lines)  # nothing is new
        self.rules(text("new", 3000))
        self.reload(node, lines)
        self.assertEqual(node.status()["rules"][0]["name"], "new0")
        self.rules("rules: 7\n" + "#" * 1000)
        self.reload(node, lines)
        self.assertIn("rules", node.status()["reload_error"])
        self.assertEqual(node.terminate(), 0)
        self.assertEqual(lines()[-2:], ["STOPPING=1", "STATUS=leaving: peers are told all counts, clients may finish"])

    def test_a_reload_without_a_configuration_ends_too(self):
        node, lines = self.managed()
        wait_until("READY=1", lambda: "READY=1" in lines())
        self.reload(node, lines)

    def test_a_manager_whose_queue_is_full_is_told_when_there_is_room(self):
        path = str(self.directory / "notify")
        lines = self.told(path)
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        filler.setblocking(False)
        with filler, self.assertRaises(BlockingIOError):
            while True:
                filler.sendto(b"X=1", path)
        node = self.node(1, environment={"NOTIFY_SOCKET": path}).wait_ready()
        wait_until("READY=1", lambda: "READY=1" in lines())
        self.assertEqual(node.terminate(), 0)

    def test_a_manager_that_is_not_there_does_no_harm(self):
        for name in (str(self.directory / "nobody"), "@" + str(self.directory / "nobody"), str(self.directory), "relative", "@",
                     "vsock:2:1", "/" + "x" * 5000, ""):
            with self.subTest(socket=name[:60]):
                node = self.node(1, environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000"}).wait_ready()
                node.signal(signal.SIGHUP)
                wait_until("the signal to be seen", lambda n=node: "SIGHUP" in n.log())
                self.assertEqual(node.check(principal="alice").status, 200)
                self.assertEqual(node.terminate(), 0)


if __name__ == "__main__":
    main()
