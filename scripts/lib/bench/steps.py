"""The steps of `scripts/bench`: each measures (raw figures, kept as JSON in the build folder) and sums up what was measured.

A step is a module with `measure(options, folder, progress)` and `summarize(raw)`; a summary has `figures` (bench/figures.py), `text`
(Markdown) and perhaps `growth`, for the plot. Raw figures are kept, so that a report can be made again without measuring.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from bench import book, core, front_step, idle, latency, memory, stalls, swarm
from bench.processes import BenchError, need

modules = {"core": core, "frontends": front_step, "memory": memory, "latency": latency, "idle": idle, "swarm": swarm, "stalls": stalls}
# What scripts/build has built for them; core builds more.
node, load = "src/app/starling", "tests/load/starling-load"
built = {"core": (), "frontends": (node, load, "tests/bench/bare_http", "tests/bench/bare_grpc"), "memory": (node,), "latency": (node, load, "tests/bench/count_delay"), "idle": (node,), "swarm": (node,), "stalls": (node, load)}
plotter = pathlib.Path(__file__).resolve().parent / "plot.py"


def check(names, build_dir):
    """Whether all is there that these steps need, before the first one begins."""
    for name in names:
        for program in built[name]:
            if not os.access(build_dir / program, os.X_OK):
                raise BenchError(f"expected a program at {build_dir / program}, found none; run scripts/build")
        need(getattr(modules[name], "programs", ()))
        if hasattr(modules[name], "check"):
            modules[name].check()


def run(name, options, known, progress):
    """{"about", "summary"}: measured now, or what the last run left if `options.again`."""
    kept = options.build_dir / "bench" / f"{name}{'-quick' if options.quick else ''}.json"
    if options.again:
        try:
            found = json.loads(kept.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise BenchError(f"expected what an earlier `scripts/bench {name}` has kept in {kept}, found nothing of the kind; "
                             "run it without --again") from None
    else:
        with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
            found = {"about": known, "raw": modules[name].measure(options, pathlib.Path(folder), progress)}
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(found), encoding="utf-8")
    return {"about": found["about"], "summary": modules[name].summarize(found["raw"])}


def write(tree, name, found):
    """Its part of tests/bench/README.md, and the plot beside it."""
    part = book.part(name, found["about"], found["summary"]["text"])
    book.replace(tree / "tests/bench/README.md", name, part)
    if name == "frontends":   # README.md has it, too
        book.replace(tree / "README.md", "frontends --write", part)
    if found["summary"].get("growth"):
        plot(found["summary"]["growth"], tree / "tests/bench/growth.png")


def plot(growth, path):
    result = subprocess.run([plot_python(), plotter, path], input=json.dumps(growth), text=True, stderr=subprocess.PIPE, check=False)
    if result.returncode != 0:
        raise BenchError(f"expected a plot in {path}, found: {result.stderr.strip()[-300:]}")


def plot_python():
    """A Python that has matplotlib: this one, or Debian's."""
    for python in dict.fromkeys((sys.executable, "/usr/bin/python3")):
        if os.access(python, os.X_OK) and subprocess.run([python, "-c", "import matplotlib"], capture_output=True, check=False).returncode == 0:
            return python
    raise BenchError("expected Python's matplotlib for the plot, found none; apt-get install python3-matplotlib")
