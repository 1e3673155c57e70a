"""Streaming attention: memory and throughput against length, naive graphs beside the engine."""

from dataclasses import replace
from typing import Any

import numpy as np

from golden.attention import graphs
from golden.attention import streaming as engine
from golden.attention.arithmetic import Arithmetic
from golden.attention.masks import LONGEST, Mask
from golden.attention.scores import scaling
from golden.attention.streaming_job import Attention, StreamingParams
from golden.attention.streaming_memory import memory
from golden.blocks import Job
from sim.device import Comparing, Model, Rtl
from systola.reproduction.claims import Claim
from systola.reproduction.counted import CountedSystem

LENGTHS = (16, 64, 256, 1024, 4096, 16384)
STEPPED = 1024  # rows up to here are stepped; longer ones are the closed form, which the steps confirm
ROWS = 3
FEW = 1024  # places of a naive graph that is not made longer with the row
BITS = 32  # of a word in a graph
RUN = 512  # queries and keys of the job on the Verilog
HEAD = 64
USUAL = StreamingParams(arithmetic=Arithmetic(head_dim=HEAD, keys=LONGEST))
SMALL = replace(USUAL, arithmetic=Arithmetic(head_dim=2, keys=LONGEST))  # as many cycles, in less time
ENGINE = f"engine, {HEAD} elements"
SOURCE = {
    "graphs": f"golden.attention.graphs, stepped up to {STEPPED:,}; above, the closed form",
    "engine": f"Verilog on Verilator at {RUN} x {RUN}, of {SMALL.arithmetic.head_dim} elements, which take "
    "as many cycles; values and cycles are golden's; else golden, exact",
}
SHORT = f"naive, {FEW} places"
NAMES = {"naive": "naive, no maximum", "maximum": "naive with maximum", "online": "online"}

Rates = dict[str, list[tuple[int, float]]]


def found() -> dict[str, Any]:
    """Claims, tables and curves."""
    rates: Rates = {name: [] for name in (*NAMES.values(), SHORT)}
    for n in LENGTHS:
        for form, name, places in (*((*each, None) for each in NAMES.items()), ("naive", SHORT, FEW)):
            if (found := rate(form, n, places)) is not None:
                rates[name].append((n, found))
    rates[ENGINE] = [(n, n * n / engine.cycles(USUAL, shape(USUAL, n))) for n in LENGTHS]
    bits, speed = (
        "bits of memory for a score a cycle",
        "scores a cycle; of the engine, in a job of as many rows",
    )
    return {
        "claims": claims(rates),
        "tables": [depths(), parts(), by_length(bits, memories()), by_length(speed, rates)],
        "curves": [
            {"title": bits, "x": "row", "y": "bits", "log": True, "lines": lines(memories())},
            {"title": speed, "x": "row", "y": "scores", "lines": lines(rates)},
        ],
    }  # fmt: skip


def graph(form: str, n: int, long: int) -> graphs.Graph:
    """A graph of rows of n, its long FIFOs of `long` places."""
    made = {
        "naive": lambda: graphs.naive(n, long=long),
        "maximum": lambda: graphs.with_maximum(n, long=(long, long)),
        "online": lambda: graphs.online(n),
    }
    return made[form]()


def cycles(form: str, n: int, long: int | None = None, rows: int = ROWS) -> int | None:
    """Of some rows with as many places as needed, or `long`; None: it stands still."""
    enough = graphs.long_depth(n)
    missing = 0 if long is None else max(0, enough - long)
    if n <= STEPPED:
        return graphs.run(graph(form, n, enough if long is None else long), rows).cycles
    return graphs.cycles(form, n, rows, missing=missing) if missing <= 2 else None


def rate(form: str, n: int, long: int | None) -> float | None:
    """Scores a cycle, row after row: of one row more."""
    one, other = (cycles(form, n, long, rows) for rows in (ROWS, ROWS + 1))
    return None if one is None or other is None else n / (other - one)


def shape(p: StreamingParams, n: int) -> Attention:
    """n queries and as many keys."""
    return Attention(mask=Mask(queries=n, keys=n), scaling=scaling(p.arithmetic, 1 / 4096))


def job(p: StreamingParams, n: int) -> Job:
    """The same, of normal operands."""
    rng, a = np.random.default_rng(n), p.arithmetic
    real = rng.standard_normal((3, n, a.head_dim))
    q, k, v = np.clip(np.rint(40 * real), -128, 127).astype(np.int64)
    return Job(name=f"{n}", p=p, shape=shape(p, n), operands=engine.Operands(q, k, v))


def measured(p: StreamingParams) -> float:
    """Scores a cycle of the Verilog, whose values and cycles are golden's."""
    found = Comparing(Rtl(), Model()).run(job(p, RUN)).cycles
    assert found is not None  # Rtl counts them
    return RUN * RUN / found


