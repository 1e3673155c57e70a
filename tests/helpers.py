"""What tests of several rooms call."""

import time
from collections.abc import Callable

from click.testing import CliRunner, Result

from golden.accelerator.commands import Opcode
from systola.cli import main

SMALL_ACCELERATOR = """
name = "small"
family = "accelerator"
[array]
rows = 4
cols = 4
dataflow = "weight"
[pe]
group = 1024
[accumulators]
rows = 64
[scratchpad]
banks = 4
bank_words = 512
[units]
functions = ["gelu"]
[bus]
outstanding = 8
read_buffer = 64
[memory]
bytes_per_cycle = 4
"""


def call(*words: object) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def fields_of(opcode: Opcode, **given: int) -> dict[str, int]:
    """A command's fields, each the least that it may be where it is not given."""
    return {each.name: each.least or 0 for each in opcode.fields} | given


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked about since its end does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def within(seconds: float, happens: Callable[[], object]) -> bool:
    """Whether something happens in time."""
    end = time.monotonic() + seconds
    while not happens() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(happens())
