"""Emitted Verilog with one thing changed by hand in one module: a fault that a bench must notice, or a watch
that tells in the simulation's log that something was full."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from golden import check

TOLD = "became full: "


class Watch(NamedTuple):
    """A signal that may hold `most`, and never more.

    module     a pattern that the names of all modules with this signal match
    instances  how many there are of these
    """

    module: str
    signal: str
    most: int
    instances: int = 1

    def __str__(self) -> str:
        return f"{self.signal.strip(chr(92) + ' ')} = {self.most}"


def modules_of(verilog: str, name: str) -> list[tuple[int, int]]:
    """Where each module begins and ends whose name matches a pattern; BadValue if none does."""
    pattern = rf"^module (?:{name})\(.*?^endmodule$"
    found = [each.span() for each in re.finditer(pattern, verilog, re.MULTILINE | re.DOTALL)]
    if not found:
        raise check.fail("module", name, "the name of one that is there")
    return found


def changed(verilog: str, module: str, before: str, after: str) -> str:
    """What matches `before`, once in the one such module, replaced; BadValue if it is not there just once."""
    spans = modules_of(verilog, module)
    (start, end) = spans[0]
    text, count = re.subn(before, after, verilog[start:end])
    if count != 1 or len(spans) != 1:
        raise check.fail(f"{before} in {module}", f"there {count} times in the first of {len(spans)}", "once")
    return verilog[:start] + text + verilog[end:]


def watched(verilog: str, watches: Sequence[Watch]) -> str:
    """A line in the log each time that a signal reaches its most; beyond that the simulation breaks off."""
    for each in watches:
        signal = rf"^  (?:output |input )?(?:reg|wire) (?:\[\d+:0\] )?{re.escape(each.signal)};$"
        for start, end in reversed(modules_of(verilog, each.module)):
            if not re.search(signal, verilog[start:end], re.MULTILINE):
                raise check.fail(f"signal of {each.module}", each.signal, "one that is there")
            place = end - len("endmodule")
            verilog = verilog[:place] + _watch(each) + verilog[place:]
    return verilog


def _watch(each: Watch) -> str:
    signal, was = each.signal, "was_" + re.sub(r"\W", "", each.signal)
    return (
        f"  reg [31:0] {was};\n"
        f"  always @(posedge clk) if (!rst) begin\n"
        f"    {was} <= {signal};\n"
        f'    if ({signal} == {each.most} && {was} != {each.most}) $display("{TOLD}{each} in %m");\n'
        f'    if ({signal} > {each.most}) begin $display("more than {each} in %m"); $finish; end\n'
        f"  end else {was} <= 0;\n"
    )


def times_full(log: str) -> dict[str, Counter[str]]:
    """By watch, as a string, and instance: how many times it was told of."""
    found: dict[str, Counter[str]] = {}
    for line in log.splitlines():
        if TOLD in line:
            watch, _, instance = line.partition(TOLD)[2].strip().partition(" in ")
            found.setdefault(watch, Counter())[instance] += 1
    return found
