"""Streaming attention: nodes joined by FIFOs, none of which grows with a row.

Golden: golden.attention.streaming.

command, q -> schedule -> score -> # -> weight -> # -> l ------------> # -> 1 / l -> # -> quotient -> o
k --------------^                            \\-> # -> times v -> o --> # -------------------^
v ---------------------------------------------------------^

#  a FIFO of p.places; that of o, beside 1 / l, of p.waiting
"""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import streaming_words as words
from golden.attention.streaming_job import StreamingParams
from hw import fifo
from hw.attention import streaming_layout as layout
from hw.attention import streaming_quotient, streaming_schedule, streaming_score, streaming_sums
from hw.blocks import word_layout
from hw.board import Board
from hw.emit import Definition


class Streaming(wiring.Component):
    """command, q, k, v  streams in
    o                 stream out; registered
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        lanes, marks = p.arithmetic.head_dim, 1 + layout.flags(p)
        floating = int(p.arithmetic.floating)
        self.nodes = {
            "schedule": streaming_schedule.definition(p),
            "score": streaming_score.score(p),
            "weight": streaming_score.weight(p),
            "l": streaming_sums.sums(p, 1, marks, "l"),
            "weighted": streaming_sums.weighted(p),
            "o": streaming_sums.sums(p, lanes, floating, "o"),
            "reciprocal": streaming_quotient.reciprocal(p),
            "quotient": streaming_quotient.quotient(p),
        }
        between = {
            "score": layout.score(p),
            "to_l": layout.term(p, 1, marks),
            "to_o": layout.term(p, 1, 0),
            "l": layout.total(p, 1, marks),
            "o": layout.total(p, lanes, floating),
            "reciprocal": layout.reciprocal(p),
        }
        self.fifos = {
            name: fifo.definition(word.size, p.waiting if name == "o" else p.places)
            for name, word in between.items()
        }
        self.uses = (*self.nodes.values(), *self.fifos.values())
        fields = words.fields(p)
        super().__init__(
            {
                **{name: In(stream.Signature(word_layout(fields[name]))) for name in words.INPUTS},
                "o": Out(stream.Signature(word_layout(fields["o"]))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        board = Board(m, self)
        node = {name: board.place(each, f"{name}_node") for name, each in self.nodes.items()}
        queue = {name: board.place(each, f"{name}_fifo") for name, each in self.fifos.items()}
        for name in ("command", "q", "k"):
            board.connect(wiring.flipped(getattr(self, name)), getattr(node["schedule"], name))
        board.connect(node["schedule"].turn, node["score"].i)
        for name, behind in (("score", node["weight"].i), ("to_l", node["l"].i), ("to_o", node["weighted"].i),
                             ("l", node["reciprocal"].i), ("o", node["quotient"].weighted),
                             ("reciprocal", node["quotient"].reciprocal)):  # fmt: skip
            board.connect(queue[name].o, behind)
        for name in ("score", "l", "o", "reciprocal"):
            board.connect(node[name].o, queue[name].i)
        self.fork(board, node["weight"].o, queue["to_l"].i, queue["to_o"].i)
        self.values(board, node["weighted"].v)
        board.connect(node["weighted"].o, node["o"].i)
        board.connect(node["quotient"].o, wiring.flipped(self.o))
        board.finish()
        return m

    def values(self, board, v):
        """The stream v, whose elements are the node's whole payload."""
        board.tie(v.valid, self.v.valid)
        board.tie(v.payload, self.v.p.elements)
        board.tie(self.v.ready, v.ready)

    def fork(self, board, weight, to_l, to_o):
        """A weight goes into both FIFOs at once. l counts it, too: a row without one is empty."""
        turn = weight.p.turn
        board.tie(weight.ready, to_l.ready & to_o.ready)
        for one, other, marks in ((to_l, to_o, Cat(turn.counts, weight.p.marks)), (to_o, to_l, Cat())):
            board.tie(one.valid, weight.valid & other.ready)
            board.tie(one.payload, Cat(weight.p.terms, marks, turn.as_value()))


def definition(p: StreamingParams) -> Definition:
    """The engine of `p`."""
    return Definition(p.name, Streaming(p))
