"""Refusals that name the node or operation at fault, so that a host, where there is one, may take it."""

from collections.abc import Iterator
from contextlib import contextmanager

from golden import check


class Refused(check.BadValue):
    """name: of the node, of its result, or of an operation made from it (NAME:..., NAME@...)."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


@contextmanager
def at(name: str, where: str = "") -> Iterator[None]:
    """Within this context a BadValue is about `name`; its message begins with `where`."""
    try:
        yield
    except Refused:
        raise
    except check.BadValue as bad:
        raise Refused(f"{where}{bad}", name) from None
