"""Parameters that attention engines share: what they refuse, and widths that hold the extremes."""

import pytest

from golden.attention.params import AttentionParams
from golden.check import BadValue
from golden.formats import FP16, FP32, Int


@pytest.mark.parametrize(
    "given, allowed",
    [
        ({"head_dim": 0}, "head_dim is 0; allowed: 1 to 256"),
        ({"qk": FP32}, "qk is fp32; allowed: int2 to int16, fp16"),
        ({"v": Int(8, signed=False)}, "v is uint8"),
        ({"v": FP16}, "out is int8; allowed: fp16 where v is"),
        ({"score_fraction": 13}, "score_fraction is 13; allowed: 1 to 12"),
        ({"weight_bits": 25}, "weight_bits is 25"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(given, allowed):
    with pytest.raises(BadValue, match=allowed):
        AttentionParams(**given)


@pytest.mark.parametrize("width", [2, 4, 8, 16])
@pytest.mark.parametrize("head_dim", [1, 3, 64])
def test_a_dot_product_of_the_extremes_fits_and_one_bit_less_does_not_hold_it(width, head_dim):
    p = AttentionParams(head_dim=head_dim, qk=Int(width))
    largest = head_dim * p.qk.min**2
    assert p.dot.max >= largest and Int(p.dot.width - 1).max < largest


def test_fp16_products_and_values_fit():
    p = AttentionParams(qk=FP16, v=FP16, out=FP16)
    largest = FP16.max**2 * 2**p.dot_fraction
    assert p.product.max >= largest and p.dot.max >= p.head_dim * largest
    assert p.value.max >= FP16.max * 2**24
