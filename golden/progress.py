"""What long work tells of its progress, in every room."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is being done, how much is done, of how much (0: not known)


def untold(what: str, done: int, total: int) -> None:
    """Progress that nobody wants to see."""
