"""The control of designs that take jobs of their streams, and no networks: attention engines alone.

What runs a job is sim.device; `systola generate` and `synth` take such a design as any other.
"""

from pathlib import Path
from typing import Any, NoReturn

from golden import check
from mapping.target import Design


def read(path: Path, design: Design, **sizes: Any) -> NoReturn:
    """BadValue: no network is mapped onto an engine that takes jobs."""
    raise check.fail(design.name, "an attention unit alone, which takes jobs", "a design that runs networks")


def never(*given: Any, **named: Any) -> NoReturn:
    """What would follow `read`."""
    raise AssertionError("no network has been read")


outputs_of = plan = states_scales = refuse = session = never
