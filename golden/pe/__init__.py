"""Processing elements: the contract and the table.

A PE is a golden module and the module of `hw` at the same path. The golden module has

    Params          frozen dataclass, each field with a default: weight, activation (formats of one weight and
                    one activation), accumulator (format of the running sum), depth (products in a sum), and
                    what else it has; its fields are the keys of a design file's table [pe]
    HOST            "array": the ports hold one weight and one activation; it goes into the systolic arrays
                    "tile": several operands in a word, or several cycles for one; it goes into the tile
    EXACT           whether a sum is the same in every order
    name(p)         the definition's name, with the parameters in it
    latency(p)      cycles from the operands to the sum that they enter

and, in a systolic array,

    accumulate(p, acc, weight, activation)   one step, elementwise, on values
    combine(p, a, b)                         the sum of two running sums, where it is not that of integers
    dot(p, activations, weights)             a matrix product, where EXACT
    product(p, weight, activation), add_product(p, acc, product)
                                             accumulate in two unchecked steps, where not:
                                             golden.systolic.sums loops over K in the array's order

or, in the tile, what golden.tile.contract lists. The hw module has a component `Pe` with the ports weight,
activation, acc_in -> acc_out, where acc_in and acc_out belong to the operands of `latency` cycles before, and
acc_out is combinational in acc_in; `Combine` (a, b -> o, combinational) where golden has combine. A new PE is
those two files, a bench, and its line here. Configuration never imports hardware.
"""

from types import ModuleType

from golden import check
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


def kind_of(params: object) -> str:
    """The name in the table of the PE that `params` are for."""
    for kind, module in PES.items():
        if isinstance(params, module.Params):
            return kind
    raise check.fail("pe", type(params).__name__, ", ".join(PES))


def module_of(params: object) -> ModuleType:
    """The golden module of the PE that `params` are for."""
    return PES[kind_of(params)]
