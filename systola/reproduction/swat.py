"""SWAT (arXiv 2405.17025): windowed attention in linear time, beside arrays, a dense engine, two models."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from golden.attention import sliding_window as engine
from golden.attention import walk
from golden.attention.arithmetic import Arithmetic
from golden.attention.window import AttentionJob, WindowParams
from golden.blocks import Job
from mapping.cost.energy import SOURCE as ENERGY
from sim.device import Comparing, Model, Rtl
from systola.reproduction import swat_models as models
from systola.reproduction.claims import Claim
from systola.reproduction.counted import CountedSystem, exactly
from systola.reproduction.swat_models import (
    CAUSAL,
    HEAD,
    KEYS,
    LANES,
    SERIAL,
    SYMMETRIC,
    WAYS,
    Approach,
    Band,
)

LENGTHS = tuple(1 << bits for bits in range(10, 17))
SHOWN = LENGTHS[::2]
SHORT, LONG = 1024, 16384  # between which a bar is
ENGINES = {"a lane a key": LANES, "a key a cycle": SERIAL}
BASE = WAYS["window, a lane a key"]
DRAWN = (
    "window, a lane a key", "window, a key a cycle", "array, softmax hidden", "FSA", "dense",
    "Butterfly-like, 2 softmax", "GPU-like, chunks",
)  # fmt: skip
SMALL_KEYS, SMALL_HEAD, SMALL_ROWS = 8, 4, 40  # of the engines whose Verilog runs
NEAR_LINE = (0.98, 1.02)
NEAR = 0.1  # of a published ratio: counts as met
FAR = 1 << 22  # tokens up to which a length is looked for
ABSTRACT, BAR = "abstract", "here: a bar"
SOURCE = {
    "exact": "golden's cycles; the window engine's Verilog is held to them, at "
    f"{SMALL_KEYS} keys of {SMALL_HEAD} here, in general by its bench",
    "closed form": "2 N^2 head / multipliers; FSA: 5 side + 10 cycles a tile of the band, as published",
    "model": "the assumptions below, which favour the baseline",
    "energy": ENERGY,
}


def found() -> dict[str, Any]:
    """Claims, tables and curves."""
    cycles, energy = "cycles of a head, {}", "microjoules of a head, {}"
    windows = (CAUSAL, SYMMETRIC)
    return {
        "claims": [*shape_claims(), *published_claims()],
        "tables": [
            *(by_length(cycles.format(w.name), w, "{:,.0f}", lambda way, w, n: way.cost(w, n).cycles)
              for w in windows),
            *(by_length(energy.format(w.name), w, "{:,.1f}", microjoules) for w in windows),
            *(by_length(f"part of the multipliers' cycles that is useful, {w.name}", w, "{:.3f}", useful)
              for w in windows),
            ratios(), moved(),
        ],
        "curves": [
            curve(cycles.format(CAUSAL.name), "cycles", lambda way, n: way.cost(CAUSAL, n).cycles),
            curve(energy.format(CAUSAL.name), "uJ", lambda way, n: microjoules(way, CAUSAL, n)),
        ],
    }  # fmt: skip


def microjoules(way: Approach, window: Band, n: int) -> float:
    """Of a head."""
    return way.cost(window, n).pj / 1e6


def useful(way: Approach, window: Band, n: int) -> float | None:
    """None: it computes something else."""
    return None if way.name.startswith("Butterfly") else way.used(window, n)


def by_length(
    title: str, window: Band, shown: str, figure: Callable[[Approach, Band, int], float | None]
) -> dict[str, Any]:
    """A row a way, a column a length."""
    rows = []
    for way in WAYS.values():
        values = [figure(way, window, n) for n in SHOWN]
        words = ["-" if value is None else shown.format(value) for value in values]
        rows.append([way.name, f"{way.multipliers:,}", way.known, *words])
    columns = ["way", "multipliers", "cycles are", *(f"{n:,}" for n in SHOWN)]
    return {"title": title, "columns": columns, "rows": rows, "source": "by kind, see below"}


def curve(title: str, unit: str, figure: Callable[[Approach, int], float]) -> dict[str, Any]:
    """Lines of DRAWN, each with its multipliers, both axes doubling."""
    lines = [
        {"name": f"{way.name}: {way.multipliers:,}", "points": [[n, figure(way, n)] for n in LENGTHS]}
        for way in map(WAYS.__getitem__, DRAWN)
    ]
    title = f"{title}; behind a name its multipliers"
    return {"title": title, "x": "tokens", "y": unit, "log": True, "lines": lines}


def ratios() -> dict[str, Any]:
    """Everything over the window engine with a lane a key, at LONG tokens."""
    rows = []
    for way in WAYS.values():
        costs = zip(way.cost(CAUSAL, LONG), BASE.cost(CAUSAL, LONG), strict=True)
        over = [theirs / ours for theirs, ours in costs]
        figures = (way.multipliers / BASE.multipliers, over[0], at_as_many(way.name), over[1])
        rows.append([way.name, f"{way.multipliers:,}", *(f"{each:.3f}" for each in figures)])
    columns = ["way", "multipliers", "over ours", "cycles", "cycles at as many", "energy"]
    title = f"over the window engine with a lane a key, causal, {LONG:,} tokens"
    return {"title": title, "columns": columns, "rows": rows, "source": "the tables above"}


def words(p: WindowParams, window: Band, n: int) -> dict[str, int]:
    """Words of each stream of a job, of HEAD elements each."""
    job = models.job(window, n)
    loaded = len(walk.sequence(p, job, None))
    return {"q": n, "k": loaded, "v": loaded, "o": engine.count(p, job)}


def moved() -> dict[str, Any]:
    """Words of q, k, v, o over tokens; and in a cycle."""
    rows = []
    for name, p in ENGINES.items():
        for window in (CAUSAL, SYMMETRIC):
            for n in (SHORT, LONG):
                counted, cycles = words(p, window, n), engine.cycles(p, models.job(window, n))
                rows.append([name, window.name, f"{n:,}", *(f"{each / n:.3f}" for each in counted.values()),
                             f"{sum(counted.values()) * HEAD / cycles:.3f}"])  # fmt: skip
    columns = ["window engine", "window", "tokens", "q", "k", "v", "o", "elements a cycle"]
    return {"title": "how often each element of q, k, v, o is moved", "columns": columns, "rows": rows,
            "source": "golden.attention.walk: the words that the driver sends and takes"}  # fmt: skip


def period(p: WindowParams) -> int:
    """Cycles of a row, one behind the other."""
    return HEAD if p.by_keys else KEYS


def off_line(p: WindowParams, window: Band) -> int:
    """Cycles, all lengths together, by which a run is off a straight line of `period` cycles a row."""
    start, *rest = ((n, engine.cycles(p, models.job(window, n))) for n in LENGTHS)
    return sum(abs(cycles - start[1] - (n - start[0]) * period(p)) for n, cycles in rest)


def steady(way: Approach, window: Band) -> float:
    """Useful part of the multipliers' cycles of the rows between the two longest runs."""
    (n, longer), cycles = LENGTHS[-2:], [way.cost(window, each).cycles for each in LENGTHS[-2:]]
    pairs = window.pairs(longer) - window.pairs(n)
    return 2 * HEAD * pairs / (way.multipliers * (cycles[1] - cycles[0]))


