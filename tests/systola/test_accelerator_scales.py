"""Accelerators of PEs whose weights carry the integer scale of their group (dequantise in the loop)."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

import systola
from golden import pe
from golden.accelerator.machine import Machine
from golden.check import BadValue
from golden.formats import Int
from golden.pe import by_format, counted, integers
from golden.pe.dequantise import DequantiseParams
from golden.pe.multiplier import MultiplierParams
from golden.pe.quantise import quantise
from mapping.backends.program.compiler import compile
from mapping.frontends import onnx_file
from mapping.legalise.float_network import encoded
from mapping.legalise.float_network import quantise_network as quantised
from mapping.quantise.channels import quantise_channels
from mapping.quantise.groups import padded_weights

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.mapping.legalise.against import BASE, P, by_codes, by_onnxruntime, model, node

SMALL = """
family = "accelerator"
array = {rows = 4, cols = 4, dataflow = "weight"}
pe = {kind = "dequantise", code = "uint3", scale_bits = 2, shift = 0, scale_group = 16}
accumulators = {rows = 64}
scratchpad = {banks = 4, bank_words = 1024}
units = {functions = []}
bus = {outstanding = 16, read_buffer = 128}
memory = {bytes_per_cycle = 4}
"""
PE = DequantiseParams(code=Int(3, False), scale_bits=2, shift=0, group=1024, scale_group=32)
SCALED = replace(P, unit=replace(P.unit, pe=PE))
RANDOM = np.random.default_rng(7)
NODES = [node("MatMul", "x w", "a"), node("Relu", "a", "b"), node("MatMul", "b v", "y")]
X = RANDOM.standard_normal((5, 50)).astype(np.float32)


def spread(k, n, group=16):
    """Weights whose groups have ranges far apart."""
    scales = np.repeat(np.exp(RANDOM.normal(0, 0.7, (-(-k // group), n))), group, 0)[:k]
    return (RANDOM.standard_normal((k, n)) * scales).astype(np.float32)


WEIGHTS = {"w": spread(50, 10), "v": spread(10, 7)}


def as_stored(w, p=PE):
    """Weights [k, n] as the reals that the PE's weights stand for: the PE's own quantiser."""
    each = replace(p, group=p.scale_group)
    return quantise(each, padded_weights(each, w.astype(np.float64))).values[: len(w)].astype(np.float32)


def test_scales_of_groups_are_within_the_numbers():
    numbers, scale = quantise_channels(PE, WEIGHTS["w"].astype(np.float64), method="max", least=0.0)
    counted.check_numbers(PE, "numbers", numbers)
    np.testing.assert_allclose(numbers * scale, as_stored(WEIGHTS["w"]), rtol=1e-6)
    one = replace(PE, scale_group=64)  # a single group a channel
    whole = np.subtract(*np.broadcast_arrays(as_stored(WEIGHTS["w"], one), WEIGHTS["w"]))
    assert np.square(numbers * scale - WEIGHTS["w"]).mean() < np.square(whole).mean()


def test_a_bias_beyond_the_sums_raises_a_channels_scale():
    w = WEIGHTS["w"].astype(np.float64)
    _, usual = quantise_channels(PE, w, method="max", least=0.0)
    least = np.where(np.arange(10) < 3, 4.0, 0.5) * usual
    numbers, scale = quantise_channels(PE, w, method="max", least=least)
    np.testing.assert_array_equal(scale, np.maximum(usual, least))
    counted.check_numbers(PE, "numbers", numbers)
    every = counted.distinct(PE)[0][:, None, None]
    nearest = np.abs(every * scale - w).min(0)
    np.testing.assert_allclose(np.abs(numbers * scale - w)[:, :3], nearest[:, :3])


@pytest.mark.parametrize("operator, shape, kernel", [
    ("MatMul", (9, 100), (100, 20)), ("Conv", (1, 20, 6, 7), (18, 20, 3, 3)),
])  # fmt: skip
def test_a_product_is_that_of_the_weights_that_the_pe_stores(operator, shape, kernel):
    """The program on golden's accelerator gives the coded network's codes (by_codes), near to float."""
    w = RANDOM.standard_normal(kernel).astype(np.float32)
    feeds = {"x": RANDOM.standard_normal(shape).astype(np.float32)}
    flat = w.transpose(2, 3, 1, 0).reshape(-1, w.shape[0]) if operator == "Conv" else w
    stored = as_stored(flat)
    if operator == "Conv":
        stored = stored.reshape(3, 3, 20, 18).transpose(3, 2, 0, 1)
    nodes = [node(operator, "x w", "y")]
    found = by_codes(model(nodes, feeds, {"w": w}), feeds, SCALED)["y"]
    wanted = by_onnxruntime(model(nodes, feeds, {"w": np.ascontiguousarray(stored)}), feeds)["y"]
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


def test_multipliers_of_int8_give_the_same_codes():
    """The same coded network, whose numbers are int8, as a program of an accelerator of multipliers."""
    made = onnx_file.from_model(model(NODES, {"x": X}, WEIGHTS), "n.onnx", "n")
    coded = quantised(made, SCALED, [{"x": X}])
    plain = replace(P, unit=replace(P.unit, pe=MultiplierParams(group=PE.group)))
    found = []
    for p in (SCALED, plain):
        program = compile(coded, p, BASE)
        memory = program.memory.copy()
        for name, values in encoded(coded, {"x": X}).items():
            program.write(memory, name, values)
        Machine(p, memory, BASE).run(program.address, program.count)
        found.append((program.read(memory, coded.outputs[0]), program.memory))
    (scaled, with_words), (wanted, with_numbers) = found
    np.testing.assert_array_equal(scaled, wanted)
    assert len(with_words) == len(with_numbers) and (with_words != with_numbers).any()


@dataclass(frozen=True, slots=True, kw_only=True)
class TernaryParams:
    """As docs/new-pe.md has it: int2, of which -2 is a second zero."""

    weight: Int = Int(2)
    activation: Int = Int(8)
    group: int = 1024
    accumulator: Int = Int(19)


def test_a_pe_of_a_guide_without_scales_of_its_own_needs_nothing_more(monkeypatch):
    """Four weights in a byte, a scale a channel from its own quantiser."""
    ternary = SimpleNamespace(
        Params=TernaryParams, STANDS=("array", "tile"), EXACT=True, GROUPED=True, latency=lambda p: 0,
        dot=lambda p, a, w: integers.dot(p, a, np.where(w == -2, 0, w)), quantise=by_format.quantise,
    )  # fmt: skip
    monkeypatch.setitem(pe.PES, "ternary", ternary)
    p = TernaryParams()
    assert "accelerator" in pe.stands(p) and counted.numbers(p).tolist() == [0, 1, 0, -1]
    w = WEIGHTS["w"]
    stored = quantise(replace(p, group=len(w)), w).values.astype(np.float32)
    nodes, scaled = [node("MatMul", "x w", "y")], replace(P, unit=replace(P.unit, pe=p))
    found = by_codes(model(nodes, {"x": X}, {"w": w}), {"x": X}, scaled)["y"]
    wanted = by_onnxruntime(model(nodes, {"x": X}, {"w": stored}), {"x": X})["y"]
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


def test_elements_that_change_lanes_are_exact():
    feeds = {"x": RANDOM.standard_normal((6, 20)).astype(np.float32)}
    nodes = [node("Transpose", "x", "t", perm=[1, 0]), node("Relu", "t", "y")]
    found = by_codes(model(nodes, feeds, {}), feeds, SCALED)["y"]
    np.testing.assert_allclose(found, np.maximum(feeds["x"].T, 0), atol=0.02)


@pytest.fixture
def ran(tmp_path):
    """(outputs, result) of a small network on a small accelerator."""
    (tmp_path / "small.toml").write_text(SMALL)
    np.save(tmp_path / "x.npy", X)

    def run(engine, nodes=NODES, constants=WEIGHTS):
        onnx.save(model(nodes, {"x": X}, constants), tmp_path / "n.onnx")
        result = systola.run(
            tmp_path / "n.onnx", on=tmp_path / "small.toml", engine=engine, inputs={"": tmp_path / "x.npy"},
            write_to=tmp_path / "y.npy",
        )  # fmt: skip
        return np.load(tmp_path / "y.npy"), result

    return run


def test_computed_factors_are_refused_by_name(ran):
    nodes = [node("Transpose", "x", "t", perm=[1, 0]), node("MatMul", "x t", "y")]
    with pytest.raises(BadValue, match=r"y.*right factor is computed; allowed: constant: weights of dequan"):
        ran("golden", nodes, {})


def test_a_file_that_states_codes_is_refused_by_name(ran):
    codes = RANDOM.integers(-7, 8, (50, 4)).astype(np.int8)
    one, zero = np.float32(0.1), np.int8(0)
    nodes = [
        node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "d"),
        node("DequantizeLinear", "w s z", "wd"), node("MatMul", "d wd", "m"),
        node("QuantizeLinear", "m s z", "mq"), node("DequantizeLinear", "mq s z", "y"),
    ]  # fmt: skip
    with pytest.raises(BadValue, match=r"m \(MatMul\): weights wd is in codes; allowed: real"):
        ran("golden", nodes, {"s": one, "z": zero, "w": codes})


@pytest.mark.rtl
def test_the_compiled_accelerator_of_dequantising_pes_is_golden(ran):
    (wanted, golden), (found, result) = ran("golden"), ran("rtl")
    assert np.array_equal(found, wanted) and result["total"]["cycles"] == golden["total"]["cycles"]
