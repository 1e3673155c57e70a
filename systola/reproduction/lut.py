"""LUT Tensor Core: tables of sums against multipliers, and the paper's ablation in four steps.

A tile of M rows by N columns of dot products of K pairs; sums stay in the cells. What is counted, of each:
cells, a register or unit for each column's weights and for each row's activations or table.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from golden.formats import Int
from golden.pe.lut import LutParams, row_bits
from hw import pe
from hw.emit import Definition
from hw.pe import lut as hw_lut
from synth.asic_script import FLAGS
from systola.reproduction import cells, jobs, operands
from systola.reproduction.blocks import Block, BlockPart, BlockTotal, Form, Stimulus
from systola.reproduction.cells import DotParams
from systola.reproduction.claims import system
from systola.reproduction.operands import GROUP, Groups

M, N, K = 2, 64, 4  # the paper's tile, MNK = 512
DEPTH = 4096  # pairs in a sum
NARROW = (1, 2, 4)
INT8 = "MAC W8A8"
STEPS = ("UNPU-like: full table", "half table", "no negation of the index", "table made outside")
PLAIN = ("", "noalumacc")  # there is no multiplier to build


def params(bits: int, **more: Any) -> LutParams:
    return LutParams(weight=Int(bits, signed=False), inputs=K, group=DEPTH, **more)


def given(bits: int, cycles_a_group: int) -> Groups:
    """The layer's operands: int8 activations, weights unsigned in groups, or signed of 8 bits."""
    weights = operands.narrow(bits, signed=bits == 8)
    return Groups.of(weights, operands.activations_int8(), jobs.groups_for(cycles_a_group))


def part(
    name: str, key: object, definition: Callable[[], Definition], job: Callable[[], Stimulus], **more: Any
) -> BlockPart:
    """Of one form."""
    form = Form(label="as it is", key=f"{name} {key!r}", definition=definition, job=job)
    return BlockPart(name=name, forms=(form,), **({"flags": PLAIN} | more))


