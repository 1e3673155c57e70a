"""The documentation of a generated matrix unit: its texts."""

from golden.systolic.cycles import delivery
from golden.systolic.gemm import AXES
from golden.systolic.params import MatrixUnitParams

ABOUT = """\
Y[M,N] = A[M,K] W[K,N] with {weight} weights, {activation} activations and {accumulator} sums, {then}"""

REQUANTISED = """\
then

    code = clip(round((sum + bias) * multiplier / 2^shift) + zero_point)        ({out}, ties {rounding})"""
RAW = "which leave as they are."

ON_AXES = """\
| | rows | columns | streamed |
|---|---|---|---|
| {dataflow}-stationary | {rows} | {columns} | {streamed} |

"""

STATIONARY_ORDER = """\
A pass loads one tile of the resting operand from `top`, a word a row, the lowest row first, and streams its
vectors through `left`. Passes of one tile follow one another over k, then the next tile begins. The words of
`top` of the next pass are taken while this one streams."""

OUTPUT_ORDER = """\
A pass streams pairs of words, one of `left` and one of `top`, each pair one step of k. Passes of one tile
follow one another over k, then the next tile begins. A tile's sums leave row by row while the next works."""

CYCLES = """\
From the first word accepted on any stream to the last word of `o`, both counted, nothing stalled:

{formula}

where T_i is the number of vectors of pass i. The count is exact: the benches hold the RTL to it."""


def title(p: MatrixUnitParams) -> str:
    """A heading."""
    return f"{p.rows}x{p.cols} {p.dataflow}-stationary matrix unit"


def about(p: MatrixUnitParams) -> str:
    """Text: what the unit computes."""
    then = REQUANTISED.format(out=p.out, rounding=p.rounding) if p.scaled else RAW
    return ABOUT.format(
        weight=p.pe.weight, activation=p.pe.activation, accumulator=p.pe.accumulator, then=then
    )


def sections(p: MatrixUnitParams) -> dict[str, str]:
    """Its axes, and its cycles."""
    rows, columns, streamed = AXES[p.dataflow]
    axes = ON_AXES.format(dataflow=p.dataflow, rows=rows, columns=columns, streamed=streamed)
    order = OUTPUT_ORDER if p.dataflow == "output" else STATIONARY_ORDER
    return {"What is on the axes": axes + order, "Cycles": CYCLES.format(formula=formula(p))}


def formula(p: MatrixUnitParams) -> str:
    """The closed form of golden.systolic.cycles.cycles_of, with this design's numbers in it."""
    behind = delivery(p)
    if p.dataflow == "output":
        return f"    cycles = T_1 + sum over i > 1 of max(T_i, {p.rows}) + {behind + p.rows}"
    return f"    cycles = {p.loads + behind + 1} + sum over all but the last of max(T_i, {p.loads}) + T_last"
