"""Softmax of scores wherever they are: differences alone matter."""

import numpy as np
import pytest

from golden.check import BadValue
from tests.mapping.legalise.against import by_codes, errors, model, node

RANDOM = np.random.default_rng(7)


def normal(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def row(usual, **others):
    value = np.full((1, 16), usual, np.float32)
    for place, score in others.items():
        value[0, int(place[1:])] = score
    return {"x": value}


@pytest.mark.parametrize("x", [row(0, p2=120, p5=108), row(-200, p3=-195), row(1e4, p3=1e4 + 3)])
def test_rows_of_scores_far_from_zero(x):
    assert errors([node("Softmax", "x", "y")], x, {}) < 0.03  # a share has 7 bits
    if np.abs(x["x"]).max() < 1000:  # of more, a product's 8-bit factor tells nothing
        product = [node("MatMul", "x e", "h"), node("Softmax", "h", "y")]
        assert errors(product, x, {"e": np.eye(16, dtype=np.float32)}) < 0.05


CHAINS = {
    "direct": [("Softmax", "s", "y")],
    "reshaped": [("Reshape", "s half", "r"), ("Softmax", "r", "y")],
    "joined": [("Concat", "s s", "j", {"axis": 0}), ("Softmax", "j", "y")],
    "of a ReLU": [("Relu", "s", "r"), ("Softmax", "r", "y")],
    "of a table": [("Abs", "h", "a"), ("Add", "a o", "b"), ("Softmax", "b", "y")],
    "read by a product too": [("Softmax", "s", "y"), ("MatMul", "s v", "z")],
}


def built(chain):
    return [node(operator, x, y, **(rest[0] if rest else {})) for operator, x, y, *rest in chain]


@pytest.mark.parametrize("offset", [0, 80, -80, 100, -200, 1000, -5000])
@pytest.mark.parametrize("case", CHAINS)
def test_a_constant_offset_does_not_matter(case, offset):
    nodes = [node("MatMul", "x w", "h"), node("Add", "h o", "s"), *built(CHAINS[case])]
    constants = {"w": normal(16, 32, scale=0.5), "o": np.float32(offset), "half": np.array([8, 16]),
                 "v": normal(32, 5)}  # fmt: skip
    outputs = ("y", "z") if "too" in case else ("y",)
    assert errors(nodes, {"x": normal(4, 16)}, constants, outputs) < 0.03


@pytest.mark.parametrize("middle", [0, 70, -300])
def test_rows_may_be_a_hundred_apart(middle):
    x = normal(4, 13, scale=2) + np.array([[0], [50], [100], [20]], np.float32) + np.float32(middle)
    assert errors([node("Softmax", "x", "y")], {"x": x}, {}) < 0.02


@pytest.mark.parametrize("distance", [400, 1500, -1500])
def test_rows_far_apart_are_told_from_their_greatest(distance):
    x = {"x": normal(4, 13) + np.array([[0], [50], [distance], [20]], np.float32)}
    assert errors([node("Softmax", "x", "y")], x, {}) < 0.03


def test_rows_too_far_apart_are_named():
    x = {"x": normal(4, 13) + np.array([[0], [50], [4000], [20]], np.float32)}
    with pytest.raises(BadValue, match=r"node y .*: greatest scores of rows of x is from .*; allowed: w"):
        by_codes(model([node("Softmax", "x", "y")], x, {}), x)


def attention(perm, mask):
    """Two heads of width 16 over 7 tokens; perm: whether transposes say theirs where it is the default."""
    nodes = []
    for each, turn in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [node("MatMul", f"x w{each}", f"{each}1"), node("Reshape", f"{each}1 split", f"{each}2")]
        nodes.append(node("Transpose", f"{each}2", each, perm=turn))
    nodes += [node("MatMul", "q k", "s1"), node("Mul", "s1 scale", "s2")]
    nodes += [node("Add", "s2 mask", "s3")] if mask else []
    nodes += [node("Softmax", "s3" if mask else "s2", "p"), node("MatMul", "p v", "o1")]
    turn = node("Transpose", "o1", "o2", **({"perm": [0, 2, 1, 3]} if perm else {}))
    return [*nodes, turn, node("Reshape", "o2 flat", "y")]


def values(scale=0.25):
    found = {f"w{each}": normal(32, 32, scale=0.2) for each in "qkv"}
    shapes = {"split": np.array([1, 7, 2, 16]), "flat": np.array([1, 7, 32])}
    return {**found, **shapes, "scale": np.float32(scale)}


MASKS = {
    "padding": np.where(np.arange(7) < 5, 0, -1e4), "least": np.where(np.arange(7) < 5, 0, -3.4e38),
    "bias": np.linspace(-3, 0, 7), "offset": np.linspace(297, 300, 7), "far below": np.full(7, -200.0),
}  # fmt: skip


@pytest.mark.parametrize("case", MASKS)
def test_masks_and_offsets_of_attention(case):
    mask = MASKS[case].astype(np.float32).reshape(1, 1, 1, 7)
    assert errors(attention(True, True), {"x": normal(1, 7, 32)}, {**values(), "mask": mask}) < 0.03


def test_transposes_of_attention_without_perm_are_no_crash():
    made = model(attention(False, False), x := {"x": normal(1, 7, 32)}, values())
    try:
        by_codes(made, x)
    except BadValue as bad:
        assert "node " in str(bad)


@pytest.mark.parametrize("other", [("Mul", "x z", "m"), ("Abs", "x", "m"), ("GlobalAveragePool", "i", "m")])
def test_scores_are_not_what_others_read(other):
    """A product of two reads any codes but those of scores, which end at 88."""
    feeds = {"x": normal(7, 13, scale=60), "z": normal(7, 13, scale=60)}
    nodes = [node("Softmax", "x", "y"), node(*other)]
    if other[0] == "GlobalAveragePool":
        nodes.insert(0, node("Unsqueeze", "x zero", "i"))
    assert errors(nodes, feeds, {"zero": np.array([0])}, ("y", "m")) < 0.03


def test_zeros_alone_are_coded():
    x = {"x": np.zeros((4, 16), np.float32)}
    made = model([node("MatMul", "x w", "h"), node("Relu", "h", "y")], x, {"w": normal(16, 5)})
    assert not by_codes(made, x)["y"].any()
