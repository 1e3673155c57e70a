"""Plain packed vectors: lane i of a vector of `count` lanes is a slice, never a Cat."""

from amaranth.hdl import Module, Signal, Value


def lane(vector: Value, index: int, count: int) -> Value:
    """Lane `index` of `vector`, unsigned."""
    width = len(vector) // count
    return vector[index * width : (index + 1) * width]


def delayed(m: Module, value: Value, cycles: int, name: str, *, reset: bool = False) -> Value:
    """`value` as it was `cycles` cycles ago; `reset` for what must not survive one."""
    for stage in range(cycles):
        q = Signal(value.shape(), name=f"{name}_{stage + 1}", reset_less=not reset)
        m.d.sync += q.eq(value)
        value = q
    return value


def bits(*names: str) -> tuple[Signal, ...]:
    """One-bit signals: several of one assignment do not find their names themselves."""
    return tuple(Signal(name=name) for name in names)
