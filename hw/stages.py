"""One rule for holding, for every chain of registers with a handshake.

A stage is named after what its register holds. `<stage>_go`: the register may load at this edge, because it
is empty or because what it holds moves on. Nothing else loads it, so a word holds still while it waits, and
a bubble behind a stalled word fills.
"""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition


def hold_stages(m: Module, go: dict[str, Value], *, valid: Value, ready: Value) -> Value:
    """Valid bits of the stages that `go` names, first to last; drives each `go`, returns the last valid bit.

    valid  a word is offered to the first stage, which takes it if its `go`, the stream's ready, is high
    ready  what the last stage holds moves on, if there is a word
    """
    held = []
    for name, stage_go in go.items():
        q = Signal(name=f"{name}_valid")
        with m.If(stage_go):
            m.d.sync += q.eq(valid)
        held.append(q)
        valid = q
    for stage_go, q, onward in zip(go.values(), held, [*list(go.values())[1:], ready], strict=True):
        m.d.comb += stage_go.eq(~q | onward)
    return valid


class RegisterStages(wiring.Component):
    """`count` registers in a row between streams `i` and `o` of `width` bits; i.ready is combinational."""

    def __init__(self, width: int, count: int):
        self.count = count
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform):
        m = Module()
        go = {f"q_{index}": Signal(name=f"q_{index}_go") for index in range(self.count)}
        m.d.comb += self.o.valid.eq(hold_stages(m, go, valid=self.i.valid, ready=self.o.ready))
        word = self.i.payload
        for name, stage_go in go.items():
            q = Signal.like(self.o.payload, name=name, reset_less=True)
            with m.If(stage_go):
                m.d.sync += q.eq(word)
            word = q
        m.d.comb += [self.i.ready.eq(go["q_0"]), self.o.payload.eq(word)]
        return m


def definition(width: int, count: int) -> Definition:
    """`count` registers of `width` bits."""
    return Definition(f"registers_{width}_x{count}", RegisterStages(width, count))
