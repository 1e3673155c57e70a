"""Attention on the attention unit: coded network = program = Verilog; when it is chosen, and why not."""

from dataclasses import replace

import numpy as np
import pytest

from golden.accelerator.attend import AttentionParams
from golden.accelerator.params import AcceleratorParams
from golden.check import BadValue
from golden.systolic.params import MatrixUnitParams
from mapping import frontends
from mapping.backends.program.compiler import compile
from mapping.backends.program.units import assign
from mapping.ir import graph
from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.quantised import run
from sim.accelerator import Bus, RtlModel
from systola import design_file, program_session
from tests.frozen.networks import written
from tests.mapping.backends.program.machines import holds
from tests.mapping.backends.program.nets import single
from tests.mapping.backends.program.plans import ROOT, TARGET, source

P16 = 256  # PEs of the examples' array
ATTENTION = ("softmax:scores", "softmax:weights", "context.flat")  # operations of MiniLM's, or the one
UNIT = AttentionParams(queries=4, keys=32, head_dim=8)
P = AcceleratorParams(
    unit=MatrixUnitParams(rows=4, cols=4), banks=8, bank_words=256, more=(UNIT,), functions=()
)
NUMBERS = dict(multiplier=30000, shift=21, out_multiplier=40000, out_shift=23)
SIZES = [
    (6, 9, 2, 8),
    (20, 32, 3, 8),
    (1, 1, 1, 4),
    (70, 32, 1, 8),
    (5, 31, 7, 4),
]  # rows, keys, heads, width


def attend(rows: int, keys: int, heads: int, width: int, mask: bool = False) -> graph.CodedNetwork:
    """One Attend of inputs q, k, v and, if `mask`, m."""
    masked = dict(mask="m", mask_multiplier=2) if mask else {}
    o = graph.Attend(name="a", x="q", k="k", v="v", y="y", heads=heads, zero_point=3, **masked, **NUMBERS)
    wide = heads * width
    more = {"m": ((keys,), "int16", None)} if mask else {}
    return single(o, q=(rows, wide), k=(keys, wide), v=(keys, wide), **more, y=(rows, wide))


