"""The families of designs, a line each: which modules do what with one. Nothing else asks for a family."""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from mapping.target import Design


@dataclass(frozen=True, slots=True)
class Family:
    """Modules by name, for they are imported where they are used.

    control   who runs a network (named as `read` gives it) on a design:
                  read(path, design, tokens=, dims=, given=)   the network of a file, or BadValue
                  outputs_of(network)                    how many outputs a run gives
                  plan(network, design, exact)           a mapping.plan.Plan; see systola.networks.map
                  states_scales(network, design)         why no sample decides a range, or ""
                  refuse(path, network, design)          BadValue for what is mapped and cannot run
                  session(network, design, samples, engine=, seed=, waves=, progress=)
                      a context with `plan`, `step(sample) -> outputs` and `add(result)`: what was counted
    folder    what `generate` writes: contents(design), top_of(design)
    hardware  definition(design.whole), all that the design is
    parts     what of it can be synthesised alone, and all
    """

    control: str
    folder: str
    hardware: str
    parts: tuple[str, ...]


ARRAY = ("pe", "array", "unit", "all")
FAMILIES = {
    "systolic": Family("host_session", "block_folder", "hw.blocks", ARRAY),
    "tile": Family("host_session", "block_folder", "hw.blocks", ("pe", "unit", "all")),
    "attention": Family("job_session", "block_folder", "hw.blocks", ("unit", "all")),
    "accelerator": Family("program_session", "accelerator_folder", "hw.accelerator.accelerator", ARRAY),
}


def control_of(design: Design) -> ModuleType:
    return import_module(f"systola.{FAMILIES[design.family].control}")


def folder_of(design: Design) -> ModuleType:
    return import_module(f"systola.{FAMILIES[design.family].folder}")


def hardware_of(design: Design) -> ModuleType:
    return import_module(FAMILIES[design.family].hardware)


def parts_of(design: Design) -> tuple[str, ...]:
    return FAMILIES[design.family].parts