def claims(rates: Rates) -> list[tuple[Claim, float]]:
    """Each with what comes out here."""
    long, short = 4096, 64
    grown = {form: graphs.memory(form, long) / graphs.memory(form, short) for form in NAMES}
    in_turn, alone = (measured(p) for p in (SMALL, replace(SMALL, interleave=1)))

    def claim(what: str, published: float | None, band: tuple[float, float], source: str) -> Claim:
        return Claim(what=what, source=source, published=published, band=band, higher=True)

    full, registers = (0.99, 1.0), SMALL.registers
    return [
        (claim(f"places for a row of {long}, naive, of its words", 1.0, (1.0, 1.001), "O(N); N + 2 reported"),
         graphs.long_depth(long) / long),
        (claim(f"words at {long} / at {short}, naive with maximum", None, (50.0, 64.0), "O(N)"),
         grown["maximum"]),
        (claim(f"words at {long} / at {short}, online", 1.0, (1.0, 1.0), "O(1)"), grown["online"]),
        (claim(f"scores a cycle, online, row of {long}", 1.0, full, "full throughput"),
         dict(rates[NAMES["online"]])[long]),
        (claim(f"scores a cycle, the engine's Verilog, {RUN} x {RUN}", 1.0, full, "full throughput"),
         in_turn),
        (claim(f"the same, a row in turn, adders of {registers} registers", 1 / registers, (0.249, 0.251),
               "1 / registers: what a loop costs"), alone),
    ]  # fmt: skip


def lines(series: Rates) -> list[dict[str, Any]]:
    """As curves take them."""
    return [{"name": name, "points": [list(point) for point in points]} for name, points in series.items()]


def by_length(title: str, series: Rates) -> dict[str, Any]:
    """A table of curves, a row a length."""
    of = {name: dict(points) for name, points in series.items()}
    rows = [[f"{n:,}", *(f"{round(of[name][n], 4):,}" if n in of[name] else "stands still" for name in of)]
            for n in LENGTHS]  # fmt: skip
    return {"title": title, "columns": ["row", *of], "rows": rows, "source": SOURCE["graphs"]}


def memories() -> Rates:
    """Bits against length."""
    series: Rates = {
        name: [(n, BITS * graphs.memory(form, n)) for n in LENGTHS] for form, name in NAMES.items()
    }
    series[ENGINE] = [(n, sum(memory(USUAL).values())) for n in LENGTHS]
    return series


def depths() -> dict[str, Any]:
    """The fewest places, and what one less costs."""
    rows = []
    for form in ("naive", "maximum"):
        for n in (8, 64, 256):
            long = graphs.long_depth(n)
            took = [cycles(form, n, places) for places in (long, long - 1, n, n - 1)]
            rows.append(
                [
                    NAMES[form],
                    f"{n}",
                    f"{long}",
                    *("stands still" if each is None else f"{each:,}" for each in took),
                ]
            )
    for n in (8, 64, 256):
        took = [graphs.run(graphs.online(n, short=places), ROWS).cycles for places in (2, 1)]
        rows.append([NAMES["online"], f"{n}", "2", *(f"{each:,}" for each in took), "-", "-"])
    return {
        "title": f"places of the longest FIFO, and cycles of {ROWS} rows",
        "columns": ["graph", "row", "places", "cycles", "one less", "N places", "N - 1"],
        "rows": rows,
        "source": "golden.attention.graphs, stepped",
    }  # fmt: skip


def parts() -> dict[str, Any]:
    """What the engine holds."""
    held = memory(USUAL)
    rows = [[name, f"{bits:,}"] for name, bits in (*held.items(), ("all", sum(held.values())))]
    return {
        "title": f"bits that the engine holds, at any length: {HEAD} elements, {USUAL.interleave} rows",
        "columns": ["memory", "bits"],
        "rows": rows,
        "source": "golden.attention.streaming_memory; tests count the same in the Verilog",
    }  # fmt: skip


SYSTEM = CountedSystem(
    name="streaming-sdpa",
    title="Streaming attention: memory that does not grow with the sequence",
    paper="Sohn, Zhang and Olukotun, arXiv 2404.16629 (2024)",
    claim="naive attention needs FIFOs of O(N) for full throughput; with the division behind P V and running "
    "reductions, O(1) (abstract)",
    notes=(
        "the paper was read as an abstract and summaries; N + 2 is what was reported, and derived here",
        "FIFOs are registered, as those of the paper's simulator: latencies of 1 to send and to respond",
        f"a word of a graph is a score or weight of {BITS} bits; the engine's bits are all that it holds of "
        f"rows of {HEAD} elements, queries and sums of P V included; it takes rows of 1 to 65,536 keys",
        "a running sum has a loop, which the paper's nodes close in a cycle; the engine's adders have "
        "registers, which rows in turn hide. Maxima that rescale sums, base 2 does without",
    ),
    source=SOURCE,
    found=found,
)
