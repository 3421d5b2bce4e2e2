"""The table at the end."""

import collections
import statistics


def print_report(totals):
    faults = collections.Counter(fault.kind for fault in totals.faults)
    print(f"\nfaults       {len(totals.faults)}: " + ", ".join(f"{count} {kind}" for kind, count in faults.most_common()))
    print(f"requests     {totals.requests}: " + ", ".join(f"{count} {what}" for what, count in totals.outcomes.items()))
    print("over-admission of a caller, in % of its limit: worst, mean (windows)")
    for phase, windows in totals.by_phase().items():
        worst = max(windows, key=lambda each: each.over, default=None)
        if worst is not None:
            print(f"  {phase:<11}{worst.over:7d} {statistics.mean(each.over for each in windows):9.2f}   ({len(windows)}); "
                  f"worst by {worst.kind}, where {worst.bound.extra} could be explained")
    for which, recoveries in (("after kill -9", totals.recoveries), ("of them with nothing else wrong", totals.calm_recoveries)):
        times = sorted(each.seconds() for each in recoveries if each.fault is not None and each.fault.kind == "kill")
        if times:
            print(f"recoveries   {len(times)} {which}: ready after {statistics.median(times):.2f} s in the median, {times[-1]:.2f} s at worst")
    print(f"converged    after each round's faults: {statistics.median(totals.converged):.2f} s in the median, "
          f"{max(totals.converged):.2f} s at worst" if totals.converged else "converged    never")
    print(f"answers      of probed nodes: {1000 * totals.answer_s_worst:.0f} ms at worst; peer delay {1000 * totals.delay_s:.0f} ms, "
          f"this machine let a process wait {1000 * totals.stall_s:.0f} ms at worst")
    if totals.dropped:
        print("dropped      " + ", ".join(f"{count} {reason}" for reason, count in totals.dropped.most_common()))
    for name, row in totals.memory:
        print(f"memory       {name}, {row['minutes']:.1f} min: {row['first_mib']:.1f} -> {row['last_mib']:.1f} MiB "
              f"({row['mib_per_minute']:+.3f} a minute), descriptors {row['descriptors'][0]} -> {row['descriptors'][1]}, "
              f"threads {row['threads'][0]} -> {row['threads'][1]}")
