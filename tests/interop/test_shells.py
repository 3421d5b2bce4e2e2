#!/usr/bin/env python3
"""Real shells are asked what completes a line: bash (with bash-completion), zsh and fish, each with the script that
`starling completion` prints, found where an installation puts it."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from harness import binary, free_of_settings, main, skip  # noqa: E402
from harness.terminal import Terminal  # noqa: E402

# What is typed, and some of what must and must not be offered.
questions = (
    ("starling ", {"peers", "node", "override", "completion"}, {"--server", "manual"}),
    ("starling pe", {"peers"}, {"status"}),
    ("starling override ", {"set", "list", "delete"}, {"peers"}),
    ("starling override list --", {"--server", "--watch", "--kind"}, {"--limit"}),
    ("starling override list --kind ", {"limits", "learning", "enforcing", "ignoring"}, {"--server"}),
    ("starling peers -o ", {"table", "wide", "json", "yaml"}, {"peers"}),
    ("starling peers --server http://x:1 --output ", {"table", "json"}, set()),
    ("starling help ov", {"override"}, {"peers"}),
    ("starling completion ", {"bash", "zsh", "fish"}, set()),
    ("starling node --config ru", {"rules of mine.yaml"}, {"table"}),
    ("starling config validate ru", {"rules of mine.yaml"}, set()),
)


class Shells(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="starling-shells-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "work").mkdir()
        (self.root / "work" / "rules of mine.yaml").touch()
        bin_folder = self.root / "bin"
        bin_folder.mkdir()
        (bin_folder / "starling").symlink_to(binary())
        self.environment = {**free_of_settings(), "HOME": str(self.root), "TERM": "dumb", "LC_ALL": "C.UTF-8",
                            "PATH": f"{bin_folder}:{os.environ['PATH']}"}

    def script(self, shell, *place):
        path = self.root.joinpath(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(subprocess.run([binary(), "completion", shell], capture_output=True, check=True).stdout)
        return path

    def ask_all(self, shell, offered):
        if not shutil.which(shell):
            self.skipTest(f"{shell} is not installed")
        for line, wanted, unwanted in questions:
            with self.subTest(shell=shell, line=line):
                found = offered(line)
                self.assertLessEqual(wanted, found)
                self.assertFalse(unwanted & found, found)

    def run_shell(self, *command):
        done = subprocess.run(command, cwd=self.root / "work", env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        return {line.strip() for line in done.stdout.splitlines()}

    def test_bash(self):
        script = self.script("bash", "starling.bash")
        ask = ('source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; read -r -a COMP_WORDS <<<"$2"; [[ $2 != *" " ]] || COMP_WORDS+=(""); '
               'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _starling; printf "%s\\n" "${COMPREPLY[@]}"')
        # bash breaks words at ':' and '='; here a line has them only behind what matters.
        self.ask_all("bash", lambda line: self.run_shell("bash", "--norc", "-c", ask, "bash", str(script), line))

    def test_bash_with_bash_completion_at_a_terminal(self):
        if not os.path.exists("/usr/share/bash-completion/bash_completion"):
            self.skipTest("bash-completion is not installed")
        self.script("bash", "share", "bash-completion", "completions", "starling")
        terminal = Terminal([shutil.which("bash"), "--norc", "--noprofile", "-i"],
                            {**self.environment, "XDG_DATA_DIRS": str(self.root / "share"), "PS1": "> ", "INPUTRC": "/dev/null"})
        self.addCleanup(terminal.close)
        terminal.type(f"cd {self.root}/work; source /usr/share/bash-completion/bash_completion; echo lo''aded\n")
        at = terminal.wait_for("loaded")
        terminal.type("starling comp\tba\t | grep -c complete; echo en''d\n")
        end = terminal.wait_for("end", at)
        self.assertIn("starling completion bash ", terminal.text[at:end])
        at = len(terminal.text)
        terminal.type("starling peers --output=js\t --help | head -1; echo en''d2\n")
        end = terminal.wait_for("end2", at)
        self.assertIn("--output=json", terminal.text[at:end])

    def test_zsh(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        script = self.script("zsh", "site-functions", "_starling")
        ask = (f"cd {self.root}/work; fpath=({script.parent} $fpath); autoload -Uz compinit; compinit -u -d {self.root}/dump; "
               "PROMPT='> '; echo lo''aded\n")
        for line, wanted, unwanted in questions:
            if line.endswith(" ru"):
                continue  # zsh shows a file's name with its blanks escaped
            with self.subTest(line=line):
                terminal = Terminal([shutil.which("zsh"), "-f", "-i"], {**self.environment, "TERM": "vt100"})
                try:
                    terminal.type(ask)
                    at = terminal.wait_for("loaded\r\n")
                    terminal.type(line + "\x04")  # lists what there is, and leaves the line as it was
                    below = terminal.wait_for("\n", at)
                    for word in wanted:
                        terminal.wait_for(word, below)
                    for word in unwanted - set(line.split()):
                        self.assertNotIn(word, terminal.text[below:])
                finally:
                    terminal.close()

    def test_fish(self):
        script = self.script("fish", "starling.fish")

        def offered(line):
            found = self.run_shell("fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", str(script), line)
            return {each.split("\t")[0].replace("\\ ", " ") for each in found}
        self.ask_all("fish", offered)


if __name__ == "__main__":
    if not any(shutil.which(shell) for shell in ("zsh", "fish", "bash")):
        skip("expected bash, zsh or fish, found none")
    main()
