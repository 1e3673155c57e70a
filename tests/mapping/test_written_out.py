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


def network_of(operator, operands, attributes, *, constant=(), outputs=1, opset=25, shapes=None):
    """The network of one node; operands by name, None: left out; those named in `constant` are constants.
    shapes: of results; None: those that golden gives."""
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
    if shapes is None:
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


Q, K, V = (4, HEADS, 3, 8), (4, GROUPS, 5, 8), (4, GROUPS, 5, 6)
PACKED = {"q": (4, 3, 32), "k": (4, 5, 16), "v": (4, 5, 12)}
MISFITS = {
    "as many lengths as one": ({"lengths": (1,)}, {}, r"nonpad_kv_seqlen.shape is \[1\]; allowed: \[4\]"),
    "more lengths": ({"lengths": (5,)}, {}, r"nonpad_kv_seqlen.shape is \[5\]"),
    "a mask of no axis": ({"mask": ()}, {}, r"attn_mask.shape is \[\]; allowed: one that fits \[4, 4"),
    "a mask of other rows": ({"mask": (2, 5)}, {}, r"attn_mask.shape is \[2, 5\]"),
    "a mask of more keys": ({"mask": (3, 6)}, {}, r"attn_mask.shape is \[3, 6\]"),
    "a mask of other heads": ({"mask": (3, 3, 5)}, {}, r"attn_mask.shape is \[3, 3, 5\]"),
    "a mask of five axes": ({"mask": (1, 1, 1, 3, 5)}, {}, r"attn_mask.shape is \[1, 1, 1, 3, 5\]"),
    "a past of other numbers": (
        {"past_key": (4, 2, 1, 7), "past_value": (4, 2, 1, 6)}, {}, r"past_key.shape is \[4, 2, 1, 7\]"),
    "a past of fewer heads": (
        {"past_key": (4, 2, 1, 8), "past_value": (4, 1, 1, 6)}, {}, r"past_value.shape is \[4, 1, 1, 6\]"),
    "heads that do not divide": (PACKED, {"q_num_heads": 5, "kv_num_heads": 2}, "Q: heads is 5; allowed"),
    "values' heads that do not": (PACKED, {"q_num_heads": 16, "kv_num_heads": 16}, "V: heads is 16; allow"),
    "heads of queries that are no groups": ({"q": (4, 3, 3, 8)}, {}, "heads of Q is 3; allowed: a multiple"),
    "values of other keys": ({"v": (4, 2, 4, 6)}, {}, r"Attention.V.shape is \[4, 2, 4, 6\]"),
}  # fmt: skip


@pytest.mark.parametrize("constant", [(), ("mask", "lengths")], ids=["computed", "constant"])
@pytest.mark.parametrize(("shapes", "attributes", "message"), MISFITS.values(), ids=MISFITS)
def test_operands_that_do_not_fit_are_named_as_golden_names_them(shapes, attributes, message, constant):
    names = ("q", "k", "v", "mask", "past_key", "past_value", "lengths")
    sizes = dict.fromkeys(names) | {"q": Q, "k": K, "v": V} | shapes
    operands = {
        name: None if size is None else np.ones(size, np.int64 if name == "lengths" else np.float32)
        for name, size in sizes.items()
    }
    with pytest.raises(BadValue, match=message):
        operators.evaluate("Attention", list(operands.values()), attributes)
    with pytest.raises(BadValue, match=message):
        found = (None,) * len(sizes["q"])
        network, _ = network_of("Attention", operands, attributes, constant=constant, shapes=[found])
        simplify(network)


ROTATIONS = {
    "no places": ({"places": None}, {}, r"cos_cache.shape is \[9, 4\]; allowed: \[2, 3, 4\]"),
    "other rows": ({"places": (2, 2)}, {}, r"position_ids.shape is \[2, 2\]; allowed: \[2, 3\]"),
    "a flat cache": ({"sin": (9,)}, {}, r"sin_cache.shape is \[9\]; allowed: \[9, 4\]"),
    "more than there is": ({}, {"rotary_embedding_dim": 10}, "rotary_embedding_dim is 10; allowed: 2 to 8"),
    "less than nothing": ({}, {"rotary_embedding_dim": -2}, "rotary_embedding_dim is -2"),
    "an odd one": ({}, {"rotary_embedding_dim": 3}, "modulo 2 is 1"),
    "heads that do not divide": ({"x": (2, 3, 32)}, {"num_heads": 5}, "X: heads is 5; allowed: a divisor"),
    "other heads": ({}, {"num_heads": 3}, "X: heads is 3; allowed: 4, as in its shape"),
}  # fmt: skip


