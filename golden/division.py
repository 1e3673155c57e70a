"""Whole quotients rounded up."""

from typing import Any, overload


@overload
def ceil_div(count: int, size: int) -> int: ...
@overload
def ceil_div(count: Any, size: Any) -> Any: ...
def ceil_div(count: Any, size: Any) -> Any:
    """How many parts of `size` hold `count`: count / size rounded up; integers or arrays, size > 0."""
    return -(-count // size)
