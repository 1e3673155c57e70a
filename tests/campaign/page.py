"""docs/operators.md, from what the campaign saw: what is taken where, how exact, and what is refused why."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.campaign.judge import BAR, Outcome

HEAD = """# Operators

What `systola run` takes, by what a campaign of random models saw; this page is written by
`python -m tests.campaign --cases {cases} --page docs/operators.md`. Each case is one operator with random
legal attributes, shapes (1 and primes among them), constants on either side and inputs up to +-200, alone or
behind a product; the right values are onnxruntime's (optimisations off), and TFLite's own. An output is right
if its error is at most {bar} of its largest magnitude, or is explained by operands of 8 bits; integers and
booleans are exact.

`taken` of `cases`: a case that is not taken was refused by name before anything ran; the reasons most often
given stand at the end. `error`: the largest of the cases taken, relative to the output's largest magnitude;
where operands of 8 bits explain more than {bar} (differences of large numbers, steps), it may be larger.

On a matrix unit the host computes, in float32, what is no product; on an accelerator everything is integers.
"""


def rows(outcomes: Iterable[Outcome], design: str) -> dict[str, list[Outcome]]:
    """Outcomes on a design by the operator that the case is about: the last one."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        if each.design == design:
            found[each.operators[-1]].append(each)
    return found


def reason(text: str) -> str:
    """A refusal without what is a case's own: names, numbers, lists."""
    text = re.sub(r"^case[^:]*: ", "", text)
    text = re.sub(r"(node|tensor|input|operator) \S+?( \(\w+\))?: ", "", text)
    text = re.sub(r"\b(node|tensor|input) \S+", r"\1 ...", text)
    text = re.sub(r"\[[^\]]*\]", "[...]", text)
    text = re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "n", text)
    return text if len(text) <= 110 else text[:107] + "..."


def table(outcomes: list[Outcome], designs: dict[str, str]) -> list[str]:
    """A row for each operator: taken of all cases and the largest error, on each design."""
    by_design = {design: rows(outcomes, design) for design in designs}
    lines = [
        "| operator | " + " | ".join(f"{title}: taken | error" for title in designs.values()) + " |",
        "|---|" + "---|---|" * len(designs),
    ]
    for name in sorted({name for found in by_design.values() for name in found}):
        cells = []
        for design in designs:
            cases = by_design[design].get(name, [])
            taken = [o for o in cases if o.outcome == "taken"]
            error = f"{max(o.error for o in taken):.4f}" if taken else ""
            cells += [f"{len(taken)} of {len(cases)}", error]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def refusals(outcomes: list[Outcome], design: str) -> list[str]:
    """The three commonest reasons for which each operator's cases were refused."""
    lines = ["| operator | cases refused | why |", "|---|---|---|"]
    for name, cases in sorted(rows(outcomes, design).items()):
        found = Counter(reason(o.text) for o in cases if o.outcome == "refused")
        for why, count in found.most_common(3):
            lines.append(f"| {name} | {count} | {why.replace('|', '/')} |")
    return lines


def page(outcomes: list[Outcome], designs: dict[str, str], cases: int) -> str:
    """The whole page."""
    parts = [HEAD.format(cases=cases, bar=BAR)]
    for kind, title in (("operator", "ONNX"), ("quantised", "QDQ ONNX, by the last operator of the graph"),
                        ("tflite", "TFLite")):  # fmt: skip
        these = [o for o in outcomes if o.kind == kind]
        if these:
            parts += [f"\n## {title}\n", *table(these, designs)]
    networks = [o for o in outcomes if o.kind == "network"]
    if networks:
        parts.append("\n## Networks of two to six operators\n")
        for design, title in designs.items():
            count = Counter(o.outcome for o in networks if o.design == design)
            parts.append(f"- {title}: " + ", ".join(f"{n} {what}" for what, n in sorted(count.items())))
    for design, title in designs.items():
        these = [o for o in outcomes if o.kind in ("operator", "tflite")]
        parts += [f"\n## Why cases are refused: {title}\n", *refusals(these, design)]
    return "\n".join(parts) + "\n"
