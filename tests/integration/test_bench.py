#!/usr/bin/env python3
"""What scripts/bench makes of figures that were recorded, how it refuses, and whether its cheap steps work at all.

Never how long anything takes: the machine does other things while tests run.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from harness import binary, main, patience, shared  # noqa: F401
from bench import book, core, crowd, figures, front_step, idle, latency, memory, stalls, steps, swarm
from bench.processes import BenchError

tree = pathlib.Path(__file__).resolve().parents[2]
known = {"machine": "a machine, 2 cores", "commit": "0123456789", "committed": "2026-01-02", "changed": False, "build_type": "release",
         "measured": "2026-01-03 04:05 UTC", "idle_pct": 99, "noisy": False}


def bench(*arguments, environment=None):
    return subprocess.run([sys.executable, tree / "scripts/bench", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, cwd="/", env=environment, timeout=100 * patience(), check=False)


def script():
    """scripts/bench as a module, to be called with parts of it replaced."""
    loader = importlib.machinery.SourceFileLoader("bench_script", str(tree / "scripts/bench"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_script", loader))
    loader.exec_module(module)
    return module


def run_of(name, repetition=0, real=0.0, cpu=0.0, unit="ns", **counters):
    """One line of google-benchmark's JSON."""
    return {"name": name, "run_name": name, "run_type": "iteration", "family_index": 0, "per_family_instance_index": 0, "repetitions": 3,
            "repetition_index": repetition, "threads": 1, "iterations": 100, "real_time": real, "cpu_time": cpu, "time_unit": unit, **counters}


class Figures(unittest.TestCase):
    def test_a_goal_is_met_up_to_its_edge_by_the_median(self):
        self.assertTrue(figures.figure("x", "ns", [200, 150, 10], at_most=150)["met"])
        self.assertFalse(figures.figure("x", "ns", [200, 150.1, 10], at_most=150)["met"])
        self.assertTrue(figures.figure("x", "M/s", [9, 10, 11], at_least=10)["met"])
        self.assertIsNone(figures.figure("x", "ns", [1])["met"])

    def test_ratios_are_taken_round_by_round_and_judged_by_their_median(self):
        made = figures.figure("x", "ns", [10, 100, 30], other="y", other_values=[10, 20, 10], ratio_at_most=3)
        self.assertEqual((made["ratio"], made["met"]), ({"median": 3, "least": 1, "most": 5}, True))
        self.assertFalse(figures.figure("x", "ns", [10, 100, 31], other="y", other_values=[10, 20, 10], ratio_at_most=3)["met"])

    def test_other_rounds_than_the_others_make_one_ratio_of_the_medians(self):
        made = figures.figure("x", "B", [300, 100, 200], other="y", other_values=[100])
        self.assertEqual(made["ratio"], {"median": 2, "least": 2, "most": 2})

    def test_of_two_goals_both_must_be_met(self):
        made = figures.figure("x", "ns", [100], at_most=150, other="y", other_values=[10], ratio_at_most=2.5)
        self.assertFalse(made["met"])
        self.assertEqual(figures.goal(made), "<= 150 ns, <= 2.50x")
        self.assertEqual(list(figures.missed([made])), ["goal missed: x: expected <= 150 ns, <= 2.50x, found 100 ns, 10 times y"])

    def test_quantiles_are_values_that_were_there(self):
        values = list(range(1, 1001))
        self.assertEqual([figures.quantile(values, share) for share in (0, 0.5, 0.99, 0.999, 1)], [1, 500, 990, 999, 1000])
        self.assertEqual(figures.quantile([7], 0.99), 7)

    def test_a_table_tells_goal_spread_and_verdict(self):
        text = figures.table([figures.figure("x", "ms", [1, 2, 3], at_most=1.5), figures.figure("y", "B", [1234567])])
        self.assertIn("| x | <= 1.50 ms | 2 ms (1-3) |  |  | **missed** |", text)
        self.assertIn("| y |  | 1,234,567 B |  |  |  |", text)