@pytest.mark.parametrize("mask", [False, True], ids=["open", "masked"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_a_program_gives_the_networks_codes(size, mask):
    holds(attend(*size, mask), P)


WRONG = {
    "keys": ((6, 33, 2, 8), "keys is 33; allowed: 1 to 32 (the unit's)"),
    "head_dim": ((6, 9, 2, 12), "head_dim is 12; allowed: 1 to 8 (the unit's)"),
    "lanes": ((6, 9, 2, 6), "head_dim modulo 4 is 2; allowed: 0 to 0 (heads begin with a vector)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_named_before_anything_runs(name):
    size, wanted = WRONG[name]
    with pytest.raises(BadValue) as found:
        assign(attend(*size), P)
    assert wanted in str(found.value)


def test_a_scratchpad_that_holds_no_head_is_named():
    small = replace(P, banks=2, bank_words=128, more=(replace(UNIT, keys=64),))
    with pytest.raises(
        BadValue, match="values of a head takes 128 words of the scratchpad; allowed: 1 to 32"
    ):
        assign(attend(6, 64, 1, 8), small)


def attention(folder, tokens: int = 12, heads: int = 2, width: int = 8):
    """Self-attention with a mask that is a constant, and its input."""
    random, wide = np.random.default_rng(3), heads * width
    constants = {f"w{x}": random.standard_normal((wide, wide)).astype(np.float32) / 4 for x in "qkvo"}
    constants |= {
        "split": np.array([1, tokens, heads, width]), "join": np.array([1, tokens, wide]),
        "root": np.float32(width**0.5),
        "mask": np.where(np.arange(tokens) < tokens - 2, 0, -60).astype(np.float32).reshape(1, 1, 1, tokens),
    }  # fmt: skip
    nodes: list[tuple] = []
    for x in "qkv":
        turned = [0, 2, 3, 1] if x == "k" else [0, 2, 1, 3]
        nodes += [("MatMul", f"x w{x}", x), ("Reshape", f"{x} split", f"{x}1"),
                  ("Transpose", f"{x}1", f"{x}2", {"perm": turned})]  # fmt: skip
    nodes += [
        ("MatMul", "q2 k2", "dots"), ("Div", "dots root", "scaled"), ("Add", "scaled mask", "scores"),
        ("Softmax", "scores", "share"), ("MatMul", "share v2", "context"),
        ("Transpose", "context", "c1", {"perm": [0, 2, 1, 3]}), ("Reshape", "c1 join", "c2"),
        ("MatMul", "c2 wo", "y"),
    ]  # fmt: skip
    x = random.standard_normal((1, tokens, wide)).astype(np.float32)
    return frontends.load(written(folder, constants, nodes, x, (1, tokens, wide)).path), x


def coded(folder, p: AcceleratorParams, **sizes: int) -> tuple[graph.CodedNetwork, np.ndarray]:
    network, x = attention(folder, **sizes)
    return quantise_network(network, p, [{"x": x}]), x


def of(network: graph.CodedNetwork, kind: type) -> list:
    return [o for o in network.operations if isinstance(o, kind)]


def test_an_attention_is_the_units_where_that_is_faster(tmp_path):
    found, x = coded(tmp_path, P)
    (o,) = of(found, graph.Attend)
    assert o.why.startswith("attention unit: predicted") and not of(found, graph.Exponential)
    other, _ = coded(tmp_path, replace(P, more=()))
    assert of(other, graph.Exponential)[0].why == ""
    codes = encoded(found, {"x": x})
    one, two = (
        net.tensors["y"].decode(run(net, p, codes)["y"])
        for net, p in ((found, P), (other, replace(P, more=())))
    )
    cosine = (one * two).sum() / np.sqrt((one**2).sum() * (two**2).sum())
    assert cosine > 0.995


def test_an_attention_that_the_unit_cannot_do_says_why(tmp_path):
    found, _ = coded(tmp_path, P, tokens=33)
    assert of(found, graph.Exponential)[0].why == "matrix and vector unit: keys is 33; allowed: up to 32"
    found, _ = coded(tmp_path, replace(P, more=(replace(UNIT, head_dim=4),)))
    assert of(found, graph.Exponential)[0].why == "matrix and vector unit: head_dim is 8; allowed: up to 4"


def test_an_attention_that_is_slower_on_the_unit_says_by_how_much(tmp_path):
    """One query at a time, on lanes that are few beside the array's."""
    slow = replace(P, more=(replace(UNIT, queries=1),))
    found, _ = coded(tmp_path, slow, tokens=32, heads=1)
    (o,) = of(found, graph.Exponential)
    assert o.why.startswith("not the attention unit: predicted ")


@pytest.mark.rtl
def test_codes_of_the_verilog_are_the_coded_networks(tmp_path):
    found, x = coded(tmp_path, P)
    codes, program = encoded(found, {"x": x}), compile(found, P)
    memory = program.memory.copy()
    program.write(memory, "x", codes["x"])
    small = RtlModel(P, memory, program.base)
    small.run(program.address, program.count, Bus(read_latency=20, write_latency=20))
    np.testing.assert_array_equal(program.read(memory, "y"), run(found, P, codes)["y"])


@pytest.mark.slow
@pytest.mark.broad
def test_minilm_at_128_tokens_attends_at_least_three_times_as_fast():
    """Its attention against matrix and vector unit, and the whole over the bound of its products."""
    own = design_file.load(ROOT / "examples" / "accelerator16_attend_int8.toml")
    found = source("minilm128")
    others, ours, near = (
        program_session.plan(found, target, exact=exact)
        for target, exact in ((TARGET, True), (own, True), (own, False))
    )
    products = sum(row.macs for row in others.rows) / P16
    took = [sum(row.cycles for row in each.rows if row.name.endswith(ATTENTION)) for each in (others, ours)]
    assert took[0] / took[1] > 3
    assert ours.total.cycles / products < 1.08 < 1.14 < others.total.cycles / products
    assert near.total.cycles == pytest.approx(ours.total.cycles, rel=0.03)
    assert all("attention unit: predicted" in row.reason for row in ours.rows if row.operator == "Attend")
