"""Bench of hw.pe.mixpe_float: the common one."""

from typing import Any

from sim.benches import Faults, names
from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden

__all__ = ["CASES", "a_reset_changes_no_sum", "sums_match_golden"]

LEAN: dict[str, Any] = {"rounding": "truncate", "subnormals": False}

CASES = [
    case("mixpe_float", "int4-fp16-r1", weight="int4", registers=1),
    case("mixpe_float", "int4-fp16-lean-r0", weight="int4", registers=0, **LEAN),
    case("mixpe_float", "uint8-fp16-r3", weight="uint8", accumulator="fp16", registers=3),
    case("mixpe_float", "int2-bf16-r2", weight="int2", activation="bf16", registers=2, subnormals=False),
]
QUICK = {"icarus": names(CASES), "verilator": ["int4-fp16-lean-r0"]}
EXTREME = [case("mixpe_float", "lean", **LEAN), case("mixpe_float", "ieee")]
MUTANTS = [Faults("int4-fp16-lean-r0", 3), Faults("int4-fp16-lean-r0", 6, slow=True)]
