"""RTL of the array PEs, compiled: golden for every pair of operands, or for 2^20 random ones and all corners.

In make test 2^17 of them, in which every pair still is where there are so many.

Beside a bench, which runs some thousand: here each pair comes with many running sums. PEs that take several
operands or cycles for a word (bitmod, lut) are swept in files of their own.
"""

import pytest

from golden.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, Int
from golden.pe import aligned, dequantise, float_multiply_add, mixpe, mixpe_float, multiplier
from hw.emit import verilog
from hw.pe import definition

SAMPLE = 1 << 17
LEAN = {"rounding": "truncate", "subnormals": False}
IEEE = {"rounding": "nearest", "subnormals": True}
MIXED = [{"rounding": "nearest", "subnormals": False}, {"rounding": "truncate", "subnormals": True}]
FLOATS = [(FP16, FP16, FP32), (FP16, FP16, FP16), (BF16, BF16, FP32), (BF16, BF16, BF16)]
BOOTH = [
    (Int(2), Int(8)), (Int(4), Int(8)), (Int(8), Int(8)), (Int(8, False), Int(8)), (Int(3, False), Int(5)),
    (Int(1), Int(1, False)), (Int(16, False), Int(16)), (Int(11, False), Int(11, False)), (Int(32), Int(20)),
]  # fmt: skip
SWEPT = {
    "multiplier": [
        multiplier.Params(registers=3),
        *(multiplier.Params(weight=w, activation=a, multiplier="booth", group=128) for w, a in BOOTH),
        multiplier.Params(weight=Int(4), logic=True, registers=2),
    ],
    "mixpe": [
        *(mixpe.Params(registers=registers) for registers in range(3)),
        *(mixpe.Params(weight=Int(width, signed)) for width in (2, 3, 8) for signed in (True, False)),
        mixpe.Params(weight=Int(4, False), activation=Int(8, False)),
        mixpe.Params(weight=Int(8), activation=Int(16)),
    ],
    "aligned": [aligned.Params(), aligned.Params(activation=Int(16), registers=1)],
    "dequantise": [
        *(dequantise.Params(registers=registers) for registers in range(3)),
        dequantise.Params(code=Int(4), shift=0, activation=Int(16)),
        dequantise.Params(code=Int(8, False), scale_bits=16, shift=16),
        dequantise.Params(code=Int(3), scale_bits=6, shift=1),  # every word with every activation
    ],
    "float_multiply_add": [
        *(
            float_multiply_add.Params(
                weight=w, activation=a, accumulator=acc, structure=structure, registers=1, **mode
            )
            for w, a, acc in FLOATS
            for structure in ("fused", "separate")
            for mode in (LEAN, IEEE)
        ),
        *(float_multiply_add.Params(accumulator=acc, **mode) for acc in (FP16, FP32) for mode in MIXED),
        float_multiply_add.Params(weight=FP8_E4M3, activation=FP8_E5M2, accumulator=FP16),
        float_multiply_add.Params(weight=FP8_E4M3, activation=FP16, **LEAN),
    ],
    "mixpe_float": [
        *(mixpe_float.Params(weight=w, **mode) for w in (Int(4), Int(4, False)) for mode in (LEAN, IEEE)),
        *(mixpe_float.Params(weight=Int(4), accumulator=FP16, **mode) for mode in (LEAN, IEEE)),
        *(mixpe_float.Params(weight=Int(width), activation=BF16, **IEEE) for width in (2, 8)),
        *(mixpe_float.Params(weight=Int(width), registers=2, **LEAN) for width in (2, 8)),
        mixpe_float.Params(weight=Int(8, False), activation=BF16, accumulator=FP16, registers=3, **LEAN),
    ],
}  # fmt: skip


EVERY_SET = pytest.mark.parametrize(
    "p", [p for each in SWEPT.values() for p in each], ids=lambda p: definition(p).name
)


@EVERY_SET
def test_every_pair_or_a_sample(sweep, p):
    assert sweep(p, SAMPLE).every == (p.weight.width + p.activation.width <= 17)


@pytest.mark.slow
@EVERY_SET
def test_every_pair_or_a_million(sweep, p):
    assert sweep(p).every == (p.weight.width + p.activation.width <= 20)


@pytest.mark.parametrize("weight", [Int(8), Int(8, False)], ids=str)
def test_booths_rows_are_one_addition_beside_that_to_the_sum(weight):
    text = verilog(definition(multiplier.Params(weight=weight, multiplier="booth")))
    assert " * " not in text and text.count(" + ") == 2
