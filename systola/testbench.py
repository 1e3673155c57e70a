"""A Verilog testbench for a generated design, for simulators that know no Python.

The block's own example (golden.blocks), from a fixed seed: pieces whole and in part on every axis. The words
of every stream, golden's output words and golden's cycles stand in the text.
"""

from typing import Any

import numpy as np

from golden import blocks
from golden.blocks import OUTPUT

SEED = 1

BENCH = """\
// Self-checking testbench of {name}: {shape} against golden.
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


def write(name: str, p: Any) -> str:
    """The testbench `name`_tb of the block of `p`."""
    block, widths = blocks.module_of(p), blocks.widths(p)
    job, operands = block.example(p, SEED)
    inputs = {name: as_integers(words) for name, words in block.pack(p, job, operands).items()}
    outputs, cycles = as_integers(block.delivered(p, job, operands)), block.cycles(p, job)
    return BENCH.format(
        name=name,
        shape=job.shape,
        top=p.name,
        streams="".join(stream(name, widths[name], len(each)) for name, each in inputs.items()),
        ties="\n".join(tie(name) for name in inputs),
        taken=" || ".join(f"({name}_valid && {name}_ready)" for name in inputs),
        contents="\n".join([
            *(fill(f"{name}_word", widths[name], each) for name, each in inputs.items()),
            fill("golden", widths[OUTPUT], outputs),
        ]),
        o_top=widths[OUTPUT] - 1,
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