class Core(unittest.TestCase):
    """What google-benchmark says, to figures."""

    def test_names_lose_what_google_benchmark_puts_behind_them(self):
        self.assertEqual(core.clean("join/delta / 10k_counters/iterations:150/manual_time"), "join/delta/10k_counters")
        self.assertEqual(core.clean("decide/known/1000/repeats:5"), "decide/known/1000")

    def test_repetitions_are_kept_apart_and_aggregates_left_out(self):
        said = [run_of("a/manual_time", 0, real=2, cpu=99, unit="us", items_per_second=4e6), run_of("a/manual_time", 1, real=3, cpu=99, unit="us"),
                run_of("a/manual_time", real=7) | {"run_type": "aggregate"}, run_of("b", cpu=5, real=99, median_ns=4)]
        self.assertEqual(core.slim({"benchmarks": said}), {"a": {"ns": [2000, 3000], "items_per_second": [4e6], "ns_per_item": [250]},
                                                           "b": {"ns": [5], "median_ns": [4]}})

    def test_a_benchmark_that_failed_is_an_error(self):
        with self.assertRaisesRegex(BenchError, "to measure, found: no room"):
            core.slim({"benchmarks": [run_of("a") | {"error_occurred": True, "error_message": "no room"}]})

    def raw(self, quick):
        return {"quick": quick, "repetitions": 3, "programs": {"core_bench": {
            "decide/known/1000": {"median_ns": [40, 50, 45], "absl_ns": [10, 10, 10]},
            "decide/known/10000": {"median_ns": [55, 50, 70], "absl_ns": [20, 20, 20]},
            "decide/known/1000000": {"median_ns": [140, 149, 200], "absl_ns": [50, 60, 100]}}, "gossip_bench": {}}}

    def test_figures_are_judged_and_growth_is_told_from_small_to_large(self):
        found = core.summarize(self.raw(quick=True))
        self.assertEqual([(made["median"], made["ratio"]["median"], made["met"]) for made in found["figures"]],
                         [(149, 149 / 60, True), (55, 2.75, True)])
        line = found["growth"][0]["lines"][0]
        self.assertEqual([(point["at"], point["median"]) for point in line["points"]], [(1000, 45), (10000, 55), (1000000, 149)])
        self.assertIn("| 1,000 | 10,000 | 1,000,000 | growth |", found["text"])
        self.assertIn("| a decision | 45 (40-50) | 55 (50-70) | 149 (140-200) | 3.31x |", found["text"])

    def test_what_a_share_leaves_out_is_told_beside_it(self):
        raw = self.raw(quick=True)
        raw["programs"]["gossip_bench"]["cluster/10_nodes/adaptive"] = {"gossip_to_decide": [0.08, 0.12, 0.09], "packets_per_node_s": [900, 1000, 950]}
        made = next(each for each in core.summarize(raw)["figures"] if "gossip" in each["what"])
        self.assertIn("in the engine", made["what"])
        self.assertEqual((made["median"], made["met"], made["other"]),
                         (9, True, "a node sends 950 packets/s; to send and receive them is not in it"))

    def test_a_figure_that_no_program_tells_any_more_is_missed(self):
        with self.assertRaisesRegex(BenchError, "expected median_ns of decide/new/1000000"):
            core.summarize(self.raw(quick=False))


