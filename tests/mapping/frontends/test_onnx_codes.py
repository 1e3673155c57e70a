"""Quantised ONNX files as users have them, run, compiled, and against onnxruntime without optimisations."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import systola
from golden.check import BadValue
from mapping.frontends.onnx_quantised import QuantisedModel
from mapping.network import TensorType
from mapping.run.quantised import run
from systola.coding import NetworkSource, answers, codes_of
from tests.mapping.backends.program.machines import holds

F = np.float32
X, W, Y = ("xs", "xz"), ("ws", "wz"), ("ys", "yz")  # scale and zero point of input, weights, result


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), [output], name=f"n_{output}", **attributes)


def q(x, coding, y, **attributes):
    return node("QuantizeLinear", " ".join((x, *coding)), y, **attributes)


def dq(x, coding, y, **attributes):
    return node("DequantizeLinear", " ".join((x, *coding)), y, **attributes)


IN = [q("x", X, "xq"), dq("xq", X, "xd")]
OUT = [q("h", Y, "yq"), dq("yq", Y, "y")]
WEIGHTS = dq("w", W, "wd")


def constants(seed=1, **more):
    random = np.random.default_rng(seed)
    made = {
        "xs": F(0.03), "xz": np.int8(5), "ws": F(0.004), "wz": np.int8(0), "ys": F(0.1), "yz": np.int8(-3),
        "w": random.integers(-127, 128, (16, 16)).astype(np.int8),
    }  # fmt: skip
    return made | more


def model(nodes, stored, *, x=(4, 16), y=(4, 16), opset=13, types=(TensorProto.FLOAT,) * 2, domain=False):
    used = {name for each in nodes for name in each.input}
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", types[0], x)],
        [helper.make_tensor_value_info("y", types[1], y)],
        [v if isinstance(v, TensorProto) else numpy_helper.from_array(np.asarray(v), n)
         for n, v in stored.items() if n in used],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid("com.microsoft", 1)] * domain
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def onnxruntimes(found, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        found.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, x if isinstance(x, dict) else {"x": x})[0]


def ours(found, x, params):
    made, feeds = QuantisedModel(found, "q.onnx", "q"), x if isinstance(x, dict) else {"x": x}
    types = {name: TensorType(value.shape, value.dtype) for name, value in feeds.items()}
    source = NetworkSource(name="q", inputs=types, outputs=("y",), onnx=made)
    network = source.coded(params, [])
    codes = codes_of(source, network, feeds)
    holds(network, params, **codes)
    return answers(source, network, run(network, params, codes))["y"]


def agree(found, params, x=None, *, scale=0.1, codes=0, share=0.0):
    """Results of both: equal but for `share` of elements, which may be `codes` steps of `scale` off."""
    x = np.random.default_rng(3).normal(0, 1, (4, 16)).astype(F) if x is None else x
    wanted, got = onnxruntimes(found, x), ours(found, x, params)
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    off = np.abs(got.astype(float) - wanted.astype(float)) / scale
    assert off.max() <= codes + 0.01
    assert (off > 0.01).mean() <= share


@pytest.mark.parametrize("kind", [np.int8, np.uint8], ids=str)
@pytest.mark.parametrize("end", ["least", "middle", "greatest"])
def test_inputs_and_outputs_that_are_codes_are_codes_for_the_user(params, kind, end):
    info, number = np.iinfo(kind), helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    zero = kind({"least": info.min, "middle": info.max // 2 + 7, "greatest": info.max}[end])
    stored = constants(xz=zero, yz=zero)
    nodes = [dq("x", X, "xd"), WEIGHTS, node("MatMul", "xd wd", "h")]
    x = np.random.default_rng(2).integers(info.min, info.max + 1, (4, 16)).astype(kind)
    agree(model([*nodes, *OUT], stored, types=(number, TensorProto.FLOAT)), params, x)
    agree(model([*nodes, q("h", Y, "y")], stored, types=(number, number)), params, x, scale=1)


def test_codes_that_are_read_by_another_scale_than_they_were_made_by(params):
    nodes = [q("x", X, "xq"), dq("xq", ("xs2", "xz2"), "xd"), WEIGHTS, node("MatMul", "xd wd", "h"), *OUT]
    agree(model(nodes, constants(xs2=F(0.05), xz2=np.int8(-9))), params)


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.UINT8], ids=["int8", "uint8"])
def test_a_zero_point_left_out_is_zero_of_the_codes_type(params, kind):
    nodes = [q("x", ["xs"], "xq", output_dtype=kind), dq("xq", ["xs"], "xd"), WEIGHTS]
    nodes += [node("MatMul", "xd wd", "h"), q("h", ["ys"], "yq"), dq("yq", ["ys"], "y")]
    agree(model(nodes, constants(), opset=21), params)


def test_attributes_of_newer_opsets_are_honoured_or_refused_by_name(params):
    nodes = [*IN, dq("w", W, "wd", axis=0, block_size=4), node("MatMul", "xd wd", "h"), *OUT]
    scales = np.random.default_rng(4).uniform(0.002, 0.01, (4, 16)).astype(F)
    along_k = constants(ws=scales, wz=np.zeros((4, 16), np.int8))
    with pytest.raises(BadValue, match=r"node n_h \(MatMul\): scales of weights wd is several within"):
        ours(model(nodes, along_k, opset=21), np.zeros((4, 16), F), params)
    nodes[2] = dq("w", W, "wd", axis=1, block_size=4)
    along_n = constants(ws=np.repeat(scales[:, :1].T, 16, 0), wz=np.zeros((16, 4), np.int8))
    agree(model(nodes, along_n, opset=21), params)
    plain = [*IN, WEIGHTS, node("MatMul", "xd wd", "h"), *OUT]
    plain[0] = q("x", X, "xq", saturate=0)  # of 8-bit floats alone
    agree(model(plain, constants(), opset=21), params)
    plain[0] = q("x", X, "xq", precision=TensorProto.FLOAT16)
    with pytest.raises(BadValue, match=r"node n_xq \(QuantizeLinear\): precision is FLOAT16; allowed: FLOAT"):
        ours(model(plain, constants(), opset=23), np.zeros((4, 16), F), params)


@pytest.mark.parametrize("n", [16, 24])
def test_weight_scales_along_the_depth_are_refused_by_name(params, n):
    stored = constants(w=np.ones((16, n), np.int8), ws=np.linspace(0.1, 0.2, 16).astype(F))
    stored["wz"] = np.zeros(16, np.int8)
    nodes = [*IN, dq("w", W, "wd", axis=0), node("Gemm", "xd wd", "h"), *OUT]
    with pytest.raises(BadValue, match=r"node n_h \(MatMul\): scales of weights wd is several .* each out"):
        ours(model(nodes, stored, y=(4, n)), np.zeros((4, 16), F), params)


@pytest.mark.parametrize("turn", ["Transpose", "Identity", "Reshape", "of codes"])
def test_weights_keep_the_files_codes_whatever_turns_them(params, turn):
    stored = constants(w=np.random.default_rng(5).integers(-7, 8, (16, 16)).astype(np.int8), ws=F(0.047))
    stored["shape"] = np.array([16, 16], np.int64)
    moves = {
        "Transpose": [dq("w", W, "w0"), node("Transpose", "w0", "wd", perm=[1, 0])],
        "Identity": [dq("w", W, "w0"), node("Identity", "w0", "wd")],
        "Reshape": [dq("w", W, "w0"), node("Reshape", "w0 shape", "wd")],
        "of codes": [node("Transpose", "w", "w0", perm=[1, 0]), dq("w0", W, "wd")],
    }[turn]
    agree(model([*IN, *moves, node("MatMul", "xd wd", "h"), *OUT], stored), params)


@pytest.mark.parametrize("zero", [0, 90, 255])
def test_weights_of_uint8_may_have_any_zero_point(params, zero):
    w = np.random.default_rng(6).integers(0, 256, (16, 16)).astype(np.uint8)
    w[:2, :2] = [[0, 255], [255, 0]]
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "h"), *OUT]
    agree(model(nodes, constants(w=w, wz=np.uint8(zero), ys=F(0.5))), params, scale=0.5)


def test_weights_of_four_bits_are_as_the_file_has_them(params):
    w = helper.make_tensor("w", TensorProto.INT4, (16, 16), (np.arange(256) % 16 - 8).tolist())
    nodes = [*IN, dq("w", ["ws"], "wd"), node("MatMul", "xd wd", "h"), *OUT]
    agree(model(nodes, constants(w=w, ws=F(0.05)), opset=21), params)


def test_float_weights_that_the_graph_quantises_take_its_codes(params):
    random = np.random.default_rng(7)
    stored = constants(w=random.normal(0, 0.15, (16, 16)).astype(F), wz=np.zeros(16, np.int8))
    stored["ws"] = random.uniform(0.002, 0.005, 16).astype(F)
    nodes = [*IN, q("w", W, "wq", axis=1), dq("wq", W, "wd", axis=1), node("MatMul", "xd wd", "h"), *OUT]
    agree(model(nodes, stored), params)


def test_weights_without_codes_are_refused_by_name(params):
    nodes = [*IN, node("MatMul", "xd w", "h"), *OUT]
    with pytest.raises(BadValue, match=r"node n_h \(MatMul\): weights w is not in codes"):
        ours(model(nodes, constants(w=np.ones((16, 16), F))), np.zeros((4, 16), F), params)


def test_a_last_product_that_nobody_quantises_gives_its_sums(params):
    found = model([*IN, WEIGHTS, node("MatMul", "xd wd", "y")], constants())
    agree(found, params, scale=1e-4)


def test_a_product_that_reads_reals_is_refused_by_name(params):
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "h"), node("MatMul", "h wd", "y")]
    with pytest.raises(BadValue, match=r"node n_y \(MatMul\): tensor h: scale is not stated"):
        ours(model(nodes, constants()), np.zeros((4, 16), F), params)


@pytest.mark.parametrize("kind", [np.int8, np.uint8], ids=str)
def test_a_clip_of_codes(params, kind):
    """As Brevitas writes 4 bits."""
    low, high = (-8, 7) if kind == np.int8 else (0, 15)
    coding = {"xs": F(0.3), "xz": kind(0), "low": kind(low), "high": kind(high)}
    nodes = [IN[0], node("Clip", "xq low high", "xc"), dq("xc", X, "xd"), WEIGHTS]
    agree(model([*nodes, node("MatMul", "xd wd", "h"), *OUT], constants(**coding)), params)


def test_a_change_of_scale_is_onnxruntimes(params):
    nodes = [*IN, q("xd", ("xs2", "xz2"), "x2"), dq("x2", ("xs2", "xz2"), "h"), WEIGHTS]
    nodes += [node("MatMul", "h wd", "m"), q("m", Y, "yq"), dq("yq", Y, "y")]
    agree(model(nodes, constants(xs2=F(0.075), xz2=np.int8(100))), params)


def test_an_open_batch_is_one(params):
    found = model([*IN, WEIGHTS, node("MatMul", "xd wd", "h"), *OUT], constants(), x=("N", 16), y=("N", 16))
    x = np.random.default_rng(3).normal(0, 1, (1, 16)).astype(F)
    agree(found, params, x)


@pytest.mark.parametrize("follower", ["Sigmoid", "Add", "Concat", "MatMul"])
def test_saturation_that_stands_in_a_range_alone_is_kept(params, follower):
    """A Relu that an exporter left to the codes' range: what reads them never sees what was below."""
    stored = constants(yz=np.int8(-128), zs=F(0.0217), zz=np.int8(0))
    behind = {
        "Sigmoid": [node("Sigmoid", "c", "d")], "Add": [node("Add", "c xd", "d")],
        "Concat": [node("Concat", "c xd", "d", axis=0)], "MatMul": [node("MatMul", "c wd", "d")],
    }[follower]  # fmt: skip
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "h"), q("h", Y, "hq"), dq("hq", Y, "c"), *behind]
    nodes += [q("d", ("zs", "zz"), "dq"), dq("dq", ("zs", "zz"), "y")]
    found = model(nodes, stored, y=(8 if follower == "Concat" else 4, 16))
    share = {"Add": 0.02, "Concat": 0.1}.get(follower, 0)
    agree(found, params, scale=0.0217, codes=1 if share else 0, share=share)


