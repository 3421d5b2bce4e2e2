"""A measured figure: its values of each round, what they are compared with in the same run, its goal, and whether that is met.

Judged are medians. A ratio is taken round by round and then its median, so that what slows a round down slows both of its
sides.
"""

from statistics import median



def spread(values):
    return {"median": median(values), "least": min(values), "most": max(values)}


def quantile(values, share):
    """The smallest of `values` that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * len(ordered) * 1e9) // 10**9) - 1)]


def figure(what, unit, values, at_most=None, at_least=None, other=None, other_values=None, ratio_at_most=None, ratio_at_least=None):
    """`values`: one for each round. `other`, `other_values`: what stands beside it. Goals that are None are none."""
    made = {"what": what, "unit": unit, "rounds": len(values), **spread(values), "at_most": at_most, "at_least": at_least,
            "other": other, "ratio_at_most": ratio_at_most, "ratio_at_least": ratio_at_least}
    if other_values:
        made["of_other"] = spread(other_values)
        pairs = zip(values, other_values) if len(values) == len(other_values) else [(median(values), median(other_values))]
        made["ratio"] = spread([mine / its if its else float("inf") for mine, its in pairs])
    made["met"] = _met(made)
    return made


def _met(made):
    ratio = made.get("ratio", {}).get("median")
    judged = [(made["median"], made["at_most"], made["at_least"]), (ratio, made["ratio_at_most"], made["ratio_at_least"])]
    answers = []
    for value, most, least in judged:
        if value is not None and most is not None:
            answers.append(value <= most)
        if value is not None and least is not None:
            answers.append(value >= least)
    return all(answers) if answers else None


def amount(value, unit=""):
    """Three significant digits, or all of a whole number."""
    if value == float("inf"):
        return "without end"
    magnitude = abs(value)
    digits = 0 if magnitude >= 100 or value == int(value) else 1 if magnitude >= 10 else 2 if magnitude >= 1 else 3
    return f"{value:,.{digits}f}" + (f" {unit}" if unit else "")


def between(values, unit=""):
    """The median, and in brackets the least and the most unless there was one round only."""
    if values["least"] == values["most"]:
        return amount(values["median"], unit)
    return f"{amount(values['median'], unit)} ({amount(values['least'])}-{amount(values['most'])})"


def goal(made):
    parts = [f"{sign} {amount(made[key], made['unit'])}" for key, sign in (("at_most", "<="), ("at_least", ">=")) if made[key] is not None]
    parts += [f"{sign} {amount(made[key])}x" for key, sign in (("ratio_at_most", "<="), ("ratio_at_least", ">=")) if made[key] is not None]
    return ", ".join(parts)


def verdict(made):
    return {None: "", True: "met", False: "**missed**"}[made["met"]]


def table(figures):
    lines = ["| what | goal | measured | against, in the same run | ratio | |", "|---|---|---|---|---|---|"]
    for made in figures:
        other = f"{made['other']}: {between(made['of_other'], made['unit'])}" if "of_other" in made else made["other"] or ""
        ratio = between(made["ratio"]) if "ratio" in made else ""
        lines.append(f"| {made['what']} | {goal(made)} | {between(made, made['unit'])} | {other} | {ratio} | {verdict(made)} |")
    return "\n".join(lines) + "\n"


def missed(figures):
    for made in figures:
        if made["met"] is False:
            ratio = f", {amount(made['ratio']['median'])} times {made['other']}" if "ratio" in made else ""
            yield f"goal missed: {made['what']}: expected {goal(made)}, found {amount(made['median'], made['unit'])}{ratio}"
