#!/usr/bin/env python3
"""What scripts/chaos draws, and what it concludes, with made-up observations: each promise is kept and broken once."""

import types
import unittest

from harness import main, shared  # noqa: F401
from chaos import bounds, judge, schedule
from chaos.load import connections
from chaos.rules import kinds, limit, window_s
from chaos.schedule import Fault
from chaos.watch import Sample

nodes, delay_s = 5, 0.01
first = 100 * window_s         # where a window begins
over = next(kind for kind in kinds if kind.name == "over")


def fault(kind, began, ended, **what):
    return Fault(kind, 0.0, ended - began, what, began, ended)


def bound(*faults):
    return bounds.bound_of(first, first + window_s, faults, over.rate(), limit, nodes, delay_s)


def report(windows=(), targets=None, **more):
    quiet = {"lost": 0, "problem": None}
    said = {"offered": 0, "allowed": 0, "denied": 0, "failed": 0, "lost": 0, "unsent": 0, "untold": 0, "redirected": 0, **more}
    return {**said, "windows": list(windows), "targets": targets or [dict(quiet) for _ in range(nodes)]}


def window(**more):
    return {"window": 100, "limit": limit, "allowed": limit, "denied": 0, "false_certain": 0, "over_admission_worst": 0, **more}


def reports(**windows):
    return {kind.name: report(windows.get(kind.name, ())) for kind in kinds}


