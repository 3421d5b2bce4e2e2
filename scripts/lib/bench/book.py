"""Where figures are written: tests/bench/README.md, a part for each step between two marks, and the headline in README.md.

Each part says what machine and which commit it is about, when it was measured, and whether others used the machine meanwhile.
"""

import datetime
import os
import shutil
import subprocess
import textwrap

from bench.figures import table
from bench.processes import BenchError, machine

mark = "<!-- {}: scripts/bench {} -->"
idle_share_min = 0.9
columns_max = 130


def about(tree, build_dir, idle):
    """What figures are about; `idle`: what part of the machine nobody used before they were taken."""
    def git(*words):
        try:
            result = subprocess.run(["git", "-C", str(tree), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return result.stdout.strip() if result.returncode == 0 else ""
    return {"machine": machine(), "commit": git("rev-parse", "--short=10", "HEAD") or "unknown", "committed": git("log", "-1", "--format=%cs"),
            "changed": bool(git("status", "--porcelain", "--untracked-files=no", "--", "src", "include", "protocol", "tests", "scripts",
                                "meson.build", ":!tests/bench/README.md", ":!tests/bench/growth.png")),
            "measured": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "build_type": _build_type(build_dir),
            "idle_pct": round(100 * idle), "noisy": idle < idle_share_min}


def _build_type(build_dir):
    try:
        words = (build_dir / "meson-info/intro-buildoptions.json").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    at = words.find('"name": "buildtype", "value": "')
    return words[at + 31:].split('"')[0] if at >= 0 else "unknown"


def about_line(known):
    changed = " with changes that are not committed" if known["changed"] else ""
    noisy = f" **Others used {100 - known['idle_pct']} % of the machine when it began.**" if known["noisy"] else ""
    return (f"{known['machine']}; commit {known['commit']} of {known['committed']}{changed}, build type {known['build_type']}; measured "
            f"{known['measured']}.{noisy}")


def flow(text):
    """Paragraphs are broken anew, since figures are longer or shorter than what they stand in for; tables, lists and pictures are not."""
    def broken(block):
        prose = not block.startswith(("|", "-", "!"))
        return textwrap.fill(block, columns_max, break_long_words=False, break_on_hyphens=False) if prose else block
    return "\n\n".join(broken(block.strip()) for block in text.split("\n\n") if block.strip()) + "\n"


def part(step, known, text):
    return flow(f"`scripts/bench {step}`: {about_line(known)}\n\n{text}")


def headline(abouts, figures):
    """All that has a goal; `abouts`: of the steps, which must be about one commit. Told is the worst that any of them says of itself."""
    commits = sorted({known["commit"] for known in abouts})
    if len(commits) > 1:
        raise BenchError(f"expected figures of one commit, found those of {', '.join(commits)}; run scripts/bench all without --again")
    known = min(abouts, key=lambda each: each["idle_pct"]) | {"changed": any(each["changed"] for each in abouts)}
    judged = [made for made in figures if made["met"] is not None]
    met = sum(made["met"] for made in judged)
    return flow(f"{met} of {len(judged)} goals met. {about_line(known)}\n\n{table(judged)}")


def replace(path, step, text):
    """Puts `text` between the marks of `step`. Whoever reads `path` meanwhile, or after a crash, finds the old page or the new one."""
    old = path.read_text(encoding="utf-8")
    begin, end = mark.format("begin", step), mark.format("end", step)
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise BenchError(f"expected {begin} and {end} once each, in this order, in {path}, found otherwise; add the two lines")
    before, rest = old.split(begin)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_text(f"{before}{begin}\n{text.rstrip()}\n{end}{rest.split(end)[1]}", encoding="utf-8")
        shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
