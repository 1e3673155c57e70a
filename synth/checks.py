"""Is a piece of Verilog what it means to be: no latch, no combinational loop, no net with two drivers.

Yosys' `check` finds loops bit by bit and drivers in conflict; a latch it calls a problem only in new
versions, so latches are looked for by their cells.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from sim import quote
from synth.process import SynthesisError
from synth.yosys import yosys

LATCHES = ("$dlatch", "$adlatch", "$dlatchsr", "$sr", "$_DLATCH_*", "$_DLATCHSR_*", "$_SR_*")
# of Yosys' selections: the wires at the outputs of those cells
AT_LATCHES = f"t:{LATCHES[0]} {' '.join(f't:{kind} %u' for kind in LATCHES[1:])} %co1 w:* %i"
READ = ("proc", "flatten -wb", "opt_clean")
LATCHED = "latches.txt"
PROBLEMS = "problems.txt"

CONFLICT = re.compile(r"multiple conflicting drivers for \S+?\.\\?(\S+):")
LOOP = re.compile(r"found logic loop in module \S+:((?:\n    .*)+)")
LOOP_WIRE = re.compile(r"^    wire \\?(\S+)", re.MULTILINE)


def assert_sound(folder: Path, verilog_file: str, top: str, *, name: str = "checks") -> None:
    """Raise SynthesisError, which names a net, unless `top` of a file in `folder` is sound.

    A net that nothing drives is no fault: an emitted array starts its sums from one, as constant zero.
    """
    read = [f"read_verilog -sv {quote.yosys(verilog_file)}", f"hierarchy -check -top {quote.yosys(top)}"]
    _sound(folder, [*read, *READ], top, name)


def assert_mapped_sound(
    folder: Path, json_file: str, top: str, models: Sequence[str], *, name: str = "checks_mapped"
) -> None:
    """The same of a mapped netlist, with the target's cells replaced by their `models`.

    models  Verilog of the cells, as Yosys names its own: "+/ecp5/cells_sim.v"; a cell that none describes
            ends every path
    """
    boxes = ["delete =A:blackbox", "delete =A:whitebox"]
    # deferred: only the models that occur are elaborated; a RAM's of thousands of registers takes minutes
    described = [f"read_verilog -defer -overwrite {quote.yosys(model)}" for model in models]
    read = [f"read_json {quote.yosys(json_file)}", *boxes, *described]
    _sound(folder, [*read, f"hierarchy -top {quote.yosys(top)}", *READ], top, name)


def _sound(folder: Path, read: Sequence[str], top: str, name: str) -> None:
    looks = [f"tee -o {LATCHED} select -list {AT_LATCHES}", f"tee -o {PROBLEMS} check"]
    log = yosys([*read, *looks], folder, name=name)
    found = problems((folder / LATCHED).read_text(), (folder / PROBLEMS).read_text())
    if found:
        raise SynthesisError(f"{top}: {'; '.join(found)}; its log: {log}")


def problems(latched: str, said: str) -> list[str]:
    """The faults that Yosys tells of, each once, with a net's name.

    latched  nets at latches, one `module/net` on a line
    said     what `check` printed
    """
    nets = [line.partition("/")[2] for line in latched.splitlines() if line.strip()]
    found = [f"{nets[0]} is a latch"] if nets else []
    for each in LOOP.findall(said):
        found.append(f"a combinational loop through {', '.join(LOOP_WIRE.findall(each))}")
    found += [f"{net} has more than one driver" for net in CONFLICT.findall(said)]
    return list(dict.fromkeys(found))
