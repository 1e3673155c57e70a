"""A mutation campaign over all blocks: `make mutate`, or `python -m sim.campaign BLOCK... --count 12`.

Of each block one small case, `count` faults by seed, on Icarus, in the modules that no other bench is for:
what the accelerator places of blocks with benches of their own is judged there. What a bench passes is
proven to be none where Yosys can (sim.equivalence), else looked up in sim.equivalents, where each has its
reason; the rest are open. Blocks that are named join the rows of campaigns before. The report gives score =
killed / (all - equivalent) a block, and each survivor by name.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from golden import check
from sim.equivalence import proven_equal
from sim.equivalents import reason
from sim.mutate import Mutant, mutation_score
from sim.runner import blocks

# the case that is small and runs long enough to meet what there is; else a block's first
CASES = {
    "accelerator/accelerator": "4x4-w4", "accelerator/control": "l4-q3", "accelerator/map_lanes": "x4",
    "accelerator/units/matrix": "4-int4-int8-r1", "accelerator/registers": "l4", "accelerator/walk": "3x32",
    "attention/products": "dot-fp16-small", "attention/quotients": "fp16-small",
    "attention/scores": "int8-softcap", "attention/weights": "tiny",
    "axi/read": "d32-b4", "axi/write": "d32-b4", "pe/bitmod_column": "bitmod_fp4",
    "pe/float_multiply_add": "fp16-fp32-lean-r0", "pe/lut": "uint2-int8",
    "pe/mixpe_float": "int4-fp16-lean-r0", "pe/multiplier": "int4-int8-r3", "stages": "x2",
    "systolic/matrix_unit": "weight-4x3-scarce",
    "tile/tile": "lut1-int8-short", "vector/requantise": "int20-int4-half_even", "vector/softmax": "small-x1",
}  # fmt: skip
# benches that are another's with other checks, or look at more than a simulator of mutants can
LEFT_OUT = ("systolic/wavefront", "accelerator/move_timing")

# how a block's modules are named, where that is not by the block's own name
NAMES = {
    "accelerator/map_lanes": "map_lane", "accelerator/units/matrix": "multiply_matrix_(unit|sums)",
    "attention/products": "attention_(dot|value)", "attention/quotients": "attention_quotient",
    "attention/scores": "attention_score", "attention/weights": "attention_weight",
    "axi/read": "axi_read", "axi/write": "axi_write", "pe/bitmod": "pe_bitmod",
    "pe/bitmod_column": "column_bitmod", "pe/bitmod_finish": "finish_bitmod",
    "pe/lut": "(whole|row|cell)_lut", "systolic/matrix_unit": "matrix_(unit|sums)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """A survivor as it reads; why it is no fault, or "": open."""

    fault: str
    module: str
    why: str


@dataclass(frozen=True, slots=True)
class BlockScore:
    """A block's score."""

    block: str
    case: str
    killed: int
    survivors: tuple[Judged, ...]

    @property
    def open(self) -> int:
        return sum(not each.why for each in self.survivors)

    @property
    def score(self) -> float:
        """Of the faults that are some."""
        real = self.killed + self.open
        return self.killed / real if real else 1.0


def named(block: str) -> str:
    """A pattern of the names of a block's modules."""
    room, _, name = block.rpartition("/")
    return NAMES.get(block, f"pe_{name}" if room == "pe" else name) + "(_|$)"


def places(verilog: str) -> dict[str, set[str]]:
    """For each module, the modules that it places."""
    bodies = re.findall(r"^module \\?([^\s(]+)(.*?)^endmodule", verilog, re.MULTILINE | re.DOTALL)
    known = {name for name, _ in bodies}
    placed = re.compile(r"^  \\?(\S+) +\S+ +\($", re.MULTILINE)
    return {name: known.intersection(placed.findall(body)) for name, body in bodies}


def own_modules(block: str, verilog: str, top: str) -> set[str]:
    """Modules from `top` down, but not those of blocks with benches of their own, nor what these place."""
    others = [named(each) for each in blocks() if each not in (block, *LEFT_OUT) and each != "stages"]
    others = [pattern for pattern in others if not re.match(pattern, top)]
    below, own, open_ = places(verilog), {top}, [top]
    while open_:
        for module in below[open_.pop()] - own:
            if not any(re.match(pattern, module) for pattern in others):
                own.add(module)
                open_.append(module)
    return own


