"""Processing elements: the contract and the table.

A PE is a golden module and the module of `hw` at the same path. The golden module has

    Params          frozen dataclass, each field with a default: weight, activation (formats of one weight and
                    one activation), accumulator (format of the running sum), group (products in a sum), and
                    what else it has; its fields are the keys of a design file's table [pe]
    STANDS          where it can stand. "array": one weight and one activation at its ports, so it goes into
                    the systolic arrays. "tile": it goes into the dot-product tile, as every PE does; one that
                    stands there alone takes several operands a word, or several cycles for one
    EXACT           whether a sum is the same in every order
    GROUPED         True: weights share a scale in groups of `group` along K, by which a group's sum is
                    multiplied behind the array. False: a sum goes over all of K, and is requantised there.
                    In an accelerator every sum goes over all of K: the scale of a group is in its weights
                    (golden.pe.counted; Params then has scale_group, the weights that share one, or 0 for all
                    of a channel), or there is none
    name(p)         the definition's name, with the parameters in it
    latency(p)      cycles from the operands to the sum that they enter
    quantise(p, weights)           float64 [K, N] -> golden.pe.weights.QuantisedWeights: codes, scales, zero
                                   points, selectors, and what they stand for
    activations(p, x, groups)      float64 [M, K] -> (values [M, K] of p.activation, scale float64 [M, 1], or
                                   [M, groups] where the groups of a row have scales of their own)

The last two are golden.pe.by_format's where the formats decide. In a systolic array a PE has besides

    accumulate(p, acc, weight, activation)   one step, elementwise, on values
    dot(p, activations, weights)             a matrix product, where EXACT
    combine(p, a, b)                         the sum of two running sums, where it is not that of integers
    product(p, weight, activation), add_product(p, acc, product)
                                             accumulate in two unchecked steps, where not EXACT:
                                             golden.systolic.sums loops over K in the array's order

and one that stands in the tile alone

    lanes(p), interval(p)                  pairs of a word, cycles of a word
    activation_bits(p), weight_bits(p)     of a word in the tile's streams, at most 64
    row_bits(p), column_bits(p)            of the PE's ports: what hw's RowUnit and ColumnUnit make of a word
    pack_activations(p, values [M, K])     uint64 [M, words]
    pack_weights(p, codes [K, N])          uint64 [words, N]
    group_sum(p, activations [M, K], codes [K, N], selectors [N] or None)   sums [M, N] of one group, values

with, if a group's scale is no fp16 number, groups choose a datatype, or a sum is finished bit by bit,

    SCALE, SELECTOR                        bits of a group's scale and of its selector
    finish_cycles(p)                       cycles that hw's Finish takes for a sum
    partial(p, sums, scales)               what a group adds, exact, float64 [M, N]

golden.pe.tiled gives of each PE what the tile asks. The hw module has a component `Pe` with the ports weight,
activation, acc_in -> acc_out, where acc_in and acc_out belong to the operands of `latency` cycles before, and
acc_out is combinational in acc_in; `Combine` (a, b -> o, combinational) where golden has combine; where it
stands in the tile alone `ColumnUnit` and, if a row's work is shared, `RowUnit` (hw.tile.edges). A new PE is
those two files, a bench, and its line here. tests/pe/test_contract.py holds every PE of the table to this.
Configuration never imports hardware.
"""

from types import ModuleType
from typing import Any

from golden import check
from golden.formats import Int
from golden.pe import (
    aligned,
    bitmod,
    dequantise,
    float_multiply_add,
    lut,
    mixpe,
    mixpe_float,
    multiplier,
)

PES: dict[str, ModuleType] = {
    "multiplier": multiplier,
    "mixpe": mixpe,
    "aligned": aligned,
    "dequantise": dequantise,
    "float_multiply_add": float_multiply_add,
    "mixpe_float": mixpe_float,
    "bitmod": bitmod,
    "lut": lut,
}
WIDEST = 32  # bits of a sum that an accelerator's vector unit takes


def kind_of(params: object) -> str:
    """The name in the table of the PE that `params` are for."""
    for kind, module in PES.items():
        if isinstance(params, module.Params):
            return kind
    raise check.fail("pe", type(params).__name__, ", ".join(PES))


def module_of(params: object) -> ModuleType:
    """The golden module of the PE that `params` are for."""
    return PES[kind_of(params)]


def stands(params: Any) -> tuple[str, ...]:
    """Where the PE of `params` can stand: its STANDS, and "accelerator" where an array adds up exact integers
    of at most WIDEST bits."""
    module, sums = module_of(params), params.accumulator
    whole = "array" in module.STANDS and module.EXACT and isinstance(sums, Int)
    return (*module.STANDS, *(("accelerator",) if whole and sums.width <= WIDEST else ()))


def standing(where: str) -> list[str]:
    """The names in the table of the PEs that can stand in an "array" or a "tile"."""
    return [kind for kind, module in PES.items() if where in module.STANDS]
