"""What the datapaths of attention have in common: a lane of named registers, and a stream block of one.

A lane takes a word every cycle and holds no valid bits: its owner does (hw.stages), or ties all of its
STAGE_go to one enable and counts.
"""

from collections.abc import Iterable, Mapping

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition, flat_ports
from hw.stages import hold_stages


class Lane(wiring.Component):
    """A datapath through registers.

    inputs    one word, of which nothing needs to stay after the first stage's go
    STAGE_go  the register of that stage may load
    outputs   of the last stage; registered
    """

    def __init__(self, stages: Iterable[str], inputs: Mapping[str, int], outputs: Mapping[str, int]):
        self.stages = tuple(stages)
        super().__init__({
            **{name: In(width) for name, width in inputs.items()},
            **{f"{stage}_go": In(1) for stage in self.stages},
            **{name: Out(width) for name, width in outputs.items()},
        })

    def held(self, m: Module, stage: str, name: str, value: Value) -> Signal:
        """`value` in a register of a stage."""
        shape = Shape.cast(value.shape())
        q = Signal(shape, name=f"{stage}_{name}", reset_less=True)
        with m.If(getattr(self, f"{stage}_go")):
            m.d.sync += q.eq(value)
        return q

    def carried(self, m: Module, stages: Iterable[str], name: str, value: Value) -> Value:
        """`value` through a register of each of `stages`."""
        for stage in stages:
            value = self.held(m, stage, name, value)
        return value


class Streamed(wiring.Component):
    """A lane with a handshake.

    i  stream of its inputs; ready is combinational
    o  stream of its outputs; registered
    """

    def __init__(self, lane: Definition):
        self.lane, self.uses = lane, (lane,)
        self.stages = lane.component.stages
        ports = list(flat_ports(lane.component))
        held = {f"{stage}_go" for stage in self.stages}
        self.inputs = {name: len(value) for name, is_input, value in ports if is_input and name not in held}
        self.outputs = {name: len(value) for name, is_input, value in ports if not is_input}
        super().__init__({
            "i": In(stream.Signature(data.StructLayout(self.inputs))),
            "o": Out(stream.Signature(data.StructLayout(self.outputs))),
        })

    def elaborate(self, platform):
        m = Module()
        go = {stage: Signal(name=f"{stage}_go") for stage in self.stages}
        m.d.comb += [
            self.o.valid.eq(hold_stages(m, go, valid=self.i.valid, ready=self.o.ready)),
            self.i.ready.eq(go[self.stages[0]]),
        ]
        self.lane.place(
            m, "lane", **{f"{stage}_go": signal for stage, signal in go.items()},
            **{name: self.i.p[name] for name in self.inputs},
            **{name: self.o.p[name] for name in self.outputs},
        )  # fmt: skip
        return m


def streamed(lane: Definition) -> Definition:
    """The stream block of a lane."""
    return Definition(f"{lane.name}_stream", Streamed(lane))