class Steps(unittest.TestCase):
    def test_a_count_delay_that_does_not_end_is_an_error(self):
        with mock.patch.object(latency, "run_s_max", 0.1), self.assertRaisesRegex(BenchError, "count_delay to end within 0.1 s"):
            latency._run(["sleep", 600])

    def test_latency_judges_quantiles_of_each_round(self):
        def samples(*most):
            return {"lost": 0, "samples": [{"most_us": us, "least_us": us / 2, "peek_us": 60, "answer_us": 100} for us in most]}
        raw = {"rate": 100, "idle": [samples(*[1000] * 99, 9000), samples(*[1400] * 97, 4000, 4000, 4000)], "loaded": [samples(5000), samples(6000)]}
        found = latency.summarize(raw)["figures"]
        self.assertEqual([made["median"] for made in found], [1.2, 2.5, 5.5, 5.5])
        self.assertEqual([made["met"] for made in found], [True, True, None, None])

    def test_a_round_of_latency_that_lost_everything_is_an_error(self):
        one = {"lost": 0, "samples": [{"most_us": 1, "least_us": 1, "peek_us": 1, "answer_us": 1}]}
        with self.assertRaisesRegex(BenchError, "nodes loaded, found all 7 samples of a round lost"):
            latency.summarize({"rate": 1, "idle": [one], "loaded": [one, {"lost": 7, "samples": []}]})

    def test_the_front_ends_are_judged_by_the_worse_of_rate_and_cpu_time(self):
        rounds = {"http": [{"rate": 95, "cpu_us": 10.0, "busy": 1}], "bare-http": [{"rate": 100, "cpu_us": 8.0, "busy": 1}]}
        made, = front_step.summarize({"settings": front_step.defaults, "machine": "a machine", "rounds": rounds})["figures"]
        self.assertEqual((made["median"], made["met"], made["other"]), (80, False, "= 100 %: bare llhttp and libuv"))

    def test_idle_takes_the_middle_node_and_tells_the_busiest(self):
        raw = {"peers": 2, "seconds": 10, "rounds": [{"alone": 0.001, "shares": [0.002, 0.011, 0.05], "alive": 3, "packets": [5.0], "resident_bytes": [2**20]}]}
        found = idle.summarize(raw)["figures"]
        self.assertEqual([(made["median"], made["met"]) for made in found], [(1.0999999999999999, False), (5.0, None)])

    def test_idle_divides_a_nodes_packets_by_the_time_between_its_own_two_answers(self):
        class Clock:
            now = 100.0

            def monotonic(self):
                return self.now

            def sleep(self, seconds):
                self.now += seconds

        clock = Clock()

        class IdleNode:
            """Sends 7 packets/s; to be asked takes half a second."""

            def metrics(self):
                clock.sleep(0.5)
                return {'starling_gossip_packets_total{direction="sent",kind="delta"}': 7 * clock.now,
                        'starling_gossip_packets_total{direction="received",kind="delta"}': 1e6}

            def cpu_s(self):
                return 0.01 * clock.now

            def alive_count(self):
                return 3

            def resident_bytes(self):
                return 1

        with mock.patch.object(idle, "time", clock):
            found = idle._round(IdleNode(), [IdleNode() for _ in range(3)], 1.0)
        for each in found["packets"]:
            self.assertAlmostEqual(each, 7)
        for each in found["shares"]:
            self.assertAlmostEqual(each, 0.01)

    def test_memory_is_what_a_full_node_has_beyond_an_empty_one(self):
        def steps_of(*totals):
            return [{"counters": 500 * (at + 1), "bytes": total, "rss_bytes": 150_000} for at, total in enumerate(totals)]
        raw = {"counters": 1000, "nodes": {"empty_bytes": [1, 2, 3], "steps": steps_of([1, 2, 3], [90_000, 96_000, 120_000])},
               "redis": {"version": "7", "steps": steps_of(50_000, 100_000)}}
        found = memory.summarize(raw)["figures"][0]
        self.assertEqual((found["median"], found["met"], found["ratio"]["median"]), (96, True, 0.96))

    def test_stalls_tell_the_bound_that_no_turn_exceeded(self):
        turns = {"0.001": 990.0, "0.01": 999.0, "0.1": 1000.0, "+Inf": 1000.0}
        self.assertEqual([stalls.at_most_s(turns, share) for share in (0.99, 0.999, 1.0)], [0.001, 0.01, 0.1])
        self.assertEqual(stalls.at_most_s(turns | {"+Inf": 1001.0}, 1.0), float("inf"))
        self.assertEqual(stalls.many_rules(50).count("- name:"), 50)

    def test_a_joiner_that_is_ready_when_the_load_has_ended_is_an_error(self):
        stalls.check_covered(12.0 - stalls.lead_s, 12.0)
        with self.assertRaisesRegex(BenchError, "within 11 s, found 11.1 s"):
            stalls.check_covered(11.1, 12.0)

    def test_a_swarm_with_one_blind_node_or_one_lost_hit_has_missed_its_goals(self):
        phase = {"alive": 50, "views_equal": True, "views_equal_after_s": 0.5, "over_admission_bound": 60, "lost": 0, "broken": [], "delay_ms": 4,
                 "cpu_share": 0.01, "memory_mib": 13, "packets": 1000, "packet_bytes": 10_000, "seconds": 10,
                 "windows": [{"full": True, "admitted": 1060, "limit": 1000}, {"full": False, "admitted": 5000, "limit": 1000}]}

        def met(**changed):
            return [made["met"] for made in swarm.summarize({"nodes": 50, "phases": [phase | changed]})["figures"]]
        self.assertEqual(met(), [True] * 5)
        self.assertEqual(met(alive=49).count(False), 1)
        self.assertEqual(met(lost=1).count(False), 1)
        self.assertEqual(met(views_equal=False).count(False), 1)
        self.assertEqual(met(over_admission_bound=59).count(False), 1)


