"""cocotb benches, one module for each block at the block's own path: `sim.benches.vector.requantise`.

A bench module lists its `CASES`; the runner builds each and runs the module's cocotb tests on it, in the
simulator's process, where `parameters()` and `seed()` say which case that is. What of a block is tested when
(tests/test_blocks_rtl.py), it says beside them:

    QUICK    {simulator: names of cases}: what `make test` runs; `make test-all` runs every case, by other
             seeds, on the simulator that is named first
    LONG     the same, of `make test-all`; need not be there
    EXTREME  cases, of CASES or others, whose Verilog every tool must accept without a warning
    MUTANTS  Faults that the bench must notice
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

ENVIRONMENT = "SYSTOLA_BENCH"  # JSON: {"seed": int, "parameters": {...}}


@dataclass(frozen=True, slots=True)
class Case:
    """One block with one set of parameters.

    name        reads in a test's id: "int32-int8-half_up"
    build       gives (Verilog text, top module's name)
    parameters  what the bench needs to know of it; JSON
    slow        of EXTREME: only `make test-all` reads it
    """

    name: str
    build: Callable[[], tuple[str, str]]
    parameters: dict[str, Any] = field(default_factory=dict)
    slow: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "build", cache(self.build))  # emitted once a process


class Faults(NamedTuple):
    """`number` faults that `seed` chooses in the Verilog of a case; slow: for `make test-all`."""

    case: str
    number: int
    seed: int = 1
    slow: bool = False


def names(cases: list[Case]) -> list[str]:
    """What QUICK says where a simulator runs all of CASES."""
    return [case.name for case in cases]


def verilog_case(block: str, arguments_of: Callable[..., Any], name: str, /, **given: Any) -> Case:
    """A case of a block of hw; a bench makes its own of it by `functools.partial`.

    block         "accelerator/fetcher", whose hardware hw.accelerator.fetcher.definition gives
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
