"""Operators of transformers written out as primitives: what golden computes of the node, on random forms."""

import random

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from golden import operators
from golden.check import BadValue
from mapping.frontends import onnx_file
from mapping.layers import layers
from mapping.passes import simplify
from mapping.patterns.recognise import recognise
from mapping.run.floating import run_float

CASES = 60
ROUNDING = 3e-6  # of float32, in sums of some ten terms of size 1
HEADS, GROUPS, WIDTH, VALUE = 4, 2, 8, 6
OF_HEADS = {"q_num_heads": HEADS, "kv_num_heads": GROUPS}


def real(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def network_of(operator, operands, attributes, *, constant=(), outputs=1, opset=25):
    """The network of one node; operands by name, None: left out; those named in `constant` are constants."""
    given = {name: x for name, x in operands.items() if x is not None}
    names = ["" if x is None else name for name, x in operands.items()]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(operator, names, results, "it", **attributes)
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in given.items() if name not in constant
    ]  # fmt: skip
    stored = [numpy_helper.from_array(x, name) for name, x in given.items() if name in constant]
    known = {key: value for key, value in attributes.items() if key != "softmax_precision"}
    shapes = [y.shape for y in operators.evaluate(operator, list(operands.values()), known)]
    ends = [
        helper.make_tensor_value_info(y, onnx.TensorProto.FLOAT, shape)
        for y, shape in zip(results, shapes, strict=False)
    ]
    graph = helper.make_graph([node], "g", infos, ends, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    found = onnx_file.from_model(model, "m.onnx", "m")
    return found, {name: x for name, x in given.items() if name not in constant}


def compare(network, given):
    """The outputs before and behind the passes."""
    written = simplify(network)
    wanted, found = run_float(network, given), run_float(written, given, all_tensors=True)
    for name, value in found.items():
        assert (value.shape, value.dtype) == (written.shapes[name], written.type_of(name)), name
    for name, value in wanted.items():
        finite = np.isfinite(value)
        assert np.array_equal(found[name][~finite], value[~finite])
        np.testing.assert_allclose(found[name][finite], value[finite], rtol=ROUNDING, atol=ROUNDING)
    return written


def mask_of(draw, rng, rows, keys):
    """No mask, booleans or reals, of any rank, with rows that nothing may be seen from, or too short."""
    shape = draw.choice([(keys,), (rows, keys), (1, keys), (HEADS, rows, keys), (2, 1, rows, keys)])
    shape = (*shape[:-1], max(keys - draw.choice([0, 0, 1]), 1))
    kind = draw.choice(["none", "booleans", "reals", "infinite"])
    if kind == "none":
        return None
    booleans = rng.integers(0, 3, shape) > 0
    booleans[(0,) * (booleans.ndim - 1)] &= draw.random() < 0.5
    hidden = np.float32(-np.inf if kind == "infinite" else 0.5)
    return booleans if kind == "booleans" else np.where(booleans, real(rng, *shape), hidden)


def attention(number):
    """(operands, attributes, constants, outputs) of a random Attention."""
    draw, rng = random.Random(number), np.random.default_rng(number)
    rows, keys = draw.choice([1, 3, 5]), draw.choice([1, 4, 5])
    packed, past = draw.random() < 0.5, draw.choice([0, 0, 2])
    lengths = None if past or draw.random() < 0.6 else rng.integers(0, keys + 1, 2)
    shapes = [(2, HEADS, rows, WIDTH), (2, GROUPS, keys, WIDTH), (2, GROUPS, keys, VALUE)]
    if packed:
        shapes = [(n, s, h * w) for n, h, s, w in shapes]
    operands = dict(zip("qkv", (real(rng, *shape) for shape in shapes), strict=True))
    operands["mask"] = mask_of(draw, rng, rows, keys + past)
    operands["past_key"] = real(rng, 2, GROUPS, past, WIDTH) if past else None
    operands["past_value"] = real(rng, 2, GROUPS, past, VALUE) if past else None
    operands["lengths"] = lengths
    attributes = {
        "is_causal": draw.choice([0, 1]), "left_window_size": draw.choice([-1, 0, 1, 3]),
        "right_window_size": draw.choice([-1, 0, 2]), "softcap": draw.choice([0.0, 1.5]),
        "qk_matmul_output_mode": draw.randrange(4), **(OF_HEADS if packed else {}),
    }  # fmt: skip
    constant = [name for name in ("mask", "lengths") if draw.random() < 0.5]
    return operands, attributes, constant, 1 if lengths is not None else draw.choice([1, 3, 4])


@pytest.mark.parametrize("number", range(CASES))
def test_an_attention_written_out_is_the_attention(number):
    operands, attributes, constant, outputs = attention(number)
    written = compare(*network_of("Attention", operands, attributes, constant=constant, outputs=outputs))
    assert not [node for node in written.nodes if node.operator == "Attention"]


def test_keys_are_not_copied_for_the_queries_of_their_group():
    operands, attributes, *_ = attention(0)
    written = compare(*network_of("Attention", operands, attributes))
    rows = HEADS // GROUPS * operands["q"].shape[-2]
    assert [(x.gemm.batch, x.gemm.m) for x in layers(written)] == [(2 * GROUPS, rows), (2 * GROUPS, rows)]


def test_heads_side_by_side_are_what_the_accelerator_codes_as_one():
    """With a known mask of keys; where a head is no whole vector, it is not."""
    rng = np.random.default_rng(1)
    operands = {"q": real(rng, 1, 5, 32), "k": real(rng, 1, 7, 32), "v": real(rng, 1, 7, 32)}
    attributes = {"q_num_heads": 2, "kv_num_heads": 2}
    operands["mask"] = real(rng, 1, 1, 1, 7)
    network, _ = network_of("Attention", operands, attributes, constant=["mask"])
    written = simplify(network)
    found = {lanes: [n.operator for n in recognise(written, lanes).nodes] for lanes in (16, 32)}
    assert "Attend" in found[16] and "Attend" not in found[32]


@pytest.mark.parametrize("constant", [(), ("cos", "sin", "places")], ids=["computed", "constant"])
@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("packed", [False, True])
def test_a_rotation_written_out_is_the_rotation(constant, interleaved, size, packed):
    rng = np.random.default_rng(2)
    angles = rng.uniform(-3, 3, (9, (size or WIDTH) // 2))
    operands = {
        "x": real(rng, 2, 3, HEADS * WIDTH) if packed else real(rng, 2, HEADS, 3, WIDTH),
        "cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32),
        "places": rng.integers(0, 9, (2, 3)),
    }  # fmt: skip
    attributes = {"interleaved": interleaved, "rotary_embedding_dim": size}
    attributes |= {"num_heads": HEADS} if packed else {}
    written = compare(*network_of("RotaryEmbedding", operands, attributes, constant=constant))
    assert len(written.nodes) <= (6 if constant else 16)


@pytest.mark.parametrize("axis", [-1, 1])
def test_a_root_mean_square_written_out_is_the_node(axis):
    rng = np.random.default_rng(3)
    operands = {"x": real(rng, 2, 3, 4), "scale": real(rng, 4)}
    compare(*network_of("RMSNormalization", operands, {"axis": axis, "epsilon": 0.1}))


@pytest.mark.parametrize(
    ("starts", "mode", "left"),
    [(None, "linear", 0), ([2, 2], "linear", 0), ([4, 4], "circular", 0), ([2, 1], "linear", 1)],
)
def test_a_cache_is_written_at_rows_that_are_known_and_one(starts, mode, left):
    """Rows of both are chosen; where samples have rows of their own, the node is left to the host."""
    rng = np.random.default_rng(4)
    operands = {"cache": real(rng, 2, 5, 3), "update": real(rng, 2, 2, 3)}
    operands |= {"starts": None if starts is None else np.array(starts)}
    written = compare(*network_of("TensorScatter", operands, {"mode": mode}, constant=["starts"]))
    assert [n.operator for n in written.nodes].count("TensorScatter") == left


def test_what_cannot_be_written_out_names_the_node():
    rng = np.random.default_rng(5)
    shape = (1, 2, 3, 4)
    operands = {name: real(rng, *shape) for name in "qkv"}
    network, _ = network_of("Attention", operands, {"softmax_precision": 16})
    with pytest.raises(BadValue, match=r"node it \(Attention\): Attention.softmax_precision is 16; allowed"):
        simplify(network)
