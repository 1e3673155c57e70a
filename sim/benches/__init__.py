"""cocotb benches, one module for each block at the block's own path: `sim.benches.vector.requantise`.

A bench module lists its `CASES`; the runner builds each and runs the module's cocotb tests on it, in the
simulator's process, where `parameters()` and `seed()` say which case that is.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

ENVIRONMENT = "SYSTOLA_BENCH"  # JSON: {"seed": int, "parameters": {...}}


@dataclass(frozen=True, slots=True)
class Case:
    """One block with one set of parameters.

    name        reads in a test's id: "int32-int8-half_up"
    build       gives (Verilog text, top module's name)
    parameters  what the bench needs to know of it; JSON
    """

    name: str
    build: Callable[[], tuple[str, str]]
    parameters: dict[str, Any] = field(default_factory=dict)


def verilog_case(block: str, arguments_of: Callable[..., Any], name: str, /, **given: Any) -> Case:
    """A case of a block of hw; a bench makes its own of it by `functools.partial`.

    block         "accelerator/load", whose hardware hw.accelerator.load.definition gives
    arguments_of  gives of `given` that definition's one argument, or a dict of all, by name
    given         the case's parameters
    """

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports the benches and has no need of Amaranth
        from hw.emit import verilog

        define = import_module(f"hw.{block.replace('/', '.')}").definition
        arguments = arguments_of(**given)
        found = define(**arguments) if isinstance(arguments, dict) else define(arguments)
        return verilog(found), found.name

    return Case(name, build, given)


def parameters() -> dict[str, Any]:
    """Parameters of the case that runs; empty outside a simulation."""
    return dict(_job().get("parameters", {}))


def seed() -> int:
    """The one seed that every random choice of a bench comes from."""
    return int(_job().get("seed", 1))


def _job() -> dict[str, Any]:
    return dict(json.loads(os.environ.get(ENVIRONMENT, "{}")))
