"""Processing elements: the contract and the table.

A PE is a golden module and the module of `hw` at the same path. The golden module has

    Params          frozen dataclass: weight, activation (formats), depth, accumulator (format)
    name(p)         the definition's name, with the parameters in it
    INTERVAL        cycles between two operand pairs
    latency(p)      cycles from the operands to the sum that they enter
    accumulate(p, acc, weight, activation)   one step, elementwise
    dot(p, activations, weights)             a matrix product in the array's order of additions

and the hw module a component `Pe` with the ports weight, activation, acc_in -> acc_out, where acc_in
and acc_out belong to the operands of `latency` cycles before, and acc_out is combinational in acc_in.
A new PE is those two files, a bench, and its line here. Configuration never imports hardware.
"""

from types import ModuleType

from golden import check
from golden.pe import multiplier

PES: dict[str, ModuleType] = {
    "multiplier": multiplier,
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
