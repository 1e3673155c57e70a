"""Bench of hw.pe.dequantise: the common one."""

from sim.benches import Faults, names
from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden

__all__ = ["CASES", "a_reset_changes_no_sum", "sums_match_golden"]

CASES = [
    *(case("dequantise", f"uint4-s8-int8-r{registers}", registers=registers) for registers in range(3)),
    case("dequantise", "int3-s6-uint8-r0", code="int3", scale_bits=6, shift=1, activation="uint8"),
    case(
        "dequantise", "uint2-s4-int4-r1", code="uint2", scale_bits=4, shift=0, activation="int4", group=3,
        registers=1, exhaustive=True,
    ),
]  # fmt: skip
QUICK = {"icarus": names(CASES), "verilator": ["uint4-s8-int8-r2"]}
EXTREME = [case("dequantise", "r2", registers=2)]
MUTANTS = [Faults("int3-s6-uint8-r0", 3), Faults("int3-s6-uint8-r0", 8, slow=True)]
