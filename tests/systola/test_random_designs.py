"""Accelerators of random parameters: what is mapped runs, in golden as in the model; the rest is refused."""

from random import Random

import numpy as np
import pytest

import systola
from golden.check import BadValue
from systola import design_file
from tests.frozen import networks

NETWORKS = ("dense", "convolutions", "batch", "attention", "elementwise", "quantised")
EACH = 3  # networks of a design
DESIGNS, ALL = 8, 150


def pe(random: Random, lanes: int) -> dict:
    """A PE that stands in an accelerator; groups from the least that there is."""
    group = random.choice((lanes, 256, 32768))
    return random.choice((
        {"kind": "multiplier", "weight": f"int{random.choice((1, 2, 3, 4, 7, 8))}", "group": group},
        {"kind": "multiplier", "activation": random.choice(("int5", "uint8")), "group": group},
        {"kind": "mixpe", "group": random.choice((128, 1024))},
        {"kind": "dequantise", "code": f"uint{random.choice((2, 3, 4))}", "group": group, "shift": 0,
         "activation": "int8", "scale_bits": random.choice((1, 2)), "scale_group": random.choice((64, 128))},
    ))  # fmt: skip


def design(random: Random) -> dict:
    """The tables of a design file; not all can be together."""
    lanes = random.choice((4, 8, 16, 32, 64))
    functions = random.choice(([], ["gelu"], ["relu", "tanh"], ["gelu", "silu", "sigmoid", "tanh"]))
    return {
        "name": "random", "family": "accelerator",
        "array": {"rows": lanes, "cols": lanes, "dataflow": "weight"}, "pe": pe(random, lanes),
        "accumulators": {"rows": random.choice((64, 128, 1024)), "registers": random.choice((0, 1))},
        "scratchpad": {"banks": random.choice((2, 4, 8, 16)), "bank_words": random.choice((128, 512, 2048))},
        "units": {"queue": random.choice((2, 8, 64)), "functions": functions},
        "bus": {"outstanding": random.choice((2, 64)), "read_buffer": random.choice((16, 256))},
        "memory": {"bytes_per_cycle": lanes, "latency": random.choice((1, 50, 4096))},
        "control": {"host": random.choice((True, False))},
    }  # fmt: skip


def valid(random: Random) -> str:
    """The text of a design file that can be."""
    while True:
        try:
            return design_file.dump(design_file.parse(design(random), where="random.toml"))
        except BadValue:
            continue


def refusal(work, *given, **more) -> str:
    """Why there is no result; "" if there is one. What is no refusal is raised."""
    try:
        work(*given, **more)
    except BadValue as why:
        return str(why)
    return ""


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[pytest.mark.slow] if n >= DESIGNS else []) for n in range(ALL)]
)
def test_what_is_mapped_runs_and_golden_gives_what_the_model_gives(seed, tmp_path):
    random = Random(seed)
    on = tmp_path / "random.toml"
    on.write_text(valid(random))
    for name in random.sample(NETWORKS, EACH):
        job = networks.NETWORKS[name].make(tmp_path)
        np.save(tmp_path / "x.npy", job.inputs["x"])
        refusal(systola.map, job.path, on=on, exact=False)  # no trace; what values decide it does not see
        refused = {"map": refusal(systola.map, job.path, on=on)}
        for engine in ("golden", "model"):
            refused[engine] = refusal(
                systola.run, job.path, on=on, engine=engine, inputs={"": tmp_path / "x.npy"},
                write_to=tmp_path / f"{engine}.npy", force=True,
            )  # fmt: skip
        # not by the words, in which numbers of the inputs may stand
        assert len(set(map(bool, refused.values()))) == 1, f"seed {seed}, {name}: {refused}"
        if not refused["map"]:
            golden, model = (np.load(tmp_path / f"{engine}.npy") for engine in ("golden", "model"))
            assert np.array_equal(golden, model), f"seed {seed}, {name}"
