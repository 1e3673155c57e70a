"""Processing elements: `definition(params)` finds the class by the mirrored path."""

from functools import cache
from importlib import import_module

from golden import pe
from hw.emit import Definition


@cache
def definition(params: object) -> Definition:
    """The PE of `params`, ready to be placed: ports weight, activation, acc_in -> acc_out."""
    kind = pe.kind_of(params)
    component = import_module(f"hw.pe.{kind}").Pe(params)
    return Definition(f"pe_{pe.module_of(params).name(params)}", component, clocked=component.clocked)
