"""Golden on words: what `o` must hold, given the words that a matrix unit accepted.

Written from the layouts and the order that golden.systolic.words states; of the products that the words
come from it knows nothing. Words of work that is not complete give the rows that are.
"""

from collections.abc import Iterator

import numpy as np

from golden import pe, streams
from golden.formats import Int
from golden.formats.packing import unpack_values
from golden.systolic import words
from golden.systolic.params import MatrixUnitParams
from golden.vector.requantise import requantise
from sim.benches.stream import unpack_word
from sim.benches.systolic.jobs import to_bytes

Accepted = dict[str, list[int]]  # packed words of each input stream
Fields = dict[str, list[int]]  # codes of a word's fields, by lane


def rows_of_sums(p: MatrixUnitParams, accepted: Accepted) -> np.ndarray:
    """Completed rows in the order of their completion, [rows, cols]."""
    layout = words.fields(p)["command"]
    lanes = {"left": (p.left, p.rows), "top": (p.top, p.rows_in_word * p.cols)}
    left, top = (
        unpack_values(fmt, to_bytes(accepted[name], streams.bits(words.fields(p)[name])), count)
        for name, (fmt, count) in lanes.items()
    )
    completed = [p.pe.accumulator.decode(np.zeros((0, p.cols), np.uint64))]
    sums = completed[0]
    for word in accepted["command"]:
        command = {name: value[0] for name, value in unpack_word(layout, word).items()}
        count = command["count"]
        if p.dataflow == "output":
            if min(len(left), len(top)) < count:
                break
            one, top = pass_sums(p, left[:count].T, top[:count]), top[count:]
        else:
            if len(top) < p.loads:
                break
            resting, top = top[: p.loads][::-1].reshape(p.rows, p.cols), top[p.loads :]
            one = pass_sums(p, left[:count], resting)
        left = left[count:]
        sums = one if command["first"] else join(p, sums[: len(one)], one)
        if command["final"]:
            completed.append(sums)
    return np.concatenate(completed)


def pass_sums(p: MatrixUnitParams, left: np.ndarray, top: np.ndarray) -> np.ndarray:
    """The sums that leave the PEs, product by product. left [vectors, k], top [k, cols]"""
    sums = p.pe.accumulator.decode(np.zeros((len(left), top.shape[1]), np.uint64))
    for k, row in enumerate(top):
        moving, other = left[:, k, None], row[None]
        weight, activation = (moving, other) if p.dataflow == "input" else (other, moving)
        sums = pe.module_of(p.pe).accumulate(p.pe, sums, weight, activation)
    return np.asarray(sums)


def join(p: MatrixUnitParams, before: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """The sums that the accumulator memory adds up."""
    kind = pe.module_of(p.pe)
    return np.asarray(kind.combine(p.pe, before, sums) if hasattr(kind, "combine") else before + sums)


def shown(p: MatrixUnitParams, sums: np.ndarray) -> list[list[object]]:
    """To be compared, [rows, cols]: integers as they are; a float with its code, as -0 is 0, NaN not NaN."""
    fmt = p.pe.accumulator
    if isinstance(fmt, Int):
        return list(sums.tolist())
    pairs = zip(sums.tolist(), fmt.encode(sums).tolist(), strict=True)
    return [[f"{x} ({code:#x})" for x, code in zip(*row, strict=True)] for row in pairs]


def codes(p: MatrixUnitParams, tile: Fields, scale: Fields, sums: np.ndarray) -> np.ndarray:
    """One row of sums, int64 [cols], through the requantiser."""
    if tile["raw"][0]:
        return sums
    unit = p.requantise
    each = {name: np.resize(np.array(values, np.uint64), p.cols) for name, values in scale.items()}
    zero_point = int(unit.out.decode(np.array(tile["zero_point"], np.uint64))[0])
    bias, multiplier, shift = unit.acc.decode(each["bias"]), each["multiplier"], each["shift"]
    return requantise(unit, sums, bias, multiplier, shift, zero_point, bool(tile["relu"][0]))


def rows_with_scales(p: MatrixUnitParams, accepted: Accepted) -> Iterator[tuple[Fields, Fields]]:
    """(word of drain, word of scale) of each row in turn, as far as they were accepted."""
    layout = words.fields(p)
    scales = iter(accepted["scale"])
    nothing: Fields = {}
    for word in accepted["drain"]:
        tile, scale = unpack_word(layout["drain"], word), nothing
        for row in range(tile["count"][0]):
            if not tile["raw"][0] and (row == 0 or p.dataflow == "input"):
                packed = next(scales, None)
                if packed is None:
                    return
                scale = unpack_word(layout["scale"], packed)
            yield tile, scale


def replay(p: MatrixUnitParams, accepted: Accepted) -> list[list[object]]:
    """The lanes of each word of `o`, as `shown`."""
    if not p.scaled:
        return shown(p, rows_of_sums(p, accepted))
    pairs = zip(rows_of_sums(p, accepted), rows_with_scales(p, accepted), strict=False)
    return [codes(p, tile, scale, sums).tolist() for sums, (tile, scale) in pairs]


def lanes(p: MatrixUnitParams, delivered: list[int]) -> list[list[object]]:
    """The same of packed words of `o`."""
    width = streams.bits(words.fields(p)["o"])
    return shown(p, unpack_values(p.pe.accumulator, to_bytes(delivered, width), p.cols))
