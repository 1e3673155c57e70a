"""Files that `generate` and the report write, as Jinja templates that stand beside this module."""

from functools import cache
from importlib import metadata
from importlib.resources import files

import jinja2

# of Verilator's warnings: widths are sized and checked by the generator; parts of vectors are unused; one
# file holds many modules
WAIVED = ("WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL", "DECLFILENAME")


def asset(name: str) -> str:
    """The text of a file of this folder."""
    return (files(__name__) / name).read_text(encoding="utf-8")


@cache
def environment(escaped: bool = False) -> jinja2.Environment:
    """A name that is not there is an error, not a blank. escaped: text in the holes is HTML's."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(asset), autoescape=escaped, undefined=jinja2.StrictUndefined,
        trim_blocks=True, keep_trailing_newline=not escaped,
    )  # fmt: skip


def filled(template: str, /, **values: object) -> str:
    """A template that is no page, with these values in its holes."""
    return environment().get_template(template).render(values)


def core(
    name: str, family: str, description: str, top: str, verilog: str, bench: str | None = None
) -> str:  # fmt: skip
    """The FuseSoC core of a generated design (CAPI2), by which a user's own flow takes it in.

    verilog, bench  files in its folder; without a bench there is no target sim
    """
    return filled(
        "design.core", name=name, family=family, version=metadata.version("systola"), top=top,
        description=description, verilog=verilog, bench=bench, waived=WAIVED,
    )  # fmt: skip
