"""Processing elements: `definition(params)` finds the class by the mirrored path."""

from functools import cache
from importlib import import_module
from types import ModuleType

from golden import pe
from hw.emit import Definition


def module_of(params: object) -> ModuleType:
    """The hw module of the PE that `params` are for."""
    return import_module(f"hw.pe.{pe.kind_of(params)}")


@cache
def definition(params: object) -> Definition:
    """The PE of `params`, ready to be placed: ports weight, activation, acc_in -> acc_out."""
    component = module_of(params).Pe(params)
    return Definition(f"pe_{pe.module_of(params).name(params)}", component, clocked=component.clocked)