def lut_cell(p: LutParams) -> BlockPart:
    """With and without a register behind the table."""

    def form(p: LutParams) -> Form:
        return Form(
            label=f"{p.registers} registers behind the table", key=f"inner {p!r}",
            definition=lambda: cells.cell(pe.definition(p), p.registers, operands=False),
            job=lambda: jobs.lut_pe(p, given(p.weight.width, GROUP // K * p.weight.width)),
        )  # fmt: skip

    name = f"LUT cell W{p.weight.width}, {p.table} table, remapped {p.remap}"
    return BlockPart(name=name, forms=(form(replace(p, registers=0)), form(p)), flags=PLAIN, broadcast=True)


def column(p: LutParams) -> BlockPart:
    """A column's weights: a word of planes, one chosen each cycle."""
    plain = replace(p, registers=1)
    kind = "plain" if p.table == "full" or p.remap == "online" else "remapped"
    return part(
        f"column W{p.weight.width}, {kind}", plain, lambda: Definition("column", hw_lut.ColumnUnit(plain)),
        lambda: jobs.lut_column(plain, given(p.weight.width, GROUP // K * p.weight.width)),
    )  # fmt: skip


def row(p: LutParams, *, unit: bool) -> BlockPart:
    """A row's table: made here, or only kept."""
    plain = replace(p, registers=1)

    def definition() -> Definition:
        return Definition("row", hw_lut.RowUnit(plain)) if unit else cells.kept(row_bits(plain))

    def job() -> Stimulus:
        bits = p.weight.width
        return jobs.lut_row(plain, given(bits, GROUP // K * bits), unit=unit)

    name = f"table {'made here' if unit else 'kept'}, {p.table}, a word in {p.weight.width}"
    return part(name, plain, definition, job)


def lut_block(name: str, p: LutParams, *, unit: bool, inside: str) -> Block:
    """The tile with tables."""
    bits = p.weight.width
    inside = f"{bits}-bit weights, sum of {p.accumulator.width} bits, {inside}"
    found = ((lut_cell(p), M * N), (column(p), N), (row(p, unit=unit), M))
    return Block(name=name, parts=found, macs=M * N * K / bits, inside=inside)


def dot_block(name: str, p: DotParams) -> Block:
    """The tile of multipliers, or of bit-serial additions."""
    bits, serial = p.weight.width, p.serial
    cycles = GROUP // K * (bits if serial else 1)

    def form(kind: str) -> Form:
        return Form(label=kind, key=f"inner {p!r} {kind}", job=lambda: jobs.dot(p, given(bits, cycles)),
                    definition=lambda: cells.cell(cells.dot(p, kind), 0, operands=False))  # fmt: skip

    kinds = ("tool", "booth") if bits > 2 and not serial else ("tool",)
    cell = BlockPart(name=f"{name} cell", forms=tuple(map(form, kinds)), flags=PLAIN if serial else FLAGS,
                broadcast=True)  # fmt: skip
    every = bits if serial else 1
    left = part(f"activations kept, a word in {every}", K * 8, lambda: cells.kept(K * 8),
                partial(kept_job, bits, every, "activations"))  # fmt: skip
    if serial:
        top = column(params(bits, table="full"))
    else:
        top = part(f"weights kept, W{bits}", K * bits, lambda: cells.kept(K * bits),
                   partial(kept_job, bits, 1, "weights"))  # fmt: skip
    inside = f"{p.weight} x {p.activation}, dot products of {K}, sum of {p.accumulator.width} bits"
    return Block(name=name, parts=((cell, M * N), (top, N), (left, M)), macs=M * N * K / every, inside=inside)


def kept_job(bits: int, every: int, which: str) -> Stimulus:
    """A register of K operands."""
    found = given(bits, GROUP // K * every)
    words = jobs.beside(getattr(found, which), K, 8 if which == "activations" else bits)
    return jobs.of_edge("i", jobs.in_time(words), "o", jobs.in_time(words), every)


def ablation() -> list[Block]:
    """Table 2's steps, at W2A8."""
    steps = [("full", "offline", True, "the full table, made inside"),
             ("half", "online", True, "half of it, its index complemented in each cell"),
             ("half", "offline", True, "half of it, the index complemented beforehand"),
             ("half", "offline", False, "the same, its maker not counted")]  # fmt: skip
    return [
        lut_block(name, params(2, table=table, remap=remap), unit=unit, inside=inside)
        for name, (table, remap, unit, inside) in zip(STEPS, steps, strict=True)
    ]


def blocks() -> list[Block]:
    """All that is compared."""
    found = [dot_block(INT8, DotParams(weight=Int(8), group=DEPTH))]
    for bits in NARROW:
        weight = Int(bits, signed=False)
        made_outside = "the table made outside and kept here"
        found += [
            lut_block(f"LUT W{bits}A8", params(bits), unit=False, inside=made_outside),
            dot_block(f"MAC W{bits}A8", DotParams(weight=weight, group=DEPTH)),
            dot_block(f"ADD W{bits}A8", DotParams(weight=weight, group=DEPTH, serial=True)),
        ]
    return [*found, *ablation()]


def more(found: Mapping[str, BlockTotal]) -> dict[str, Any]:
    """The share of what a tile has once a row or once a column."""
    rows = []
    for name in ("LUT W1A8", "LUT W2A8", "LUT W4A8", *STEPS):
        each = found[name]
        rows.append([name, *(f"{100 * each.share(kind):.1f} %" for kind in ("LUT cell", "column", "table"))])
    return {"figures": {}, "tables": [{
        "title": "what the area goes to", "columns": ["block", "cells", "columns", "tables"], "rows": rows,
        "source": f"{M} x {N} cells, {N} columns, {M} tables",
    }]}  # fmt: skip


SYSTEM = system("lut", blocks, more, M=M, N=N, K=K, DEPTH=DEPTH)
