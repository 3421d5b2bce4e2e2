"""Draws what `scripts/bench core` found about growth: one panel for each thing that may become many, sizes by logarithm.

Run by scripts/bench, by a Python that has matplotlib:   plot.py FILE.png|FILE.svg < growth.json
Colours as in scripts/lib/loadtest/plot.py. The bars are the least and the most of all runs.
"""

import json
import math
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot, ticker  # noqa: E402

colours = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
ink, faint, quiet, ground = "#24292f", "#d0d7de", "#57606a", "#ffffff"
columns_max = 3
panel_inches = (4.0, 2.9)


def short(value, _=None):
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def draw_panel(axes, growth):
    highest = 0
    for colour, line in zip(colours, growth["lines"]):
        at = [point["at"] for point in line["points"]]
        middle = [point["median"] for point in line["points"]]
        errors = [[point["median"] - point["least"] for point in line["points"]], [point["most"] - point["median"] for point in line["points"]]]
        axes.errorbar(at, middle, yerr=errors, color=colour, linewidth=1.6, marker="o", markersize=3.5, capsize=2.5, label=line["label"])
        highest = max([highest, *(point["most"] for point in line["points"])])
    axes.set_xscale("log")
    axes.set_ylim(0, highest * 1.25 or 1)
    axes.set_title(growth["title"], loc="left", fontsize=10.5, fontweight="bold", color=ink)
    axes.set_xlabel(growth["along"], fontsize=8.5, color=quiet, labelpad=2)
    axes.set_ylabel(growth["unit"], fontsize=8.5, color=quiet)
    axes.xaxis.set_major_locator(ticker.LogLocator(10, numticks=12))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_formatter(short)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.set_facecolor(ground)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(faint)
    axes.tick_params(colors=quiet, labelsize=8, length=0)
    axes.grid(axis="y", color="#eaeef2", linewidth=0.8)
    axes.set_axisbelow(True)
    if len(growth["lines"]) > 1:
        axes.legend(frameon=False, fontsize=7.5, labelcolor=ink, loc="best")


def draw(growths, path):
    columns = min(columns_max, max(1, len(growths)))
    rows = max(1, math.ceil(len(growths) / columns))
    figure, grid = pyplot.subplots(rows, columns, figsize=(panel_inches[0] * columns, panel_inches[1] * rows), squeeze=False,
                                   facecolor=ground)
    panels = [axes for row in grid for axes in row]
    for axes, growth in zip(panels, growths):
        draw_panel(axes, growth)
    for axes in panels[len(growths):]:
        axes.set_axis_off()
    figure.tight_layout(h_pad=1.8, w_pad=1.4)
    figure.savefig(path, dpi=100, facecolor=ground, metadata={"Date": None} if path.endswith(".svg") else None)


if __name__ == "__main__":
    try:
        draw(json.load(sys.stdin), sys.argv[1])
    except OSError as problem:
        sys.exit(f"bench: cannot write {sys.argv[1]}: {problem.strerror}")
