"""Draws what scripts/loadtest measured: what each window allowed against the limit, one panel for each pattern.

Run by scripts/loadtest, by a Python that has matplotlib:   plot.py FILE.png|FILE.svg < report.json
Colours are chosen to be told apart by everybody (Okabe and Ito), on a ground of their own, so that the picture can be
read on a light and on a dark page.
"""

import json
import math
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

node_colours = ("#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#e69f00", "#f0e442")
limit_colour, offered_colour, ink, faint, ground = "#d55e00", "#8c959f", "#24292f", "#d0d7de", "#ffffff"
together_colour = "#6a7d90"    # callers who reach their limit, on all nodes
columns_max = 3
panel_inches = (3.9, 2.75)
nodes_named_max = len(node_colours)
explanations = {
    "even": "the same load on every node", "skewed": "80, 15 and 5 % of the load", "one-node": "all of the load on one node",
    "flood": "even, ten times as much",
    "burst": "all of a window at its beginning, at once",
    "churn": "nodes are restarted one after the other", "principals": "1,000 callers, shown: those who reach their limit"}


def thousands(value, _=None):
    return f"{value:,.0f}"


def draw_panel(axes, result):
    windows = [window for window in result["windows"] if window["full"]]
    several = any(window["principals"] > 1 for window in windows)
    places = range(1, len(windows) + 1)
    if several:  # callers below their limit are not what is looked at, so bars are not per node
        axes.bar(places, [window["allowed_of_limit"] for window in windows], width=0.72, color=together_colour)
    else:
        floor = [0] * len(windows)
        for index in range(len(result["nodes"])):
            heights = [window["nodes"][index]["allowed"] for window in windows]
            axes.bar(places, heights, bottom=floor, width=0.72, color=node_colours[index % len(node_colours)], edgecolor=ground, linewidth=0.6)
            floor = [low + height for low, height in zip(floor, heights)]
    for place, window in zip(places, windows):
        axes.plot([place - 0.46, place + 0.46], [window["limit"]] * 2, color=limit_colour, linewidth=1.8, solid_capstyle="butt")
    highest = max([1, *(max(window["allowed_of_limit"], window["limit"]) for window in windows)])
    axes.set_ylim(0, highest * 1.42)
    axes.set_xlim(0.4, max(len(windows), 1) + 0.6)
    for place, window in zip(places, windows):
        over = window["over_admission"]
        top = max(window["allowed_of_limit"], window["limit"])
        axes.annotate(f"+{over:,}" if over else "0", (place, top), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom",
                      fontsize=7.5, color=limit_colour if over else offered_colour)
    draw_offered(axes, windows, several)
    over = result["over_admission_percent"]
    axes.set_title(f"{result['pattern']}", loc="left", fontsize=11, fontweight="bold", color=ink, pad=21)
    axes.text(0, 1.065, explanations.get(result["pattern"], ""), transform=axes.transAxes, fontsize=8.2, color="#57606a")
    if over:
        axes.set_title(f"over: mean {over['mean']:.2f} %, worst {over['worst']:.2f} %", loc="right", fontsize=8.6, color=ink, pad=22)
    if not result["valid"]:
        axes.text(0.5, 0.5, "not valid", transform=axes.transAxes, ha="center", va="center", rotation=20, fontsize=22, color=faint)


def draw_offered(axes, windows, several):
    """What was asked for is far above the limit: a light line of its own scale (by logarithm), with its number."""
    if not windows:
        return
    offered = [window["offered"] for window in windows]
    other = axes.twinx()
    other.set_yscale("log")
    ceiling = max(offered) * 1.0
    other.set_ylim(max(1, ceiling / 10 ** 6), ceiling * 1.9)
    other.plot(range(1, len(offered) + 1), offered, color=offered_colour, linewidth=1.1, linestyle=(0, (4, 2)), marker="o", markersize=2.2)
    mean = sum(offered) / len(offered)
    other.annotate(f"offered {thousands(mean)}" + (" by all" if several else ""), (1, offered[0]), xytext=(-6, 5), textcoords="offset points",
                   fontsize=7.5, color="#57606a")
    other.set_axis_off()


def style(axes, first_column):
    axes.set_facecolor(ground)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(faint)
    axes.tick_params(colors="#57606a", labelsize=8, length=0)
    axes.yaxis.set_major_formatter(thousands)
    axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, integer=True))
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, integer=True))
    axes.grid(axis="y", color="#eaeef2", linewidth=0.8)
    axes.set_axisbelow(True)
    if first_column:
        axes.set_ylabel("allowed per window", fontsize=8.5, color="#57606a")


def draw(report, path):
    results = [result for result in report["patterns"] if result["windows"]]
    columns = min(columns_max, max(1, len(results)))
    rows = max(1, math.ceil(len(results) / columns))
    figure, grid = pyplot.subplots(rows, columns, figsize=(panel_inches[0] * columns, panel_inches[1] * rows + 0.9), squeeze=False,
                                   facecolor=ground)
    panels = [axes for row in grid for axes in row]
    both = len({result["protocol"] for result in results}) > 1
    for index, (axes, result) in enumerate(zip(panels, results)):
        style(axes, index % columns == 0)
        draw_panel(axes, result)
        axes.set_xlabel("window" + (f" (by {result['protocol']})" if both else ""), fontsize=8.5, color="#57606a", labelpad=2)
    for axes in panels[len(results):]:
        axes.set_axis_off()
    names = [node["name"] for node in report["nodes"]][:nodes_named_max]
    legend = [Patch(facecolor=node_colours[index], label=f"allowed by {name}") for index, name in enumerate(names)]
    if any(window["principals"] > 1 for result in results for window in result["windows"]):
        legend.append(Patch(facecolor=together_colour, label="allowed by all nodes"))
    legend += [Line2D([], [], color=limit_colour, linewidth=1.8, label="limit, of all nodes together"),
               Line2D([], [], color=offered_colour, linewidth=1.1, linestyle=(0, (4, 2)), marker="o", markersize=2.2, label="offered (log scale)")]
    limit = next((result["limit"] for result in results), None)
    if limit:
        title = f"{len(report['nodes'])} nodes, one limit: {limit['requests']:,} requests per {limit['window_s']} s"
        figure.suptitle(title, x=0.012, y=0.985, ha="left", fontsize=13, fontweight="bold", color=ink)
    if len(results) < len(panels):
        panels[len(results)].legend(handles=legend, loc="center left", frameon=False, fontsize=9.5, labelcolor=ink, labelspacing=0.8)
        panels[len(results)].text(0.03, 0.0, "+n: allowed beyond the limit", transform=panels[len(results)].transAxes, fontsize=9, color=limit_colour)
        figure.tight_layout(rect=(0, 0, 1, 0.985), h_pad=1.6, w_pad=1.4)
    else:
        figure.legend(handles=legend, loc="lower center", ncol=3, frameon=False, fontsize=8.5, labelcolor=ink)
        figure.tight_layout(rect=(0, 0.09 / rows + 0.05, 1, 0.955), h_pad=1.6, w_pad=1.4)
    matplotlib.rcParams["svg.fonttype"] = "none"   # text stays text: small, and found by searching
    matplotlib.rcParams["svg.hashsalt"] = "starling"
    metadata = {"Date": None} if path.endswith(".svg") else None
    figure.savefig(path, dpi=110, facecolor=ground, metadata=metadata)


if __name__ == "__main__":
    try:
        draw(json.load(sys.stdin), sys.argv[1])
    except OSError as problem:
        sys.exit(f"loadtest: --plot: cannot write {sys.argv[1]}: {problem.strerror}")
