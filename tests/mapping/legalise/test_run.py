"""Operations of a coded network against loops of Python integers, and what is refused."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from golden.check import BadValue
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.run.quantised import Interpreter, run


def rounded(value):
    return floor(Fraction(value) + Fraction(1, 2))


def finished(e, channel, t, f=0):
    """One element through an epilogue without a function; e: bias, multiplier, shift, ... by name."""
    bias, multiplier, shift = (int(v[channel % len(v)]) for v in (e.bias, e.multiplier, e.shift))
    r = rounded(Fraction((t + bias) * multiplier, 1 << shift))
    return min(max(r + f + e.zero_point, e.low), e.high)


@pytest.fixture
def some(epilogue):
    """An epilogue of n channels that spreads sums over the codes."""

    def make(n, dtype="int8", **more):
        random = np.random.default_rng(n)
        return epilogue(
            dtype, bias=random.integers(-500, 500, n), multiplier=random.integers(1 << 20, 1 << 22, n),
            shift=np.full(n, 26), **more,
        )  # fmt: skip

    return make


@pytest.mark.parametrize("strides, dilations", [((1, 1), (1, 1)), ((2, 1), (1, 2))])
def test_a_convolution_pads_with_its_code(net, codes, some, params, strides, dilations):
    w, x, e = codes((3, 2, 5, 4)), codes((6, 7, 5)), some(4, zero_point=3)
    oh, ow = (6 + 3 - 2 * dilations[0] - 1) // strides[0] + 1, (7 + 1 - dilations[1] - 1) // strides[1] + 1
    o = graph.Product(
        name="conv", x="x", y="y", weights=w, epilogue=e, strides=strides, dilations=dilations,
        pads=(1, 0, 2, 1), pad_value=-9,
    )  # fmt: skip
    found = run(net({"x": ((6, 7, 5), "int8"), "y": ((oh, ow, 4), "int8")}, o), params, {"x": x})["y"]
    padded = np.pad(x, ((1, 2), (0, 1), (0, 0)), constant_values=-9)
    for i, j, n in np.ndindex(oh, ow, 4):
        total = sum(
            int(
                padded[i * strides[0] + a * dilations[0], j * strides[1] + b * dilations[1], c]
                * w[a, b, c, n]
            )
            for a, b, c in np.ndindex(3, 2, 5)
        )
        assert found[i, j, n] == finished(e, n, total)


def test_a_product_adds_a_residual_before_it_clips(net, codes, some, params):
    w, x, b, e = codes((1, 1, 8, 3)), codes((5, 8)), codes((5, 3), "int16"), some(3, low=-100)
    r = graph.Residual(b="b", zero=7, multiplier=-3, shift=10)
    o = graph.Product(name="p", x="x", y="y", weights=w, epilogue=e, residual=r)
    tensors = {"x": ((5, 8), "int8"), "b": ((5, 3), "int16"), "y": ((5, 3), "int8")}
    found = run(net(tensors, o, inputs=("x", "b")), params, {"x": x, "b": b})["y"]
    for m, n in np.ndindex(5, 3):
        f = rounded(Fraction((int(b[m, n]) - 7) * -3, 1 << 10))
        assert found[m, n] == finished(e, n, int(x[m] @ w[0, 0, :, n]), f)


def test_heads_are_columns_or_first(net, codes, epilogue, params):
    q, k, r = codes((4, 6)), codes((5, 6)), codes((2, 4), "uint16")
    e = epilogue("int16", shift=np.array([12]))
    o = graph.MatMul(name="m", x="x", w="k", y="y", heads=2, transposed=True, epilogue=e, row_scale="r")
    tensors = {
        "x": ((4, 6), "int8"),
        "k": ((5, 6), "int8"),
        "r": ((2, 4), "uint16"),
        "y": ((2, 4, 5), "int16"),
    }
    made = net(tensors, o, inputs=("x", "k", "r"))
    found = run(made, params, {"x": q, "k": k, "r": r})["y"]
    columns = replace(o, heads_in_y="columns")
    wide = net({**tensors, "y": ((4, 10), "int16")}, columns, inputs=("x", "k", "r"))
    side_by_side = run(wide, params, {"x": q, "k": k, "r": r})["y"]
    for h, m, n in np.ndindex(2, 4, 5):
        total = int(q[m, 3 * h : 3 * h + 3] @ k[n, 3 * h : 3 * h + 3])
        assert found[h, m, n] == side_by_side[m, 5 * h + n] == finished(e, n, total * int(r[h, m]))


def test_a_mask_is_added_to_scores(net, codes, epilogue, params):
    q, mask = codes((3, 4)), np.array([0, -32768, 5])
    o = graph.MatMul(
        name="m", x="x", w="x", y="y", heads=1, transposed=True, epilogue=epilogue("int16"),
        residual=graph.Residual(b="b"),
    )  # fmt: skip
    made = net({"x": ((3, 4), "int8"), "b": ((3,), "int16"), "y": ((1, 3, 3), "int16")}, o, inputs=("x", "b"))
    found = run(made, params, {"x": q, "b": mask})["y"]
    assert (found[0] == np.clip(q @ q.T + mask, -32768, 32767)).all()


@pytest.mark.parametrize("b_shape", [(4, 6), (6,), (4, 1)])
def test_a_map_multiplies_by_a_tensor_a_row_or_one_a_row(net, codes, some, params, b_shape):
    x, b, e = codes((4, 6), "int16"), codes(b_shape), some(6)
    o = graph.Map(name="m", x="x", y="y", operation="mul", b="b", b_zero=2, b_shift=3, x_zero=5, epilogue=e)
    tensors = {"x": ((4, 6), "int16"), "b": (b_shape, "int8"), "y": ((4, 6), "int8")}
    found = run(net(tensors, o, inputs=("x", "b")), params, {"x": x, "b": b})["y"]
    for (m, n), far in np.ndenumerate(np.broadcast_to(b, (4, 6))):
        t = rounded(Fraction((int(x[m, n]) - 5) * (int(far) - 2), 8))
        assert found[m, n] == finished(e, n, t)


def test_depthwise_and_pools_work_channel_by_channel(net, codes, some, params):
    x, w, e = codes((5, 4, 3)), codes((2, 2, 3)), some(3)
    window = {"strides": (1, 2), "pads": (0, 0, 1, 0), "pad_value": 4, "x_zero": 4}
    operations = [
        graph.Depthwise(name="d", x="x", y="y", weights=w, epilogue=e, **window),
        graph.Pool(name="s", x="x", y="s", reduction="sum", kernel=(2, 2), epilogue=e, **window),
        graph.Pool(name="m", x="x", y="m", reduction="max", kernel=(2, 2), epilogue=e, **window),
    ]
    tensors = {"x": ((5, 4, 3), "int8"), **dict.fromkeys("ysm", ((5, 2, 3), "int8"))}
    found = run(net(tensors, *operations, outputs=("y", "s", "m")), params, {"x": x})
    padded = np.pad(x - 4, ((0, 1), (0, 0), (0, 0)))
    for i, j, n in np.ndindex(5, 2, 3):
        seen = padded[i : i + 2, 2 * j : 2 * j + 2, n]
        assert found["y"][i, j, n] == finished(e, n, int((seen * w[:, :, n]).sum()))
        assert found["s"][i, j, n] == finished(e, n, int(seen.sum()))
        assert found["m"][i, j, n] == finished(e, n, int(seen.max()))


def test_exponentials_make_probabilities(net, codes, params):
    x = codes((3, 5, 20), "int16") // 8
    o = graph.Exponential(name="e", x="x", y="y", r="r", length=16, length_step=1)
    tensors = {"x": ((3, 5, 20), "int16"), "y": ((3, 5, 20), "int8"), "r": ((3, 5), "uint16")}
    found = run(net(tensors, o, outputs=("y", "r")), params, {"x": x})
    made = found["y"] * found["r"][..., None] / 2.0**22
    for row in range(5):
        n = 16 + row
        powers = 2.0 ** ((x[:, row, :n] - x[:, row, :n].max(-1, keepdims=True)) / 256)
        assert np.abs(made[:, row, :n] - powers / powers.sum(-1, keepdims=True)).max() < 1 / 64
        assert not made[:, row, n:].any()


@pytest.mark.parametrize("axis", [-1, 0])
def test_normalised_rows_and_columns(net, codes, params, axis):
    x = codes((24, 20), "int16")
    o = graph.Normalise(name="n", x="x", y="y", axis=axis, rms=False, epsilon=1, fraction=12)
    found = run(net({"x": ((24, 20), "int16"), "y": ((24, 20), "int16")}, o), params, {"x": x})["y"]
    real = (x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True) * 2.0**12
    assert np.abs(found - real).max() < 1


def test_rows_are_gathered_cut_and_joined(net, codes, params):
    table, numbers = codes((9, 4)), np.array([8, 0, 3])
    operations = [
        graph.Gather(name="g", x="t", i="x", y="g"),
        graph.Slice(name="s", x="g", y="s", axis=0, start=0, length=3, step=2),
        graph.Concat(name="c", x="g", others=("s",), axis=0, y="c"),
        graph.Reshape(name="y", x="c", y="y"),
    ]
    made = {"g": (3, 4), "s": (2, 4), "c": (5, 4), "y": (1, 20)}
    tensors = {"x": ((3,), "int32"), "t": ((9, 4), "int8", table)}
    tensors |= {name: (shape, "int8") for name, shape in made.items()}
    made = net(tensors, *operations)
    assert (run(made, params, {"x": numbers})["y"] == table[[8, 0, 3, 8, 3]].reshape(1, 20)).all()
    with pytest.raises(BadValue, match=r"net: g: row number\[1\] is 9; allowed: 0 to 8"):
        run(made, params, {"x": np.array([0, 9, 1])})


def test_state_goes_from_step_to_step(net, epilogue, params):
    o = graph.Map(name="sum", x="x", y="y", operation="add", b="old", epilogue=epilogue("int16"))
    tensors = {"x": ((1, 2), "int16"), "old": ((1, 2), "int16"), "y": ((1, 2), "int16")}
    made = net(tensors, o, inputs=("x", "old"), state=(("old", "y"),), initial={"old": np.array([[5, -5]])})
    steps = Interpreter(made, params)
    assert [steps.step({"x": np.array([[1, 2]])})["y"].tolist() for _ in range(3)] == [
        [[6, -3]], [[7, -1]], [[8, 1]]
    ]  # fmt: skip


def of(o, **changes):
    """The operation with another epilogue."""
    return replace(o, epilogue=replace(o.epilogue, **changes))


WRONG = {
    "a name": (lambda o: replace(o, x="z"), "net: p is reading z; allowed: a constant, an input or"),
    "a depth": (lambda o: replace(o, weights=o.weights[:, :, :3]), r"net: p is reading x \[5, 4\]; allowed"),
    "a weight": (lambda o: replace(o, weights=o.weights + 300), r"net: p: weights\[0, 0, 0, 0\] is "),
    "a multiplier": (lambda o: of(o, multiplier=np.array([1 << 31])),
                     r"net: p: multiplier\[0\] is 2147483648; allowed: 0 to 2147483647"),
    "channels": (lambda o: of(o, bias=np.zeros(2, int)),
                 r"net: p is bias \[2\]; allowed: \[1\] or \[3\]"),
    "a function": (lambda o: of(o, function="erf"), "net: p: function is 'erf'"),
    "a range": (lambda o: of(o, high=200), "net: p: high is 200; allowed: -128"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(net, codes, epilogue, params, case):
    change, message = WRONG[case]
    o = graph.Product(name="p", x="x", y="y", weights=codes((1, 1, 4, 3)) // 4, epilogue=epilogue("int8"))
    made = net({"x": ((5, 4), "int8"), "y": ((5, 3), "int8")}, change(o))
    with pytest.raises(BadValue, match=message):
        run(made, params, {"x": codes((5, 4))})


def test_an_input_of_another_shape_is_refused(net, codes, epilogue, params):
    made = net({"x": ((5, 4), "int8"), "y": ((5, 4), "int8")},
               graph.Map(name="m", x="x", y="y", epilogue=epilogue("int8")))  # fmt: skip
    with pytest.raises(BadValue, match=r"net: input x.shape is \[4, 4\]; allowed: \[5, 4\]"):
        run(made, params, {"x": codes((4, 4))})
    with pytest.raises(BadValue, match=r"net: input x is missing"):
        run(made, params, {})


def test_the_host_has_an_operator_a_reason_and_results_of_its_tensors_type(net, codes, params):
    def there(reason, compute):
        return graph.Host(name="h", x="x", y="y", operator="Sort", reason=reason, compute=compute)

    tensors = {"x": ((5, 4), "int8"), "y": ((5, 4), "int8")}
    x = codes((5, 4))
    found = run(net(tensors, there("none sorts", lambda given: [np.sort(given[0])])), params, {"x": x})["y"]
    assert np.array_equal(found, np.sort(x))
    with pytest.raises(BadValue, match=r"net: h: y.* is 300"):
        run(net(tensors, there("none sorts", lambda given: [given[0] * 0 + 300])), params, {"x": x})
    with pytest.raises(BadValue, match="net: h is an operator 'Sort' for a reason ''"):
        run(net(tensors, there("", lambda given: given)), params, {"x": x})


def test_a_scale_is_above_0(net, epilogue, params):
    made = net({"x": ((5, 4), "int8"), "y": ((5, 4), "int8")},
               graph.Map(name="m", x="x", y="y", epilogue=epilogue("int8")))  # fmt: skip
    y = replace(made.tensors["y"], encoding=Affine(scale=0.0))
    with pytest.raises(BadValue, match=r"net: tensor y: scale is 0.0; allowed: above 0, finite"):
        run(replace(made, tensors={**made.tensors, "y": y}), params, {"x": np.zeros((5, 4), int)})
