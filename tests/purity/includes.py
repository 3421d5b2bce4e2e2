#!/usr/bin/env python3
"""Every #include in src/ must be allowed by the table in src/README.md.

Usage: includes.py SOURCE_DIR
"""
import pathlib
import re
import sys

import layers

# Third-party headers, by the first part of their path or their whole name.
LIBRARIES = {
    "fmt": "fmt", "sodium.h": "sodium", "tl": "tl", "absl": "absl", "yaml-cpp": "yaml-cpp",
    "flatbuffers": "flatbuffers", "uv.h": "uv", "ares.h": "ares", "ares_dns.h": "ares",
    "llhttp.h": "llhttp", "nlohmann": "nlohmann", "CLI": "CLI",
    "nghttp2": "nghttp2", "protozero": "protozero", "prometheus": "prometheus",
}
GENERATED = {"starling_generated.h": "wire"}
# System headers that do I/O, for the folders that are sans-IO.
IO_HEADERS = re.compile(
    r"^(sys/(socket|types|stat|time|epoll|timerfd|mman|un)\.h|netdb\.h|unistd\.h|fcntl\.h|poll\.h|pthread\.h|"
    r"signal\.h|csignal|thread|mutex|condition_variable|future|atomic|fstream|filesystem|iostream|ctime|time\.h)$")


def check(source_dir):
    allowed, pure = layers.read(source_dir)
    problems = []
    folders = {path.name for path in source_dir.iterdir() if path.is_dir()}
    for missing in sorted(folders ^ set(allowed)):
        problems.append(f"src/README.md and the folders of src/ disagree about `{missing}`")
    files = 0
    for path in sorted(source_dir.rglob("*.[ch]pp")):
        layer = allowed.get(path.relative_to(source_dir).parts[0])
        if layer is None:
            continue
        files += 1
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not found:
                continue
            name = found.group(2)
            first = name.split("/")[0]
            where = f"{path.relative_to(source_dir.parent)}:{number}"
            if name in GENERATED:
                if GENERATED[name] != layer.folder:
                    problems.append(f"{where}: only `{GENERATED[name]}` may include {name}")
            elif first in folders:
                if first not in layer.folders | {layer.folder}:
                    problems.append(f"{where}: `{layer.folder}` may not use `{first}`")
            elif first in LIBRARIES:
                if LIBRARIES[first] not in layer.libraries:
                    problems.append(f"{where}: `{layer.folder}` may not use the library {LIBRARIES[first]}")
            elif layer.folder in pure and IO_HEADERS.match(name):
                problems.append(f"{where}: `{layer.folder}` is sans-IO and may not include <{name}>")
    if files == 0:
        problems.append(f"{source_dir}: expected source files, found none")
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found_problems = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found_problems) or "all includes follow src/README.md")
    sys.exit(1 if found_problems else 0)