@pytest.mark.parametrize("operator", ["Add", "Sub", "less"])
def test_a_row_of_constants_is_added_with_one_rounding(params, operator):
    row = np.random.default_rng(10).normal(0, 2, 16).astype(F)
    names = "row xd" if operator == "less" else "xd row"
    nodes = [*IN, node("Sub" if operator == "less" else operator, names, "h"), *OUT]
    agree(model(nodes, constants(row=row, ys=F(0.017))), params, scale=0.017)


@pytest.mark.parametrize("zeros", [(-128, 127), (0, 0), (0, -60), (5, 0), (127, -128)], ids=str)
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("right", ["as it is", "transposed"])
def test_two_computed_factors_may_have_any_zero_points(params, zeros, heads, right):
    lead, turn = ((1, 3), [0, 1, 3, 2]) if heads == 3 else ((), [1, 0])
    stored = constants(xs=F(0.017), xz=np.int8(zeros[0]), ws=F(0.031), wz=np.int8(zeros[1]), ys=F(0.11))
    nodes = [*IN, q("v", W, "vq"), dq("vq", W, "vd")]
    if right == "transposed":
        nodes += [node("Transpose", "vd", "t", perm=turn), node("MatMul", "xd t", "h")]
    else:
        nodes += [node("Transpose", "xd", "t", perm=turn), node("MatMul", "t vd", "h")]
    size = 10 if right == "transposed" else 7
    graph = helper.make_graph(
        [*nodes, *OUT], "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (*lead, 10, 7)) for name in ("x", "v")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (*lead, size, size))],
        [numpy_helper.from_array(np.asarray(stored[n]), n) for n in (*X, *W, *Y)],
    )  # fmt: skip
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    random = np.random.default_rng(11)
    feeds = {name: random.normal(0, 1, (*lead, 10, 7)).astype(F) for name in ("x", "v")}
    wanted, got = onnxruntimes(found, feeds), ours(found, feeds, params)
    off = np.abs(got - wanted) / 0.11
    assert off.max() < 0.01


