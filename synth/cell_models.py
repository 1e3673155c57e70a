"""Functions of the cells of a Liberty: programs for the gate simulator, Verilog models for other simulators.

Zero delay. Where a flip-flop's clear and preset hold at once, clear wins.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from golden.check import fail
from synth import boolean
from synth.boolean import Tree
from synth.liberty import LibraryCell, Storage

MOST_SLOTS = 64  # of a block in synth/native/gates.cpp
OPERATORS = {"and": 0, "or": 1, "xor": 2, "not": 3}  # enum Op there
SIGNS = {"and": "&", "or": "|", "xor": "^"}


@dataclass(frozen=True, slots=True)
class StraightLine:
    """Steps (operator, target, a, b) over slots; the first slots hold the inputs; `result` is one of them."""

    inputs: tuple[str, ...]
    steps: tuple[tuple[int, int, int, int], ...]
    result: int


@cache
def program(tree: Tree) -> StraightLine:
    """The function as steps; what occurs twice is computed once."""
    names = tuple(sorted(boolean.pins(tree)))
    slots: dict[Tree, int] = {("pin", name): number for number, name in enumerate(names)}
    steps: list[tuple[int, int, int, int]] = []

    def place(part: Tree) -> int:
        if part not in slots:
            operands = [place(operand) for operand in part[1:] if isinstance(operand, tuple)]
            slots[part] = len(slots)
            if part[0] in ("0", "1"):  # x ^ x of whatever stands in slot 0
                steps.append((OPERATORS["xor"], slots[part], 0, 0))
                if part[0] == "1":
                    steps.append((OPERATORS["not"], slots[part], slots[part], slots[part]))
            else:
                steps.append((OPERATORS[str(part[0])], slots[part], operands[0], operands[-1]))
        return slots[part]

    result = place(tree)
    if len(slots) > MOST_SLOTS:
        raise fail("liberty: function", f"{expression(tree)}, of {len(slots)} parts", f"up to {MOST_SLOTS}")
    return StraightLine(names, tuple(steps), result)


def clock(storage: Storage) -> tuple[str, bool]:
    """(pin, on the falling edge); BadValue where a clock is more than a pin."""
    tree, falling = boolean.parse(storage.clock), False
    while tree[0] == "not" and isinstance(tree[1], tuple):
        tree, falling = tree[1], not falling
    if tree[0] != "pin":
        raise fail("liberty: clocked_on", repr(storage.clock), "a pin or its inverse")
    return str(tree[1]), falling


def refusal(cell: LibraryCell) -> str:
    """Why the gate simulator cannot take a cell; empty if it can."""
    if cell.storage and cell.storage.kind != "ff":
        return "a latch"
    if cell.special in ("clock gate", "state table"):
        return f"a {cell.special}"
    if any(pin.three_state for pin in cell.pins.values()):
        return "a three-state buffer"
    unknown = [name for name in cell.outputs if cell.pins[name].function is None]
    return f"without a function of pin {unknown[0]}" if unknown else ""


def functions(cell: LibraryCell) -> dict[str, Tree]:
    """The tree of each output."""
    return {name: boolean.parse(cell.pins[name].function or "0") for name in cell.outputs}


def verilog(cells: Iterable[LibraryCell]) -> str:
    """Modules of the cells; those that cannot be simulated are left out."""
    return "".join(f"{model(cell)}\n" for cell in cells if not refusal(cell))


def model(cell: LibraryCell) -> str:
    """The module of one cell."""
    found = functions(cell)
    lines = [f"module {identifier(cell.name)}({', '.join(map(identifier, [*cell.inputs, *found]))});"]
    lines += [f"  input {identifier(pin)};" for pin in cell.inputs]
    lines += [f"  output {identifier(pin)};" for pin in found]
    lines += state_lines(cell.storage) if cell.storage else []
    lines += [f"  assign {identifier(pin)} = {expression(tree)};" for pin, tree in found.items()]
    return "\n".join([*lines, "endmodule", ""])


def state_lines(storage: Storage) -> list[str]:
    """The flip-flop's own bit: what acts without the clock is in the sensitivity list, too."""
    bit, inverse = storage.variables
    pin, falling = clock(storage)
    at_once = [("clear_now", storage.clear, 0), ("preset_now", storage.preset, 1)]
    given = [(signal, boolean.parse(text), value) for signal, text, value in at_once if text]
    lines = [f"  reg {bit};", f"  wire {inverse} = ~{bit};"]
    lines += [f"  wire {signal} = {expression(tree)};" for signal, tree, _ in given]
    edges = [f"{'negedge' if falling else 'posedge'} {identifier(pin)}"]
    edges += [f"posedge {signal}" for signal, _, _ in given]
    lines.append(f"  always @({' or '.join(edges)})")
    lines += [f"    if ({signal}) {bit} <= 1'b{value}; else" for signal, _, value in given]
    return [*lines, f"    {bit} <= {expression(boolean.parse(storage.data))};"]


def expression(tree: Tree) -> str:
    """A function in Verilog."""
    if tree[0] == "pin":
        return identifier(str(tree[1]))
    if tree[0] in ("0", "1"):
        return f"1'b{tree[0]}"
    parts = [expression(part) for part in tree[1:] if isinstance(part, tuple)]
    return f"(~{parts[0]})" if tree[0] == "not" else f"({f' {SIGNS[str(tree[0])]} '.join(parts)})"


def identifier(name: str) -> str:
    """A name, escaped where Verilog asks for it."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else f"\\{name} "
