"""BitMoD's cycle model against the counts that its authors' artefact printed."""

import pytest

from systola.reproduction import bitmod_system
from systola.reproduction.bitmod_system import MACHINES, MODELS, PUBLISHED, LinearLayer, cycles


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("decode", [False, True], ids=["prefill", "decode"])
def test_the_published_counts_are_reproduced_to_the_cycle(machine, decode):
    assert [cycles(MACHINES[machine], model, decode) for model in MODELS] == PUBLISHED[machine][decode]


def test_there_are_sixty_counts():
    assert sum(len(counts) for phases in PUBLISHED.values() for counts in phases) == 60


@pytest.mark.parametrize("over,kind,prefill,with_decode", [
    ("FP16", "lossless", 1.99, 2.41), ("ANT", "lossy", 1.72, 1.66), ("OliVe", "lossy", 1.56, 1.39),
])  # fmt: skip
def test_the_papers_mean_speedups_follow(over, kind, prefill, with_decode):
    """Section V: 256 tokens read, and 20 more generated behind them; means over the six models."""
    ratios = {False: [], True: []}
    for model in MODELS:
        theirs, ours = [
            [cycles(MACHINES[each], model, decode) for decode in (False, True)]
            for each in (over, f"BitMoD {kind}")
        ]
        ratios[False].append(theirs[0] / ours[0])
        ratios[True].append((theirs[0] + 20 * theirs[1]) / (ours[0] + 20 * ours[1]))
    means = [sum(each) / len(each) for each in ratios.values()]
    assert means == pytest.approx([prefill, with_decode], abs=0.006)


def test_what_fits_nowhere_is_read_again_the_cheaper_way():
    big = LinearLayer(1, 1, 1, weight_bytes=3 << 20, token_bytes=1 << 20, output_bytes=0)
    assert bitmod_system.memory_cycles(big) == (2 * (3 << 20) + (1 << 20)) * 8 // 256  # the other way 9 MiB
