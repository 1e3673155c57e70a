"""What tests of several rooms call."""

from click.testing import CliRunner, Result

from golden.accelerator.commands import Opcode
from systola.cli import main


def call(*words: object) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def fields_of(opcode: Opcode, **given: int) -> dict[str, int]:
    """A command's fields, each the least that it may be where it is not given."""
    return {each.name: each.least or 0 for each in opcode.fields} | given
