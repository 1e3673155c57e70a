"""Results as text: what runs on what, the table with its total, where each figure came from."""

from collections.abc import Mapping, Sequence
from typing import Any

from systola.output import table
from systola.report import numbers

MB = 1e6
LONGEST = 44  # letters of a layer's name
HEADINGS = {
    "rtl_cycles": "RTL",
    "scalesim_cycles": "SCALE-Sim",
}


def head(result: Mapping[str, Any]) -> str:
    """One line: the network, the design, its size and clock."""
    array, clock = result["design"]["array"], result["design"]["clock"]["mhz"]
    placed = [row for row in result["layers"] if row["placed_on"] == "array"]
    return (
        f"{numbers.label(result['network'], LONGEST)} on {result['design']['name']}: {len(placed)} layers, "
        f"{array['rows']}x{array['cols']} {array['dataflow']}-stationary, {clock:g} MHz"
    )


def mapping_table(result: Mapping[str, Any]) -> str:
    """The per-layer table of `systola map`, the total last."""
    total = result["total"]
    extra = [key for key in HEADINGS if key in total]
    columns = [
        "layer",
        "shape",
        "dataflow",
        "tiles",
        "cycles",
        "with memory",
        *(HEADINGS[key] for key in extra),
    ]
    rows = [layer_row(row, extra) for row in result["layers"] if row["placed_on"] == "array"]
    last = ["total", "", "", "", *figures(total, extra)]
    return table([*columns, "used", "MB"], [*rows, last])


def layer_row(row: Mapping[str, Any], extra: Sequence[str]) -> list[str]:
    cut = row["tiles"]
    tiles = f"{cut['rows']}x{cut['cols']}x{cut['depth']} of {cut['stream']}"
    return [
        numbers.label(row["name"], LONGEST),
        numbers.shape(row),
        row["dataflow"],
        tiles,
        *figures(row, extra),
    ]


def figures(row: Mapping[str, Any], extra: Sequence[str]) -> list[str]:
    """The columns that a layer and the total share."""
    counts = [row[key] for key in ("compute_cycles", "cycles", *extra)]
    moved = (row["bytes_read"] + row["bytes_written"]) / MB
    return [*(numbers.count(x) for x in counts), numbers.percent(row["utilisation"]), f"{moved:.3f}"]


def sources(result: Mapping[str, Any]) -> str:
    """Where each figure came from, and what does not run on the array."""
    total = result["total"]
    seconds = numbers.time(total["cycles"], result["design"]["clock"]["mhz"])
    lines = [
        f"cycles: {total['compute_cycles_source']}; with memory: {total['cycles_source']}; {seconds}",
        *(
            f"{name}: {total[key + '_source'].removeprefix(name + ': ')}"
            for key, name in HEADINGS.items()
            if key in total
        ),
        "tiles: pieces of rows x columns x depth, of so many vectors; MB: read and written",
        f"used: multiply-accumulates over PEs and cycles; the cycles: {losses(total['losses'])}",
    ]
    if total["host_operators"]:
        operators = host_operators(total)
        share = numbers.percent(1 - total["macs_on_array"])
        lines.append(f"on the host: {operators}; {share} of the multiply-accumulates")
    return "\n".join(lines)


def host_operators(total: Mapping[str, Any]) -> str:
    """2 Relu, 1 Softmax: how often each runs on the host."""
    return ", ".join(f"{count} {name}" for name, count in total["host_operators"].items()) or "nothing"


def losses(shares: Mapping[str, float]) -> str:
    """useful 99.4 %, load 0.2 %, ...: what is not nothing."""
    return ", ".join(
        f"{cause.replace('_', ' ')} {numbers.percent(share)}"
        for cause, share in shares.items()
        if share >= 5e-5
    )


def whole(result: Mapping[str, Any]) -> str:
    """Of every family of designs."""
    if "groups" in result["total"]:
        from systola import grouped_tables

        return grouped_tables.whole(result)
    if result["design"]["family"] == "accelerator":
        from systola import accelerated_tables

        return accelerated_tables.whole(result)
    if not result["total"]["layers"]:
        operators = host_operators(result["total"])
        return "\n".join([head(result), "", f"no matrix product: all runs on the host: {operators}"])
    return "\n".join([head(result), "", mapping_table(result), "", sources(result)])
