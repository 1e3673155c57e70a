"""SCALE-Sim topologies: a CSV of GEMMs (M, N, K) or of convolutions.

The columns are found by their headers, in any order and spelling that is near SCALE-Sim's own; a file without
headers is read in SCALE-Sim's order. A column beside them (sparsity, batch) may only say that it changes
nothing. A layer whose name holds DP is depthwise: one product for each channel.
Source: scalesim 3.0.0, topology_utils.py. As there, a convolution's output is ceil((in - kernel + stride) /
stride) wide (a last stop that the stride does not reach in full counts), and its input includes padding.
"""

from collections.abc import Sequence
from pathlib import Path

from golden import check, files
from golden.division import ceil_div
from mapping.network import MOST_LAYERS, ConvShape, ShapeLayer, ShapeNetwork, named

GEMM = {"m": ("m",), "n": ("n",), "k": ("k",)}
CONV = {
    "in_h": ("ifmapheight", "ifmaph", "inputheight"), "in_w": ("ifmapwidth", "ifmapw", "inputwidth"),
    "kernel_h": ("filterheight", "filterh", "kernelheight"),
    "kernel_w": ("filterwidth", "filterw", "kernelwidth"),
    "channels": ("channels", "channel", "numchannels", "inputchannels"),
    "filters": ("numfilter", "numfilters", "filters", "outputchannels"),
    "stride_h": ("strides", "stride", "strideheight", "strideh"),
}  # fmt: skip
STRIDE_W = ("stridewidth", "stridew")
DIGITS = 20  # of a size, zeros before it included
FORMATS = (
    "Layer, M, N, K or "
    "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides"
)


def load(path: Path) -> ShapeNetwork:
    """The layers of the file; BadValue names the row's layer and the column."""
    rows = files.rows(path, f"a CSV file of {FORMATS}", MOST_LAYERS + 1)
    try:
        columns, first = find_columns(rows)
        header = rows[0] if first else []
        layers = named(read(row, columns, header) for row in rows[first:])
    except check.BadValue as bad:
        raise check.BadValue(f"{path.name}: {bad}") from None
    return ShapeNetwork(name=path.stem, layers=layers)


def find_columns(rows: list[list[str]]) -> tuple[dict[str, int], int]:
    """Index of each column, and the index of the first row of layers."""
    header = rows[0] if rows else []
    if len(header) > 1 and header[1].isdecimal():
        cells = [cell for cell in header if cell and ":" not in cell]
        by_order = {4: [*GEMM], 8: [*CONV], 9: [*CONV, "stride_w"]}
        if len(cells) not in by_order:
            raise check.fail("columns", len(cells), f"4, 8 or 9 ({FORMATS})")
        return {column: i + 1 for i, column in enumerate(by_order[len(cells)])}, 0
    spelled = ["".join(c for c in cell.lower() if c.isalnum()) for cell in header]
    for wanted in (GEMM, CONV):
        found = {column: place(spelled, names) for column, names in wanted.items()}
        if all(i is not None for i in found.values()):
            columns = {column: i for column, i in found.items() if i is not None}
            stride_w = place(spelled, STRIDE_W)
            return (columns if stride_w is None else columns | {"stride_w": stride_w}), 1
    raise check.fail("header", ", ".join(filter(None, header)) or "empty", FORMATS)


def place(spelled: Sequence[str], names: Sequence[str]) -> int | None:
    return next((i for i, cell in enumerate(spelled) if cell in names), None)


def read(row: list[str], columns: dict[str, int], header: Sequence[str]) -> ShapeLayer:
    """One layer."""
    name = row[0]
    check_others(row, columns, header, f"layer {name}")
    sizes = {column: size(row, index, f"layer {name}: {column}") for column, index in columns.items()}
    if "m" in sizes:
        return ShapeLayer(name=name, operator="Gemm", m=sizes["m"], n=sizes["n"], k=sizes["k"])
    return convolution(name, ConvShape(**{"stride_w": sizes["stride_h"], **sizes}))


def check_others(row: list[str], columns: dict[str, int], header: Sequence[str], where: str) -> None:
    """BadValue, naming the column, for a cell that no size is read from and that says more than nothing."""
    for index, cell in enumerate(row[1:], 1):
        if index in columns.values() or not says_something(cell):
            continue
        column = header[index] if index < len(header) and header[index] else f"column {index + 1}"
        allowed = "nothing, 1, or a ratio of 1:1 (no sparsity, no batch)"
        raise check.fail(f"{where}: {column}", cell, allowed)


def says_something(cell: str) -> bool:
    """Whether a cell beside the sizes would change a layer: 1 (a batch) and N:N (dense) would not."""
    ratio = [part.strip() for part in cell.split(":")]
    return bool(cell) and cell != "1" and not (len(ratio) == 2 and ratio[0] == ratio[1] != "")


def size(row: list[str], index: int, where: str) -> int:
    text = row[index] if index < len(row) else ""
    if not text.isdecimal() or len(text) > DIGITS or not 1 <= int(text) <= 1 << 31:
        raise check.fail(where, text or "missing", f"1 to {1 << 31}")
    return int(text)


def convolution(name: str, conv: ConvShape) -> ShapeLayer:
    """The products that a convolution is: stops of the filter by filters by elements under it."""
    check.in_range(f"layer {name}: kernel_h", conv.kernel_h, 1, conv.in_h, "in_h")
    check.in_range(f"layer {name}: kernel_w", conv.kernel_w, 1, conv.in_w, "in_w")
    stops_h = ceil_div(conv.in_h - conv.kernel_h + conv.stride_h, conv.stride_h)
    stops_w = ceil_div(conv.in_w - conv.kernel_w + conv.stride_w, conv.stride_w)
    channels, batch = (1, conv.channels) if "DP" in name else (conv.channels, 1)
    return ShapeLayer(
        name=name, operator="Conv", m=stops_h * stops_w, n=conv.filters,
        k=channels * conv.kernel_h * conv.kernel_w, batch=batch, conv=conv,
    )  # fmt: skip
