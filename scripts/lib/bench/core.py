"""`scripts/bench core`: what the engine costs inside, by google-benchmark, and how that grows.

tests/bench/core_bench and gossip_bench measure CPU time of their thread, each figure beside what it is compared with. Here they
are built, run several times over, and their JSON becomes figures with goals, growth tables, and what the plot shows.
"""

import collections
import json
import re
import subprocess
from statistics import median

from bench.figures import amount, between, figure, spread, table
from bench.processes import BenchError, before_exec

programs = (("ninja", "ninja-build"),)
built = ("core_bench", "gossip_bench")
quick_filter = {"core_bench": "^(absl/find_increment|decide/known|decide/new|decide/rules_by_value)/(1|10|100|1000|10000)$",
                "gossip_bench": ("^(seal_open/.*100_bytes|memcpy_verify|join/delta/10k_counters_10_nodes/|encode.*10k|idle/peers/10/|"
                                 "flush/peers/(10|1000)/|decide/peers/10$)")}

# `beside`: (words, key) of another figure of the same benchmark, to be told with it
Row = collections.namedtuple("Row", "what unit name key scale goals other other_name other_key beside", defaults=({}, *[None] * 4))
packets = "a node sends {} packets/s; to send and receive them is not in it"
absl = "abseil's flat_hash_map, find and increment"
rows = (
    Row("`decide`, known counter, one rule, 1,000,000 live counters, random order", "ns", "decide/known/1000000", "median_ns", 1,
        {"at_most": 150, "ratio_at_most": 2.5}, absl, "decide/known/1000000", "absl_ns"),
    Row("`decide`, known counter, 10,000 live counters", "ns", "decide/known/10000", "median_ns", 1, {"at_most": 60}, absl,
        "decide/known/10000", "absl_ns"),
    Row("`decide`, new counter, until 1,000,000", "ns", "decide/new/1000000", "median_ns", 1, {"at_most": 400}),
    Row("the longest of 10,000,000 new counters", "ms", "decide/new/10000000", "max_stall_ns", 1e-6, {"at_most": 1}),
    Row("the longest turn of the loop between them", "ms", "decide/new/10000000", "max_tick_ns", 1e-6),
    Row("join of a received delta, 10,000 counters, all of 10 nodes have counted", "M entries/s", "join/delta/10k_counters_10_nodes",
        "items_per_second", 1e-6, {"at_least": 10}, "memcpy and verify of as many bytes", "memcpy_verify/delta", "items_per_second"),
    Row("join of a received delta, 1,000,000 counters, all of 3 nodes have counted", "M entries/s", "join/delta/1M_counters_3_nodes",
        "items_per_second", 1e-6, {"at_least": 10}, "memcpy and verify of as many bytes", "memcpy_verify/delta", "items_per_second"),
    Row("encode of a full packet from the log, 10,000 counters", "M entries/s", "encode/full_packet/10k_counters", "items_per_second", 1e-6,
        {"at_least": 10}),
    Row("encode of a full packet from the log, 1,000,000 counters", "M entries/s", "encode/full_packet/1M_counters", "items_per_second",
        1e-6, {"at_least": 10}),
    Row("seal and open, 1,176 bytes, times libsodium's raw AEAD", "x", "seal_open/1176_bytes", "ratio_to_libsodium", 1, {"at_most": 1.3}),
    Row("seal and open, 100 bytes, times libsodium's raw AEAD", "x", "seal_open/100_bytes", "ratio_to_libsodium", 1, {"at_most": 1.3}),
    Row("memory of a counter in the engine alone, 3 origins, 1,000,000 counters", "B", "memory/counters_origins/1000000/3",
        "bytes_per_counter", 1, {"at_most": 96}),
    Row("CPU of the engine alone with 100 live peers, idle, of a core", "%", "idle/peers_with_counts/100", "core_pct", 1, {"at_most": 1}),
    Row("gossip's CPU in the engine, of that of the decisions, 10 nodes at 100,000/s each", "%", "cluster/10_nodes/adaptive",
        "gossip_to_decide", 100, {"at_most": 10}, beside=(packets, "packets_per_node_s")),
    Row("the same, sealed", "%", "cluster/10_nodes/adaptive_sealed", "gossip_to_decide", 100, beside=(packets, "packets_per_node_s")),
    Row("its bytes of those of a fixed interval of 100 ms", "%", "cluster/10_nodes/adaptive", "bytes_to_fixed_100ms", 100,
        {"at_most": 100 / 3}),
)

# title, what is counted along the axis, unit, and lines: name of the family, key, scale
Growth = collections.namedtuple("Growth", "title along unit lines")
growths = (
    Growth("a decision, known counter", "live counters", "ns",
           (("a decision", "decide/known", "median_ns", 1), (absl, "decide/known", "absl_ns", 1))),
    Growth("a decision, new counter", "principals of a window", "ns", (("a decision", "decide/new", "median_ns", 1),)),
    Growth("a decision, one rule of many applies", "rules", "ns",
           (("told apart by a value", "decide/rules_by_value", "median_ns", 1), ("by domain", "decide/rules_by_domain", "median_ns", 1),
            ("by key", "decide/rules_by_key", "median_ns", 1))),
    Growth("a decision between flushes", "peers", "ns", (("a decision", "decide/peers", "ns", 1),)),
    Growth("gossip, for each peer", "peers", "ns", (("an urgent hit told", "flush/peers", "ns_per_item", 1),
                                                    ("its ack taken", "acks/peers", "ns_per_item", 1))),
    Growth("the turn that tells a beat", "peers", "ms", (("1,000 counters told", "beat/1000_counters/peers", "ns", 1e-6),
                                                         ("2,000 counters told", "beat/2000_counters/peers", "ns", 1e-6))),
    Growth("an idle node, for each peer", "peers", "us per s", (("nothing counted", "idle/peers", "us_per_peer_and_s", 1),
                                                                ("all have counted", "idle/peers_with_counts", "us_per_peer_and_s", 1))),
)


