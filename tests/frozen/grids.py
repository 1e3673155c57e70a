"""Points at which golden's formulas of cycles are frozen. Each yields (what it is of, figures)."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.frozen import adapter

Points = Iterator[tuple[str, Any]]
SHAPES = [(1, 1, 1, 1), (1, 5, 33, 70), (1, 64, 64, 64), (1, 100, 20, 300), (3, 16, 16, 32)]
UNITS = [(4, 4, 64), (16, 16, 1024), (12, 20, 128), (1, 8, 64), (8, 1, 64)]
LANES = (4, 16)
# m, k, n in vectors, and what is unusual
PRODUCTS = [{}, {"count_x": 16, "count_k0": 4, "tiles0": 3}, {"count_x": 3, "count_k0": 3, "tiles1": 2},
            {"count_x": 1, "count_k0": 64, "tiles0": 10}, {"count_x": 8, "count_y": 4, "count_k1": 5},
            {"count_x": 16, "count_k0": 4, "tiles0": 3, "transpose": 1}]  # fmt: skip
RUNS = [{}, {"words": 9}, {"words": 64}, {"words": 300}, {"words": 3, "count1": 5, "address_stride1": 4096},
        {"words": 16, "count1": 3, "count2": 4, "address_stride1": 1024, "address_stride2": 65536}]
COUNTS = [(1, 1, 1, 1), (2, 1, 3, 1), (16, 1, 96, 1), (60, 40, 1, 1), (5, 3, 40, 2), (500, 1, 1, 1)]
ROWS = [(1, 1, 1), (1, 7, 1), (2, 3, 2), (8, 16, 1), (31, 2, 3)]
PROGRAMS = {
    "end": "end",
    "fence": "fence\nend",
    "fill": "fill words=9\nend",
    "load": "load words=64\nend",
    "copy": "load words=64 signal=store\nstore wait=load words=64 address=0x1000\nend",
    "product": "load words=64 signal=matrix\nmultiply wait=load left=0 top=32 count_x=16 top_row_stride=1 "
    "tiles0=2\nmap signal=store a_kind=none out_kind=byte p=48 out=512 count0=16 count2=2\n"
    "store wait=vector scratch=512 words=32 address=0x1000\nend",
}


def matrix_unit() -> Points:
    for (rows, cols, room), dataflow, shape, scaled in product(
        UNITS, ("weight", "output", "input"), SHAPES, (True, False)
    ):
        for stream, columns_first in ((min(room, 16), True), (min(room, 16), False), (1, True)):
            if dataflow == "output" and rows > room:
                continue
            what = f"{dataflow} {rows}x{cols}, {room} rows, scaled {scaled}, {shape}"
            what += f", stream {stream}, columns first {columns_first}"
            yield what, adapter.matrix_unit(dataflow, rows, cols, room, scaled, shape, stream, columns_first)


def tile() -> Points:
    for design in adapter.DESIGNS:
        if design.startswith("tile"):
            for groups in (1, 2, 3, 16, 1000):
                yield f"{design}, {groups} groups", adapter.tile(design, groups)


def pe() -> Points:
    for design in adapter.DESIGNS:
        yield design, adapter.pe(design)


def move() -> Points:
    for lanes, latency, given in product(LANES, (1, 50), RUNS):
        for opcode in ("LOAD", "STORE", "FILL", "GATHER"):
            known = {key: value for key, value in given.items() if key in adapter.command(opcode, {})}
            if known == given or opcode == "FILL":
                what = f"{opcode} {lanes} lanes, latency {latency}, {given}"
                yield what, adapter.move(opcode, lanes, latency, known)


def multiply() -> Points:
    for lanes, weight, given, times in product(LANES, ("int8", "int4", "int2"), PRODUCTS, (1, 3)):
        what = f"{lanes} lanes, {weight}, {given}, {times} times"
        yield what, adapter.multiply(lanes, weight, given, times)


def vector_unit() -> Points:
    for lanes in LANES:
        yield f"TABLE {lanes} lanes", adapter.vector_unit("TABLE", lanes, {})
        for counts, a, b, out in product(COUNTS, range(4), range(4), (1, 2, 3)):
            index = 4 * a + b
            given = {f"count{i}": count for i, count in enumerate(counts)}
            given |= {"a_kind": a, "b_kind": b, "out_kind": out, "p_stride": 9 * (index & 1),
                      "p_loop": index >> 1 & 1, "reduce": index >> 2 & 1, "function": 2 * (index >> 3)}
            what = f"MAP {lanes} lanes, {counts}, a {a}, b {b}, out {out}, {index:04b}"
            yield what, adapter.vector_unit("MAP", lanes, given)
        for counts, columns in product(ROWS, (0, 1)):
            given = {f"count{i}": count for i, count in enumerate(counts)}
            if not columns:
                more = {"length": lanes * counts[0]}
                what = f"EXPONENTIAL {lanes} lanes, {counts}"
                yield what, adapter.vector_unit("EXPONENTIAL", lanes, given | more)
            more = {"length": counts[0] * (1 if columns else lanes), "columns": columns}
            what = f"NORMALISE {lanes} lanes, {counts}, columns {columns}"
            yield what, adapter.vector_unit("NORMALISE", lanes, given | more)


def program() -> Points:
    for lanes, latency, name in product((16,), (1, 50, 120), PROGRAMS):
        yield f"{name}, {lanes} lanes, latency {latency}", adapter.program(PROGRAMS[name], lanes, latency)


GRIDS = {each.__name__: each for each in (matrix_unit, tile, pe, move, multiply, vector_unit, program)}
