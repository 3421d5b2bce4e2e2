#!/usr/bin/env python3
"""The archives of the sans-IO folders must not refer to sockets, clocks, threads, the environment, files or random
devices.

Usage: symbols.py SOURCE_DIR ARCHIVE...
"""
import pathlib
import re
import subprocess
import sys

import layers

FORBIDDEN = re.compile(
    r"^(socket|bind|listen|accept4?|connect|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|poll|ppoll|select|"
    r"epoll_\w+|getaddrinfo|gethostby\w+|"
    r"time|clock|clock_gettime|gettimeofday|nanosleep|usleep|sleep|localtime\w*|gmtime\w*|timerfd_\w+|"
    r"pthread_\w+|fork|execv\w*|"
    r"getenv|secure_getenv|setenv|putenv|"
    r"f?open(64|at)?|fopen(64)?|creat|read|pread(64)?|write|stat(64)?|"
    r"rand|random|srand|getrandom|getentropy|arc4random\w*|randombytes\w*|"
    r"uv_\w+|ares_\w+)$")
FORBIDDEN_CPP = re.compile(
    r"std::chrono::.*::now\(|std::random_device|std::thread|std::(__cxx11::)?basic_[io]?fstream|std::basic_filebuf|std::filesystem")


def undefined(archive):
    out = subprocess.run(["nm", "--undefined-only", "--demangle", archive], check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        found = re.match(r"\s+U (.+)$", line)
        if found:
            yield found.group(1)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    _, pure = layers.read(sys.argv[1])
    archives = {pathlib.Path(path).name: path for path in sys.argv[2:]}
    problems = []
    looked_at = 0
    for folder in pure:
        path = archives.get(f"libstarling_{folder}.a")
        if path is None:
            problems.append(f"`{folder}` is sans-IO by src/README.md, but its archive was not given")
            continue
        for symbol in undefined(path):
            looked_at += 1
            plain = symbol.split("@")[0]
            if FORBIDDEN.match(plain) or FORBIDDEN_CPP.search(symbol):
                problems.append(f"`{folder}` is sans-IO and may not use {symbol}")
    if looked_at == 0:
        problems.append("nm showed no symbols at all: the check is blind")
    print("\n".join(sorted(set(problems))) or f"{looked_at} symbols in {len(pure)} archives, all pure")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
