"""Each host operator against onnxruntime, on random inputs."""

import numpy as np
import pytest

from golden import operators
from golden.check import BadValue
from tests.operators.attention_cases import SEQUENCE_CASES
from tests.operators.cases import CASES, IMAGE, X, by_onnxruntime, ints, real
from tests.operators.more_cases import MORE

# a few roundings of float32 (2^-24 each), of values near 1, in sums of at most 100 terms
RELATIVE, ABSOLUTE = 2e-6, 2e-6


ALL = [*CASES, *MORE, *SEQUENCE_CASES]


@pytest.mark.parametrize("case", ALL, ids=str)
def test_operator_equals_onnxruntime(case):
    given = [None if x is None else np.asarray(x) for x in case.inputs]
    ours = operators.evaluate(case.operator, given, case.attributes)
    for got, wanted in zip(ours[: case.outputs], by_onnxruntime(case), strict=True):
        assert got.dtype == wanted.dtype
        assert got.shape == wanted.shape
        np.testing.assert_allclose(
            got, wanted, rtol=RELATIVE * case.loose,
            atol=ABSOLUTE * case.loose * max(1, np.abs(wanted[np.isfinite(wanted)]).max(initial=0)),
        )


def test_every_operator_has_a_case():
    known = {case.operator for case in ALL}
    assert set(operators.OPERATORS) - known == {"CumProd"}  # onnxruntime has none


def test_unknown_operator_is_refused():
    with pytest.raises(BadValue, match="operator is 'Foo'; allowed: Abs, Acos"):
        operators.evaluate("Foo", [], {})


def test_unknown_attribute_is_refused():
    with pytest.raises(BadValue, match="attribute of Softmax is 'axes'; allowed: axis"):
        operators.evaluate("Softmax", [X], {"axes": 1})


@pytest.mark.parametrize("operator", ["Gather", "GatherElements"])
def test_index_outside_is_refused_by_name(operator):
    with pytest.raises(BadValue, match=rf"{operator}.indices\[1\] is 3; allowed: -3 to 2"):
        operators.evaluate(operator, [np.zeros(3), np.array([0, 3])], {})


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes", "message"),
    [
        ("LayerNormalization", [X, real(4)], {"stash_type": 11}, "stash_type is 11; allowed: 1"),
        ("Dropout", [X, np.float32(0.5), np.array(True)], {}, "training_mode is true"),
        ("Cast", [X], {"to": 16}, "Cast.to is 16; allowed: 1, 2,"),
        ("Pad", [X, ints(0, 0, 0, 0, 0, 0)], {"mode": "other"}, "Pad.mode is 'other'; allowed: constant"),
        ("Conv", [IMAGE, real(5, 4, 3, 3)], {"auto_pad": "SAME"}, "auto_pad is 'SAME'; allowed: NOTSET"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)  # fmt: skip
def test_what_is_not_computed_is_refused(operator, inputs, attributes, message):
    with pytest.raises(BadValue, match=message):
        operators.evaluate(operator, inputs, attributes)