def test_a_softmax_reads_the_files_codes_not_what_was_before_them(params):
    coding = {"ys": F(0.2), "yz": np.int8(90), "zs": F(1 / 32), "zz": np.int8(0)}  # saturates often
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "h0"), q("h0", Y, "hq"), dq("hq", Y, "hd")]
    nodes += [node("Softmax", "hd", "h", axis=-1), q("h", ("zs", "zz"), "yq"), dq("yq", ("zs", "zz"), "y")]
    agree(model(nodes, constants(ws=F(0.06), **coding)), params, scale=1 / 32, codes=1, share=0.1)


def test_a_layer_norm_of_codes(params):
    random = np.random.default_rng(12)
    stored = constants(g=random.normal(1, 0.2, 16).astype(F), b=random.normal(0, 0.2, 16).astype(F))
    stored["ys"] = F(0.03)
    agree(model([*IN, node("LayerNormalization", "xd g b", "h", axis=-1), *OUT], stored, opset=17), params,
          scale=0.03)  # fmt: skip


def test_batch_normalization_behind_a_product_keeps_its_codes(params):
    """Its factors, of either sign, are the scales' and the codes' signs."""
    random = np.random.default_rng(13)
    stored = constants(w=random.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8))
    stored |= {n: random.normal(0, 1, 4).astype(F) for n in "gbm"} | {"v": random.uniform(1, 2, 4).astype(F)}
    nodes = [*IN, WEIGHTS, node("Conv", "xd wd", "c"), node("BatchNormalization", "c g b m v", "h"), *OUT]
    x = random.normal(0, 1, (1, 3, 6, 7)).astype(F)
    agree(model(nodes, stored, x=x.shape, y=(1, 4, 4, 5)), params, x)


