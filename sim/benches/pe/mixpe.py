"""Bench of hw.pe.mixpe: the common one."""

from sim.benches import Case, Faults, names
from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden

__all__ = ["CASES", "a_reset_changes_no_sum", "sums_match_golden"]


def mixpe(
    weight: str, activation: str, registers: int, *, exhaustive: bool = False, group: int = 128
) -> Case:
    """The PE of these parameters."""
    given = {"weight": weight, "activation": activation, "registers": registers, "group": group}
    return case("mixpe", f"{weight}-{activation}-r{registers}", exhaustive=exhaustive, **given)


CASES = [
    *(mixpe("int4", "int8", registers, exhaustive=True) for registers in range(3)),
    mixpe("uint4", "int8", 0, exhaustive=True),
    mixpe("uint2", "uint5", 1, exhaustive=True, group=1),
    mixpe("int3", "uint4", 0, exhaustive=True, group=3),
    mixpe("int8", "int16", 2),
]
QUICK = {"icarus": names(CASES), "verilator": ["int4-int8-r2"]}
EXTREME = [case("mixpe", "usual")]
MUTANTS = [Faults("int4-int8-r0", 3), Faults("int4-int8-r0", 6, slow=True)]
