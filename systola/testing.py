"""`systola test`: the cocotb benches of some blocks, or of all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from golden import check
from golden.progress import Progress, untold
from systola import output
from systola.output import table

WAVES = Path("waves")


@dataclass(frozen=True, slots=True)
class Tested:
    """One case of a block. messages: one for each failure, with the line that repeats it."""

    block: str
    case: str
    tests: int
    failures: int
    seconds: float
    passed: bool
    messages: tuple[str, ...]
    waves: str | None


def test(
    blocks: Sequence[str] = (), *, waves: bool = False, simulator: str = "verilator", seed: int = 1,
    force: bool = False, progress: Progress = untold,
) -> list[Tested]:  # fmt: skip
    """Run the benches of `blocks`, of all if none is named; BadValue lists the blocks if one is unknown.

    waves   leave a folder waves/BLOCK-CASE of each in the current one; force: replace what was edited in it
    """
    from sim import runner

    known = runner.blocks()
    for block in blocks:
        check.one_of("block", block, known)
    wanted = list(dict.fromkeys(blocks)) or list(known)
    found = []
    for done, block in enumerate(wanted):
        progress(block, done, len(wanted))
        keep = partial(kept, force=force) if waves else None
        results = runner.run_block(block, simulator=simulator, seed=seed, keep=keep)
        found += [tested(block, result) for result in results]
    return found


@contextmanager
def kept(name: str, *, force: bool) -> Iterator[Path]:
    """The folder of a case's waves, as it is made."""
    WAVES.mkdir(exist_ok=True)
    with output.whole_folder(WAVES / name, by="test", force=force) as building:
        yield building


def tested(block: str, result: Any) -> Tested:
    """The runner's result, whose name is "BLOCK CASE"."""
    case = result.name.removeprefix(block).strip()
    return Tested(
        block=block,
        case=case,
        tests=result.tests,
        failures=result.failures,
        seconds=result.seconds,
        passed=result.passed,
        messages=result.messages,
        waves=str(WAVES / f"{block.replace('/', '-')}-{case}" / result.waves.name) if result.waves else None,
    )


def text(found: Sequence[Tested], simulator: str) -> str:
    """The table of blocks and cases, and where waveforms lie."""
    ran, seconds = sum(x.tests for x in found), sum(x.seconds for x in found)
    rows = [(x.block, x.case, x.tests, verdict(x), f"{x.seconds:.1f}") for x in found]
    total = ("total", "", ran, f"{sum(x.passed for x in found)} of {len(found)} passed", f"{seconds:.1f}")
    waves = [f"wrote {x.waves}" for x in found if x.waves]
    lines = [
        f"cocotb on {simulator}",
        "",
        table(("block", "case", "tests", "result", "s"), [*rows, total]),
        *waves,
    ]
    return "\n".join(lines)


def verdict(case: Tested) -> str:
    return "passed" if case.passed else f"{max(case.failures, 1)} failed"
