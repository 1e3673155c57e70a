"""A Verilog testbench for a generated design, for simulators that know no Python.

One product with whole and partial tiles on every axis, random operands from a fixed seed, requantised where
the unit does. The words of every stream, golden's output words and golden's cycles stand in the text.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from golden.formats import Float
from golden.formats.packing import pack_values
from golden.systolic import words
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.matrix_unit import Scaling, compute, cycles, longest_stream
from mapping.target import Target
from systola.block_document import AXES

SEED = 1

BENCH = """\
// Self-checking testbench of {name}: {gemm.m} x {gemm.n} x {gemm.k} against golden.
// All inputs are offered at once and all outputs taken, so the cycles are those of no stall.
`timescale 1ns/1ps
module {name}_tb;
  reg clk = 0, rst = 1;
  always #1 clk = ~clk;
  integer cycle = 0, first = -1, words = 0, faults = 0;
{streams}
  reg [{o_top}:0] golden [0:{o_last}];
  wire [{o_top}:0] o_payload;
  wire o_valid;
  {top} dut (
    .clk(clk), .rst(rst),
{ties}
    .o_valid(o_valid), .o_ready(1'b1), .o_payload(o_payload)
  );

  wire taken = {taken};
  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    if (taken && first < 0) first <= cycle;
    if (o_valid) begin
      if (o_payload !== golden[words]) begin
        $display("word %0d is %h, golden %h", words, o_payload, golden[words]);
        faults <= faults + 1;
      end
      words <= words + 1;
      if (words == {o_last}) begin
        if (faults || o_payload !== golden[words]) $display("FAIL: wrong words");
        else if (cycle - first + 1 != {cycles})
          $display("FAIL: %0d cycles, golden {cycles}", cycle - first + 1);
        else $display("PASS: {o_words} words, {cycles} cycles");
        $finish;
      end
    end
    if (cycle > {limit}) begin
      $display("FAIL: %0d of {o_words} words after {limit} cycles", words);
      $finish;
    end
  end

  initial begin
{contents}
    @(negedge clk) @(negedge clk) rst = 0;
  end
endmodule
"""

STREAM = """\
  reg [{top}:0] {name}_word [0:{last}];
  integer {name}_at = 0;
  wire {name}_ready;
  wire {name}_valid = !rst && {name}_at < {count};
  always @(posedge clk) if ({name}_valid && {name}_ready) {name}_at <= {name}_at + 1;
"""


def schedule_of(target: Target) -> Schedule:
    """A product of two pieces of each axis, the second smaller, whose tiles never wait for accumulators."""
    unit = target.unit
    lengths = (unit.rows + max(1, unit.rows // 2), unit.cols + max(1, unit.cols // 2), unit.rows + 3)
    axes = dict(zip(AXES[unit.dataflow], lengths, strict=True))
    gemm = Gemm(m=axes["m"], n=axes["n"], k=min(axes["k"], unit.pe.group))
    return Schedule(unit, gemm, Tiling(stream=min(longest_stream(unit), unit.rows + 2)))


def values(random: np.random.Generator, fmt: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Random values of a format: all of an integer's, normal numbers of a float."""
    if isinstance(fmt, Float):
        return fmt.quantise(random.standard_normal(shape))
    return random.integers(fmt.min, fmt.max + 1, shape)


def operands(schedule: Schedule) -> tuple[np.ndarray, np.ndarray, Scaling | None]:
    """Random activations and weights; if the unit requantises, a scaling that leaves most unsaturated."""
    random, unit, gemm = np.random.default_rng(SEED), schedule.unit, schedule.gemm
    a = values(random, unit.pe.activation, (1, gemm.m, gemm.k))
    w = values(random, unit.pe.weight, (1, gemm.k, gemm.n))
    if not unit.scaled:
        return a, w, None
    largest = int(np.abs(compute(unit, a, w, None)).max())
    half = 1 << unit.multiplier_bits - 1
    shift = max(1, (largest * half).bit_length() - unit.out.width)
    scaling = Scaling(
        bias=random.integers(-largest // 8, largest // 8 + 1, gemm.n),
        multiplier=random.integers(half // 2, half + 1, gemm.n),
        shift=np.full(gemm.n, min(shift, unit.requantise.max_shift)),
    )
    return a, w, scaling


def write(target: Target) -> str:
    """The testbench's text."""
    schedule = schedule_of(target)
    a, w, scaling = operands(schedule)
    inputs = {
        name: as_integers(packed) for name, packed in words.pack_streams(schedule, a, w, scaling).items()
    }
    outputs = output_words(schedule, a, w, scaling)
    widths = {name: words.bits(schedule.unit, name) for name in (*inputs, "o")}
    return text(target.name, schedule.unit.name, schedule.gemm, widths, inputs, outputs, cycles(schedule))


def text(
    name: str, top: str, gemm: Gemm, widths: Mapping[str, int], inputs: Mapping[str, list[int]],
    outputs: list[int], cycles: int,
) -> str:  # fmt: skip
    """A testbench of the module `top`: the words of its streams, of the widths given, and its cycles."""
    return BENCH.format(
        name=name,
        gemm=gemm,
        top=top,
        streams="".join(stream(name, widths[name], len(each)) for name, each in inputs.items()),
        ties="\n".join(tie(name) for name in inputs),
        taken=" || ".join(f"({name}_valid && {name}_ready)" for name in inputs),
        contents="\n".join([
            *(fill(f"{name}_word", widths[name], each) for name, each in inputs.items()),
            fill("golden", widths["o"], outputs),
        ]),
        o_top=widths["o"] - 1,
        o_last=len(outputs) - 1,
        o_words=len(outputs),
        cycles=cycles,
        limit=2 * cycles + 100,
    )  # fmt: skip


def stream(name: str, width: int, count: int) -> str:
    """A stream's words, and what offers them one after the other."""
    return STREAM.format(name=name, top=width - 1, last=count - 1, count=count)


def tie(name: str) -> str:
    handshake = f".{name}_valid({name}_valid), .{name}_ready({name}_ready)"
    return f"    {handshake}, .{name}_payload({name}_word[{name}_at]),"


def fill(memory: str, width: int, contents: list[int]) -> str:
    return "\n".join(f"    {memory}[{i}] = {width}'h{word:x};" for i, word in enumerate(contents))


def as_integers(packed: np.ndarray) -> list[int]:
    """Words, uint8 [words, stride], as numbers."""
    return [int.from_bytes(word.tobytes(), "little") for word in packed]


def output_words(schedule: Schedule, a: np.ndarray, w: np.ndarray, scaling: Scaling | None) -> list[int]:
    """The words of `o`, in the order of the tiles.

    Beyond an edge the array computes too: a row of zero activations gives its channel's bias, requantised; a
    channel beyond the last is scaled by 0.
    """
    unit = schedule.unit
    spare = max(unit.rows, unit.cols)
    stream = schedule.tiling.stream
    y = compute(unit, np.pad(a, ((0, 0), (0, spare), (0, 0))), w, scaling, stream)[0]
    y = np.pad(y, ((0, 0), (0, spare)))
    product = y.T if unit.dataflow == "input" else y
    tiles = [
        product[r0 : r0 + unit.rows if unit.dataflow == "output" else r1, c0 : c0 + unit.cols]
        for (r0, r1), (c0, _) in schedule.tiles()
    ]
    return as_integers(
        pack_values(unit.pe.accumulator, np.concatenate(tiles), -(-words.bits(unit, "o") // 8))
    )
