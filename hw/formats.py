"""Number formats as Amaranth shapes. The only place of `hw` that knows both."""

from amaranth.hdl import Shape, signed, unsigned

from golden.formats import Int


def shape_of(fmt: Int) -> Shape:
    """The shape of a register that holds a value of `fmt`."""
    return signed(fmt.width) if fmt.signed else unsigned(fmt.width)
