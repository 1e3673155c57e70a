"""Plain packed vectors: lane i of a vector of `count` lanes is a slice, never a Cat."""

from collections.abc import Callable

from amaranth.hdl import Module, Mux, Signal, Value


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


def tree(m: Module, values: list[Value], combine: Callable[[Value, Value], Value], name: str) -> Value:
    """`values` combined pair by pair, a signal for each pair: an expression would double at every level."""
    level = 0
    while len(values) > 1:
        pairs, level = [], level + 1
        for index in range(0, len(values) - 1, 2):
            both = combine(values[index], values[index + 1])
            pair = Signal(both.shape(), name=f"{name}_{level}_{index // 2}")
            m.d.comb += pair.eq(both)
            pairs.append(pair)
        values = pairs + values[len(values) & ~1 :]
    return values[0]


def chosen(m: Module, values: list[Value], index: Value, name: str) -> Value:
    """values[index], by a tree of two-way choices; past the last value, one of them."""
    for bit in range(len(index)):
        pairs = []
        for place in range(0, len(values) - 1, 2):
            pair = Signal(values[place].shape(), name=f"{name}_{bit}_{place // 2}")
            m.d.comb += pair.eq(Mux(index[bit], values[place + 1], values[place]))
            pairs.append(pair)
        values = pairs + values[len(values) & ~1 :]
    return values[0]


def tied(name: str, port) -> dict[str, Value]:
    """The ports of a stream, by the names that they have in flat Verilog."""
    payload = port.payload if isinstance(port.payload, Value) else port.payload.as_value()
    return {f"{name}_valid": port.valid, f"{name}_ready": port.ready, f"{name}_payload": payload}


def bits(*names: str) -> tuple[Signal, ...]:
    """One-bit signals: several of one assignment do not find their names themselves."""
    return tuple(Signal(name=name) for name in names)
