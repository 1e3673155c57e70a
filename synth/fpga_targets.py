"""Names of the FPGA targets' cells, and how Yosys maps to each."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources, in the same words for every target.

    luts         of logic. On ECP5 a carry cell holds two, which are counted here; elsewhere Yosys gives
                 the LUTs beside a carry cell as cells of their own
    carries      carry cells: of two bits on ECP5, one on iCE40, four on Xilinx 7
    multipliers  DSP blocks
    memories     blocks of RAM by kind
    lut_rams     cells that make RAM or shift registers of LUTs
    """

    luts: int = 0
    ffs: int = 0
    carries: int = 0
    multipliers: int = 0
    memories: Mapping[str, int] = field(default_factory=dict)
    lut_rams: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            self.luts + other.luts,
            self.ffs + other.ffs,
            self.carries + other.carries,
            self.multipliers + other.multipliers,
            dict(Counter(self.memories) + Counter(other.memories)),
            self.lut_rams + other.lut_rams,
        )


@dataclass(frozen=True, slots=True)
class FpgaTarget:
    """flow: Yosys' command; keep, flat: its options for the hierarchy; no_dsp: its option for no DSP blocks.

    before    what maps multiplications to DSP blocks before the flow, where the flow itself is not let
    block     widths of the operands that one DSP block takes
    smallest  product that Yosys gives a DSP block, in bits
    models    Verilog of the cells
    kinds     what counts as what, by patterns of the cell's type
    """

    flow: str
    keep: str
    flat: str
    no_dsp: str
    before: tuple[str, ...]
    block: tuple[int, int]
    smallest: int
    models: tuple[str, ...]
    kinds: Mapping[str, str]


# -dsp packs registers and adders into SB_MAC16 by a pass that gives wrong sums (YosysHQ/yosys issues 2648,
# 3179): of a 4x4 array it leaves 9 of 16 multipliers. The mapping alone, without that pass, is right.
ICE40_DSP = (
    "techmap -map +/mul2dsp.v -map +/ice40/dsp_map.v -D DSP_A_MAXWIDTH=16 -D DSP_B_MAXWIDTH=16"
    " -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=11 -D DSP_NAME=$__MUL16X16",
    "chtype -set $mul t:$__soft_mul",
)
KNOWN = {
    "ecp5": FpgaTarget(
        "synth_ecp5", "-noflatten", "", "-nodsp", (), (18, 18), 0, ("+/ecp5/cells_sim.v",),
        {"luts": "LUT4", "ffs": "TRELLIS_FF", "carries": "CCU2C", "multipliers": "MULT18X18D|ALU54B",
         "memories": "DP16KD|PDPW16KD", "lut_rams": "TRELLIS_DPR16X4"},
    ),
    "ice40": FpgaTarget(
        "synth_ice40", "-noflatten", "", "", ICE40_DSP, (16, 16), 11, ("+/ice40/cells_sim.v",),
        {"luts": "SB_LUT4", "ffs": r"SB_DFF\w*", "carries": "SB_CARRY", "multipliers": "SB_MAC16",
         "memories": r"SB_RAM40_4K\w*|SB_SPRAM256KA", "lut_rams": "-"},
    ),
    "xc7": FpgaTarget(
        "synth_xilinx -family xc7 -noiopad -noclkbuf", "", "-flatten", "-nodsp", (), (25, 18), 9,
        ("+/xilinx/cells_sim.v",),
        {"luts": r"LUT\d|INV", "ffs": "FD[RSCP]E(_1)?", "carries": "CARRY4", "multipliers": "DSP48E1",
         "memories": "RAMB18E1|RAMB36E1", "lut_rams": r"RAM\d+X?\d*[MSDQ]\w*|SRL\w+"},
    ),
}  # fmt: skip


def resources(target: str, cells: Mapping[str, int]) -> Resources:
    """What cells, counted by type, come to."""
    found = {word: {kind: n for kind, n in cells.items() if re.fullmatch(pattern, kind)}
             for word, pattern in KNOWN[target].kinds.items()}  # fmt: skip
    count = {word: sum(each.values()) for word, each in found.items()}
    return Resources(
        luts=count["luts"] + (2 * count["carries"] if target == "ecp5" else 0),
        ffs=count["ffs"],
        carries=count["carries"],
        multipliers=count["multipliers"],
        memories=found["memories"],
        lut_rams=count["lut_rams"],
    )
