"""A paper's claim as data, and what becomes of it: beaten, met, not met and why, or without a figure."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from systola.reproduction.blocks import Block, BlockTotal

VERDICTS = ("met", "beaten", "not met", "shape holds", "", "no figure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One ratio.

    what     in words: what is divided by what
    source   paper and table, or whose probe
    published  the source's figure; without a band the shape holds where ours is on the same side of 1
    band     (least, most) that counts as met
    higher   whether more is better
    figure   "area", "energy" of the ratio of two blocks, per product and cycle; or a figure of its own
    over, of names of blocks: over / of
    why      said where the band is not met: why; where it is beaten: what makes the difference
    """

    what: str
    source: str
    published: float | None = None
    band: Sequence[float] | None = None
    higher: bool = False
    figure: str = "area"
    over: str = ""
    of: str = ""
    why: str = ""


def ratio(claim: Claim, found: Mapping[str, BlockTotal]) -> float | None:
    """The ratio; None where one of the blocks does not reach the clock."""
    pair = found[claim.over], found[claim.of]
    if not all(each.met for each in pair):
        return None
    top, bottom = ((each.area_per_mac if claim.figure == "area" else each.energy_pj) for each in pair)
    return top / bottom


def judged(claim: Claim, value: float | None) -> dict[str, Any]:
    """The claim with its value and verdict."""
    return asdict(claim) | {"value": value, "verdict": verdict(claim, value)}


def verdict(claim: Claim, value: float | None) -> str:
    if value is None:
        return "no figure"
    if claim.band is None:
        if claim.published is None:
            return ""
        return "shape holds" if (value > 1) == (claim.published > 1) else "not met"
    least, most = claim.band
    if least <= value <= most:
        return "met"
    return "beaten" if (value > most) == claim.higher else "not met"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The members that `reproduce` needs of a paper.

    clock_mhz   at which all is compared unless another is asked for
    blocks      made only when they are measured; baselines: {block: (paper's, strongest)}, names of blocks
    more        measured -> {"figures": ratios of its own by name, "tables": tables of its own}
    """

    name: str
    title: str
    paper: str
    claim: str
    clock_mhz: float
    claims: Sequence[Claim]
    notes: Sequence[str]
    blocks: Any
    baselines: Mapping[str, tuple[str, str]]
    more: Any = None


def system(name: str, blocks: Any, more: Any = None, **words: object) -> System:
    """The paper that NAME.toml beside this module states.

    blocks, more  as in System        words  what its texts have in braces, beside its own table of them
    """
    found = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))
    words |= found.pop("words")

    def said(text: str) -> str:
        return text.format_map(words)

    pairs = {each: (row["paper"], row["strongest"]) for row in found.pop("baseline") for each in row["of"]}
    claims = [claim(**{key: said(value) if isinstance(value, str) else value for key, value in row.items()})
              for row in found.pop("claims")]  # fmt: skip
    notes = [said(note) for note in found.pop("notes")]
    return System(name=name, claims=claims, notes=notes, blocks=blocks, baselines=pairs, more=more, **found)


def claim(figure: str = "area", over: str = "", of: str = "", what: str = "", **given: Any) -> Claim:
    """One ratio, which says of what it is where nothing else does."""
    return Claim(what=what or f"{figure}, {over} / {of}", figure=figure, over=over, of=of, **given)


def block_of(
    measured: BlockTotal, found: Mapping[str, BlockTotal], baselines: tuple[str, str]
) -> dict[str, Any]:
    """A row of the result."""
    rates = {
        "area_per_mac_um2": measured.area_per_mac,
        "energy_pj": measured.energy_pj,
        "gmac_s_mm2": 1e6 / measured.period_ns / measured.area_per_mac,
        "gmac_s_w": 1e3 / measured.energy_pj,
    }
    over = {
        kind: {"block": name, "area": found[name].area_per_mac / measured.area_per_mac,
               "energy": found[name].energy_pj / measured.energy_pj}
        for kind, name in zip(("paper", "strongest"), baselines, strict=True)
    }  # fmt: skip
    plain = {name: value for name, value in asdict(measured).items() if name != "parts"}
    return plain | rates | {"over": over, "parts": measured.parts}


__all__ = ["VERDICTS", "Block", "Claim", "System", "block_of", "judged", "ratio", "system"]
