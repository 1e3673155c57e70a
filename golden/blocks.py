"""Blocks of streams: the contract and the table.

A block is a golden module and the module of `hw` at the same path, whose `definition(p)` is its hardware:
streams in, one stream `o` out, each with NAME_valid, NAME_ready and NAME_payload. The golden module has

    Params                        frozen dataclass; its `name` is the top module's
    WHAT                          what such a block is called
    MEANING                       {stream: what its words hold}
    fields(p)                     golden.streams.Layout of the words of every stream
    inputs(p)                     names of the input streams, in the order of the ports
    pack(p, job, operands)        {input: uint8 [words, bytes]}, what a job's operands are as words
    unpack(p, job, words)         the values in the words of `o`, uint8 [words, bytes or more]
    delivered(p, job, operands)   the words of `o`, uint8 [words, bytes], with what is computed beyond an edge
    count(p, job)                 how many they are
    compute(p, job, operands)     the values, at once
    follow(p, job, operands)      the same values, by every command or pass as the hardware does it
    cycles(p, job)                from the first word accepted to the last delivered, both counted, unstalled
    example(p, seed)              (job, operands): every piece whole and in part
    title(p), about(p)            of its documentation: a heading; what it computes
    sections(p)                   {heading: text}, "Cycles" among them

A job says what is to be done (of a matrix unit a Schedule, of a tile a Gemm) and has `shape`, its axes in a
fe
few
letters; operands are what it is done with. Driver, testbench, documentation, generated folder and core file
take any block: sim.device, systola.generation. A new block is those two modules, a bench, and its line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from golden import check, streams
from golden.attention import sliding_window, streaming
from golden.systolic import matrix_unit
from golden.tile import tile

BLOCKS: dict[str, ModuleType] = {
    "systolic/matrix_unit": matrix_unit,
    "tile/tile": tile,
    "attention/sliding_window": sliding_window,
    "attention/streaming": streaming,
}
OUTPUT = "o"


def path_of(params: object) -> str:
    """The path in the table of the block that `params` are for."""
    for path, module in BLOCKS.items():
        if isinstance(params, module.Params):
            return path
    raise check.fail("block", type(params).__name__, ", ".join(BLOCKS))


def module_of(params: object) -> ModuleType:
    """The golden module of the block that `params` are for."""
    return BLOCKS[path_of(params)]


def widths(params: object) -> dict[str, int]:
    """Bits of the payload of each stream: the inputs in their order, then `o`."""
    module = module_of(params)
    layout = module.fields(params)
    return {name: streams.bits(layout[name]) for name in (*module.inputs(params), OUTPUT)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """One job of a block. name: of the layer. p: the block's Params. shape: what the contract calls a job."""

    name: str
    p: Any
    shape: Any
    operands: Any

    @property
    def where(self) -> str:
        """The beginning of a message about the job."""
        return f"layer {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """A device's results. outputs: values by name. cycles: None where the device counts none."""

    outputs: Mapping[str, np.ndarray]
    cycles: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def values(self) -> np.ndarray:
        """The values of a block's stream `o`."""
        return self.outputs[OUTPUT]


class Device(Protocol):
    """A device: it runs jobs of blocks or steps of a program (sim.device); all kinds give the same bits.

    golden   every command or pass as the hardware does it
    model    the values at once
    rtl      the Verilog
    """

    @property
    def name(self) -> str: ...

    def run(self, job: Any) -> Result: ...