class Asking(unittest.TestCase):
    answers = b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nX: 2\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"

    def counted(self, reads):
        heads, denied, rest = 0, 0, b""
        for read in reads:
            more, refused, rest = crowd.statuses(rest + read)
            heads, denied = heads + more, denied + refused
        return heads, denied

    def test_status_lines_are_counted_once_wherever_reads_end(self):
        size = len(self.answers)
        for first in range(size + 1):
            for second in range(first, size + 1):
                reads = self.answers[:first], self.answers[first:second], self.answers[second:]
                self.assertEqual(self.counted(reads), (3, 1), reads)
        self.assertEqual(self.counted(self.answers[at:at + 1] for at in range(size)), (3, 1))


class Book(unittest.TestCase):
    def test_a_part_is_put_between_its_marks_and_nothing_else_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text("a\n<!-- begin: scripts/bench idle -->\nold\n<!-- end: scripts/bench idle -->\nz\n", encoding="ascii")
            for _ in range(2):
                book.replace(page, "idle", "new\n")
                self.assertEqual(page.read_text(encoding="ascii"),
                                 "a\n<!-- begin: scripts/bench idle -->\nnew\n<!-- end: scripts/bench idle -->\nz\n")
            with self.assertRaisesRegex(BenchError, "add the two lines"):
                book.replace(page, "core", "new\n")

    def test_a_page_that_cannot_be_written_whole_stays_as_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            old = "a\n<!-- begin: scripts/bench idle -->\nold\n<!-- end: scripts/bench idle -->\nz\n"
            page.write_text(old, encoding="ascii")
            page.chmod(0o640)
            with self.assertRaises(UnicodeEncodeError):
                book.replace(page, "idle", "\ud800")
            self.assertEqual(page.read_text(encoding="ascii"), old)
            book.replace(page, "idle", "new")
            self.assertEqual((os.listdir(folder), page.stat().st_mode & 0o777), (["page.md"], 0o640))

    def test_every_step_has_its_place(self):
        page = (tree / "tests/bench/README.md").read_text(encoding="utf-8")
        for name in steps.modules:
            for edge in ("begin", "end"):
                self.assertEqual(page.count(book.mark.format(edge, name)), 1, name)
        readme = (tree / "README.md").read_text(encoding="utf-8")
        for name in ("all", "frontends --write"):
            self.assertEqual(readme.count(book.mark.format("begin", name)), 1, name)

    def test_a_part_says_what_it_is_about_and_whether_others_were_there(self):
        quiet = book.part("idle", known, "text")
        self.assertIn("commit 0123456789 of 2026-01-02, build type release; measured 2026-01-03 04:05 UTC.", quiet)
        self.assertNotIn("Others", quiet)
        noisy = book.part("idle", known | {"noisy": True, "idle_pct": 40, "changed": True}, "text")
        self.assertIn("Others used 60 % of the machine", noisy)
        self.assertIn("not committed", noisy)

    def test_the_headline_has_what_has_a_goal(self):
        made = [figures.figure("x", "ns", [1], at_most=2), figures.figure("y", "ns", [3], at_most=2), figures.figure("z", "ns", [1])]
        text = book.headline([known, known | {"idle_pct": 10, "noisy": True}], made)
        self.assertIn("1 of 2 goals met.", text)
        self.assertIn("used 90 %", text)
        self.assertNotIn("| z |", text)
        self.assertNotIn("not committed", text)
        busiest = known | {"idle_pct": 10, "noisy": True}
        self.assertIn("not committed", book.headline([known | {"changed": True}, busiest], made))
        with self.assertRaisesRegex(BenchError, "of one commit, found those of 0123456789, abcdef0123"):
            book.headline([known, known | {"commit": "abcdef0123"}], made)

    def test_prose_is_broken_anew_and_tables_are_not(self):
        wide = "| " + "x" * 200 + " |\n|---|"
        text = book.flow("one\ntwo " + "word " * 40 + f"\n\n\n{wide}\n\n- a\n- b\n")
        self.assertTrue(text.startswith("one two word "))
        self.assertIn(f"\n\n{wide}\n\n- a\n- b\n", text)
        self.assertLessEqual(max(len(line) for line in text.splitlines() if not line.startswith("|")), book.columns_max)


