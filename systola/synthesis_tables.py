"""Results of `synth` as text: the figures, what they add up of, where each came from."""

from collections.abc import Mapping
from typing import Any

from systola.output import table
from systola.report import numbers
from systola.synthesis import FIRST, unmet

SHOWN = 12  # modules that have a row
LONGEST = 46  # letters of a module's name


def whole(result: Mapping[str, Any]) -> str:
    """Of `synth --json`."""
    parts = [head(result), "", figures(result), "", breakdown(result)]
    for section in (ways(result), used(result), path(result)):
        parts += ["", section] if section else []
    return "\n".join([*parts, "", sources(result)])


def head(result: Mapping[str, Any]) -> str:
    """One line: what was synthesised, on what, how."""
    what = result["design"]["name"] + ("" if result["part"] == "all" else f", its {result['part']}")
    line = f"{what} on {result['target']} ({result['library']}), {result['method']}"
    return f"{line}; beside it: {result['against']['design']['name']}" if "against" in result else line


def amount(figure: Mapping[str, Any]) -> str:
    """Value and unit; whole numbers from a hundred on."""
    value = figure["value"]
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"
    return f"{text} {figure['unit']}".strip()


def figures(result: Mapping[str, Any]) -> str:
    """A row a figure; beside it the other design's, and the ratio of the two."""
    rows = [[name, amount(figure)] for name, figure in result["figures"].items()]
    if "against" not in result:
        return table(["figure", "value"], rows)
    other, ratio = result["against"]["figures"], result["ratios"]
    both = [
        [*row, amount(other[row[0]]) if row[0] in other else "-",
         "-" if ratio[row[0]] is None else f"{ratio[row[0]]:.3f}"]
        for row in rows
    ]  # fmt: skip
    names = [result["design"]["name"], result["against"]["design"]["name"]]
    return table(["figure", *names, "ratio"], both)


def breakdown(result: Mapping[str, Any]) -> str:
    """The modules with the largest shares; a module whose places differ in what they tie is several parts."""
    key = FIRST[result["target"]]
    found: dict[str, list[Any]] = {}  # module: role, parts, places, what all take, share
    for part in result["parts"]:
        row = found.setdefault(part["module"], [part["role"], 0, 0, 0.0, 0.0])
        row[1:] = [row[1] + 1, row[2] + part["count"], row[3] + part["count"] * part["own"].get(key, 0),
                   row[4] + part["share"]]  # fmt: skip
    ordered = sorted(found.items(), key=lambda item: -item[1][4])
    rows = [
        [numbers.label(module, LONGEST), role, parts, numbers.count(places), numbers.count(total / places),
         numbers.percent(share)]
        for module, (role, parts, places, total, share) in ordered[:SHOWN]
    ]  # fmt: skip
    rest = [row for _, row in ordered[SHOWN:]]
    if rest:
        share = numbers.percent(sum(row[4] for row in rest))
        rows.append([f"{len(rest)} more", "", sum(row[1] for row in rest),
                     numbers.count(sum(row[2] for row in rest)), "", share])  # fmt: skip
    return table(["module", "is", "parts", "places", f"{key.replace('_', ' ')} of one", "share"], rows)


def ways(result: Mapping[str, Any]) -> str:
    """Each way of building the PE's multiplier."""
    rows = [
        [way["flags"] or "default", way["aim"], f"{way['area']:,.0f}",
         "-" if way["delay_ns"] is None else f"{way['delay_ns']:.2f}", "used" if way["used"] else ""]
        for way in result["ways"]
    ]  # fmt: skip
    return table(["the PE, built by", "for", "um2", "ns", ""], rows) if rows else ""


def used(result: Mapping[str, Any]) -> str:
    """What is used of the part."""
    rows = [
        [name, numbers.count(many), numbers.count(there), numbers.percent(many / there) if there else "-"]
        for name, (many, there) in result["used"].items()
        if many
    ]
    return table(["of the part", "used", "there", "share"], rows) if rows else ""


def path(result: Mapping[str, Any]) -> str:
    """The slowest path: where it begins and ends; step by step where it is slower than was wanted."""
    steps = result["path"]
    if not steps:
        return ""
    keys = ("instance", "name", "cell")
    names = [next((step[key] for key in keys if step.get(key)), "?") for step in steps]
    if not unmet(result):
        return f"slowest path: {len(steps)} steps, from {names[0]} to {names[-1]} (all of it: --json)"
    at, rows = 0.0, []
    for step, name in zip(steps, names, strict=True):
        at += step["delay_ns"]
        kind = step.get("kind") or step.get("cell", "")
        rows.append([numbers.label(name, LONGEST), kind, f"{step['delay_ns']:.2f}", f"{at:.2f}"])
    return table(["the slowest path", "through", "ns", "at"], rows)


def sources(result: Mapping[str, Any]) -> str:
    """Where each figure came from, figures of one source together, and what they leave out."""
    found: dict[str, list[str]] = {}
    for name, figure in result["figures"].items():
        found.setdefault(figure["source"], []).append(name)
    lines = [f"{', '.join(names)}: {source}" for source, names in found.items()]
    return "\n".join([*lines, *result["notes"]])
