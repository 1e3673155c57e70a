"""A Verilog testbench for a generated design, for simulators that know no Python.

The block's own example (golden.blocks), from a fixed seed: pieces whole and in part on every axis. The words
of every stream, golden's output words and golden's cycles stand in the text.
"""

from typing import Any

import numpy as np

from golden import blocks
from systola.templates import filled

SEED = 1


def write(name: str, p: Any) -> str:
    """The testbench `name`_tb of the block of `p`."""
    block = blocks.module_of(p)
    job, operands = block.example(p, SEED)
    cycles = block.cycles(p, job)
    return filled(
        "testbench.v", name=name, top=p.name, shape=job.shape, widths=blocks.widths(p),
        inputs={name: as_integers(words) for name, words in block.pack(p, job, operands).items()},
        outputs=as_integers(block.delivered(p, job, operands)), cycles=cycles, limit=2 * cycles + 100,
    )  # fmt: skip


def as_integers(packed: np.ndarray) -> list[int]:
    """Words, uint8 [words, stride], as numbers."""
    return [int.from_bytes(word.tobytes(), "little") for word in packed]
