"""Results of `map` and `run` of every design as text: what runs on what, the table with its total, where each
figure came from. A column is shown where a row has something for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from systola.output import table
from systola.report import numbers

MB, UJ = 1e6, 1e6
LONGEST = 44  # letters of a layer's name
TOLD = 5  # reasons
Row = Mapping[str, Any]


def tiles(row: Row) -> str:
    """2x72x24 of 128: pieces of rows, columns and depth, of so many vectors."""
    cut = row["tiles"]
    return f"{cut['rows']}x{cut['cols']}x{cut['depth']} of {cut['stream']}"


def counted(key: str) -> Callable[[Row], str]:
    return lambda row: numbers.count(row[key])


# heading: (key that a row must have, the cell)
COLUMNS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "operator": ("commands", lambda row: str(row["operator"])),
    "unit": ("commands", lambda row: str(row["unit"])),
    "shape": ("macs", lambda row: numbers.shape(row) if row["macs"] and "m" in row else ""),
    "tiles": ("tiles", tiles),
    "groups": ("groups", counted("groups")),
    "commands": ("commands", counted("commands")),
    "compute": ("compute_cycles", counted("compute_cycles")),
    "RTL": ("rtl_cycles", counted("rtl_cycles")),
    "cycles": ("cycles", counted("cycles")),
    "SCALE-Sim": ("scalesim_cycles", counted("scalesim_cycles")),
    "used": ("utilisation", lambda row: numbers.percent(row["utilisation"])),
    "MB": ("bytes_read", lambda row: f"{(row['bytes_read'] + row['bytes_written']) / MB:.3f}"),
    "uJ": ("energy_pj", lambda row: f"{row['energy_pj'] / UJ:.2f}"),
    "error": ("error", lambda row: f"{row['error']:.4f}"),
    "cosine": ("cosine", lambda row: f"{row['cosine']:.5f}"),
}
TOTALLED = ("commands", "compute", "RTL", "cycles", "SCALE-Sim", "used", "MB", "uJ", "error", "cosine")


def whole(result: Mapping[str, Any]) -> str:
    """Of `map --json` or `run --json`."""
    if not result["total"]["layers"]:
        all_there = f"all runs on the host: {host_operators(result['total'])}"
        return "\n".join([head(result), "", all_there, *reasons(result)])
    return "\n".join([head(result), "", rows(result), "", *sources(result)])


def head(result: Mapping[str, Any]) -> str:
    """One line: the network, the design, its size and clock."""
    design, total = result["design"], result["total"]
    array, kind = design["array"], design["pe"]["kind"]
    stationary = f" {array['dataflow']}-stationary" if "dataflow" in array else ""
    parts = [
        f"{total['layers']} layers" + (f" in {total['commands']:,} commands" if "commands" in total else ""),
        f"{array['rows']}x{array['cols']}{stationary}" + (f" {kind}" if "groups" in total else ""),
        *([f"groups of {total['groups']}"] if "groups" in total else []),
        f"{design['clock']['mhz']:g} MHz",
    ]
    return f"{numbers.label(result['network'], LONGEST)} on {design['name']}: {', '.join(parts)}"


def rows(result: Mapping[str, Any]) -> str:
    """The table, the total last."""
    total, placed = result["total"], [row for row in result["layers"] if row["unit"] != "host"]
    shown = {name: each for name, each in COLUMNS.items() if any(each[0] in row for row in placed)}

    def cells(row: Row, names: tuple[str, ...]) -> list[str]:
        return [cell(row) if key in row and name in names else "" for name, (key, cell) in shown.items()]

    body = [[numbers.label(row["name"], LONGEST), *cells(row, tuple(shown))] for row in placed]
    return table(["layer", *shown], [*body, ["total", *cells(total, TOTALLED)]])


def sources(result: Mapping[str, Any]) -> list[str]:
    """Where each figure came from, and what does not run on the design."""
    total, placed = result["total"], result["layers"][0]
    seconds = numbers.time(total["cycles"], result["design"]["clock"]["mhz"])
    lines = [
        f"compute: {total['compute_cycles_source']}; cycles: {total['cycles_source']}; {seconds}",
        *(f"{name}: {total[key].removeprefix(name + ': ')}"
          for name, key in (("RTL", "rtl_cycles_source"), ("SCALE-Sim", "scalesim_cycles_source"))
          if key in total),
        *(["tiles: pieces of rows x columns x depth, of so many vectors"] if "tiles" in placed else []),
        f"used: multiply-accumulates over the array's PEs and compute; of all cycles: {losses(total)}",
        f"MB: read and written{shared(total)}; uJ: {total['energy_source']}",
        *([f"memory: {total['memory_bytes'] / MB:.2f} MB, {total['program_bytes'] / MB:.2f} of it commands"]
          if "memory_bytes" in total else []),
        *(["error, cosine: beside the float product of the same activations; total: the worst"]
          if "error" in total else []),
        *(f"output {numbers.label(name, LONGEST)}: relative error {each['error']:.4f}, "
          f"cosine {each['cosine']:.5f} beside float"
          for name, each in result.get("beside_float", {}).items()),
    ]  # fmt: skip
    if "prediction_error" in total:
        off = numbers.percent(abs(total["prediction_error"]))
        lines.append(f"RTL, start to interrupt: {total['rtl_cycles']:,} cycles; predicted {off} off")
    share = numbers.percent(total["macs_on_host"])
    there = f"on the host: {host_operators(total)}; {share} of the multiply-accumulates"
    return [*lines, there, *reasons(result)]


def reasons(result: Mapping[str, Any]) -> list[str]:
    """Why the first of what might have run on the design does not."""
    told = [row for row in result["layers"] if "reason" in row]
    whys = [(row["name"], row["reason"].split("; allowed:")[0]) for row in told[:TOLD]]
    lines = [f"  {numbers.label(name, LONGEST)}: {why}" for name, why in whys]
    return [*lines, *([f"  and {len(told) - TOLD} more"] if len(told) > TOLD else [])]


def shared(total: Mapping[str, Any]) -> str:
    """What of the bytes groups share."""
    if "shared_bytes" not in total:
        return ""
    return f", {total['shared_bytes'] / MB:.3f} of them scales, zero points and selectors"


def host_operators(total: Mapping[str, Any]) -> str:
    """2 Relu, 1 Softmax: how often each runs on the host."""
    return ", ".join(f"{count} {name}" for name, count in total["host_operators"].items()) or "nothing"


def losses(total: Mapping[str, Any]) -> str:
    """useful 99.4 %, load 0.2 %, ...: what is not nothing."""
    shares = {cause: lost / total["cycles"] for cause, lost in total["losses"].items()}
    return ", ".join(
        f"{cause} {numbers.percent(share)}" for cause, share in shares.items() if share >= 5e-5
    )