def measure(options, folder, progress):
    raw = {"quick": options.quick, "repetitions": 1 if options.quick else 5, "programs": {}}
    for name in built:
        progress(f"core: building {name}")
        _build(options.build_dir, name)
        command = [options.build_dir / "tests/bench" / name, f"--benchmark_out={folder / name}.json", "--benchmark_out_format=json",
                   f"--benchmark_repetitions={raw['repetitions']}"]
        command += ["--benchmark_min_time=0.01", f"--benchmark_filter={quick_filter[name]}"] if options.quick else []
        progress(f"core: {name}, {raw['repetitions']} times over (minutes)")
        _run(command)
        raw["programs"][name] = slim(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
    return raw


def _build(build_dir, name):
    said = _run(["ninja", "-C", build_dir, "-t", "query", f"tests/bench/{name}"], check=False)
    if said.returncode != 0:
        raise BenchError(f"expected the target tests/bench/{name} in {build_dir}, found none; apt-get install libbenchmark-dev, then "
                         f"meson setup --reconfigure {build_dir}")
    _run(["ninja", "-C", build_dir, f"tests/bench/{name}"])


def _run(command, check=True):
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                            preexec_fn=before_exec)
    if check and result.returncode != 0:
        raise BenchError(f"expected {command[0]} to exit 0, found {result.returncode}: {(result.stderr or result.stdout).strip()[-300:]}")
    return result


def clean(name):
    """Of what google-benchmark says behind a name, and of blanks in it, nothing is left."""
    return re.sub(r"/(manual_time|real_time|process_time|iterations:\d+|repeats:\d+|min_time:[\d.]+)", "", name.replace(" ", ""))


def slim(said):
    """{name: {key: [value of each repetition]}}; `ns` is the time of an iteration."""
    of_ns = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    known = {"name", "run_name", "run_type", "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
             "iterations", "real_time", "cpu_time", "time_unit"}
    found = {}
    for each in said["benchmarks"]:
        if each["run_type"] != "iteration":
            continue
        if each.get("error_occurred"):
            raise BenchError(f"expected {each['name']} to measure, found: {each.get('error_message')}")
        row = found.setdefault(clean(each["run_name"]), {})
        timed = "real_time" if "manual_time" in each["run_name"] else "cpu_time"
        values = {"ns": each[timed] * of_ns[each["time_unit"]]} | {key: value for key, value in each.items() if key not in known}
        if values.get("items_per_second"):
            values["ns_per_item"] = 1e9 / values["items_per_second"]
        for key, value in values.items():
            if isinstance(value, (int, float)):
                row.setdefault(key, []).append(value)
    return found


def summarize(raw):
    found = {name: row for program in raw["programs"].values() for name, row in program.items()}
    figures = []
    for row in rows:
        mine = found.get(row.name, {}).get(row.key)
        other = found.get(row.other_name, {}).get(row.other_key)
        if mine is None and raw["quick"]:
            continue
        if mine is None:
            raise BenchError(f"expected {row.key} of {row.name} from {' or '.join(built)}, found none; scripts/lib/bench/core.py names it")
        words = row.other
        if row.beside:
            words = row.beside[0].format(amount(median(found[row.name][row.beside[1]])))
        figures.append(figure(row.what, row.unit, [row.scale * value for value in mine], other=words,
                              other_values=[row.scale * value for value in other] if other else None, **row.goals))
    grown = [made for made in (_growth(each, found, raw["quick"]) for each in growths) if made["lines"]]
    return {"figures": figures, "growth": grown, "text": table(figures) + f"""
CPU time of the thread that does the work, `core_bench` and `gossip_bench` (google-benchmark), {raw['repetitions']} run(s) of each: medians, in brackets
the least and the most. What a figure is compared with is measured beside it, in the same process.

What it grows with; the last column is the largest size against the smallest:

![what things cost, against how many there are](growth.png)

""" + "\n".join(map(growth_table, grown))}


def _growth(growth, found, quick):
    lines = []
    for label, family, key, scale in growth.lines:
        points = sorted((int(name[len(family) + 1:]), spread([scale * value for value in row[key]])) for name, row in found.items()
                        if re.fullmatch(re.escape(family) + r"/\d+", name) and key in row)
        if points:
            lines.append({"label": label, "points": [{"at": at, **values} for at, values in points]})
        elif not quick:
            raise BenchError(f"expected {key} of {family}/SIZE from {' or '.join(built)}, found none; scripts/lib/bench/core.py names it")
    return {"title": growth.title, "along": growth.along, "unit": growth.unit, "lines": lines}


def growth_table(growth):
    places = sorted({point["at"] for line in growth["lines"] for point in line["points"]})
    rows_of = [f"| {growth['title']}, {growth['unit']}; {growth['along']}: | " + " | ".join(f"{at:,}" for at in places) + " | growth |",
               "|---|" + "---|" * (len(places) + 1)]
    for line in growth["lines"]:
        values = {point["at"]: point for point in line["points"]}
        cells = [between(values[at]) if at in values else "" for at in places]
        first, last = line["points"][0], line["points"][-1]
        rows_of.append(f"| {line['label']} | " + " | ".join(cells) + f" | {amount(last['median'] / first['median'])}x |")
    return "\n".join(rows_of) + "\n"
