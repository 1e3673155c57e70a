"""The families of designs, a line each, and what this room does with one. Nothing else asks for a family."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from mapping.target import Design
from systola import host_session, program_session


@dataclass(frozen=True, slots=True)
class Control:
    """Who runs a network on a design. network: as `read` gives it.

    read(path, design, tokens=, dims=, given=)   the network of a file; BadValue where it cannot be taken
    outputs_of(network)                     how many outputs a run gives
    plan(network, design)                   a mapping.plan.Plan
    states_scales(network, design)          why no sample decides a range, or ""
    session(path, network, design, samples, engine=, seed=, waves=, progress=)
        a context with `plan`, `step(sample) -> outputs` and `add(result)`, which adds what was counted
    """

    read: Callable[..., Any]
    outputs_of: Callable[[Any], int]
    plan: Callable[[Any, Any], Any]
    states_scales: Callable[[Any, Any], str]
    session: Callable[..., AbstractContextManager[Any]]


def of_module(module: Any) -> Control:
    return Control(*(getattr(module, name) for name in Control.__slots__))


HOST, PROGRAM = of_module(host_session), of_module(program_session)
CONTROLS = {"systolic": HOST, "tile": HOST, "accelerator": PROGRAM}


def control_of(design: Design) -> Control:
    """Who runs networks on a design."""
    return CONTROLS[design.family]