class Refuses(unittest.TestCase):
    def test_what_is_missing_is_named_with_its_package_before_anything_is_measured(self):
        result = bench("memory", "--quick", "--build-dir", build_dir(), environment={**os.environ, "PATH": "/nowhere"})
        self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
        self.assertIn("expected redis-server, found none; apt-get install redis-server", result.stderr)

    def test_quick_figures_are_for_no_page(self):
        for arguments in (("idle", "--quick", "--write"), ("core", "--write", "--again", "--quick")):
            with self.subTest(arguments=arguments):
                result = bench(*arguments, "--build-dir", "/nowhere")
                self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (2, "", 1), result.stderr)
                self.assertIn("expected --quick or --write, found both", result.stderr)

    def test_a_build_folder_without_programs_and_a_run_that_never_was_are_told(self):
        for arguments, words in ((("latency",), "run scripts/build"), (("latency", "--again"), "without --again")):
            with self.subTest(arguments=arguments):
                result = bench(*arguments, "--build-dir", "/nowhere")
                self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (1, "", 1), result.stderr)
                self.assertIn(words, result.stderr)

    def test_a_step_that_fails_in_whatever_way_leaves_the_others_theirs(self):
        module = script()
        made = {"about": known, "summary": {"figures": [figures.figure("x", "ns", [1], at_most=2)], "text": ""}}
        problems = {"memory": KeyError("starling_counters"), "idle": BenchError("expected nodes, found none")}

        def run(name, *_):
            if name in problems:
                raise problems[name]
            return made
        said, complaint = io.StringIO(), io.StringIO()
        with mock.patch.object(module.steps, "run", run), mock.patch.object(module.steps, "check"), \
                mock.patch.object(module.steps, "plot_python"), contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
            self.assertEqual(module.main(["all", "--quick"]), 1)
        self.assertRegex(complaint.getvalue(), r"bench: memory: KeyError: 'starling_counters' \(test_bench\.py:\d+\)\n")
        self.assertIn("bench: idle: expected nodes, found none\n", complaint.getvalue())
        self.assertIn(f"bench: 2 of {len(steps.modules)} steps failed", complaint.getvalue())
        self.assertIn(f"{len(steps.modules) - 2} of {len(steps.modules) - 2} goals met", said.getvalue())

    def test_every_step_explains_itself(self):
        for name in (*steps.modules, "all"):
            with self.subTest(step=name):
                result = bench(name, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertTrue(result.stdout.lower().startswith(f"usage: scripts/bench {name} "), result.stdout)


class Runs(unittest.TestCase):
    def test_the_cheap_steps_measure_what_they_say(self):
        for name, count in (("latency", 4), ("idle", 2)):
            with self.subTest(step=name):
                result = bench(name, "--quick", "--build-dir", build_dir(), "-o", "json")
                self.assertEqual(result.returncode, 0, result.stderr)
                found = json.loads(result.stdout)
                self.assertEqual(len(found["figures"]), count)
                for made in found["figures"]:
                    self.assertTrue(0 < made["least"] <= made["median"] <= made["most"], made)
                again = bench(name, "--quick", "--again", "--build-dir", build_dir(), "-o", "json")
                self.assertEqual(json.loads(again.stdout), found)


def build_dir():
    return pathlib.Path(binary()).resolve().parents[2]


if __name__ == "__main__":
    main()
