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

    def zsh(self):
        """At its prompt, with the script where compinit finds it."""
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        script = self.script("zsh", "site-functions", "_starling")
        terminal = Terminal([shutil.which("zsh"), "-f", "-i"], {**self.environment, "TERM": "vt100"}, rows=100)
        self.addCleanup(terminal.close)
        terminal.type(f"cd {self.root}/work; fpath=({script.parent} $fpath); autoload -Uz compinit; "
                      f"compinit -u -d {self.root}/dump; PROMPT='at work> '; echo lo''aded\n")
        # Not before the prompt: until then it is the terminal's driver that takes a Ctrl-D, and no shell ever sees it.
        terminal.wait_for("at work> ", terminal.wait_for("loaded\r\n"))
        return terminal

    def test_zsh(self):
        terminal = self.zsh()
        for number, (line, wanted, unwanted) in enumerate(questions):
            with self.subTest(line=line):
                at = len(terminal.read())
                # Lists what there is, and leaves the line as it was; then the line goes, and a command says that all is there.
                terminal.type(f"{line}\x04\x15echo en''d{number}\n")
                end = terminal.wait_for(f"end{number}\r\n", at)
                terminal.wait_for("at work> ", end)  # the next Ctrl-D, see above
                below = terminal.text[terminal.text.index("\n", at):end].replace("\\ ", " ")  # names of files are escaped
                for word in wanted:
                    self.assertIn(word, below)
                for word in unwanted - set(line.split()):
                    self.assertNotIn(word, below)

    def test_zsh_completes_names_of_files_as_the_program_then_gets_them(self):
        terminal = self.zsh()
        (self.root / "work" / "rules of mine.yaml").write_text("rulez: 1\n", encoding="ascii")
        (self.root / "work" / "readme").touch()
        for line in ("starling config validate ru", "starling node --bind 127.0.0.1 --config ru", "starling node --config=ru"):
            with self.subTest(line=line):
                at = len(terminal.read())
                terminal.type(f"{line}\t\n")
                terminal.wait_for("rules of mine.yaml:1:1: ", at)

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
