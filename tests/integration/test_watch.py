#!/usr/bin/env python3
"""--watch, colours, pipes: the client commands on a real terminal and away from one."""

import json
import signal
import socket
import subprocess

from harness import ClusterCase, binary, free_of_settings, main
from harness.terminal import Terminal

leave_screen = "\x1b[?1049l"


class Watch(ClusterCase):
    def terminal(self, *arguments, environment=None, **size):
        terminal = Terminal([binary(), *arguments], {**free_of_settings(), "TERM": "xterm", **(environment or {})}, **size)
        self.addCleanup(terminal.close)
        return terminal

    def test_repaints_and_ends_by_ctrl_c(self):
        self.cluster(2)
        terminal = self.terminal("peers", "--server", self.subnet.host(1), "--watch", "--interval", "0.1")
        first = terminal.wait_for("alive")
        self.assertIn("starling peers", terminal.text)
        self.assertIn("every 0.1s", terminal.text)
        terminal.wait_for("\x1b[H", first)
        self.assertEqual(terminal.text.count("\x1b[2J"), 1, "a screen that is cleared for each frame flickers")
        terminal.type("\x03")
        self.assertEqual(terminal.wait_exit(), 0)
        self.assertIn(leave_screen, terminal.text)
        self.assertIn("\x1b[?25h", terminal.text)
        self.assertIn("n2", terminal.text[terminal.text.rindex(leave_screen):], "the last state stays to be read")

    def test_fits_the_window_when_that_changes(self):
        self.node(1).wait_ready()
        terminal = self.terminal("status", "--server", self.subnet.host(1), "--watch", "--interval", "60", rows=10, columns=40)
        before = terminal.wait_for(" more")
        self.assertNotIn("settings", terminal.text)
        terminal.resize(8, 30)
        begin = terminal.wait_for("\x1b[H", before)
        end = terminal.wait_for("\x1b[J", begin)
        frame = terminal.text[begin:end]
        lines = frame.replace("\x1b[K", "").replace("\x1b[J", "").replace("\r", "").split("\n")
        self.assertLessEqual(len(lines), 8)
        self.assertTrue(all(len(line) <= 30 for line in lines), lines)

    def test_a_node_that_goes_and_comes_back(self):
        node = self.node(1).wait_ready()
        terminal = self.terminal("status", "--server", self.subnet.host(1), "--watch", "--interval", "0.1", rows=60)
        terminal.wait_for("ready")
        node.kill()
        at = terminal.wait_for("no answer; what follows is ")
        terminal.wait_for("decisions", at)
        node.start()
        node.wait_ready()
        at = terminal.wait_for("no answer", terminal.text.rindex("no answer"))
        terminal.wait_for("decisions", terminal.wait_for("every 0.1s\x1b[K\r\r\n\x1b[K", at))

    def test_ctrl_c_does_not_wait_for_a_node_that_hangs(self):
        listener = socket.create_server((self.subnet.host(1), 0))
        self.addCleanup(listener.close)
        terminal = self.terminal("peers", "--server", "{}:{}".format(*listener.getsockname()), "--watch")
        connection, _ = listener.accept()
        self.addCleanup(connection.close)
        terminal.type("\x03")
        self.assertEqual(terminal.wait_exit(), 0)

    def test_away_from_a_terminal_documents_follow_each_other(self):
        self.node(1).wait_ready()
        for form in ("json", "table"):
            process = subprocess.Popen([binary(), "peers", "--server", self.subnet.host(1), "--watch", "--interval", "0.1", "-o", form],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=free_of_settings())
            lines = [process.stdout.readline() for _ in range(6)]
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(20), 0)
            process.stdout.close()
            if form == "json":
                self.assertEqual([json.loads(line)["node"] for line in lines], ["n1"] * 6)
            else:
                self.assertEqual([lines[2], lines[0]], ["\n", lines[3]])

    def test_colours_only_where_they_are_wanted(self):
        self.cluster(2)
        ask = ["peers", "--server", self.subnet.host(1)]
        green = "\x1b[32malive\x1b[0m"
        for arguments, environment, wanted in (([], {}, True), ([], {"NO_COLOR": "1"}, False), ([], {"TERM": "dumb"}, False),
                                               (["--no-color"], {}, False), (["--color", "never"], {}, False),
                                               (["--color", "always"], {"NO_COLOR": "1"}, True)):
            with self.subTest(arguments=arguments, environment=environment):
                terminal = self.terminal(*ask, *arguments, environment=environment)
                self.assertEqual(terminal.wait_exit(), 0)
                self.assertIn("alive", terminal.read())
                self.assertEqual(green in terminal.text, wanted)
        self.assertNotIn("\x1b", self.starling(*ask).stdout)
        self.assertIn(green, self.starling(*ask, "--color", "always").stdout)

    def test_a_reader_that_hangs_up_is_no_error(self):
        self.node(1).wait_ready()
        for arguments in (["status"], ["peers", "--watch", "--interval", "0.1"]):
            process = subprocess.Popen([binary(), *arguments, "--server", self.subnet.host(1)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=free_of_settings())
            process.stdout.close()
            self.assertEqual(process.wait(20), -signal.SIGPIPE)
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()

    def test_a_full_disk_is_told(self):
        self.node(1).wait_ready()
        with open("/dev/full", "wb") as full:
            result = subprocess.run([binary(), "peers", "--server", self.subnet.host(1)], stdin=subprocess.DEVNULL, stdout=full,
                                    stderr=subprocess.PIPE, text=True, env=free_of_settings(), timeout=20, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write to standard output: No space left", result.stderr)

    def test_the_server_in_the_environment_and_as_a_host(self):
        self.node(1).wait_ready()
        self.assertEqual(self.starling("peers", environment={"STARLING_SERVER": self.subnet.host(1)}).returncode, 0)
        wrong = self.starling("peers", environment={"STARLING_SERVER": "ftp://x"})
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("STARLING_SERVER", wrong.stderr)

    def test_help_and_slips(self):
        self.assertEqual(self.starling("help", "override", "set").stdout, self.starling("override", "set", "--help").stdout)
        self.assertEqual(self.starling("help").stdout, self.starling("--help").stdout)
        self.assertIn("did you mean peers?", self.starling("peerz").stderr)
        self.assertIn("did you mean --server?", self.starling("peers", "--sever", "x").stderr)
        self.assertEqual(json.loads(self.starling("version", "-o", "json").stdout), {"version": "0.1.0", "protocol": 1})


if __name__ == "__main__":
    main()
