#!/usr/bin/env python3
"""What the status page computes (formats, rates), by node's own test runner."""

import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import skip  # noqa: E402

node_major_min = 18  # has a test runner


def main():
    node = shutil.which("node")
    if node is None:
        skip("no node in PATH; Debian's package nodejs brings it")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(re.match(r"v(\d+)", version).group(1)) < node_major_min:
        skip(f"node {version} has no test runner; version {node_major_min} has")
    tests = pathlib.Path(__file__).with_name("page_script.js")
    sys.exit(subprocess.run([node, "--test", str(tests)], stdin=subprocess.DEVNULL, check=False).returncode)


if __name__ == "__main__":
    main()
