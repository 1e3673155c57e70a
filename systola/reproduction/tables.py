"""Results of `reproduce` as text: the claims, the blocks, where the figures came from."""

from collections.abc import Mapping
from typing import Any

from systola.output import table


def whole(result: Mapping[str, Any]) -> str:
    """Of `reproduce --json`."""
    if "blocks" not in result:
        counted = [head(result), claims(result, "figure"), *map(own, result["tables"]), sources(result)]
        return "\n\n".join(counted)
    sections = [
        head(result),
        claims(result),
        blocks(result),
        baselines(result),
        *map(own, result["tables"]),
        ways(result),
        sources(result),
    ]
    return "\n\n".join(sections)


def head(result: Mapping[str, Any]) -> str:
    words = f"{result['title']} ({result['paper']})\nthe paper claims: {result['paper_claims']}"
    if "library" not in result:
        return words
    return f"{words}\nhere: {result['library']}, {result['clock_mhz']:g} MHz"


def claims(result: Mapping[str, Any], what: str = "ratio") -> str:
    """A row a claim, and below them why one is not met or is beaten."""
    rows = [
        [each["what"], plain(each["published"]), bars(each["band"]), plain(each["value"]), each["verdict"]]
        for each in result["claims"]
    ]
    reasons: dict[str, list[str]] = {}  # a reason once, with all that it is of
    for each in result["claims"]:
        if each["verdict"] in ("beaten", "not met") and each["why"]:
            reasons.setdefault(f"{each['verdict']}, since {each['why']}", []).append(each["what"])
    said = [f"{'; '.join(names)}: {reason}" for reason, names in reasons.items()]
    return "\n".join([table([what, "published", "wanted", "here", ""], rows), *said])


def bars(band: Any) -> str:
    return f"{band[0]:g} to {band[1]:g}" if band else "-"


def plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def blocks(result: Mapping[str, Any]) -> str:
    """A row a block, and what is in it."""
    rows = [
        [
            each["name"], f"{each['area_um2']:,.0f}", f"{each['macs']:.4g}",
            f"{each['area_per_mac_um2']:,.0f}",
            f"{each['power_mw']:,.3f}", f"{each['energy_pj']:.2f}", delay(each),
            f"{each['gmac_s_mm2']:.2f}", f"{each['gmac_s_w']:.1f}",
        ]
        for each in result["blocks"]
    ]  # fmt: skip
    columns = ["block", "um2", "MAC/cycle", "um2/MAC", "mW", "pJ/MAC", "ns", "GMAC/s/mm2", "GMAC/s/W"]
    inside = [f"{each['name']}: {each['inside']}" for each in result["blocks"]]
    return "\n".join([table(columns, rows), "", *inside])


def delay(block: Mapping[str, Any]) -> str:
    """Of the slowest path."""
    return f"{block['delay_ns']:.2f}" + ("" if block["met"] else " late")


def baselines(result: Mapping[str, Any]) -> str:
    """How many times as large and as thirsty, for a product, the baselines are."""
    rows = []
    for each in result["blocks"]:
        row = [each["name"]]
        for kind in ("paper", "strongest"):
            over = each["over"][kind]
            row += [over["block"], f"{over['area']:.2f}", f"{over['energy']:.2f}"]
        rows.append(row)
    columns = ["block", "the paper's baseline", "area", "energy", "the strongest", "area", "energy"]
    return f"baselines over blocks, for a product\n{table(columns, rows)}"


def own(given: Mapping[str, Any]) -> str:
    """A table of the system's own."""
    return f"{given['title']}\n{table(given['columns'], given['rows'])}\n{given['source']}"


def ways(result: Mapping[str, Any]) -> str:
    """Every way that was tried, part by part: the smallest that meets the clock is used."""
    parts = {part["part"]: part for each in result["blocks"] for part in each["parts"]}
    rows = [
        [name, way["form"], way["way"], f"{way['area_um2']:,.0f}", f"{way['delay_ns']:.2f}",
         "used" if part["used"] == f"{way['form']}, {way['way']}" else "" if way["met"] else "late"]
        for name, part in parts.items() for way in part["ways"]
    ]  # fmt: skip
    return table(["part", "form", "by", "um2", "ns", ""], rows)


def sources(result: Mapping[str, Any]) -> str:
    """Where the figures came from."""
    lines = [f"{name}: {source}" for name, source in result["sources"].items()]
    return "\n".join([*lines, *result["notes"]])
