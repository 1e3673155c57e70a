"""Attention as nodes joined by FIFOs: which depths a graph needs, found by stepping it cycle by cycle.

Every FIFO is registered: a word pushed in one cycle may be popped in the next, and the place of a popped word
may be filled in the next. A node fires at most once a cycle, when each FIFO that it pops from has a word and
each that it pushes into has room. One score enters a graph every cycle, n of them a row.

    naive          score -> exp -> fork {sum of the row; LONG} -> divide -> PV
    with maximum   score -> fork {maximum of the row; LONG} -> exp -> fork {sum; LONG} -> divide -> PV
    online         score -> scan -> fork {running l; running o} -> o / l, once a row

A reduction answers when its row has passed, so the row itself must wait beside it, in LONG; a running sum
has its answer at once, so no FIFO of the online graph depends on n. Depths (`long_depth`, `short_depth`):

    LONG     the row's first word is pushed in cycle t and popped in t + n + latency, where `latency` is that
             from the reduction's last word to its result; in that cycle word n + latency is pushed, while the
             n + latency words before it are still there: n + 1 + latency places, n + 2 for a latency of 1.
             Each place less costs a cycle a row (of two scores or more, and no fewer than `latency`).
             With n the graph still runs, with n - 1 it stands still.
    others   a word stays for a cycle, and its place is free in the next: 2. With 1 a word moves every other
             cycle.
    joins    where one branch takes d cycles more than the FIFO of the other, that FIFO needs 2 + d places.

`loop` of a node is for sums in a loop: (c, r) says that a word's sum takes part in that of the word c behind
it, and is there after r cycles, the registers of the adder. Then c words pass in max(c, r) cycles: with c
queries in turn, c >= r, one passes every cycle.

Source: Sohn, Zhang and Olukotun, arXiv 2404.16629 (graphs, and that naive attention needs FIFOs of O(n)); the
timing of FIFOs is that of its simulator (Zhang et al., The Dataflow Abstract Machine, ISCA 2024: latencies of
1 to send and to respond).
"""

from collections import deque
from dataclasses import dataclass, field

from golden import check

SHORT = 2  # places of a FIFO that only joins two nodes
LONGEST = 1 << 16  # words of a row, so that a run ends
HOPS = {"naive": 4, "maximum": 5, "online": 4}  # nodes behind the first, on the longest way


class GraphFifo:
    """level, peak: words in it now, and the most that there were; what is freed or filled shows a cycle
    later."""

    def __init__(self, depth: int):
        self.depth = depth
        self.level = self.peak = 0

    @property
    def has_word(self) -> bool:
        return self.level > 0

    @property
    def has_room(self) -> bool:
        return self.level < self.depth


@dataclass(kw_only=True)
class GraphNode:
    """pops, pushes: the FIFOs at its input and its output, which it uses at each firing, except

    row       firings of a row: `row_pops` are popped at its first, `row_pushes` pushed into at its last
    latency   cycles from a pop to the push that answers it; what is between the two is pipelined
    loop      (words between two of one sum, registers of its adder); none: no sum in a loop
    limit     firings in all; a source has no other end
    """

    pops: list[GraphFifo] = field(default_factory=list)
    pushes: list[GraphFifo] = field(default_factory=list)
    row: int = 1
    row_pops: list[GraphFifo] = field(default_factory=list)
    row_pushes: list[GraphFifo] = field(default_factory=list)
    latency: int = 1
    loop: tuple[int, int] = (1, 1)
    limit: int | None = None
    fired: int = 0
    last: int = -1  # cycle of the latest firing
    stages: deque[list[GraphFifo]] = field(default_factory=deque)
    sums: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.stages.extend([] for _ in range(self.latency - 1))
        self.sums.extend(-self.loop[1] for _ in range(self.loop[0]))

    def popped(self) -> list[GraphFifo]:
        """The FIFOs that the next firing pops."""
        return self.pops + (self.row_pops if self.fired % self.row == 0 else [])

    def pushed(self) -> list[GraphFifo]:
        """The FIFOs that the answer to the next firing is pushed into."""
        return self.pushes + (self.row_pushes if self.fired % self.row == self.row - 1 else [])

    def fires(self, cycle: int) -> bool:
        """Whether a word can enter in this cycle, its operands and its sum being there."""
        return (
            self.fired != self.limit
            and all(fifo.has_word for fifo in self.popped())
            and self.sums[0] + self.loop[1] <= cycle
        )

    def plan(self, cycle: int) -> tuple[list[GraphFifo], list[GraphFifo]] | None:
        """(FIFOs to pop, FIFOs to push) of this cycle, of FIFOs as the cycle found them; None: it waits.

        What enters moves all that is under way one stage on; without a word a stage stays empty.
        """
        fires = self.fires(cycle)
        entering, popped = (self.pushed(), self.popped()) if fires else ([], [])
        leaving = self.stages[0] if self.stages else entering
        if not all(fifo.has_room for fifo in leaving):
            return None
        if self.stages:
            self.stages.popleft()
            self.stages.append(entering)
        if fires:
            self.fired, self.last = self.fired + 1, cycle
            self.sums.popleft()
            self.sums.append(cycle)
        return (popped, leaving) if fires or leaving else None