def test_sums_of_two_products_without_codes_between(params):
    stored = constants(w2=np.random.default_rng(14).integers(-127, 128, (16, 16)).astype(np.int8))
    nodes = [*IN, WEIGHTS, dq("w2", W, "wd2"), node("MatMul", "xd wd", "a"), node("MatMul", "xd wd2", "b")]
    agree(model([*nodes, node("Add", "a b", "h"), *OUT], stored), params, codes=1, share=0.05)


def test_a_function_of_sums_that_no_unit_holds_is_refused_by_name(params):
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "a"), node("HardSwish", "a", "h"), *OUT]
    with pytest.raises(BadValue, match=r"node n_a \(MatMul\): a function of sums is .* codes of its result"):
        ours(model(nodes, constants(ws=F(0.02)), opset=14), np.zeros((4, 16), F), params)


def test_convolution_flatten_and_product(params):
    random = np.random.default_rng(8)
    stored = constants(
        c=random.integers(-127, 128, (3, 2, 3, 3)).astype(np.int8), hs=F(0.06), hz=np.int8(-128),
        w=random.integers(-127, 128, (5, 36)).astype(np.int8),
    )  # fmt: skip
    nodes = [*IN, dq("c", W, "cd"), node("Conv", "xd cd", "h0"), node("Relu", "h0", "h1")]
    nodes += [q("h1", ("hs", "hz"), "hq"), dq("hq", ("hs", "hz"), "hd"), node("Flatten", "hd", "f"), WEIGHTS]
    nodes += [node("Gemm", "f wd", "h", transB=1), *OUT]
    x = random.normal(0, 1, (1, 2, 5, 6)).astype(F)
    agree(model(nodes, stored, x=x.shape, y=(1, 5)), params, x)


def test_what_scales_as_it_runs_is_refused_by_name(params):
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "s", "z"], name="dynamic")]
    nodes += [node("DequantizeLinear", "xq s z", "y")]
    with pytest.raises(BadValue, match=r"node dynamic \(DynamicQuantizeLinear\) is scaled as it runs"):
        ours(model(nodes, constants()), np.zeros((4, 16), F), params)