def small(p: WindowParams) -> float:
    """Cycles of a small engine's Verilog over golden's; its values are golden's, or this raises."""
    arithmetic = Arithmetic(head_dim=SMALL_HEAD, keys=SMALL_KEYS)
    narrow = replace(p, arithmetic=arithmetic)
    window = Band("small", SMALL_KEYS // 2, SMALL_KEYS // 2 - 1)
    shape = AttentionJob(mask=window.mask(SMALL_ROWS), by=engine.example_scaling(arithmetic))
    operands = engine.random_operands(narrow, shape, np.random.default_rng(1))
    job = Job(name="small", p=narrow, shape=shape, operands=operands)
    cycles = Comparing(Rtl(), Model()).run(job).cycles
    assert cycles is not None  # Rtl counts them
    return cycles / engine.cycles(narrow, shape)


def shape_claims() -> list[tuple[Claim, float]]:
    """What linear time comes to."""
    return [claim for name, p in ENGINES.items() for claim in engine_claims(name, p)]


def engine_claims(name: str, p: WindowParams) -> list[tuple[Claim, float]]:
    """Of one organisation."""
    way, full = WAYS[f"window, {name}"], (0.98, 1.0)
    made = [(exactly(f"cycles, Verilog / golden, {name}, small", "golden", 1.0), small(p))]
    for window in (CAUSAL, SYMMETRIC):
        made += [
            (exactly(f"cycles off a line, all lengths, {name}, {window.name}", BAR, 0.0),
             off_line(p, window)),
            (bar(f"cycles, {LONG:,} / 16 times {SHORT:,}, {name}, {window.name}", NEAR_LINE,
                 filling(p, window) if p.by_keys else ""), proportion(p, window)),
            (bar(f"useful, a row behind the other, {name}, {window.name}", full), steady(way, window)),
        ]  # fmt: skip
    if p.by_keys:
        what = f"the same without its fill, {name}, {SYMMETRIC.name}"
        made.append((bar(what, NEAR_LINE), proportion(p, SYMMETRIC, fill(SYMMETRIC))))
    return [
        *made,
        (bar(f"useful, whole run of {LONG:,}, {name}, causal", full), way.used(CAUSAL, LONG)),
        (exactly(f"times that an element is moved, {name}", BAR, 1.0),
         max(words(p, CAUSAL, LONG).values()) / LONG),
    ]  # fmt: skip


def proportion(p: WindowParams, window: Band, less: int = 0) -> float:
    """Cycles of LONG tokens over as many times those of SHORT, both less some."""
    short, long = (engine.cycles(p, models.job(window, n)) - less for n in (SHORT, LONG))
    return long / (LONG // SHORT) / short


def fill(window: Band) -> int:
    """Cycles in which keys are loaded before the first row, an element a cycle."""
    return (window.right + 1) * HEAD


def bar(what: str, band: tuple[float, float], why: str = "") -> Claim:
    """A figure that we set ourselves."""
    return Claim(what=what, source=BAR, band=band, higher=True, why=why)


def filling(p: WindowParams, window: Band) -> str:
    """Why a run is not proportional."""
    parts = (f"{fill(window) / (n * period(p)):.1%} of its rows' at {n:,} tokens" for n in (SHORT, LONG))
    return (
        f"{window.right + 1} keys are loaded before the first row, an element a cycle: "
        f"{fill(window):,} cycles, {' and '.join(parts)}"
    )


def published_claims() -> list[tuple[Claim, float]]:
    """The abstract's three ratios, and those of cycles that baselines give."""
    (ours, least), other = BASE.cost(CAUSAL, LONG), WAYS["Butterfly-like, 2 softmax"]
    slower, thirstier = (
        theirs / mine for theirs, mine in zip(other.cost(CAUSAL, LONG), (ours, least), strict=True)
    )
    gpu = WAYS["GPU-like, chunks"].cost(CAUSAL, LONG).pj / least
    line = f"N / window = {LONG // KEYS}"
    return [
        (near("cycles, dense / window", line, LONG / KEYS, 0.02), at_as_many("dense")),
        *((Claim(what=f"cycles, {name} / window", source=BAR, higher=True), at_as_many(name))
          for name in ("array, softmax hidden", "array, then softmax", "FSA")),
        (near(f"cycles, {other.name} / window", ABSTRACT, 22.0, why=latency_reason(other, slower)), slower),
        (near(f"energy, {other.name} / window", ABSTRACT, 5.7, why=energy_reason(other)), thirstier),
        (near("energy, GPU-like, chunks / window", ABSTRACT, 15.0, why=gpu_reason(gpu)), gpu),
    ]  # fmt: skip


def at_as_many(name: str) -> float:
    """Cycles over those of a lane a key, had it as many multipliers; causal, LONG tokens."""
    way = WAYS[name]
    return way.cost(CAUSAL, LONG).cycles * way.multipliers / BASE.multipliers / BASE.cost(CAUSAL, LONG).cycles


def near(what: str, source: str, published: float, part: float = NEAR, why: str = "") -> Claim:
    """A published ratio, met within a part of it; at LONG tokens, causal."""
    band = (round(published * (1 - part), 3), round(published * (1 + part), 3))
    return Claim(what=what, source=source, published=published, band=band, higher=True, why=why)


def first_length(reaches: Callable[[int], bool]) -> str:
    """The least length, in steps of SHORT, as words."""
    lengths = range(SHORT, FAR, SHORT)
    return next((f"from {n:,} tokens on" for n in lengths if reaches(n)), f"not up to {FAR:,} tokens")


def latency_reason(way: Approach, value: float) -> str:
    """What of the baseline is quadratic, and when that is enough."""
    quadratic = WAYS["dense"].cost(CAUSAL, LONG).cycles
    share = 2 * quadratic / models.LAYERS / way.cost(CAUSAL, LONG).cycles
    when = first_length(lambda n: way.cost(CAUSAL, n).cycles >= 22 * n * HEAD)
    return (
        f"with as many multipliers, all in use, 2 softmax layers of {models.LAYERS} are {share:.1%} of its "
        f"cycles, and dense attention alone is {at_as_many('dense'):.1f} times ours; it is "
        f"22 times {when}, or where its softmax has {value / 22:.0%} of the multipliers"
    )


def energy_reason(way: Approach) -> str:
    """The part that all ways have in common."""
    memory, ours = models.traffic(LONG), BASE.cost(CAUSAL, LONG).pj
    bare = (way.cost(CAUSAL, LONG).pj - memory) / (ours - memory)
    base = BASE.cost(CAUSAL, LENGTHS[-1]).pj / LENGTHS[-1]
    when = first_length(lambda n: way.cost(CAUSAL, n).pj >= 5.7 * n * base)
    return (
        f"its energy grows as its cycles do, and q, k, v, o moved once are {memory / ours:.0%} of ours "
        f"(without them {bare:.2f} times); it is 5.7 times {when}"
    )


def gpu_reason(value: float) -> str:
    """At which part of its roofline it would be as published."""
    chunks, fused = (WAYS[f"GPU-like, {kind}"].cost(CAUSAL, LONG).pj for kind in ("chunks", "dense"))
    return (
        f"the model is at its roofline, all heads at once; it is 15 times ours at {value / 15:.0%} of that, "
        f"and {fused / BASE.cost(CAUSAL, LONG).pj:.1f} times where all pairs are computed, "
        f"{fused / chunks:.1f} times its windows"
    )


SYSTEM = CountedSystem(
    name="swat",
    title="SWAT: attention through a window, in linear time",
    paper="Bai, Dangi, Li and Mitra, DAC 2024, arXiv 2405.17025",
    claim="up to 22 times less latency and 5.7 times less energy than the baseline on an FPGA, 15 times less "
    "energy than a GPU (abstract)",
    notes=(
        f"a head of {HEAD} elements, INT8 codes, {KEYS} keys a row (causal: itself and {KEYS - 1} before; "
        f"symmetric: {SYMMETRIC.left} before, {SYMMETRIC.right} behind), as many queries as keys; every "
        "clock is the same but a GPU's, and all multipliers count alike",
        "the paper was read as its abstract, which does not say of which lengths, layers and cards its "
        "ratios are",
        f"array: {models.SIDE} x {models.SIDE}, weights of softmax in 8 bits, the band in blocks of as many "
        f"rows as cost least ({', '.join(map(str, models.BLOCKS))} tried); hidden: softmax costs nothing; "
        f"then: a softmax unit of {models.SIDE} lanes, after the products",
        f"FSA: tiles of {models.FSA_SIDE} x {models.FSA_SIDE}, whole ones, on as large an array",
        f"Butterfly-like: a network of {models.LAYERS} layers of {models.HIDDEN}, 1 or 2 with dense softmax, "
        "the others two Fourier transforms, a head's share of a mean layer, all multipliers always in use; "
        "it computes something else than a window",
        f"GPU-like: {models.GPU_MACS / 1e12:g} T multiply-accumulates and {models.GPU_BYTES / 1e12:g} TB a "
        f"second, {models.GPU_WATT:g} W (MI210, INT8, a 6 nm part) at its roofline; cycles of "
        f"{models.GPU_HZ / 1e9:g} GHz; chunks: {models.CHUNKED} keys scored for one, {models.PASSES} passes "
        "over scores of 2 bytes",
        "energy of all but GPUs is one model of 45 nm, without clock, leakage, control and softmax's own "
        "logic; each element of q, k, v, o is moved once, in the baselines, too. It has no memory below "
        f"8 KB: a lane's {HEAD} bytes are read at its price, {models.lane_reads():.0%} of a pair's energy, "
        "while an array's operands move from PE to PE for nothing",
    ),
    source=SOURCE,
    found=found,
)
