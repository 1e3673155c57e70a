"""Networks by their shapes: SCALE-Sim topologies and TOML."""

import pytest

from golden.check import BadValue
from mapping.frontends import load
from mapping.network import ConvShape

CONV = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


def write(tmp_path, text, name="net.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def layers(tmp_path, text, name="net.csv"):
    return load(write(tmp_path, text, name)).layers


def shapes(tmp_path, text, name="net.csv"):
    return [(x.name, x.operator, x.m, x.n, x.k, x.batch) for x in layers(tmp_path, text, name)]


def refuse(tmp_path, text, message, name="net.csv"):
    with pytest.raises(BadValue) as caught:
        load(write(tmp_path, text, name))
    assert str(caught.value).startswith(name)
    assert message in str(caught.value)


def test_gemm_topology(tmp_path):
    text = "Layer, M, N, K,\nquery, 16, 384, 385,\nup, 16, 1536, 384,\n"
    assert shapes(tmp_path, text) == [("query", "Gemm", 16, 384, 385, 1), ("up", "Gemm", 16, 1536, 384, 1)]


def test_columns_go_by_their_headers(tmp_path):
    assert shapes(tmp_path, "Layer Name,K,m, N \na,3,1,2\n") == [("a", "Gemm", 1, 2, 3, 1)]


def test_gemm_without_headers_is_in_scale_sims_order(tmp_path):
    assert shapes(tmp_path, "a,1,2,3,\n\nb,4,5,6,\n") == [
        ("a", "Gemm", 1, 2, 3, 1),
        ("b", "Gemm", 4, 5, 6, 1),
    ]


def test_conv_topology(tmp_path):
    text = CONV + "Conv1, 224, 224, 7, 7, 3, 64, 2,\nConv2, 58, 58, 3, 3, 64, 32, 1,\n"
    # the first: ceil((224 - 7 + 2) / 2) = 110 stops
    assert shapes(tmp_path, text) == [
        ("Conv1", "Conv", 110 * 110, 64, 147, 1), ("Conv2", "Conv", 56 * 56, 32, 576, 1),
    ]  # fmt: skip


def test_conv_keeps_its_geometry(tmp_path):
    (layer,) = layers(tmp_path, CONV + "Conv1, 10, 12, 3, 5, 4, 6, 2,\n")
    assert layer.conv == ConvShape(
        in_h=10, in_w=12, kernel_h=3, kernel_w=5, channels=4, filters=6, stride_h=2, stride_w=2
    )


def test_strides_of_each_axis(tmp_path):
    text = CONV.replace("Strides", "Stride height, Stride width") + "a, 10, 10, 2, 2, 1, 1, 2, 4,\n"
    assert shapes(tmp_path, text) == [("a", "Conv", 5 * 3, 1, 4, 1)]


def test_a_column_that_changes_nothing_is_passed_over(tmp_path):
    wanted = [("a", "Conv", 4, 5, 18, 1)]
    dense = CONV.strip() + " Sparsity, Batch, Note,\n"
    assert shapes(tmp_path, dense + "a, 4, 4, 3, 3, 2, 5, 1, 4:4, 1,,\n") == wanted
    assert shapes(tmp_path, "a, 4, 4, 3, 3, 2, 5, 1, 1:1,\n") == wanted
    assert shapes(tmp_path, dense + "a, 4, 4, 3, 3, 2, 5, 1\n") == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONV.strip() + " Sparsity,\na, 4, 4, 3, 3, 2, 5, 1, 2:4,\n", "layer a: Sparsity is 2:4; allowed: "),
        ("Layer,M,N,K,Sparsity\na,1,2,3,1:1\nb,1,2,3,1:2\n", "layer b: Sparsity is 1:2; allowed: "),
        ("Layer,M,N,K,Batch\na,1,2,3,8\n", "layer a: Batch is 8; allowed: nothing, 1"),
        ("Layer,Batch,M,N,K\na,8,1,2,3\n", "layer a: Batch is 8; allowed: nothing, 1"),
        ("a,1,2,3,2:4\n", "layer a: column 5 is 2:4; allowed: "),
        ("Layer,M,N,K\na,1,2,3,7\n", "layer a: column 5 is 7; allowed: "),
    ],
)
def test_a_column_that_would_change_a_layer_is_refused(tmp_path, text, message):
    refuse(tmp_path, text, message)