@dataclass(kw_only=True)
class Graph:
    """nodes: the first is the source, the last the end; fifos: by name."""

    nodes: list[GraphNode]
    fifos: dict[str, GraphFifo]

    def step(self, cycle: int) -> bool:
        """One cycle: every node as it finds the FIFOs; whether anything moved."""
        plans = [plan for node in self.nodes if (plan := node.plan(cycle)) is not None]
        for popped, pushed in plans:
            for fifo in popped:
                fifo.level -= 1
            for fifo in pushed:
                fifo.level += 1
        for fifo in self.fifos.values():
            fifo.peak = max(fifo.peak, fifo.level)
        return bool(plans)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRun:
    """cycles: from the first score in to the last firing of the last node, both counted; None: it stood
    still. peaks: the most words that each FIFO held."""

    cycles: int | None
    peaks: dict[str, int]


def run(graph: Graph, rows: int) -> GraphRun:
    """`rows` rows through a graph, until its last node has fired for all of them, or nothing moves."""
    source, end = graph.nodes[0], graph.nodes[-1]
    source.limit = rows * source.row
    wanted = source.limit * end.row // source.row
    # what waits for a sum or for an empty stage moves again within so many cycles
    patience = max(node.loop[1] + node.latency for node in graph.nodes)
    cycle = idle = 0
    while end.fired < wanted and idle <= patience:
        idle = 0 if graph.step(cycle) else idle + 1
        cycle += 1
    peaks = {name: fifo.peak for name, fifo in graph.fifos.items()}
    return GraphRun(cycles=end.last + 1 if end.fired == wanted else None, peaks=peaks)


def naive(n: int, *, long: int, short: int = SHORT, latency: int = 1) -> Graph:
    """Rows of n scores, the exponential without a maximum; `latency` is the reduction's."""
    f = fifos(long=long, score=short, weight=short, entering=short, sum=short, quotient=short)
    return Graph(
        nodes=[
            GraphNode(pushes=[f["score"]], row=length(n)),
            GraphNode(pops=[f["score"]], pushes=[f["weight"]]),
            GraphNode(pops=[f["weight"]], pushes=[f["entering"], f["long"]]),
            GraphNode(pops=[f["entering"]], row=n, row_pushes=[f["sum"]], latency=latency),
            GraphNode(pops=[f["long"]], row=n, row_pops=[f["sum"]], pushes=[f["quotient"]]),
            GraphNode(pops=[f["quotient"]], row=n),
        ],
        fifos=f,
    )


