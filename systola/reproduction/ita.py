"""ITA (arXiv 2307.03493): its integer attention to the bit, and what its rows of equal scores come to."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from golden.attention import ita
from golden.attention.arithmetic import Arithmetic
from golden.attention.ita import ItaFactor, ItaWeights
from golden.attention.row import weigh
from systola.reproduction.claims import Claim
from systola.reproduction.counted import CountedSystem, exactly

LENGTHS = tuple(1 << bits for bits in range(4, 12))  # 16 to 2048
KINDS = ("flat", "ramp", "gauss", "cauchy", "onehot")
PUBLISHED_LENGTHS = (64, 128, 256, 512)
THEIRS = {  # golden's names of intermediates: those of the published simulation
    "q": "Qp_requant", "k": "Kp_requant", "v": "Vp_requant", "scores": "A_requant",
    "probabilities": "A_partial_softmax", "o": "O_soft_requant", "out": "Out_soft_requant",
    "sum": "Out_soft_sum_requant",
}  # fmt: skip
GELU = {"q1": -7091, "b": -80, "c": -7091}
GELU_FACTOR = ItaFactor(multiplier=74, shift=20)
COLUMNS = 16  # of random values, whose means a row takes
SIMULATION = "the published simulation at ba96519"


@cache
def vectors() -> dict[str, np.ndarray]:
    """The simulation's values, by name."""
    with np.load(Path(__file__).with_suffix(".npz")) as found:
        return dict(found)


def layer() -> tuple[ItaWeights, np.ndarray, np.ndarray, np.ndarray]:
    """(weights, query, key, value) of the published layer: 64 tokens of 64, one head of 64."""
    given = {name.removeprefix("mha_"): each for name, each in vectors().items() if name.startswith("mha_")}
    fields = (given[f"requant_{name}"][:, 0].tolist() for name in ("eps_mult", "right_shift", "add"))
    factors = tuple(ItaFactor(multiplier=m, shift=s, add=a) for m, s, a in zip(*fields, strict=True))
    named = {f"{kind}{name}": given[f"{kind.upper()}{name}"][0] for kind in "wb" for name in "qkvo"}
    return ItaWeights(**named, factors=factors), given["Q"], given["K"], given["V"]


def equal_rows() -> int:
    """Rows of softmax that come out as published, of 4 of each kind and length."""
    names = [f"softmax_{kind}_{length}" for kind in KINDS for length in PUBLISHED_LENGTHS]
    pairs = [(ita.softmax(vectors()[f"{name}__x"]), vectors()[f"{name}__p"]) for name in names]
    return sum(int((found == published).all(-1).sum()) for found, published in pairs)


def equal_values() -> int:
    """Intermediate values of the layer that come out as published, of 8 times 64 x 64."""
    found = ita.attention(*layer())
    return sum(int((found[name] == vectors()[f"mha_{theirs}"][0]).sum()) for name, theirs in THEIRS.items())


def equal_codes() -> int:
    """Codes of the GELU that come out as published, before and after requantisation, of 256."""
    raw = ita.gelu(vectors()["gelu_x"], **GELU)
    same = (raw == vectors()["gelu_raw"]) & (ita.requantised(raw, GELU_FACTOR) == vectors()["gelu_code"])
    return int(same.sum())


