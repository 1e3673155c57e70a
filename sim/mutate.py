"""Mutation testing: small faults in the emitted Verilog, each of which a bench must notice.

What survives is a hole in the bench, or a fault that changes nothing of what the block promises (equivalent).
"""

import re
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import NamedTuple

from golden import check
from sim import process
from sim.runner import blocks, run_bench

SOUND_TIMEOUT = 1800  # seconds: a machine that does much else is slow
Change = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """kind of fault; the line, from 1, before and after; the whole Verilog."""

    kind: str
    line: int
    before: str
    after: str
    verilog: str

    def __str__(self) -> str:
        return f"{self.kind}, line {self.line}: {self.before.strip()}  ->  {self.after.strip()}"


class Score(NamedTuple):
    """Mutants that the bench failed on, and those that it passed."""

    killed: int
    survivors: list[Mutant]


def _one_more(found: re.Match[str]) -> str:
    """A sized constant, plus one."""
    width = int(found[1])
    return f"{width}'h{int(found[2], 16) + 1 & (1 << width) - 1:x}"


def _next_bits(found: re.Match[str]) -> str:
    """A slice, one bit up; one down where it would be likely to leave the vector."""
    high, low = int(found[1]), int(found[2] or found[1])
    step = -1 if low else 1
    return f"[{high + step}:{low + step}]" if found[2] else f"[{high + step}]"


# Yosys writes blanks around each operator, so `<` with blanks is never part of `<=`.
OPERATORS = {
    "+": "-", "-": "+", "*": "+", "&": "|", "|": "&", "^": "|", "<": "<=", ">": ">=", ">=": ">", "==": "!=",
    "!=": "==", ">>": "<<", "<<": ">>", ">>>": ">>",
}
FAULTS: list[tuple[str, str, Change]] = [
    ("operator", r"(?<= )(?:\+|-|\*|&|\||\^|<|>|>=|==|!=|>>>?|<<)(?= )", lambda found: OPERATORS[found[0]]),
    ("negation dropped", r"~ (?=[\\\w])", lambda found: ""),
    ("condition inverted", r"\bif \(([^()]*)\)", lambda found: f"if (!({found[1]}))"),
    ("enable dropped", r"\bif \(([^()]*)\)", lambda found: "if (1'h1)"),
    ("never enabled", r"\bif \(([^()]*)\)", lambda found: "if (1'h0)"),
    ("choices swapped", r"\? (.*) : (.*);", lambda found: f"? {found[2]} : {found[1]};"),
    ("constant plus one", r"\b(\d+)'h([0-9a-f]+)\b", _one_more),
    ("sign dropped", r"\$signed\(", lambda found: "$unsigned("),
    ("neighbouring bits", r"\[(\d+)(?::(\d+))?\]", _next_bits),
]
DECLARES = re.compile(r"\s*(?:module|endmodule|wire|reg|input|output|inout|/\*|//|\(\*|$)")


def sites(verilog: str, modules: Container[str] | None = None) -> Iterator[tuple[str, int, int, int, str]]:
    """(kind, line from 0, start, end, replacement) of every place where a fault can go.

    modules   those that faults go into; all of them without
    """
    module = ""
    for number, line in enumerate(verilog.splitlines()):
        if begun := re.match(r"module \\?([^\s(]+)", line):
            module = begun[1]
        if DECLARES.match(line) and not re.match(r"\s*reg .*=", line):
            continue
        if modules is not None and module not in modules:
            continue
        for kind, pattern, change in FAULTS:
            for found in re.finditer(pattern, line):
                yield kind, number, found.start(), found.end(), change(found)


def mutants(verilog: str, seed: int, count: int, modules: Container[str] | None = None) -> list[Mutant]:
    """`count` different mutants, or all there are, of some modules or all; the same for the same seed."""
    chosen = list(sites(verilog, modules))
    Random(seed).shuffle(chosen)
    lines = verilog.splitlines()
    made = []
    for kind, number, start, end, new in chosen[:count]:
        before = lines[number]
        after = before[:start] + new + before[end:]
        text = "\n".join([*lines[:number], after, *lines[number + 1 :]])
        made.append(Mutant(kind, number + 1, before, after, text))
    return made


def mutation_score(
    block: str,
    case: str,
    count: int,
    *,
    simulator: str = "icarus",
    seed: int = 1,
    timeout: float = 120,
    jobs: int = 1,
    sound: bool = False,
    modules: Container[str] | None = None,
) -> Score:
    """Run a block's bench on mutants of one of its cases.

    A run over `timeout` seconds, and over ten times what the sound block takes, is a kill, since something
    hangs; a mutant that does not build is none.
    sound     the bench is known to pass on the block as it is
    modules   those that faults go into; all of them without
    raises  BadValue if there is no such block or case, or if the bench fails on the block as it is
    """
    known = blocks()
    check.one_of("block", block, known)
    cases = {each.name: each for each in known[block].CASES}
    check.one_of("case", case, cases)
    verilog, top = cases[case].build()
    bench = partial(
        run_bench,
        top=top,
        bench_module=known[block].__name__,
        simulator=simulator,
        parameters=cases[case].parameters,
        seed=seed,
        stop_at_first=True,
    )

    def run(text: str, limit: float) -> bool | None:
        result = bench(text, timeout=limit)
        return result.passed if result.built else None

    began = time.monotonic()
    if not sound and not run(verilog, SOUND_TIMEOUT):
        raise check.fail(f"{block} {case}", "failing as it is", "a bench that passes before faults go in")
    timeout = max(timeout, 10 * (time.monotonic() - began))
    made = mutants(verilog, seed, count, modules)
    with process.pool(jobs) as pool:
        passed = list(pool.map(lambda mutant: run(mutant.verilog, timeout), made))
    survivors = [mutant for mutant, survived in zip(made, passed, strict=True) if survived]
    return Score(passed.count(False), survivors)
