"""What Yosys writes, as OpenSTA 2.0.17 reads it: `assign a[1] = b[2]`, but not `assign {a, b[3:2]} = {c, d}`;
and no port or wire that is `signed`, which says nothing of a netlist of cells.
"""

import re
from pathlib import Path

ASSIGN = re.compile(r"^  assign (.*) = (.*);$", re.MULTILINE)
VECTOR = re.compile(r"^\s*(?:input|output|wire) \[(\d+):0\] (\S+) ?;", re.MULTILINE)
SIGNED = re.compile(r"^(\s*(?:input|output|wire)) signed ", re.MULTILINE)
RANGE = re.compile(r"(\S+?) ?\[(\d+):(\d+)\]")
CONSTANT = re.compile(r"\d+'b([01]+)")


def for_sta(netlist: Path) -> None:
    """Write each assignment with several names in the file as one of each bit, and nothing as signed."""
    written = netlist.read_text()
    text = SIGNED.sub(r"\1 ", written)
    highest = {name: int(high) for high, name in VECTOR.findall(text)}

    def parts(found: re.Match[str]) -> str:
        if "{" not in found[0]:
            return found[0]
        pairs = zip(bits(found[1], highest), bits(found[2], highest), strict=True)
        return "\n".join(f"  assign {left} = {right};" for left, right in pairs)

    parted = ASSIGN.sub(parts, text)
    if parted != written:
        netlist.write_text(parted)


def bits(expression: str, highest: dict[str, int]) -> list[str]:
    """Each bit of a concatenation, the highest first; highest: bit of each vector."""
    each: list[str] = []
    for term in map(str.strip, expression.strip("{} ").split(", ")):
        if constant := CONSTANT.fullmatch(term):
            each += [f"1'b{value}" for value in constant[1]]
        elif span := RANGE.fullmatch(term):
            each += [f"{ended(span[1])}[{index}]" for index in range(int(span[2]), int(span[3]) - 1, -1)]
        elif term in highest:
            each += [f"{ended(term)}[{index}]" for index in range(highest[term], -1, -1)]
        else:
            each.append(term if "[" in term else ended(term))
    return each


def ended(name: str) -> str:
    """A name that begins with a backslash ends with a space."""
    return f"{name} " if name.startswith("\\") else name
