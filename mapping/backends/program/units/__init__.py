"""The mapping's side of the table of units: which operations a unit executes, and the commands for each.

`mapping.backends.program.units.NAME`, for a unit of golden.accelerator.units, has

    OPERATIONS                      type of operation -> function(builder, operation) -> steps
    accepts(p, tensors, operation)  "", or why the unit, as design `p` has it, cannot execute an operation of
                                    one of these types. tensors: all of the network's, by name

Units are asked in turn, optional units first: a design has them for the operations that they execute better.
An operation that no unit accepts is refused, with the reasons.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from importlib import import_module
from typing import Any, Protocol, cast

from golden import check
from golden.accelerator import units
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.builder import Builder, Step
from mapping.ir.graph import CodedNetwork, Operation, Tensor
from mapping.refused import at

Lowering = Callable[[Builder, Any], Iterable[Step]]
Tensors = Mapping[str, Tensor]


class Lowerings(Protocol):
    """The contract in this module's docstring, as a Protocol."""

    OPERATIONS: Mapping[type, Lowering]

    @staticmethod
    def accepts(p: AcceleratorParams, tensors: Tensors, operation: Any) -> str: ...


def everything(p: AcceleratorParams, tensors: Tensors, operation: Operation) -> str:
    """The `accepts` of a unit that executes all operations of its types."""
    return ""


def answered(demand: Callable[[AcceleratorParams, Tensors, Any], None]) -> Callable[..., str]:
    """An `accepts` that answers with the message of the BadValue that `demand` raises."""

    @wraps(demand)
    def accepts(p: AcceleratorParams, tensors: Tensors, operation: Any) -> str:
        try:
            demand(p, tensors, operation)
        except check.BadValue as bad:
            return str(bad)
        return ""

    return accepts


@cache
def lowerings(name: str) -> Lowerings:
    """The module of a unit."""
    return cast(Lowerings, import_module(f"{__name__}.{name}"))


def asked(p: AcceleratorParams) -> list[str]:
    """The units of a design, in the order in which they are asked."""
    return sorted(p.present, key=lambda name: units.unit(name).Params is None)


def unit_of(p: AcceleratorParams, tensors: Tensors, operation: Operation) -> str:
    """The unit that executes an operation; BadValue naming the operation, and why no unit accepts it."""
    reasons = []
    for name in asked(p):
        if type(operation) in lowerings(name).OPERATIONS:
            if not (why := lowerings(name).accepts(p, tensors, operation)):
                return name
            reasons.append(why)
    if reasons:
        raise check.BadValue(f"{operation.name}: {'; '.join(reasons)}")
    raise check.fail(f"operation {operation.name}", type(operation).__name__, "what a unit does")


def assign(network: CodedNetwork, p: AcceleratorParams) -> None:
    """Ask the units about every operation; BadValue naming the first that none accepts, and why."""
    for operation in network.operations:
        with at(operation.name, f"{network.name}: "):
            unit_of(p, network.tensors, operation)


def further(p: AcceleratorParams, tensors: Tensors, operation: Operation) -> str:
    """The optional unit that executes an operation as it is; "" if none does."""
    for name in asked(p):
        its = lowerings(name)
        if units.unit(name).Params is not None and type(operation) in its.OPERATIONS:
            if not its.accepts(p, tensors, operation):
                return name
    return ""