@pytest.mark.parametrize("constant", [(), ("places",)], ids=["computed", "constant"])
@pytest.mark.parametrize(("shapes", "attributes", "message"), ROTATIONS.values(), ids=ROTATIONS)
def test_a_rotation_that_does_not_fit_is_named_as_golden_names_it(shapes, attributes, message, constant):
    sizes = {"x": (2, HEADS, 3, 8), "cos": (9, 4), "sin": (9, 4), "places": (2, 3)} | shapes
    operands = {
        name: None if size is None else np.ones(size, np.int64 if name == "places" else np.float32)
        for name, size in sizes.items()
    }
    with pytest.raises(BadValue, match=message):
        operators.evaluate("RotaryEmbedding", list(operands.values()), attributes)
    with pytest.raises(BadValue, match=message):
        found = (None,) * len(sizes["x"])
        network, _ = network_of("RotaryEmbedding", operands, attributes, constant=constant, shapes=[found])
        simplify(network)


def test_a_place_before_the_cache_is_refused_where_it_is_known():
    rng = np.random.default_rng(6)
    operands = {"x": real(rng, 1, 1, 1, 4), "cos": real(rng, 9, 2), "sin": real(rng, 9, 2)}
    operands["places"] = np.array([[-1]])
    network, _ = network_of("RotaryEmbedding", operands, {}, constant=["places"], shapes=[(1, 1, 1, 4)])
    with pytest.raises(BadValue, match=r"position_ids\[0, 0\] is -1; allowed: 0 to 8"):
        simplify(network)


@pytest.mark.parametrize(
    ("attributes", "scale", "message"),
    [
        ({"axis": 3}, (4,), "RMSNormalization.axis is 3; allowed: -3 to 2"),
        ({}, (3,), r"scale.shape is \[3\]; allowed: what fits \[2, 3, 4\]"),
        ({}, (1, 2, 3, 4), r"scale.shape is \[1, 2, 3, 4\]"),
    ],
)
def test_a_root_mean_square_that_is_none_is_named(attributes, scale, message):
    operands = {"x": np.ones((2, 3, 4), np.float32), "scale": np.ones(scale, np.float32)}
    network, _ = network_of("RMSNormalization", operands, attributes, shapes=[(2, 3, 4)])
    with pytest.raises(BadValue, match=message):
        simplify(network)


@pytest.mark.parametrize(("starts", "mode"), [((1 << 63) - 1, "circular"), ((1 << 63) - 2, "circular")])
def test_a_cache_is_written_around_its_end_from_the_furthest_row(starts, mode):
    rng = np.random.default_rng(4)
    operands = {"cache": real(rng, 2, 5, 3), "update": real(rng, 2, 3, 3), "starts": np.array([starts] * 2)}
    written = compare(*network_of("TensorScatter", operands, {"mode": mode}, constant=["starts"]))
    assert "TensorScatter" not in [n.operator for n in written.nodes]


@pytest.mark.parametrize(
    ("start", "rows", "mode"), [(-1, 2, "linear"), (-1, 2, "circular"), (0, 6, "circular")]
)
def test_rows_that_are_none_of_the_cache_are_left_to_the_host_which_refuses_them(start, rows, mode):
    rng = np.random.default_rng(4)
    operands = {"cache": real(rng, 2, 5, 3), "update": real(rng, 2, rows, 3), "starts": np.array([start] * 2)}
    network, given = network_of(
        "TensorScatter", operands, {"mode": mode}, constant=["starts"], shapes=[(2, 5, 3)]
    )
    with pytest.raises(BadValue, match=r"TensorScatter.*is (-1|6); allowed: 0 to"):
        run_float(simplify(network), given)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int64, np.int8])
@pytest.mark.parametrize("constant", [(), ("mask",)], ids=["computed", "constant"])
def test_a_mask_of_another_type_narrows_no_result(kind, constant):
    """ONNX lets a mask have a type of its own; the result has the queries'."""
    rng = np.random.default_rng(7)
    operands = dict(zip("qkv", (real(rng, *shape) for shape in (Q, K, V)), strict=True))
    operands["mask"] = np.rint(2 * real(rng, 3, 5)).astype(kind)
    written = compare(*network_of("Attention", operands, {"is_causal": 1}, constant=constant))
    whole = operands | {"mask": operands["mask"].astype(np.float32)}
    wanted = operators.evaluate("Attention", list(whole.values()), {"is_causal": 1})[0]
    found = operators.evaluate("Attention", list(operands.values()), {"is_causal": 1})[0]
    assert found.dtype == np.float32 and np.array_equal(found, wanted)
    assert not [node for node in written.nodes if node.operator == "Attention"]


def test_a_row_of_the_least_numbers_sees_nothing_that_is_hidden():
    """A known mask may hide keys by float32's least number; those of the future stay hidden beside them."""
    rng = np.random.default_rng(8)
    operands = dict(zip("qkv", (real(rng, *shape) for shape in (Q, K, V)), strict=True))
    operands["mask"] = np.full((3, 5), np.finfo(np.float32).min)
    compare(*network_of("Attention", operands, {"is_causal": 1}, constant=["mask"]))
