"""The engines' masks are those of ONNX's Attention: its reference implementation, which adds 0 or minus
infinity to scores of 0, against `golden.attention.masks`, and the operator of `golden.operators` with them.
"""

import random

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from golden.attention.masks import Mask, keys_of, matrix
from golden.operators.attention import allowed

CASES = 150


def reference(queries, keys, past, valid, attributes):
    """bool [queries, keys] by ONNX's reference; past: keys in a cache before the node's own; valid: keys of
    a cache that count, or None."""
    operands = {"q": (1, 1, queries, 1), "k": (1, 1, keys - past, 1), "v": (1, 1, keys - past, 1)}
    if past:
        operands |= {"past_key": (1, 1, past, 1), "past_value": (1, 1, past, 1)}
    given = {name: np.zeros(shape, np.float32) for name, shape in operands.items()}
    names = ["q", "k", "v", "", *(("past_key", "past_value") if past else ("", ""))]
    if valid is not None:
        given["valid"] = np.array([valid])
        names.append("valid")
    node = helper.make_node("Attention", names, ["", "", "", "scores"], qk_matmul_output_mode=2, **attributes)
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for n, x in given.items()
    ]
    end = helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, (1, 1, queries, keys))
    model = helper.make_model(
        helper.make_graph([node], "g", infos, [end]), opset_imports=[helper.make_opsetid("", 25)]
    )
    (scores,) = ReferenceEvaluator(model).run(None, given)
    return np.isfinite(scores[0, 0])


def drawn(number):
    """(queries, keys, past, valid, attributes) at random: a cache of its own or the caller's, or none."""
    draw = random.Random(number)
    queries, keys = draw.choice([1, 2, 5, 9]), draw.choice([1, 3, 8, 12])
    past = draw.randrange(keys) if draw.random() < 0.4 else 0
    valid = draw.randrange(keys + 1) if not past and draw.random() < 0.5 else None
    attributes = {
        "is_causal": draw.choice([0, 1]), "left_window_size": draw.choice([-1, 0, 1, 2, 3, 7, 20]),
        "right_window_size": draw.choice([-1, 0, 1, 2, 3, 7, 20]),
    }  # fmt: skip
    return queries, keys, past, valid, attributes


@pytest.mark.parametrize("number", range(CASES))
def test_a_window_is_the_standards(number):
    queries, keys, past, valid, attributes = drawn(number)
    causal, left, right = (attributes[k] for k in ("is_causal", "left_window_size", "right_window_size"))
    wanted = reference(queries, keys, past, valid, attributes)
    lengths = None if valid is None else np.array([valid])
    whole = allowed(queries, keys, past, lengths, causal=bool(causal), left=left, right=right)
    assert np.array_equal(whole.reshape(queries, keys), wanted)
    mask = Mask(
        queries=queries, keys=keys, position=past if valid is None else valid - queries, valid=valid,
        left=left, right=0 if causal else right,
    )  # fmt: skip
    assert np.array_equal(matrix(mask), wanted)
    for query, row in enumerate(wanted):
        assert keys_of(mask, query).tolist() == np.flatnonzero(row).tolist()
