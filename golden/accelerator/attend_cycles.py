"""Cycles of ATTEND, exact where every request to the scratchpad is granted at once.

    queries  load 0 | load 1 |       ...        a group of queries at a time, while the group before is scored
    scores           group 0    | group 1    |  words of all keys, a word a cycle
    values                        group 0: pass 0 | pass 1 | ...    a pass a word of the result: all keys
    results                                   behind a pass, a word a cycle and query

A group of u queries is scored in keys words cycles and weighted in as many, side by side. A pass takes at
least as long as the results of the pass before take to leave. Scores of several groups wait, as many as find
room.
"""

from functools import lru_cache

from golden.accelerator import fetcher
from golden.accelerator.attend import AttentionParams
from golden.attention import products, quotients, scores, weights
from golden.attention.window import tree_registers
from golden.attention.window_cycles import QUEUE
from golden.division import ceil_div

HELD = 4  # groups whose scores wait, at most
LOADED = 2  # groups of queries
HALF_WORDS = 2  # of a vector of the mask
BEGIN = 1  # cycles from a command to its walks' beginning
DONE = 1  # cycles from the last word written
RESULT = ("product", "code")  # stages behind the quotient


def score_cycles(a: AttentionParams, lanes: int) -> int:
    """From a word of a key to its score's write: the key's and the query's words, products, their tree, the
    sum over words, the score's stages, the mask."""
    p = a.arithmetic(lanes)
    return 1 + len(products.stages(p)) + tree_registers(lanes) + 1 + len(scores.stages(p)) + 1


def value_cycles(a: AttentionParams, lanes: int) -> int:
    """From a score's read to the sum with its weighted value."""
    p = a.arithmetic(lanes)
    return 1 + len(weights.stages(p)) + len(products.stages(p)) + 1


def drain(a: AttentionParams, lanes: int) -> int:
    """Cycles for which the sums of a pass stand where those of the next one will."""
    return a.queries + a.arithmetic(lanes).reciprocal.latency


def results_held(a: AttentionParams) -> int:
    """Words of results that have room: those of each pass that has begun, so that none ever waits inside."""
    return max(4 * a.queries, 64)


def tail(a: AttentionParams, lanes: int) -> int:
    """From the last score's read of a command to its last word written."""
    behind = len(quotients.stages(a.arithmetic(lanes))) + len(RESULT) + QUEUE
    return value_cycles(a, lanes) + drain(a, lanes) + behind


@lru_cache(maxsize=4096)
def cycles(
    a: AttentionParams, lanes: int, queries: int, keys: int, words: int, heads: int, masked: bool
) -> int:
    """From a command's acceptance to its `done`, both counted, unstalled."""
    first = 1 + BEGIN + fetcher.LATENCY
    groups = ceil_div(queries, a.queries)
    sizes = [min(a.queries, queries - start) for start in range(0, queries, a.queries)] * heads
    ahead = min(HELD, 2 * a.keys // keys)
    begun = first + (HALF_WORDS * ceil_div(keys, lanes) if masked else 0)  # the first score may be made
    pace = max(keys, drain(a, lanes))
    loaded, scored, weighted = first, list[int](), list[int]()  # ends: one past the last cycle
    value = first
    for number, size in enumerate(sizes):
        if number >= LOADED:
            loaded = max(loaded, scored[number - LOADED])
        loaded += size * words
        begin = max(loaded, begun, scored[-1] if scored else 0)
        if number >= ahead:
            begin = max(begin, weighted[number - ahead])
        scored.append(begin + keys * words)
        value = max(value, scored[-1] + score_cycles(a, lanes))
        weighted.append(value + (words - 1) * pace + keys)
        value += words * pace
    assert len(sizes) == groups * heads
    return weighted[-1] - 1 + tail(a, lanes) + DONE
