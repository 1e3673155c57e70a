"""Definitions connected member to member: what nobody drives, and what does not fit, is an error."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator import accelerator
from hw.board import Board
from hw.emit import Definition, verilog

P = AcceleratorParams(unit=MatrixUnitParams(rows=4, cols=4, accumulator_rows=16), functions=())


class Giver(wiring.Component):
    words: Out(stream.Signature(8))
    go: In(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.words.valid.eq(self.go), self.words.payload.eq(7)]
        return m


class Taker(wiring.Component):
    words: In(stream.Signature(8))
    last: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.words.ready.eq(1), self.last.eq(self.words.payload)]
        return m


class Both(wiring.Component):
    """A giver and a taker; what is left out is named in `without`."""

    def __init__(self, without=""):
        self.without = without
        self.giver = Definition("giver", Giver(), clocked=False)
        self.taker = Definition("taker", Taker(), clocked=False)
        self.uses = (self.giver, self.taker)
        super().__init__({"go": In(1), "last": Out(8)})

    def elaborate(self, platform):
        m = Module()
        board = Board(m, self)
        giver, taker = board.place(self.giver, "giver"), board.place(self.taker, "taker")
        if self.without != "words":
            board.connect(giver.words, taker.words)
        if self.without != "go":
            board.tie(giver.go, self.go)
        if self.without != "last":
            board.tie(self.last, taker.last)
        board.finish()
        return m


@pytest.mark.rtl
def test_members_that_are_connected_are_wires():
    text = verilog(Definition("both", Both(), clocked=False))
    assert "giver giver" in text and "taker taker" in text


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        ("words", "giver.words.ready, taker.words.valid, taker.words.payload"),
        ("go", "giver.go"),
        ("last", "last"),
    ],
)
def test_a_port_that_nobody_drives_is_an_error(without, missing):
    with pytest.raises(TypeError) as error:
        Both(without).elaborate(None)
    assert sorted(str(error.value).removeprefix("nobody drives ").split(", ")) == sorted(missing.split(", "))


def test_a_member_that_does_not_exist_is_an_error():
    board = Board(Module(), Both())
    with pytest.raises(AttributeError, match="wordz"):
        _ = board.place(Definition("giver", Giver(), clocked=False), "giver").wordz


def test_an_accelerator_that_forgets_a_connection_is_an_error(monkeypatch):
    """Each connection of the top but one: the ports behind it are named."""
    connected = Board.connect

    def forgetful(self, one, other):
        if "scratchpad__left" not in str(getattr(other, "valid", "")):
            connected(self, one, other)

    monkeypatch.setattr(Board, "connect", forgetful)
    top = accelerator.definition(P)
    with pytest.raises(TypeError, match=r"nobody drives .*matrix.scratch.left.ready.*scratchpad.left.valid"):
        top.component.elaborate(None)
