"""Bench of hw.pe.multiplier: the common one."""

from sim.benches import Case, Faults, names
from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden

__all__ = ["CASES", "a_reset_changes_no_sum", "sums_match_golden"]


def pe(
    weight: str,
    activation: str,
    registers: int,
    *,
    group: int = 1024,
    logic: bool = False,
    multiplier: str = "tool",
    exhaustive: bool = False,
) -> Case:
    """The PE of these parameters."""
    name = f"{weight}-{activation}-r{registers}" + "-logic" * logic + "-booth" * (multiplier == "booth")
    return case(
        "multiplier", name, exhaustive=exhaustive, weight=weight, activation=activation, registers=registers,
        group=group, logic=logic, multiplier=multiplier,
    )  # fmt: skip


CASES = [
    *(pe("int4", "int8", registers, exhaustive=True) for registers in range(4)),
    pe("int4", "uint4", 1, exhaustive=True, group=1),
    pe("uint3", "int5", 0, exhaustive=True, group=3),
    pe("int1", "int1", 2, exhaustive=True),
    *(pe("int8", "int8", registers) for registers in (0, 3)),
    pe("int8", "uint8", 1),
    *(pe("int16", "int16", registers) for registers in (0, 2)),
    pe("int5", "int9", 3),
    *(pe("int4", "int8", registers, multiplier="booth", exhaustive=True) for registers in (0, 3)),
    pe("uint3", "int5", 1, multiplier="booth", exhaustive=True),
    pe("uint8", "int8", 0, multiplier="booth"),
    *(pe("int4", "int8", registers, exhaustive=True, logic=True) for registers in range(4)),
    pe("uint3", "int5", 1, exhaustive=True, logic=True),
    pe("int6", "uint5", 3, exhaustive=True, logic=True),
    *(pe("int1", "int1", registers, exhaustive=True, logic=True) for registers in (0, 3)),
    pe("int8", "int8", 2, logic=True),
]
QUICK = {"icarus": names(CASES), "verilator": ["int8-int8-r3", "int4-int8-r3-booth"]}
EXTREME = [pe(weight, "int8", 0, multiplier="booth") for weight in ("int8", "uint8")]
MUTANTS = [Faults(case, 1000, slow=True) for case in ("int8-int8-r0", "int4-int8-r3")]  # all there are