def here(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows of the exact numerics on the same scores, in octaves, in units of a value's last bit."""
    p = Arithmetic(keys=LENGTHS[-1])
    octaves = scores << p.fraction
    valid = np.ones(octaves.shape, bool)
    return np.asarray(weigh(p, octaves, ~valid, values, valid).out / 2.0**p.out_fraction)


def flat(length: int) -> tuple[int, float]:
    """What the probabilities of a row of equal scores sum to: theirs, of 255, and ours, of 1."""
    scores = np.zeros((1, length), np.int64)
    return int(ita.softmax(scores).sum()), float(here(scores, np.ones((length, 1), np.int64))[0, 0])


def errors(name: str) -> tuple[float, float]:
    """Largest errors of weighted means of random codes, in codes, against float64: theirs, ours."""
    scores = vectors()[f"softmax_{name}__x"].astype(np.int64)
    values = np.random.default_rng(1).integers(-128, 128, (scores.shape[1], COLUMNS))
    powers = np.exp2(scores - scores.max(-1, keepdims=True, initial=-128).astype(float))
    real = powers @ values / powers.sum(-1, keepdims=True)
    theirs = ita.softmax(scores) @ values / 255
    return float(np.abs(theirs - real).max()), float(np.abs(here(scores, values) - real).max())


def claims() -> list[tuple[Claim, float]]:
    """Each with what comes out here."""
    rows = len(KINDS) * len(PUBLISHED_LENGTHS) * 4
    found: list[tuple[Claim, float]] = [
        (exactly("rows of softmax equal to theirs", SIMULATION, rows), equal_rows()),
        (exactly("values of a layer, every intermediate, equal to theirs", SIMULATION, 8 * 64 * 64),
         equal_values()),
        (exactly("codes of the GELU equal to theirs", SIMULATION, 256), equal_codes()),
    ]  # fmt: skip
    for length in PUBLISHED_LENGTHS:
        published = int(vectors()[f"softmax_flat_{length}__p"][0].sum())
        what = f"sum of {length} equal scores, of 255, their way"
        found.append((exactly(what, SIMULATION, published), flat(length)[0]))
    found += [
        (exactly(f"sum of {length} equal scores, of 1, our way", "the definition of a softmax", 1.0),
         flat(length)[1])
        for length in (LENGTHS[0], LENGTHS[-1])
    ]  # fmt: skip
    return found


def found() -> dict[str, Any]:
    """Claims, tables and the curve."""
    sums = {length: flat(length) for length in LENGTHS}
    names = [f"{kind}_{length}" for length in PUBLISHED_LENGTHS for kind in KINDS]
    return {
        "claims": claims(),
        "tables": [
            {
                "title": "rows of equal scores: what the probabilities sum to",
                "columns": ["keys", "theirs, of 255", "theirs, of 1", "here, of 1"],
                "rows": [[str(length), str(theirs), f"{theirs / 255:.3f}", f"{ours:.6f}"]
                         for length, (theirs, ours) in sums.items()],
                "source": "golden.attention.ita; golden.attention.row, whose V = 1 gives the sum",
            },
            {
                "title": "largest error of weighted means of random INT8 codes, in codes",
                "columns": ["scores", "theirs", "here"],
                "rows": [[name, f"{theirs:.3f}", f"{ours:.3f}"]
                         for name, (theirs, ours) in zip(names, map(errors, names), strict=True)],
                "source": "both against float64, on the same scores; here with 16 bits of weight",
            },
        ],
        "curves": [
            {
                "title": "what the probabilities of equal scores sum to",
                "x": "keys", "y": "sum",
                "lines": [
                    {"name": "ITA", "points": [[n, theirs / 255] for n, (theirs, _) in sums.items()]},
                    {"name": "here", "points": [[n, ours] for n, (_, ours) in sums.items()]},
                ],
            }
        ],
    }  # fmt: skip


SYSTEM = CountedSystem(
    name="ita",
    title="ITA, integer softmax and attention",
    paper="Islamoglu et al., ISLPED 2023, arXiv 2307.03493",
    claim="softmax on quantised integers, while the scores stream by (abstract)",
    notes=(
        "their mode is for comparison: no engine here uses it. A score's last bit is an octave there",
        "the inverse of a row's sum has eight bits at most and is applied before P V: long flat rows lose "
        "their mass, from 256 equal scores on all of it. Here the division stands behind P V, by a mantissa "
        "and a power of two",
    ),
    source={"values": f"{SIMULATION} (pulp-platform/ITA, Apache-2.0): values only, in ita.npz"},
    found=found,
)
