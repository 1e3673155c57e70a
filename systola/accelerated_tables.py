"""Results of an accelerator as text: the operations, the total, where each figure came from."""

from collections.abc import Mapping
from typing import Any

from systola.output import table
from systola.report import numbers
from systola.tables import LONGEST, losses


def whole(result: Mapping[str, Any]) -> str:
    """Of `map --json` or `run --json`."""
    return "\n".join([head(result), "", operations(result), "", sources(result)])


def head(result: Mapping[str, Any]) -> str:
    """One line: the network, the design, its size and clock."""
    array, clock = result["design"]["array"], result["design"]["clock"]["mhz"]
    total, name = result["total"], numbers.label(result["network"], LONGEST)
    return (
        f"{name} on {result['design']['name']}: {total['operators']} operations in "
        f"{total['commands']:,} commands, {array['rows']}x{array['cols']}, {clock:g} MHz"
    )


def operations(result: Mapping[str, Any]) -> str:
    """A row for each operation, the total last."""
    rows = [
        [numbers.label(row["name"], LONGEST), row["operator"], row["placed_on"], shape(row),
         numbers.count(row["commands"]), numbers.count(row["cycles"])]
        for row in result["layers"]
    ]  # fmt: skip
    total = result["total"]
    last = ["total", "", "", f"{total['macs'] / 1e6:,.2f} M", numbers.count(total["commands"]),
            numbers.count(total["cycles"])]  # fmt: skip
    return table(["operation", "kind", "unit", "batch x m x n x k", "commands", "cycles"], [*rows, last])


def shape(row: Mapping[str, Any]) -> str:
    """What is multiplied; nothing for what is not."""
    if not row["macs"]:
        return ""
    return "x".join(str(row[key]) for key in ("batch", "m", "n", "k"))


def sources(result: Mapping[str, Any]) -> str:
    """Where the figures came from, and where the cycles go."""
    total, mhz = result["total"], result["design"]["clock"]["mhz"]
    lines = [
        f"cycles: {total['cycles_source']}; {numbers.time(total['cycles'], mhz)}; an operation's are those "
        "from the end of the one before to its own",
        f"of all cycles: {losses(total['losses'])}",
        f"memory: {total['memory_bytes'] / 1e6:.2f} MB, {total['program_bytes'] / 1e6:.2f} of it commands; "
        f"on the host: {total['operators_on_host']} operators",
    ]
    if "rtl_cycles" in total:
        off = numbers.percent(abs(total["prediction_error"]))
        lines.append(
            f"RTL: {numbers.count(total['rtl_cycles'])} cycles from start to interrupt; predicted {off} off"
        )
    return "\n".join(lines)