class Schedule(unittest.TestCase):
    def draw(self, seed, seconds=300, able=tuple(schedule.kinds)):
        return schedule.draw(seed, 1, nodes, seconds, able)

    def test_a_seed_tells_the_same_story_and_another_one_another(self):
        self.assertEqual(self.draw(1), self.draw(1))
        self.assertNotEqual(self.draw(1), self.draw(2))

    def test_every_kind_comes_and_nothing_that_cannot_be_done(self):
        self.assertEqual({each.kind for each in self.draw(3, 1000)}, set(schedule.kinds))
        self.assertNotIn("keys", {each.kind for each in self.draw(3, 1000, [kind for kind in schedule.kinds if kind != "keys"])})

    def test_faults_overlap_but_no_node_has_two_that_undo_each_other_and_most_are_there(self):
        drawn = self.draw(4, 1000)
        self.assertTrue(any(one.at_s + one.lasts_s > other.at_s for one, other in zip(drawn, drawn[1:])))
        away = [each for each in drawn if each.kind in ("kill", "stop", "restart")]
        for one, other in ((one, other) for one in away for other in away if one is not other and one.at_s <= other.at_s):
            if one.what["node"] == other.what["node"]:
                self.assertLess(one.at_s + one.lasts_s, other.at_s)
        for each in away:
            together = [other for other in away if other.at_s <= each.at_s < other.at_s + other.lasts_s and other.kind != "restart"]
            self.assertLessEqual(len(together), nodes // 2)

    def test_one_node_lives_through_all_of_it(self):
        self.assertNotIn(schedule.witness, [each.what["node"] for each in self.draw(5, 2000) if each.kind in ("kill", "restart")])


class Bounds(unittest.TestCase):
    def test_when_all_is_quiet_only_the_way_of_the_news_is_in_between(self):
        found = bound()
        self.assertTrue(found.quiet)
        self.assertEqual((found.parts, found.extra), (1, 2 + nodes))      # 200 requests a second for 10 ms

    def test_what_is_long_over_explains_nothing(self):
        self.assertTrue(bound(fault("partition", first - 20, first - 10, one=[1], other=[2, 3, 4, 5])).quiet)

    def test_each_part_of_a_divided_cluster_may_use_the_limit_once(self):
        two = fault("partition", first, first + 1, one=[1, 2], other=[3, 4, 5])
        self.assertEqual(bound(two).parts, 2)
        self.assertEqual(bound(two).extra, limit + 7)
        self.assertEqual(bound(two, fault("alone", first, first + 1, node=5)).parts, 3)
        before = fault("alone", first - 9, first - 8, node=5)
        self.assertEqual(bound(two, before).parts, 2)

    def test_who_is_not_heard_by_all_still_tells_all_through_others(self):
        self.assertEqual(bound(fault("one-way", first, first + 1, **{"from": 1, "to": [2, 3, 4]})).parts, 1)
        self.assertEqual(bound(fault("one-way", first, first + 1, **{"from": 1, "to": [2, 3, 4, 5]})).parts, 2)

    def test_a_clock_within_the_allowance_counts_with_the_others(self):
        self.assertEqual(bound(fault("clock", first, first + 1, node=1, offset_s=0.8)).parts, 1)
        self.assertEqual(bound(fault("clock", first - 9, first - 6, node=1, offset_s=-6.0)).parts, 2)

    def test_a_node_that_comes_back_amid_broken_links_may_begin_with_nothing(self):
        kill = fault("kill", first, first + 2, node=2, moves=False)
        self.assertEqual(bound(kill).parts, 1)
        self.assertEqual(bound(kill, fault("loss", first + 1, first + 3, percent=30)).parts, 2)


class Judgement(unittest.TestCase):
    def assert_one(self, reasons, *words):
        self.assertEqual(len(reasons), 1, reasons)
        for word in words:
            self.assertIn(word, reasons[0])

    def windows(self, said, *faults):
        return judge.judge_windows(said, faults, nodes, delay_s)[1]

    def test_one_hit_beyond_the_bound_breaks_it(self):
        most = bound().extra
        self.assertEqual(self.windows(reports(over=[window(over_admission_worst=most)])), [])
        self.assert_one(self.windows(reports(over=[window(over_admission_worst=most + 1)])), "over, window 100", f"at most {most}")

    def test_nobody_is_denied_below_a_limit(self):
        self.assert_one(self.windows(reports(below=[window(denied=1)])), "below, window 100")
        self.assert_one(self.windows(reports(at=[window(denied=3, false_certain=1)])), "at, window 100", "not reached")
        self.assertEqual(self.windows(reports(at=[window(denied=3)], guarded=[window(denied=3, false_certain=3)])), [])

    def answers(self, *faults, **more):
        return judge.judge_answers({"over": report(**more)}, faults, [f"n{number}" for number in range(1, nodes + 1)])

    def test_only_who_was_killed_may_owe_answers(self):
        targets = [{"lost": connections if number == 2 else 0, "problem": "reset"} for number in range(1, nodes + 1)]
        self.assertEqual(self.answers(fault("kill", first, first + 1, node=2), targets=targets), [])
        self.assert_one(self.answers(fault("kill", first, first + 1, node=3), targets=targets), "requests to n2")
        self.assert_one(self.answers(fault("restart", first, first + 1, node=2), targets=targets), "requests to n2")
        targets[1]["lost"] += 1
        self.assert_one(self.answers(fault("kill", first, first + 1, node=2), targets=targets), "requests to n2")

    def test_odd_answers_are_counted(self):
        self.assert_one(self.answers(failed=1), "neither 200 nor 429")
        self.assert_one(self.answers(untold=1), "do not name the rule")
        self.assert_one(self.answers(unsent=1), "too slow")

    def ledger(self, counted, *faults, lost=0, seen=1000):
        return judge.judge_ledger(over, report(allowed=seen, lost=lost), 500 + counted, 500, faults, nodes, delay_s)

    def test_no_hit_is_lost_but_by_a_kill_and_none_is_invented(self):
        self.assertEqual(self.ledger(1000), [])
        self.assert_one(self.ledger(999), "at most 0 to be lost")
        self.assert_one(self.ledger(1001), "the nodes count 1001")
        self.assertEqual(self.ledger(1001, lost=1), [])
        kill = fault("kill", first, first + 1, node=2)
        self.assertEqual(self.ledger(979, kill), [])           # 40 a second, half a second untold
        self.assert_one(self.ledger(970, kill), "to be lost by kills")

    def recovery(self, seconds=1.0, counted=10, floor=10, counters=5, crowd=5):
        return types.SimpleNamespace(name="n2", fault=None, began=first, ready_at=first + seconds, seconds=lambda: seconds,
                                     counted=counted, floor=floor, counters=counters, crowd=crowd)

    def test_who_comes_back_is_ready_in_time_with_its_peers_counts(self):
        self.assertEqual(judge.judge_recoveries([self.recovery()], [], 1), [])
        self.assert_one(judge.judge_recoveries([self.recovery(3.01)], [], 1), "3.01 s after its start")
        self.assert_one(judge.judge_recoveries([self.recovery(counted=9)], [], 1), "ready with 9 hits")
        self.assert_one(judge.judge_recoveries([self.recovery(counters=4)], [], 1), "ready with 4 counters")
        cut = fault("alone", first, first + 1, node=2)
        self.assertEqual(judge.judge_recoveries([self.recovery(counted=9)], [cut], 1), [])

    def memory(self, growth_kib=0, descriptors=0, threads=0):
        rows = [Sample(second, 20_000 + growth_kib * second // 300, 20 + (second > 150) * descriptors, 6 + (second > 150) * threads,
                       second % 50 == 40) for second in range(300)]
        return judge.judge_memory(rows, 20)

    def test_memory_descriptors_and_threads_stay(self):
        row, reasons = self.memory()
        self.assertEqual((reasons, row["descriptors"], row["threads"]), ([], [20, 20], [6, 6]))
        self.assertEqual(self.memory(growth_kib=4000)[1], [])
        self.assert_one(self.memory(growth_kib=12_000)[1], "memory grew")
        self.assert_one(self.memory(descriptors=9)[1], "descriptors grew from 20 to 29")
        self.assert_one(self.memory(threads=1)[1], "threads went from 6 to 7")

    def test_errors_in_logs_need_a_fault_that_explains_them(self):
        line = "2026-11-22T11:02:31.971Z error   rules refused file=/x"
        self.assert_one(judge.judge_log("n1", [line], []), "no fault explains")
        self.assertEqual(judge.judge_log("n1", [line], [fault("config", first, first)]), [])
        self.assertEqual(judge.judge_log("n1", ["2026-11-22T11:02:31.971Z info    ready"], []), [])
        self.assert_one(judge.judge_log("n1", ["starling: internal error at x.cpp:1: a == b does not hold"], []), "internal error")

    def test_refused_packets_need_damage(self):
        dropped = {("n1", "a"): {"malformed": 2, "window_out_of_range": 9}, ("n2", "b"): {"bad_seal": 1}}
        self.assertEqual(judge.judge_dropped(dropped, 3), [])
        self.assert_one(judge.judge_dropped(dropped, 2), "2 were damaged")


if __name__ == "__main__":
    main()
