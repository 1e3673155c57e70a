"""Grouped results as text."""

from collections.abc import Mapping
from typing import Any

from systola.output import table
from systola.report import numbers
from systola.tables import LONGEST, MB


def whole(result: Mapping[str, Any]) -> str:
    """What runs on what, the table with its total, where each figure came from."""
    return "\n".join([head(result), "", layer_table(result), "", *sources(result)])


def head(result: Mapping[str, Any]) -> str:
    array, pe, clock = (result["design"][key] for key in ("array", "pe", "clock"))
    name = numbers.label(result["network"], LONGEST)
    return (
        f"{name} on {result['design']['name']}: {result['total']['layers']} layers, "
        f"{array['rows']}x{array['cols']} {pe['kind']}, groups of {result['total']['groups']}, "
        f"{clock['mhz']:g} MHz"
    )


def layer_table(result: Mapping[str, Any]) -> str:
    total, engine = result["total"], f"{result.get('engine', '')}_cycles"
    ran = engine in total
    rtl = ["RTL"] if engine == "rtl_cycles" else []
    beside = ["error", "cosine"] if ran else []
    columns = ["layer", "shape", "groups", "cycles", "with memory", *rtl, "used", "MB", *beside]

    def figures(row: Mapping[str, Any]) -> list[str]:
        moved = (row["bytes_read"] + row["bytes_written"]) / MB
        return [
            *(numbers.count(row[key]) for key in ("compute_cycles", "cycles")),
            *([numbers.count(row[engine])] if engine == "rtl_cycles" else []),
            numbers.percent(row["utilisation"]),
            f"{moved:.3f}",
            *([f"{row['error']:.4f}", f"{row['cosine']:.5f}"] if ran else []),
        ]

    placed = [row for row in result["layers"] if row["placed_on"] != "host"]
    rows = [
        [numbers.label(row["name"], LONGEST), numbers.shape(row), str(row["groups"]), *figures(row)]
        for row in placed
    ]
    return table(columns, [*rows, ["total", "", "", *figures(total)]])


def sources(result: Mapping[str, Any]) -> list[str]:
    total = result["total"]
    seconds = numbers.time(total["cycles"], result["design"]["clock"]["mhz"])
    lines = [
        f"cycles: {total['compute_cycles_source']}; with memory: {total['cycles_source']}; {seconds}",
        f"MB: read and written, {total['shared_bytes'] / MB:.3f} of them scales, zero points and selectors",
        *([f"RTL: {total['rtl_cycles_source'].removeprefix('RTL: ')}"] if "rtl_cycles" in total else []),
        *(["error, cosine: beside the float product of the same activations; total: the worst"]
          if "error" in total else []),
        *(f"output {numbers.label(name, LONGEST)}: relative error {each['error']:.4f}, "
          f"cosine {each['cosine']:.5f} beside float"
          for name, each in result.get("beside_float", {}).items()),
    ]  # fmt: skip
    if total["host_operators"]:
        operators = ", ".join(f"{count} {name}" for name, count in total["host_operators"].items())
        share = numbers.percent(1 - total["macs_on_array"])
        lines.append(f"on the host: {operators}; {share} of the multiply-accumulates")
    return lines