def module_at(verilog: str, line: int) -> str:
    """Name of the module that a line, from 1, stands in."""
    begun = re.findall(r"^module (\\\S+|\w+)", "\n".join(verilog.splitlines()[:line]), re.MULTILINE)
    return str(begun[-1])


def judged(block: str, sound: str, mutant: Mutant) -> Judged:
    """Proven equal, known to be equivalent, or open."""
    module = module_at(mutant.verilog, mutant.line)
    why = reason(block, module, mutant)
    if not why and proven_equal(sound, mutant.verilog, module):
        why = "proven: the module does the same in every state (Yosys)"
    return Judged(str(mutant), module, why)


def campaign(block: str, count: int, seed: int = 1, *, timeout: float = 120) -> BlockScore:
    """The score of one block; BadValue if there is none of that name."""
    known = blocks()
    check.one_of("block", block, known)
    case = CASES.get(block, known[block].CASES[0].name)
    (built,) = (each for each in known[block].CASES if each.name == case)
    sound, top = built.build()
    own = own_modules(block, sound, top)
    killed, survivors = mutation_score(block, case, count, seed=seed, timeout=timeout, modules=own)
    return BlockScore(block, case, killed, tuple(judged(block, sound, mutant) for mutant in survivors))


def report(rows: Sequence[BlockScore], count: int, seed: int) -> str:
    """The rows as a page of markdown."""
    lines = [
        "# Mutation campaign",
        "",
        f"Written by `make mutate` (`python -m sim.campaign --count {count} --seed {seed}`): {count} faults",
        "a block by seed, on Icarus. Score: killed of those that are faults.",
        "",
        "| block | case | killed | equivalent | open | score |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        equivalent = len(row.survivors) - row.open
        lines.append(
            f"| {row.block} | {row.case} | {row.killed} | {equivalent} | {row.open} | {row.score:.0%} |"
        )
    killed, left = sum(row.killed for row in rows), sum(row.open for row in rows)
    equivalent = sum(len(row.survivors) for row in rows) - left
    score = killed / (killed + left) if killed + left else 1.0
    lines += [f"| all | | {killed} | {equivalent} | {left} | {score:.0%} |", ""]
    for title, wanted in (("Equivalent, with the reason", True), ("Open", False)):
        found = [(row, each) for row in rows for each in row.survivors if bool(each.why) == wanted]
        lines += [f"## {title}", ""]
        for row, each in found:
            why = f": {each.why}" if wanted else ""
            lines.append(f"- {row.block}, {each.module}: `{each.fault}`{why}")
        lines += [*([] if found else ["None."]), ""]
    return "\n".join(lines).rstrip() + "\n"


def remembered(path: Path) -> dict[str, BlockScore]:
    """Rows of the blocks that campaigns of some blocks each left; none if there is no file."""
    if not path.is_file():
        return {}
    return {
        name: BlockScore(**row | {"survivors": tuple(Judged(**each) for each in row["survivors"])})
        for name, row in json.loads(path.read_text()).items()
    }


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.campaign", description=__doc__)
    parser.add_argument("blocks", nargs="*", help="all, if none are named")
    parser.add_argument("--count", type=int, default=12, help="faults a block")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("docs/mutation.md"))
    parser.add_argument("--kept", type=Path, default=Path("build"), help="folder of the rows so far")
    given = parser.parse_args(words)
    wanted = [name for name in blocks() if name not in LEFT_OUT]
    kept = given.kept / f"mutation-{given.count}-{given.seed}.json"
    found = remembered(kept) if given.blocks else {}
    for block in given.blocks or wanted:
        row = found[block] = campaign(block, given.count, given.seed)
        print(f"{block}: {row.killed} killed, {row.open} open, {row.score:.0%}", flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({name: asdict(each) for name, each in found.items()}, indent=1))
        rows = [found[name] for name in wanted if name in found]
        given.report.write_text(report(rows, given.count, given.seed))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except check.BadValue as bad:
        sys.exit(f"systola: {bad}")
