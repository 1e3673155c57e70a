"""The sliding-window attention engine, as a block of streams (golden.blocks).

    job         AttentionJob: a mask, heads, the scale of scores
    operands    Operands: q, k, v; random keys and sinks where the job has them
    values      [heads, queries, head_dim + 2]: results, then the flags of golden.attention.row, 0 or 1

Heads of keys go one after the other, a command each, or p.heads of them side by side in every word. Rows of
`q` and `o` go by query, and within one by the heads that share keys; keys and values go in the order of
golden.attention.walk, each once.
"""

import math

import numpy as np

from golden import streams
from golden.attention import masks, walk, window_cycles, window_description
from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER, Arithmetic
from golden.attention.masks import Mask
from golden.attention.row import FLAGS, Rows, attend
from golden.attention.scores import Scaling, scaling
from golden.attention.window import MOST_ROWS, AttentionJob, Operands, WindowParams, check_operands
from golden.formats import FP16, Int

Params = WindowParams
WHAT = "sliding-window attention engine"
MEANING = {
    "command": "a word for each head of keys: which keys a row reads, for how many rows, the scale of scores",
    "q": "a word a row: the query",
    "k": "a word a key, in the order of loading: shared, random, window",
    "v": "a word a value, in the order of k",
    "o": "a word a row: the result, flags: no key counted; a score was clipped; of FP16, one was no number",
}
INPUTS = ("command", "q", "k", "v")
BLOCK = 64  # rows computed at once
EXAMPLE = 16  # keys of the example's window
title, about, sections = window_description.title, window_description.about, window_description.sections
cycles = window_cycles.cycles


def inputs(p: WindowParams) -> tuple[str, ...]:
    """Names of the engine's input streams."""
    return INPUTS


def fields(p: WindowParams) -> streams.Layout:
    """The words of every stream."""
    a, place = p.arithmetic, p.slots.bit_length()
    position = walk.POSITION
    long = masks.LONGEST.bit_length()
    least = window_cycles.longest_row(p).bit_length()
    command = {
        "steps": long, "group": MOST_ROWS.bit_length(), "shared": place, "randoms": place, "low": position,
        "high": position, "last": position, "stride": long, "dilation": long, "phase": long, "held": place,
        "goes_on": 1, "least": least, "sink": 1, "multiplier": MULTIPLIER.width,
        "shift": MAX_SHIFT.bit_length(), "cap": a.score.width - 1,
    }  # fmt: skip
    absent = {name for name, there in (("sink", p.sinks), ("cap", a.softcap)) if not there}
    invalid = ("invalid",) if a.floating else ()
    elements = p.heads * a.head_dim
    q = [("q", _width(a.query), elements)] + ([("sink", a.score.width, p.heads)] if p.sinks else [])
    return {
        "command": [(name, width, 1) for name, width in command.items() if name not in absent],
        "q": q,
        "k": [("k", _width(a.key), elements)],
        "v": [("v", _width(a.value), elements)],
        "o": [("out", _width(a.out), elements), *((flag, 1, p.heads) for flag in (*FLAGS, *invalid))],
    }


def _width(fmt: object) -> int:
    return fmt.width if isinstance(fmt, Int) else FP16.width


def _codes(fmt: object, where: str, values: np.ndarray) -> np.ndarray:
    """Values of a format as integers whose low bits are their codes."""
    if isinstance(fmt, Int):
        return fmt.check(where, values)
    return FP16.encode(FP16.check(where, values)).astype(np.int64)


