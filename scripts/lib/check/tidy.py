#!/usr/bin/env python3
"""clang-tidy over the sources of a build folder that clang made: tidy.py BUILD JOBS CLANG-TIDY CLANG++ FOLDER...

clang-tidy spends nine tenths of its time in the headers of libraries, over and over. So files of one folder are looked at
together, as one file that includes them, where they compile together (two may have a function of the same name in their
anonymous namespaces: then the one that came too late is taken out). What was clean is not looked at again until one of the files that it was
made of, headers of this tree included, or .clang-tidy, or its command, is another: BUILD/tidy remembers.

Findings go to stdout, each once; the last line counts. Exit codes: 0 no finding, 1 some.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

batch_files_max = 8
tree = pathlib.Path(__file__).resolve().parents[3]
finding_pattern = re.compile(r"^(?P<path>\S+?):\d+:\d+: (?:warning|error): .*\[[\w.,+-]+\]$")


class Batch:
    """Files of one folder with one command."""

    def __init__(self, build, flags, files):
        self.build, self.flags, self.files = build, flags, files
        names = "\0".join([*flags, *map(str, files)])
        self.name = f"{files[0].stem}-{hashlib.sha256(names.encode()).hexdigest()[:12]}"
        self.source = build / "tidy" / f"{self.name}.cpp" if len(files) > 1 else files[0]
        self.dependencies = build / "tidy" / f"{self.name}.d"
        self.stamp = build / "tidy" / f"{self.name}.clean"
        self._late = build / "tidy" / f"{self.name}.late"  # names of those that do not compile with the others

    def parts(self):
        """What is looked at instead, since it does not compile as a whole; none if that is not known to be so."""
        if not self._late.exists():
            return []
        late = set(self._late.read_text(encoding="utf-8").splitlines())
        return [Batch(self.build, self.flags, part) for part in ([path for path in self.files if (path.name in late) == is_late]
                                                                  for is_late in (False, True))]

    def part(self, errors):
        """Takes out the files that the compiler has named, but not the first, which nothing came before; else one half."""
        late = [path.name for path in self.files[1:] if f"{path}:" in errors]
        self._late.write_text("\n".join(late or [path.name for path in self.files[len(self.files) // 2:]]), encoding="utf-8")

    def write(self):
        if len(self.files) > 1:
            self.source.write_text("".join(f'#include "{path}"\n' for path in self.files), encoding="utf-8")

    def errors(self, compiler):
        """What the compiler has against it. Also finds out which files it is made of."""
        command = [compiler, *self.flags, "-fsyntax-only", "-w", "-ferror-limit=0", "-MD", "-MT", "x", "-MF", str(self.dependencies), str(self.source)]
        result = subprocess.run(command, cwd=self.build, capture_output=True, text=True, check=False)
        return "\n".join(line for line in result.stderr.splitlines() if ": error: " in line) if result.returncode else ""

    def state(self, version):
        """What the verdict depends on, as a hash; None as long as nobody knows."""
        if not self.dependencies.exists():
            return None
        seen = hashlib.sha256(version)
        seen.update("\0".join(self.flags).encode())
        _, *names = shlex.split(self.dependencies.read_text(encoding="utf-8").replace("\\\n", " "))  # a rule of Make
        for name in sorted(set(names)):
            path = (self.build / name).resolve()
            if path.is_relative_to(tree) and path.parent != self.build / "tidy":
                if not path.is_file():
                    return None
                seen.update(str(path).encode() + path.read_bytes())
        return seen.hexdigest()

    def is_known_clean(self, version):
        return self.stamp.exists() and self.stamp.read_text() == self.state(version)


class Tidy:
    def __init__(self, build, clang_tidy, compiler):
        self._build, self._clang_tidy, self._compiler = build, clang_tidy, compiler
        said = subprocess.run([clang_tidy, "--version"], capture_output=True, check=True).stdout
        self.looked_at_count = 0
        self._version = said + (tree / ".clang-tidy").read_bytes()

    def look(self, batch):
        """The findings, as text."""
        if parts := batch.parts():
            return [found for part in parts for found in self.look(part)]
        if batch.is_known_clean(self._version):
            return []
        batch.write()
        errors = batch.errors(self._compiler)
        if errors and len(batch.files) > 1:
            batch.part(errors)
            return self.look(batch)
        self.looked_at_count += len(batch.files)
        # suspicious-include is about our own file, which includes sources. The compiler's warnings are another step's: as errors
        # they would be told in any case, and of files that see each other's names.
        result = subprocess.run([self._clang_tidy, "--quiet", "--checks=-bugprone-suspicious-include", str(batch.source), "--",
                                 *(flag for flag in batch.flags if flag != "-Werror")], cwd=self._build, capture_output=True, text=True, check=False)
        findings = list(self._findings(result.stdout))
        if result.returncode != 0 and not findings:
            findings = [f"{batch.name}: {self._clang_tidy} has failed: {result.stderr.strip()[-2000:]}\n"]
        if not findings:
            batch.stamp.write_text(batch.state(self._version) or "")
        return findings

    def _findings(self, text):
        """Each with the lines below it; a path is written as from the top of the tree."""
        current = ""
        for line in text.splitlines(keepends=True):
            begins = finding_pattern.match(line.rstrip("\n"))
            if begins:
                if current:
                    yield current
                path = os.path.normpath(self._build / begins["path"]).removeprefix(f"{tree}/")
                current = path + line[len(begins["path"]):]
            elif current:
                current += line
        if current:
            yield current


def flags_of(entry):
    """The command of the compile database without what belongs to the one file."""
    words = entry.get("arguments") or shlex.split(entry["command"])
    if os.path.basename(words[0]) == "ccache":
        words = words[1:]
    flags, skip = [], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MQ", "-MT"):
            skip = True
        elif word not in ("-c", "-MD", "-MMD", "-fcolor-diagnostics", entry["file"]):
            flags.append(word)
    return flags


def batches(build, folders):
    groups = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(os.path.normpath(os.path.join(entry["directory"], entry["file"])))
        if path.suffix == ".cpp" and any(path.is_relative_to(tree / folder) for folder in folders):
            flags = flags_of(entry)
            groups.setdefault((path.parent, *flags), (flags, set()))[1].add(path)
    for flags, files in groups.values():
        files = sorted(files)
        for first in range(0, len(files), batch_files_max):
            yield Batch(build, flags, files[first:first + batch_files_max])


def main(build, jobs, clang_tidy, compiler, *folders):
    build = pathlib.Path(build).resolve()
    (build / "tidy").mkdir(exist_ok=True)
    tidy = Tidy(build, clang_tidy, compiler)
    todo = list(batches(build, folders))
    seen, files_count = set(), sum(len(batch.files) for batch in todo)
    with concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        for done, found in enumerate(concurrent.futures.as_completed([pool.submit(tidy.look, batch) for batch in todo]), 1):
            for text in found.result():
                first_line = text.partition("\n")[0]
                if first_line not in seen:
                    seen.add(first_line)
                    print(text, end="", flush=True)
            print(f"tidy: {done} of {len(todo)} batches", file=sys.stderr, flush=True)
    print(f"{len(seen)} findings in {files_count} files, {tidy.looked_at_count} of them looked at now")
    return 1 if seen or not files_count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
