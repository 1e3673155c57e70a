"""The one schema of `map --json` and `run --json`: a row for each operation, and the total, of every design.

A row's `cycles` are the part of the run for which its operation is the reason, and a row's `losses` are these
cycles by cause, so that both add up to the total's. Where units work one after the other (a matrix unit or a
tile with a host) this is how long the operation takes, memory counted; where they overlap (an accelerator)
it is the cycles in which the array works on the operation, or waits for one of its commands.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mapping.cost.energy import SOURCE as ENERGY_SOURCE

HOST = "host"
EXACT = "golden, exact"
CAUSES = {
    "useful": "PEs multiply useful operands",
    "waste": "PEs hold padding, or a pass has fewer vectors than the array has rows",
    "load": "the array waits for the next tile's load",
    "fill": "before the first vector of a product or of a command",
    "drain": "behind the last vector, to the last word or the interrupt",
    "memory": "operands or results wait for the memory",
    "dependency": "the array waits for what the vector unit makes, or for room for its sums",
    "control": "the array waits for a command that has not come",
}


class Known:
    """A record whose fields that are None are not known, and not in the JSON."""

    def as_dict(self) -> dict[str, Any]:
        """The fields as they stand in the JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Known):
    """An operation on a unit, or all nodes of an operator on the host.

    unit            "matrix", "tile", "vector", "load, store" or "host"
    batch, m, n, k  of what is multiplied, 0 of all else       macs     batch * m * n * k
    compute_cycles  what its unit takes with operands at hand; golden, exact; of "load, store" words stored
    cycles, losses  see the module
    utilisation     multiply-accumulates over the array's PEs and compute_cycles; 0 on other units
    bytes_read, bytes_written   between memory and the design, commands among them
    energy_pj       a model (mapping.cost.energy)

    where known:
    count         nodes on the host            reason   why they are there
    groups        along k that share a scale   shared_bytes: of bytes_read, scales, zero points and selectors
    commands      of the program               ended    cycle by which all of them are done
    dataflow, tiles   of a matrix unit: how the product is cut (mapping.plan)
    bound         what the roofline says: "compute" or "memory"
    rtl_cycles    counted by the Verilog, compute_cycles' counterpart
    error, cosine of the result, beside the float product of the same activations
    digest        of the result's values, the same for every engine
    scalesim_cycles   by SCALE-Sim's formulae
    """

    name: str
    operator: str
    unit: str
    batch: int = 0
    m: int = 0
    n: int = 0
    k: int = 0
    macs: int = 0
    compute_cycles: int = 0
    cycles: int = 0
    utilisation: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    losses: Mapping[str, float]
    energy_pj: float = 0.0
    count: int | None = None
    reason: str | None = None
    groups: int | None = None
    shared_bytes: int | None = None
    commands: int | None = None
    ended: int | None = None
    dataflow: str | None = None
    tiles: Mapping[str, Any] | None = None
    bound: str | None = None
    rtl_cycles: int | None = None
    error: float | None = None
    cosine: float | None = None
    digest: str | None = None
    scalesim_cycles: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Total(Known):
    """Sums over the rows; macs of what is not on the host. A figure's source stands beside it.

    layers         rows that are not of the host
    macs_on_host   share of all multiply-accumulates
    utilisation    of the array, over the compute_cycles of what runs there
    rtl_cycles     counted by the Verilog: sums of the rows', or of an accelerator from start to interrupt
    prediction_error   of an accelerator: cycles over rtl_cycles, less 1
    error, cosine  the worst of all rows
    """

    layers: int
    macs: int
    macs_on_host: float
    host_operators: Mapping[str, int]
    compute_cycles: int
    compute_cycles_source: str = EXACT
    cycles: int
    cycles_source: str
    milliseconds: float
    utilisation: float
    losses: Mapping[str, float]
    bytes_read: int
    bytes_written: int
    energy_pj: float
    energy_source: str = ENERGY_SOURCE
    groups: int | None = None
    shared_bytes: int | None = None
    commands: int | None = None
    program_bytes: int | None = None
    memory_bytes: int | None = None
    rtl_cycles: int | None = None
    rtl_cycles_source: str | None = None
    prediction_error: float | None = None
    counters: Mapping[str, int] | None = None
    error: float | None = None
    cosine: float | None = None
    scalesim_cycles: int | None = None
    scalesim_cycles_source: str | None = None


def total(rows: Sequence[Row], *, peak: float, mhz: float, source: str, **known: Any) -> Total:
    """The total of rows. peak: the array's multiply-accumulates a cycle. source: of cycles. known: fields."""
    placed = [row for row in rows if row.unit != HOST]
    host = [row for row in rows if row.unit == HOST]
    macs, elsewhere = sum(row.macs for row in placed), sum(row.macs for row in host)
    on_array = [row for row in placed if row.utilisation]
    busy = sum(row.compute_cycles for row in on_array)
    cycles = sum(row.cycles for row in placed)
    return Total(
        layers=len(placed),
        macs=macs,
        macs_on_host=elsewhere / (macs + elsewhere) if elsewhere else 0.0,
        host_operators=dict(sum((Counter({row.operator: row.count or 1}) for row in host), Counter())),
        compute_cycles=sum(row.compute_cycles for row in placed),
        cycles=cycles,
        cycles_source=source,
        milliseconds=cycles / mhz / 1e3,
        utilisation=sum(row.macs for row in on_array) / (peak * busy) if busy else 0.0,
        losses=added(row.losses for row in placed),
        bytes_read=sum(row.bytes_read for row in placed),
        bytes_written=sum(row.bytes_written for row in placed),
        energy_pj=sum(row.energy_pj for row in placed),
        **known,
    )


def added(each: Any) -> dict[str, float]:
    """Losses of all rows, in the order of CAUSES."""
    found: Counter[str] = Counter()
    for losses in each:
        found.update(losses)
    return {cause: found[cause] for cause in CAUSES if cause in found}


def host_rows(counts: Mapping[str, int], macs: Mapping[str, int] | None = None) -> list[Row]:
    """A row for each operator on the host, by name. counts: its nodes. macs: of those that multiply."""
    return [
        Row(name=operator, operator=operator, unit=HOST, count=counts[operator], losses={},
            macs=(macs or {}).get(operator, 0))
        for operator in sorted(counts)
    ]  # fmt: skip
