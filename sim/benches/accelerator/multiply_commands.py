"""Commands for the bench of the multiply unit: random ones, products, convolutions, and in parts."""

from random import Random
from typing import Any

from golden.accelerator.commands import HEADER, Opcode
from golden.accelerator.multiply import count_of, passes_of, tiles_of, words_of_pass
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from golden.formats import parse
from golden.pe import PES
from golden.systolic.params import MatrixUnitParams
from sim.benches.stream import pack_word, unpack_word

Command = dict[str, int]
LAYOUT = [(field.name, field.width, 1) for field in (*HEADER, *Opcode.MULTIPLY.fields)]


def params_of(given: dict[str, Any]) -> AcceleratorParams:
    """AcceleratorParams of a case's parameters."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in ("weight", "activation")}
    unit = MatrixUnitParams(
        rows=given["lanes"], cols=given["lanes"], accumulator_rows=given["accumulator_rows"],
        accumulator_registers=given["accumulator_registers"],
        pe=PES[given["kind"]].Params(group=given["group"], registers=given["registers"], **formats),
    )  # fmt: skip
    return AcceleratorParams(unit=unit, banks=4, bank_words=64)


def pack(command: Command) -> int:
    """A command's 512 bits."""
    return pack_word(LAYOUT, {name: [command[name]] for name, _, _ in LAYOUT})


def unpack(word: int) -> Command:
    """The fields in a command's bits."""
    codes = {name: value[0] for name, value in unpack_word(LAYOUT, word).items()}
    for field in Opcode.MULTIPLY.fields:
        if field.signed and codes[field.name] >> field.width - 1:
            codes[field.name] -= 1 << field.width
    return codes


def random_command(random: Random, p: AcceleratorParams, most: int = 60) -> Command:
    """Any walk; no more vectors than the accumulators hold, passes than a sum may have, about `most` tiles'
    work of passes."""
    command = {name: 0 for name, _, _ in LAYOUT}
    for field in Opcode.MULTIPLY.fields:
        low, high = field.range
        command[field.name] = random.choice([0, 1, -1, random.randint(low, high)]) if field.signed else 1
    command |= {name: random.getrandbits(4) for name in ("wait", "signal")}
    command |= {name: random.getrandbits(16) for name in ("left", "top")} | {"opcode": int(Opcode.MULTIPLY)}
    command |= {"transpose": random.getrandbits(1), "open": 0, "more": 0}
    vectors = random.choice([1, 1, 2, p.lanes, p.lanes + 1, 3 * p.lanes])
    vectors = min(vectors, p.unit.accumulator_rows)
    command["count_x"] = random.randint(1, vectors)
    command["count_y"] = max(1, vectors // command["count_x"])
    left = min(random.choice([1, 2, 3, 6, most]), p.unit.pe.group // p.lanes)
    for name in ("count_k0", "count_k1", "count_k2"):
        command[name] = random.randint(1, left)
        left //= command[name]
    passes = passes_of(command)
    for name in ("tiles0", "tiles1"):
        command[name] = random.randint(1, max(1, min(3, most // passes)))
    return command


def convolution(p: AcceleratorParams, kernel: int, width: int, channels: int, columns: int) -> Command:
    """A kernel x kernel window over rows of `width` pixels of `channels` words each; `columns` tiles."""
    command = random_command(Random(0), p)
    out = width - kernel + 1
    return command | {
        "left": 3, "count_x": out, "stride_x": channels, "count_y": 2, "stride_y": width * channels,
        "count_k0": channels, "stride_k0": 1, "count_k1": kernel, "stride_k1": channels,
        "count_k2": kernel, "stride_k2": width * channels, "tiles0": columns, "left_tile_stride0": 0,
        "tiles1": 2, "left_tile_stride1": 2 * width * channels, "top": 100, "top_row_stride": 1,
        "top_pass_stride": p.lanes // min(p.lanes, p.packed_rows), "top_tile_stride0": 7,
        "top_tile_stride1": 0, "transpose": 0,
    }  # fmt: skip


def product(p: AcceleratorParams, m: int, k: int, n: int, **more: int) -> Command:
    """m x k by k x n, in tiles and passes of L."""
    command = {name: 0 for name, _, _ in LAYOUT} | {field.name: 1 for field in Opcode.MULTIPLY.fields}
    passes = ceil_div(k, p.lanes)
    command |= {
        "opcode": int(Opcode.MULTIPLY), "left": 0, "count_x": m, "stride_x": passes, "count_k0": passes,
        "tiles0": ceil_div(n, p.lanes), "left_tile_stride0": 0, "top": 0, "transpose": 0, "open": 0,
        "more": 0,
    }  # fmt: skip
    words = words_of_pass(p, command | more)
    return command | {"top_pass_stride": words, "top_tile_stride0": words * passes} | more


def rows_of(command: Command) -> int:
    """Rows of sums that leave for it."""
    return 0 if command["more"] else tiles_of(command) * count_of(command)


def in_parts(random: Random, p: AcceleratorParams) -> list[Command]:
    """Tiles that are open together, in rounds; one alone also several passes at a time."""
    tiles = min(random.randint(1, 4), p.unit.accumulator_rows)
    rounds = min(random.randint(2, 4), p.unit.pe.group // p.lanes)
    if rounds < 2:
        return []
    firsts = [random_command(random, p) for _ in range(tiles)]
    for first in firsts:
        most = min(count_of(first), p.unit.accumulator_rows // tiles)
        first |= {"count_x": most, "count_y": 1}
    found = []
    for number in range(rounds):
        for first in firsts:
            passes = random.randint(1, 2) if tiles == 1 and rounds * 2 * p.lanes <= p.unit.pe.group else 1
            part = random_command(random, p) | {name: first[name] for name in ("count_x", "count_y")}
            part |= {"count_k0": passes, "count_k1": 1, "count_k2": 1, "tiles0": 1, "tiles1": 1}
            found.append(part | {"open": int(number > 0), "more": int(number < rounds - 1)})
    return found
