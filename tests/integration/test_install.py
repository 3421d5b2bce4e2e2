#!/usr/bin/env python3
"""`meson install` into a stage: exactly these files, a binary that runs, pages and a unit without complaint, and an uninstall
that leaves nothing. Needs $STARLING_BUILD, the build folder."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import ClusterCase, binary, free_of_settings, main, wait_until

runtime = {
    "bin/starling", "lib/systemd/system/starling.service", "share/starling/rules.yaml",
    "share/bash-completion/completions/starling", "share/zsh/site-functions/_starling",
    "share/fish/vendor_completions.d/starling.fish",
}
man = {"share/man/man1/starling.1", "share/man/man1/starling-node.1", "share/man/man5/starling-rules.5"}
devel = {"libstarling.a", "pkgconfig/starling.pc"} | {
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
        return next(stage.rglob("bin/starling")).parent.parent, stage

    @staticmethod
    def files(prefix):
        """Without the folder of the architecture's libraries, whose name differs."""
        names = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
        return {name[name.index(part):] if name.startswith("lib/") and part in name else name
                for name in names for part in ["pkgconfig/" if "pkgconfig/" in name else "libstarling.a"]}

    def test_the_tags(self):
        prefix, _ = self.install("--tags", "runtime", "--strip")
        self.assertEqual(self.files(prefix), runtime)
        said = subprocess.run([prefix / "bin/starling", "--version"], capture_output=True, text=True, check=True)
        self.assertEqual(said.stdout, "starling 0.1.0\n")
        prefix, _ = self.install("--tags", "runtime,man")
        self.assertEqual(self.files(prefix), runtime | man)

    def test_everything_comes_and_goes(self):
        prefix, stage = self.install()
        self.assertEqual(self.files(prefix), runtime | man | devel)
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
        for command in self.commands():
            words = self.starling(*command, "--help").stdout.split()
            options = {word for part in words for word in part.split(",") if word.startswith("--") and len(word) > 2}
            page = text["starling-node.1" if command == ["node"] else "starling.1"]
            for option in options:
                self.assertIn(option.rstrip(".;"), page, command)

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
        score = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], capture_output=True, text=True,
                               check=False)
        self.assertEqual(score.returncode, 0, score.stdout[-500:] + score.stderr)

    def test_the_example_is_valid(self):
        prefix, _ = self.install("--tags", "runtime")
        self.assertEqual(self.starling("config", "validate", str(prefix / "share/starling/rules.yaml")).returncode, 0)


class Notify(ClusterCase):
    def told(self, address):
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

    def test_ready_alive_reloading_and_stopping(self):
        path = str(self.directory / "notify")
        for name, address in ((path, path), ("@" + path, "\0" + path)):
            with self.subTest(socket=name):
                lines = self.told(address)
                node = self.node(1, environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"})
                wait_until("READY=1", lambda: "READY=1" in lines())
                self.assertTrue(node.ready())
                wait_until("two signs of life", lambda: lines().count("WATCHDOG=1") >= 2)
                node.signal(1)
                wait_until("the reload to be told", lambda: "RELOADING=1" in lines() and lines().count("READY=1") == 2)
                self.assertEqual(node.terminate(), 0)
                self.assertIn("STOPPING=1", lines())

    def test_nobody_listens(self):
        node = self.node(1, environment={"NOTIFY_SOCKET": str(self.directory / "nobody")}).wait_ready()
        self.assertEqual(node.terminate(), 0)


if __name__ == "__main__":
    main()
