"""A reduction tree over lanes with a register every few levels, so that a wide one has no long path."""

from collections.abc import Callable

from amaranth.hdl import Module, Signal, Value

from golden.accelerator.exponential import LEVELS
from hw.lanes import tree


def register_tree(
    m: Module, values: list[Value], combine: Callable[[Value, Value], Value], name: str, go: Value
) -> Value:
    """`values` combined, golden.accelerator.exponential.tree_registers(len(values)) registers later.

    combine  gives a value as wide as its two; go: all registers load
    """
    # LEVELS of operators between registers, however many lanes there are
    step, depth = 1 << LEVELS, 0
    while len(values) > 1:
        groups = [values[start : start + step] for start in range(0, len(values), step)]
        values, depth = [], depth + 1
        for index, group in enumerate(groups):
            combined = tree(m, group, combine, f"{name}_{depth}_{index}")
            q = Signal(combined.shape(), name=f"{name}_{depth}_{index}_held", reset_less=True)
            with m.If(go):
                m.d.sync += q.eq(combined)
            values.append(q)
    return values[0]
