"""Bench of hw.pe.float_multiply_add: the common one."""

from typing import Any

from sim.benches import Case, Faults, names
from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden

__all__ = ["CASES", "a_reset_changes_no_sum", "sums_match_golden"]


def multiply_add(name: str, operands: str, accumulator: str, **more: Any) -> Case:
    """The PE, with both operands of one format unless `more` says otherwise."""
    formats: dict[str, Any] = {"weight": operands, "activation": operands, "accumulator": accumulator}
    return case("float_multiply_add", name, **(formats | more))


LEAN: dict[str, Any] = {"rounding": "truncate", "subnormals": False}

CASES = [
    multiply_add("fp16-fp32-r1", "fp16", "fp32", registers=1),
    multiply_add("fp16-fp32-lean-r0", "fp16", "fp32", registers=0, **LEAN),
    multiply_add("fp16-fp16-r3", "fp16", "fp16", registers=3),
    multiply_add("fp16-fp16-separate-r1", "fp16", "fp16", structure="separate", registers=1),
    multiply_add("bf16-bf16-separate-lean-r2", "bf16", "bf16", structure="separate", registers=2, **LEAN),
    multiply_add("bf16-fp32-r2", "bf16", "fp32", registers=2),
    multiply_add("e4m3-e5m2-fp16-r1", "fp8_e4m3", "fp16", activation="fp8_e5m2", registers=1),
]
QUICK = {"icarus": names(CASES), "verilator": ["fp16-fp32-lean-r0", "e4m3-e5m2-fp16-r1"]}
EXTREME = [
    multiply_add(f"{structure}-{name}", "fp16", "fp32", structure=structure, registers=1, **mode)
    for structure in ("fused", "separate")
    for name, mode in (("lean", LEAN), ("ieee", {}))
]
MUTANTS = [
    Faults(name, number, slow=number > 2)
    for name in ("fp16-fp32-lean-r0", "fp16-fp16-separate-r1")
    for number in (2, 6)
]