def pack(p: WindowParams, job: AttentionJob, operands: Operands) -> dict[str, np.ndarray]:
    """The words of the input streams, uint8 [words, bytes]."""
    check_operands(p, job, operands)
    a, layout = p.arithmetic, fields(p)
    (command, *_) = window_cycles.commands_of(p, job)
    by = {"multiplier": job.by.multiplier, "shift": job.by.shift, "cap": job.by.cap}
    words = {
        name: np.full((job.kv_heads // p.heads, 1), by[name] if name in by else int(getattr(command, name)))
        for name, _, _ in layout["command"]
    }
    loaded = walk.sequence(p, job, operands.table)
    k, v = (
        _side_by_side(p, _codes(fmt, name, values)[:, loaded])
        for fmt, name, values in ((a.key, "k", operands.k), (a.value, "v", operands.v))
    )
    return {
        "command": streams.pack(layout["command"], words),
        "q": streams.pack(layout["q"], _query_words(p, job, operands)),
        "k": streams.pack(layout["k"], {"k": k}),
        "v": streams.pack(layout["v"], {"v": v}),
    }


def _query_words(p: WindowParams, job: AttentionJob, operands: Operands) -> dict[str, np.ndarray]:
    """Fields of the words of `q`: by head of keys, query, head."""
    codes = _codes(p.arithmetic.query, "q", operands.q)
    words = {"q": _by_rows(p, job, codes)}
    if p.sinks:
        sinks = np.zeros(job.heads, np.int64) if operands.sinks is None else operands.sinks
        each = np.broadcast_to(sinks[:, None, None], (*codes.shape[:2], 1))
        words["sink"] = _by_rows(p, job, each)
    return words


def _side_by_side(p: WindowParams, values: np.ndarray) -> np.ndarray:
    """[kv_heads, rows, n] -> [words, heads n]: heads that are worked on at once beside each other."""
    many, rows, size = values.shape
    beside = values.reshape(many // p.heads, p.heads, rows, size).swapaxes(1, 2)
    return beside.reshape(many // p.heads * rows, p.heads * size)


def _by_rows(p: WindowParams, job: AttentionJob, values: np.ndarray) -> np.ndarray:
    """[heads, queries, n] -> [words, heads n]: by query, then by the heads that share keys."""
    shared = job.heads // job.kv_heads
    grouped = values.reshape(job.kv_heads, shared, *values.shape[1:]).swapaxes(1, 2)
    return _side_by_side(p, grouped.reshape(job.kv_heads, -1, values.shape[-1]))


def _by_heads(p: WindowParams, job: AttentionJob, words: np.ndarray) -> np.ndarray:
    """[words, heads, n] -> [heads, queries, n], what _by_rows had."""
    shared, size = job.heads // job.kv_heads, words.shape[-1]
    rows = words.reshape(-1, job.mask.queries * shared, p.heads, size).swapaxes(1, 2)
    grouped = rows.reshape(job.kv_heads, job.mask.queries, shared, size)
    return grouped.swapaxes(1, 2).reshape(job.heads, job.mask.queries, size)


def unpack(p: WindowParams, job: AttentionJob, delivered: np.ndarray) -> np.ndarray:
    """The values in the words of `o`, uint8 [words, bytes]."""
    a, bits = p.arithmetic, np.unpackbits(delivered, axis=1, bitorder="little")
    width, elements = _width(a.out), p.heads * a.head_dim
    end = width * elements
    codes = bits[:, :end].reshape(len(bits), elements, width).astype(np.int64) @ (1 << np.arange(width))
    fmt = a.out
    values = fmt.decode(codes) if isinstance(fmt, Int) else FP16.decode(codes)
    values = values.reshape(len(bits), p.heads, a.head_dim)
    flags = bits[:, end : end + len(FLAGS) * p.heads].reshape(len(bits), len(FLAGS), p.heads).swapaxes(1, 2)
    return _by_heads(p, job, np.concatenate([values, flags.astype(values.dtype)], axis=-1))


def delivered(p: WindowParams, job: AttentionJob, operands: Operands) -> np.ndarray:
    """The words of `o`, uint8 [words, bytes]; nothing is computed beyond an edge."""
    values = _by_rows(p, job, compute(p, job, operands))
    values = values.reshape(len(values), p.heads, -1)
    dim = p.arithmetic.head_dim
    words = {"out": _codes(p.arithmetic.out, "o", values[..., :dim].reshape(len(values), -1))}
    words |= {flag: values[..., dim + at].astype(np.int64) for at, flag in enumerate(FLAGS)}
    words["invalid"] = np.zeros((len(values), p.heads), np.int64)  # operands are finite
    return streams.pack(fields(p)["o"], words)


def count(p: WindowParams, job: AttentionJob) -> int:
    """Words of `o`."""
    return job.heads * job.mask.queries // p.heads


def _values(rows: Rows) -> np.ndarray:
    flags = [np.asarray(each, rows.out.dtype)[..., None] for each in (rows.empty, rows.saturated)]
    return np.concatenate([rows.out, *flags], axis=-1)


def compute(p: WindowParams, job: AttentionJob, operands: Operands) -> np.ndarray:
    """The values, some rows at a time against all keys that any of them reads."""
    check_operands(p, job, operands)
    shared = job.heads // job.kv_heads
    k, v = (np.repeat(each, shared, axis=0) for each in (operands.k, operands.v))
    sinks = operands.sinks[:, None] if job.sinks and operands.sinks is not None else None
    begin, own = (np.repeat(each, job.mask.block)[:, None] for each in masks.windows(job.mask))
    table = None if operands.table is None else np.repeat(operands.table, job.mask.block, axis=0)
    found = []
    for start in range(0, job.mask.queries, BLOCK):
        rows = slice(start, start + BLOCK)
        valid, keys = _valid(job.mask, begin[rows], own[rows], None if table is None else table[rows])
        done = attend(p.arithmetic, operands.q[:, rows], k[:, keys], v[:, keys], valid, job.by, sinks)
        found.append(_values(done))
    return np.concatenate(found, axis=1)


def _valid(
    mask: Mask, begin: np.ndarray, own: np.ndarray, table: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(bool [rows, keys], int64 [keys]): whether each of some rows reads a key, and which keys these are.

    begin, own  int64 [rows, 1], as masks.windows; table  int64 [rows, randoms]
    """
    random = np.zeros((len(own), 0), np.int64) if table is None else table
    there = own > 0
    ends = (begin + mask.dilation * (own - 1))[there]
    window = np.arange(begin[there].min(), ends.max() + 1) if there.any() else np.zeros(0, np.int64)
    keys = np.unique(np.concatenate([window, mask.shared, random.ravel()]))
    away = keys[None] - begin
    valid = (away >= 0) & (away % mask.dilation == 0) & (away < own * mask.dilation)
    valid[:, np.searchsorted(keys, mask.shared)] = True
    np.put_along_axis(valid, np.searchsorted(keys, random), True, axis=1)
    return valid, keys.astype(np.int64)


def follow(p: WindowParams, job: AttentionJob, operands: Operands) -> np.ndarray:
    """The values, row after row out of rolling buffers of p.slots places, as the engine does it."""
    check_operands(p, job, operands)
    heads = job.heads // job.kv_heads
    each = (slice(head * heads, (head + 1) * heads) for head in range(job.kv_heads))
    return np.concatenate([_follow(p, job, operands, at, mine) for at, mine in enumerate(each)])


def _follow(p: WindowParams, job: AttentionJob, operands: Operands, kv_head: int, heads: slice) -> np.ndarray:
    """The values of the heads that share one head of keys."""
    (w, *_) = window_cycles.commands_of(p, job)
    steps, beside = walk.steps_of(w), w.shared + w.randoms
    ring = p.slots - beside
    order = iter(walk.sequence(p, job, operands.table))
    k, v = (np.zeros((p.slots, p.arithmetic.head_dim), each.dtype) for each in (operands.k, operands.v))

    def load(slot: int, key: int) -> None:
        k[slot], v[slot] = operands.k[kv_head, key], operands.v[kv_head, key]

    for place in range(w.held):  # what earlier jobs left
        load(beside + place % ring, job.begin + place)
    for place, key in enumerate(job.mask.shared):
        load(place, int(key) if w.goes_on else int(next(order)))
    sinks = operands.sinks[heads, None] if job.sinks and operands.sinks is not None else None
    rows, loaded = [], w.held
    for step in range(w.steps):
        for place in range(w.randoms):
            load(w.shared + place, int(next(order)))
        while loaded <= steps.loaded[step]:
            load(beside + loaded % ring, int(next(order)))
            loaded += 1
        window = steps.begin[step] + w.dilation * np.arange(steps.keys[step])
        slots = np.concatenate([np.arange(beside), beside + window % ring]).astype(np.int64)
        q = operands.q[heads, step * job.mask.block : (step + 1) * job.mask.block]
        rows.append(_values(attend(p.arithmetic, q, k[slots], v[slots], True, job.by, sinks)))
    return np.concatenate(rows, axis=1)


def example(p: WindowParams, seed: int) -> tuple[AttentionJob, Operands]:
    """A causal window that moves on by more than twice its length, in the places that leading keys leave."""
    random = np.random.default_rng(seed)
    window = min(p.slots, EXAMPLE)
    leading = p.slots - window
    mask = Mask(
        queries=2 * window + window // 4, keys=leading + 2 * window + window // 4, left=window - 1, right=0,
        leading=leading,
    )  # fmt: skip
    job = AttentionJob(mask=mask, by=example_scaling(p.arithmetic), heads=p.heads, kv_heads=p.heads)
    return job, random_operands(p, job, random)


def example_scaling(a: Arithmetic, octaves: float = 2.0, cap: float = 0.0) -> Scaling:
    """Such that scores of random operands have `octaves` as their standard deviation. cap: of logits."""
    size = 1.0 if a.floating else float(_deviation(a.query) * _deviation(a.key))
    return scaling(a, octaves / math.log2(math.e) / size / a.head_dim**0.5, cap)


def _deviation(fmt: object) -> float:
    """The standard deviation of random_operands' values of a format."""
    return (fmt.max + 1) / 3 if isinstance(fmt, Int) else 1.0


def random_operands(p: WindowParams, job: AttentionJob, random: np.random.Generator) -> Operands:
    """Normal values, cut to the formats; a table of random keys, and sinks, where the job has them."""
    a, mask = p.arithmetic, job.mask

    def values(fmt: object, *shape: int) -> np.ndarray:
        drawn = random.standard_normal(shape)
        if isinstance(fmt, Int):
            return fmt.saturate(np.rint(drawn * _deviation(fmt)).astype(np.int64))
        return FP16.quantise(drawn)

    table = None
    if mask.randoms:
        begin, own = masks.windows(mask)
        table = np.empty((mask.steps, mask.randoms), np.int64)
        for step in range(mask.steps):
            taken = np.concatenate([mask.shared, begin[step] + mask.dilation * np.arange(own[step])])
            others = np.setdiff1d(np.arange(mask.counted), taken)
            table[step] = random.choice(others, mask.randoms, replace=False)
    return Operands(
        q=values(a.query, job.heads, mask.queries, a.head_dim),
        k=values(a.key, job.kv_heads, mask.keys, a.head_dim),
        v=values(a.value, job.kv_heads, mask.keys, a.head_dim),
        table=table,
        sinks=random.integers(-1 << a.fraction, 3 << a.fraction, job.heads) if job.sinks else None,
    )
