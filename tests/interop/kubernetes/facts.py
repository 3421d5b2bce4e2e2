"""What the binary says of itself, for manifests to be held against."""

import re
import subprocess


class Facts:
    def __init__(self, binary, environment):
        said = subprocess.run([binary, "node", "--help"], capture_output=True, text=True, check=True, env=environment).stdout
        told = subprocess.run([binary, "version"], capture_output=True, text=True, check=True, env=environment).stdout
        self.version = re.search(r"\d+\.\d+\.\d+", told)[0]
        self.variables = {}  # name -> its flag
        self.defaults = {}   # flag -> text
        for flags, tail in re.findall(r"^  (--\S+)[^\n]*(?:\n {6,}[^\n]*)*?\[(env: [^\]]*)\]", said, re.MULTILINE):
            flag = flags.split(",")[0]
            names, _, default = tail.partition("; default: ")
            self.defaults[flag] = default
            for name in names.removeprefix("env: ").split(" or "):
                self.variables[name] = flag
        assert len(self.defaults) > 15, f"expected the settings of a node in its --help, found {said}"

    def drain_seconds(self, container):
        """--drain-timeout of a container as its manifest sets it."""
        for each in container.get("env", []):
            if self.variables.get(each["name"]) == "--drain-timeout":
                return seconds(each["value"])
        command = container.get("command", []) + container.get("args", [])
        if "--drain-timeout" in command:
            return seconds(command[command.index("--drain-timeout") + 1])
        return seconds(self.defaults["--drain-timeout"])


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