def with_maximum(n: int, *, long: tuple[int, int], short: int = SHORT, latency: int = 1) -> Graph:
    """Rows of n scores, less their maximum: the row waits for the maximum, then for the sum."""
    names = ("score", "compared", "greatest", "weight", "entering", "sum", "quotient")
    f = fifos(long_1=long[0], long_2=long[1], **dict.fromkeys(names, short))
    return Graph(
        nodes=[
            GraphNode(pushes=[f["score"]], row=length(n)),
            GraphNode(pops=[f["score"]], pushes=[f["compared"], f["long_1"]]),
            GraphNode(pops=[f["compared"]], row=n, row_pushes=[f["greatest"]], latency=latency),
            GraphNode(pops=[f["long_1"]], row=n, row_pops=[f["greatest"]], pushes=[f["weight"]]),
            GraphNode(pops=[f["weight"]], pushes=[f["entering"], f["long_2"]]),
            GraphNode(pops=[f["entering"]], row=n, row_pushes=[f["sum"]], latency=latency),
            GraphNode(pops=[f["long_2"]], row=n, row_pops=[f["sum"]], pushes=[f["quotient"]]),
            GraphNode(pops=[f["quotient"]], row=n),
        ],
        fifos=f,
    )


def online(n: int, *, short: int = SHORT, loop: tuple[int, int] = (1, 1)) -> Graph:
    """Rows of n scores, running sums: the division is once a row, behind them.

    With loop = (c, r) a row is the n keys of c queries in turn, and its results c quotients: n counts scores,
    a multiple of c.
    """
    f = fifos(**dict.fromkeys(("score", "weight", "to_l", "to_o", "l", "o"), short))
    return Graph(
        nodes=[
            GraphNode(pushes=[f["score"]], row=length(n)),
            GraphNode(pops=[f["score"]], pushes=[f["weight"]]),
            GraphNode(pops=[f["weight"]], pushes=[f["to_l"], f["to_o"]]),
            GraphNode(pops=[f["to_l"]], row=n, row_pushes=[f["l"]], loop=loop),
            GraphNode(pops=[f["to_o"]], row=n, row_pushes=[f["o"]], loop=loop),
            GraphNode(pops=[f["l"], f["o"]]),
        ],
        fifos=f,
    )


def join(*, short: int, delay: int) -> Graph:
    """A fork whose branches meet again: one a FIFO of `short` places alone, the other a node that takes
    `delay` cycles between two FIFOs."""
    f = fifos(short=short, entering=SHORT, delayed=SHORT, score=SHORT)
    return Graph(
        nodes=[
            GraphNode(pushes=[f["score"]]),
            GraphNode(pops=[f["score"]], pushes=[f["short"], f["entering"]]),
            GraphNode(pops=[f["entering"]], pushes=[f["delayed"]], latency=delay),
            GraphNode(pops=[f["short"], f["delayed"]]),
        ],
        fifos=f,
    )


def fifos(**depths: int) -> dict[str, GraphFifo]:
    """A FIFO of each name; BadValue naming one without a place."""
    for name, depth in depths.items():
        check.in_range(f"fifo {name}", depth, 1, 4 * LONGEST)
    return {name: GraphFifo(depth) for name, depth in depths.items()}


def length(n: int) -> int:
    """n, the scores of a row, checked."""
    check.in_range("scores of a row", n, 1, LONGEST)
    return n


def long_depth(n: int, latency: int = 1) -> int:
    """Places that a FIFO beside a reduction of n words needs at full throughput."""
    return n + 1 + latency


def short_depth(delay: int = 0) -> int:
    """Places of a FIFO beside a branch that takes `delay` cycles more."""
    return SHORT + delay


def cycles(form: str, n: int, rows: int, *, missing: int = 0) -> int:
    """Cycles of `run`, exactly: a score a cycle, the fill, and where LONG lacks places, those.

    form     "naive", "maximum" (both LONG alike), "online"
    missing  places that LONG has less than `long_depth`, up to the two with which it still runs
    """
    check.one_of("graph", form, HOPS)
    check.in_range("missing places", missing, 0, 2 if form != "online" else 0)
    waits = {"naive": n, "maximum": 2 * n, "online": 0}[form]
    return rows * n + waits + HOPS[form] + (rows - 1) * missing


def memory(form: str, n: int) -> int:
    """Words in the FIFOs of a graph at full throughput with the fewest places."""
    check.one_of("graph", form, HOPS)
    long = {"naive": 1, "maximum": 2, "online": 0}[form] * long_depth(n)
    return long + SHORT * {"naive": 5, "maximum": 7, "online": 6}[form]
