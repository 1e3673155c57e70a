"""`fit`: an assignment that refuses to lose bits."""

from amaranth.hdl import Value


def fit(target, value):
    """`target.eq(value)`, or TypeError if `target` cannot hold every value of `value`.

    Amaranth's own `.eq()` truncates in silence; a wanted truncation is a slice, which a reader sees.
    """
    need, have = Value.cast(value).shape(), Value.cast(target).shape()
    if need.width > have.width - (have.signed and not need.signed) or (need.signed and not have.signed):
        raise TypeError(f"{target!r} is {have}; its value is {need}: widen it, or cut with a slice")
    return target.eq(value)
