"""Bench of hw.pe.aligned: the common one."""

from sim.benches import Faults, names
from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden

__all__ = ["CASES", "a_reset_changes_no_sum", "sums_match_golden"]

CASES = [
    case("aligned", "int4-int14-r0", weight="int4", activation="int14", registers=0),
    case("aligned", "int4-int12-r2", weight="int4", activation="int12", registers=2),
]
QUICK = {"icarus": names(CASES), "verilator": ["int4-int14-r0"]}
EXTREME = [case("aligned", "r2", registers=2)]
MUTANTS = [Faults("int4-int14-r0", 3), Faults("int4-int14-r0", 6, slow=True)]