def test_depthwise_layer_is_a_product_for_each_channel(tmp_path):
    assert shapes(tmp_path, CONV + "Conv2_DP, 6, 6, 3, 3, 32, 1, 1,\n") == [
        ("Conv2_DP", "Conv", 16, 1, 9, 32)
    ]


def test_name_is_the_files(tmp_path):
    assert load(write(tmp_path, "a,1,2,3\n", "resnet.csv")).name == "resnet"


def test_macs(tmp_path):
    assert [x.macs for x in layers(tmp_path, CONV + "Conv_DP, 6, 6, 3, 3, 32, 2, 1,\n")] == [16 * 2 * 9 * 32]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header is empty; allowed: Layer, M, N, K or"),
        ("Layer,M,N\na,1,2\n", "header is Layer, M, N; allowed: Layer, M, N, K or"),
        ("a,1,2\n", "columns is 3; allowed: 4, 8 or 9"),
        ("Layer,M,N,K\n", "the network is empty; allowed: at least one layer"),
        ("Layer,M,N,K\na,0,2,3\n", "layer a: m is 0; allowed: 1 to "),
        ("Layer,M,N,K\na,1,-2,3\n", "layer a: n is -2; allowed: 1 to "),
        ("Layer,M,N,K\na,1,2.5,3\n", "layer a: n is 2.5; allowed: 1 to "),
        ("Layer,M,N,K\na,1,2\n", "layer a: k is missing; allowed: 1 to "),
        ("Layer,M,N,K\na,1,2,3\na,1,2,3\n", "layer a is given twice"),
        (CONV + "a, 4, 4, 5, 3, 1, 1, 1\n", "layer a: kernel_h is 5; allowed: 1 to 4 (in_h)"),
        (CONV + "a, 4, 4, 3, 5, 1, 1, 1\n", "layer a: kernel_w is 5; allowed: 1 to 4 (in_w)"),
        (CONV + "a, 4, 4, 3, 3, 1, 1, 0\n", "layer a: stride_h is 0; allowed: 1 to "),
    ],
)
def test_bad_topology(tmp_path, text, message):
    refuse(tmp_path, text, message)


def test_topology_that_is_no_text(tmp_path):
    path = tmp_path / "net.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadValue, match=r"net\.csv is not UTF-8 text"):
        load(path)


def test_toml(tmp_path):
    first = "[[layer]]\nname = 'a'\nm = 1\nn = 2\nk = 3\n"
    text = f"name = 'mlp'\n{first}[[layer]]\nname = 'b'\nm = 4\nn = 5\nk = 6\nbatch = 12\n"
    network = load(write(tmp_path, text, "net.toml"))
    assert network.name == "mlp"
    assert [(x.name, x.m, x.n, x.k, x.batch) for x in network.layers] == [
        ("a", 1, 2, 3, 1),
        ("b", 4, 5, 6, 12),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the network is empty"),
        ("[[layer]\n", "is no TOML ("),
        ("[layer]\nm = 1\n", "layer is a single table; allowed: [[layer]] tables"),
        ("layer = [1]\n", "layer[0] is 1; allowed: a table"),
        ("rows = 1\n", "key is 'rows'; allowed: name, layer"),
        ("[[layer]]\nname = 'a'\nm = 1\nn = 2\n", "layer[0].k is missing; allowed: name, m, n, k, batch"),
        ("[[layer]]\nname = 'a'\nm = 1\nn = 2\nk = 3\nl = 4\n", "layer[0]: key is 'l'; allowed: name, m, n"),
        ("[[layer]]\nname = 'a'\nm = 0\nn = 2\nk = 3\n", "a: m is 0; allowed: 1 to "),
        ("[[layer]]\nname = 'a'\nm = 1.5\nn = 2\nk = 3\n", "a: m is 1.5; allowed: 1 to "),
    ],
)  # fmt: skip
def test_bad_toml(tmp_path, text, message):
    refuse(tmp_path, text, message, "net.toml")


@pytest.mark.parametrize("sizes", [{"tokens": 4}, {"batch": 2}])
def test_shapes_take_no_sizes(tmp_path, sizes):
    with pytest.raises(BadValue, match=r"net\.csv is given tokens or batch; allowed: neither"):
        load(write(tmp_path, "a,1,2,3\n"), **sizes)


@pytest.mark.parametrize("sizes", [{"tokens": 0}, {"batch": 0}])
def test_sizes_are_positive(tmp_path, sizes):
    with pytest.raises(BadValue, match=r"(tokens|batch) is 0; allowed: 1 to "):
        load(write(tmp_path, "a,1,2,3\n"), **sizes)
