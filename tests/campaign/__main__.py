"""python -m tests.campaign --cases 20000 --workers 2: run, print what is wrong, write docs/operators.md."""

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tests.campaign.cases import KINDS, draw
from tests.campaign.judge import Outcome, judge
from tests.campaign.page import page

ROOT = Path(__file__).parents[2]
DESIGNS = {name: ROOT / "examples" / f"{name}.toml" for name in ("ws16_int8", "accelerator16_int8")}
TITLES = {"ws16_int8": "matrix unit", "accelerator16_int8": "accelerator"}
BAD = ("wrong", "crashed", "unnamed")


def one(task: tuple[str, int, str, str]) -> Outcome:
    kind, seed, design, engine = task
    with np.errstate(all="ignore"):
        return judge(draw(kind, seed), DESIGNS[design], engine)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="seeds, shared out over the kinds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", choices=KINDS, help="one kind alone")
    parser.add_argument("--on", choices=DESIGNS, help="one design alone")
    parser.add_argument("--engine", default="model")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keep every outcome in this file")
    parser.add_argument("--page", type=Path, help="write docs/operators.md")
    given = parser.parse_args()
    kinds = [given.kind] if given.kind else list(KINDS)
    designs = [given.on] if given.on else list(DESIGNS)
    tasks = [
        (kind, given.first + seed, design, given.engine)
        for seed in range(given.cases // len(kinds)) for kind in kinds for design in designs
    ]  # fmt: skip
    outcomes = []
    with ProcessPoolExecutor(given.workers) as pool:
        for found in pool.map(one, tasks, chunksize=8):
            outcomes.append(found)
            if found.outcome in BAD:
                print(f"{found.outcome} on {found.design}: {found.kind} {found.seed} "
                      f"({', '.join(found.operators)}): {found.text[:300]}", flush=True)  # fmt: skip
    for design in designs:
        print(design, dict(Counter(o.outcome for o in outcomes if o.design == design)))
    if given.page:
        given.page.write_text(page(outcomes, {d: TITLES[d] for d in designs}, given.cases))
    if given.json:
        given.json.write_text(json.dumps([asdict(o) for o in outcomes]))
    return 1 if any(o.outcome in BAD for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