def test_an_input_coded_by_two_scales_is_refused_by_name(params):
    nodes = [*IN, q("x", ("ws", "xz"), "xq2"), dq("xq2", ("ws", "xz"), "x2"), node("Add", "xd x2", "h"), *OUT]
    with pytest.raises(BadValue, match=r"input x is coded by .* allowed: one scale and zero point"):
        ours(model(nodes, constants()), np.zeros((4, 16), F), params)


@pytest.mark.parametrize(
    ("operator", "attributes", "said"),
    [("QLinearAveragePool", {"kernel_shape": [2, 2], "channels_last": 1}, "channels_last is 1; allowed: 0"),
     ("QLinearSoftmax", {"axis": 1, "opset": 11}, "opset is below 13")],
)  # fmt: skip
def test_attributes_of_qlinear_operators_are_honoured_or_refused(params, operator, attributes, said):
    nodes = [IN[0], helper.make_node(operator, ["xq", *X, *Y], ["yq"], "last", domain="com.microsoft",
                                     **attributes), dq("yq", Y, "y")]  # fmt: skip
    with pytest.raises(BadValue, match=said):
        ours(model(nodes, constants(), domain=True), np.zeros((4, 16), F), params)


@pytest.mark.parametrize("alpha", [1.0, 0.5, -1.5])
def test_qgemm_with_alpha_and_bias(params, alpha):
    stored = constants(b=np.random.default_rng(9).integers(-3000, 3000, 16).astype(np.int32))
    names = ["xq", *X, "w", *W, "b", *Y]
    last = helper.make_node("QGemm", names, ["yq"], "gemm", domain="com.microsoft", alpha=alpha, transB=1)
    agree(model([IN[0], last, dq("yq", Y, "y")], stored, domain=True), params, codes=1, share=0.05)


def test_a_design_that_would_quantise_a_files_codes_anew_refuses_them(tmp_path):
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "h"), *OUT]
    onnx.save(model(nodes, constants()), tmp_path / "q.onnx")
    examples = Path(__file__).parents[3] / "examples"
    for design in ("ws16_mixpe_w4a8", "tile8_int8"):
        with pytest.raises(BadValue, match=r"q\.onnx: node n_h \(MatMul\) is a product of codes, which this"):
            systola.run(tmp_path / "q.onnx", on=examples / f"{design}.toml", engine="model")


@pytest.mark.parametrize("design", ["ws16_int8", "accelerator16_int8"])
def test_an_operator_without_a_rule_between_codes_is_the_hosts(tmp_path, design):
    """A running sum, with codes before and behind: no code differs from onnxruntime's."""
    between = [q("p", ("hs", "hz"), "hq"), dq("hq", ("hs", "hz"), "hd")]
    nodes = [*IN, WEIGHTS, node("MatMul", "xd wd", "p"), *between, node("CumSum", "hd axis", "h"), *OUT]
    found = model(nodes, constants(axis=np.array(1), hs=F(0.2), hz=np.int8(0)))
    x = np.random.default_rng(0).normal(0, 1, (4, 16)).astype(F)
    onnx.save(found, tmp_path / "q.onnx")
    np.save(tmp_path / "x.npy", x)
    text = (Path(__file__).parents[3] / "examples" / f"{design}.toml").read_text()
    (tmp_path / "on.toml").write_text(text.replace("host = false", "host = true"))
    given = {"inputs": {"": tmp_path / "x.npy"}, "write_to": tmp_path / "y.npy"}
    result = systola.run(tmp_path / "q.onnx", on=tmp_path / "on.toml", **given)
    assert np.array_equal(np.load(tmp_path / "y.npy"), onnxruntimes(found, x))
    assert result["total"]["host_operators"]["CumSum"] == 1


def test_samples_to_calibrate_on_are_refused_where_the_file_states_its_scales(tmp_path):
    onnx.save(model([*IN, WEIGHTS, node("MatMul", "xd wd", "h"), *OUT], constants()), tmp_path / "q.onnx")
    np.save(tmp_path / "x.npy", np.zeros((4, 16), F))
    design = Path(__file__).parents[3] / "examples" / "accelerator16_int8.toml"
    with pytest.raises(BadValue, match=r"--calibrate is given; allowed: none: q states its own scales"):
        systola.run(tmp_path / "q.onnx", on=design, engine="model", calibrate={"": tmp_path / "x.npy"})
