"""Networks in groups: golden on every PE, RTL equal to golden on small designs, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from golden import pe
from golden.blocks import Job, Result
from golden.check import BadValue
from golden.formats import BF16, FP16, Int
from golden.formats.bitmod import Datatype
from golden.pe.mixpe import MixPeParams
from golden.pe.quantise import quantise as quantise_weights
from golden.systolic.params import MatrixUnitParams
from golden.tile.params import TileParams
from mapping.plan import plan
from mapping.quantise.groups import padded_activations, padded_weights
from mapping.quantise.networks import quantise_products
from mapping.run.floating import run_float
from mapping.run.host import execute
from mapping.target import Target, TileTarget
from sim.device import Comparing, Mismatch, Model, Rtl

DEPTH, K, N, M = 16, 48, 7, 5


def uint(bits: int) -> Int:
    return Int(bits, signed=False)


PES = {
    "multiplier": ("multiplier", {}),
    "mixpe": ("mixpe", {"weight": uint(4)}),
    "mixpe8": ("mixpe", {"weight": Int(8)}),
    "aligned": ("aligned", {}),
    "dequantise": ("dequantise", {}),
    "fp16": ("float_multiply_add", {}),
    "fp16-separate": ("float_multiply_add", {"structure": "separate", "registers": 1}),
    "bf16": ("float_multiply_add", {"weight": BF16, "activation": BF16}),
    "mixpe_float": ("mixpe_float", {}),
    "bitmod_fp4": ("bitmod", {}),
    "bitmod_fp3": ("bitmod", {"weight": Datatype("bitmod_fp3")}),
    "lut1": ("lut", {"weight": uint(1)}),
    "lut2": ("lut", {"weight": uint(2)}),
    "lut4": ("lut", {"weight": uint(4)}),
    "lut2-fp16": ("lut", {"weight": uint(2), "activation": FP16}),
}
VARIANTS = {"mixpe8", "fp16-separate", "bf16", "bitmod_fp3", "lut1", "lut4"}  # of PEs that others stand for
ARRAYS = [name for name, (kind, _) in PES.items() if "array" in pe.PES[kind].STANDS and name != "multiplier"]


def run_if_asked(name: str):
    """RTL takes seconds to compile."""
    return pytest.param(name, marks=pytest.mark.slow if name in VARIANTS else ())


def params(name: str, group: int = DEPTH) -> object:
    kind, given = PES[name]
    return pe.PES[kind].Params(group=group, **given)


def tile(name: str, group: int = DEPTH) -> TileTarget:
    return TileTarget(name="t", tile=TileParams(rows=2, cols=3, pe=params(name, group)))


def array(name: str, group: int = DEPTH) -> Target:
    unit = MatrixUnitParams(rows=4, cols=3, pe=params(name, group), accumulator_rows=64, scaled=False)
    return Target(name="t", unit=unit, weight_buffer=4096, activation_buffer=4096)


def coded(network, design):
    """Grouped designs scale activations as they come: no samples."""
    return quantise_products(network, design, [])


@pytest.fixture
def layer(build, normal):
    """One product, its bias and an activation."""
    constants = {"w": 0.1 * normal(K, N), "b": normal(N)}
    return build({"x": (M, K)}, constants, ("MatMul", "x w b", "y", (M, N), {"activation": "Relu"}))


@pytest.mark.parametrize("host", ["tile", "array"])
@pytest.mark.parametrize("name", PES)
def test_golden_is_near_float(name, host, layer, normal):
    if host == "array" and name not in ARRAYS:
        pytest.skip("not in arrays, or not in groups")
    design = tile(name) if host == "tile" else array(name)
    x = {"x": normal(M, K)}
    ran = execute(coded(layer, design), x, Model())
    wanted = run_float(layer, x)["y"]
    most = {"lut1": 0.9, "lut2": 0.6, "lut2-fp16": 0.7, "bitmod_fp3": 0.3}.get(name, 0.2)
    assert ran.layers[0].error < most
    assert ran.outputs["y"].dtype == np.float32 and (ran.outputs["y"] >= 0).all()
    assert np.linalg.norm(ran.outputs["y"] - wanted) < most * np.linalg.norm(wanted)


@pytest.mark.parametrize("name", ["mixpe", "dequantise", "aligned"])
def test_an_array_and_a_tile_agree(name, layer, normal):
    """Aligned activations have an exponent a group on the array, one a row in the tile: near, no more."""
    x = {"x": normal(M, K)}
    a, b = (
        execute(coded(layer, d), x, Model()).outputs["y"] for d in (tile(name), array(name))
    )
    assert np.array_equal(a, b) if name != "aligned" else np.allclose(a, b, rtol=1e-2, atol=1e-2)


@pytest.mark.rtl
@pytest.mark.parametrize("name", [run_if_asked(name) for name in PES])
def test_rtl_of_a_tile_equals_golden(name, layer, normal):
    engine = Comparing(Rtl(), Model())
    ran = execute(coded(layer, tile(name)), {"x": normal(M, K)}, engine)
    assert ran.layers[0].cycles == plan(layer, tile(name)).rows[0].compute_cycles


@pytest.mark.rtl
@pytest.mark.parametrize("name", [run_if_asked(name) for name in ARRAYS])
def test_rtl_of_an_array_equals_golden(name, layer, normal):
    engine = Comparing(Rtl(), Model())
    ran = execute(coded(layer, array(name)), {"x": normal(M, K)}, engine)
    assert ran.layers[0].cycles == plan(layer, array(name)).rows[0].compute_cycles


@pytest.mark.rtl
def test_stalls_change_nothing_but_the_cycles(layer, normal):
    quantised, x = coded(layer, tile("lut2")), {"x": normal(M, K)}
    plain, stalled = (execute(quantised, x, Rtl(stalls=stalls)) for stalls in (0.0, 0.4))
    assert np.array_equal(plain.outputs["y"], stalled.outputs["y"])
    assert stalled.layers[0].cycles > plain.layers[0].cycles


class Wrong(Model):
    """Golden but for one value, or one cycle."""

    name = "wrong"

    def __init__(self, value: float, cycle: int) -> None:
        self.value, self.cycle = value, cycle

    def run(self, job: Job) -> Result:
        found = super().run(job)
        values = found.values.copy()
        values[1, 2] += self.value
        return Result(outputs={"o": values}, cycles=found.cycles + self.cycle)


@pytest.mark.parametrize(("value", "cycle", "said"), [(1.0, 0, r"at o\[1, 2\]"), (0.0, 1, "cycles")])
def test_a_difference_is_told(value, cycle, said, layer, normal):
    engine = Comparing(Wrong(value, cycle), Model())
    with pytest.raises(Mismatch, match=f"^layer y: wrong gives .*{said}"):
        execute(coded(layer, tile("mixpe")), {"x": normal(M, K)}, engine)


@pytest.mark.parametrize("host", [tile, array])
def test_a_whole_network_runs_its_computed_products_on_the_host(host, attention, normal):
    x = {"x": normal(1, 6, 12)}
    design = host("fp16", group=4)
    ran = execute(coded(attention, design), x, Model(), all_tensors=True)
    assert [layer.name for layer in ran.layers] == ["q", "k", "v", "y"]
    assert "scores" in ran.tensors
    y, wanted = ran.outputs["y"], run_float(attention, x)["y"]
    assert np.linalg.norm(y - wanted) < 0.002 * np.linalg.norm(wanted)  # fp16 has 11 bits
    assert plan(attention, design).total.host_operators["MatMul"] == 2
    assert plan(attention, design).total.macs_on_host > 0


def test_convolutions_run_group_by_group(convolutions, normal):
    x = {"x": normal(2, 3, 7, 7)}
    design = tile("multiplier", group=1)
    ran = execute(coded(convolutions, design), x, Model())
    assert [layer.gemm.batch for layer in ran.layers] == [1, 1, 2, 1]
    wanted = run_float(convolutions, x)["y"]
    assert np.linalg.norm(ran.outputs["y"] - wanted) < 0.03 * np.linalg.norm(wanted)


@pytest.mark.parametrize("host", ["tile", "array"])
@pytest.mark.parametrize("name", PES)
def test_a_depth_of_no_whole_groups_is_padded(name, host, layer, normal):
    """K of 48 in groups of 32: near float as whole groups are, and the same codes whatever fills the last."""
    if host == "array" and name not in ARRAYS:
        pytest.skip("not in arrays, or not in groups")
    design = tile(name, 32) if host == "tile" else array(name, 32)
    x = {"x": normal(M, K)}
    ran = execute(coded(layer, design), x, Model())
    most = {"lut1": 0.9, "lut2": 0.6, "lut2-fp16": 0.7, "bitmod_fp3": 0.3}.get(name, 0.2)
    assert ran.layers[0].error < most
    assert ran.layers[0].cycles == plan(layer, design).rows[0].compute_cycles
    assert plan(layer, design).rows[0].groups == 2 and plan(layer, design).rows[0].macs == M * N * K


@pytest.mark.parametrize("name", ["mixpe", "lut1", "lut4", "fp16"])
def test_padding_changes_no_product_of_whole_groups(name, normal):
    """A group of 32 of which 16 are padding gives what the group of 16 does."""
    w, x = 0.1 * normal(K, N), normal(M, K)
    narrow, wide = params(name, 16), params(name, 32)
    alone = quantise_weights(narrow, w[32:])
    filled = quantise_weights(wide, padded_weights(wide, w))
    assert np.array_equal(alone.weights.codes, filled.weights.codes[32:48])
    assert np.array_equal(alone.values, filled.values[32:48])
    assert not padded_activations(wide, x)[:, K:].any()


@pytest.mark.rtl
@pytest.mark.slow
@pytest.mark.parametrize("host", [tile, array])
def test_rtl_of_a_padded_depth_equals_golden(host, layer, normal):
    design = host("mixpe", 32)
    ran = execute(coded(layer, design), {"x": normal(M, K)}, Comparing(Rtl(), Model()))
    assert ran.layers[0].cycles == plan(layer, design).rows[0].compute_cycles


@pytest.mark.parametrize("host", [tile, array])
def test_a_convolution_of_any_kernel_runs_in_groups(host, convolutions, normal):
    """The first layer of every CNN: K of 27."""
    x = {"x": normal(2, 3, 7, 7)}
    ran = execute(coded(convolutions, host("fp16", 16)), x, Model())
    wanted = run_float(convolutions, x)["y"]
    assert np.linalg.norm(ran.outputs["y"] - wanted) < 0.002 * np.linalg.norm(wanted)


def test_weights_that_are_no_numbers_are_named(layer):
    w = layer.constants["w"].copy()
    w[3, 4] = np.nan
    with pytest.raises(BadValue, match=r"^tensor w\[3, 4\] is nan"):
        coded(replace(layer, constants={**layer.constants, "w": w}), tile("mixpe"))


def test_a_format_that_cannot_be_used_names_the_layer(layer):
    design = TileTarget(name="t", tile=TileParams(pe=pe.PES["multiplier"].Params(weight=Int(12), group=16)))
    with pytest.raises(BadValue, match=r"^layer y: pe\.weight is int12; allowed: int2 to int8"):
        coded(layer, design)


def test_bytes_are_at_the_widths_of_the_pe(layer):
    row = plan(layer, tile("lut2")).rows[0]
    assert row.shared_bytes == -(-3 * N * (16 + 3) // 8)  # scale and zero point of 3 groups
    assert row.bytes_read == -(-(K * N * 2 + M * K * 8) // 8) + row.shared_bytes
    assert row.bytes_written == 4 * M * N
    bitmod = plan(layer, tile("bitmod_fp3")).rows[0]
    assert bitmod.shared_bytes == -(-3 * N * (8 + 2) // 8)
    assert bitmod.bytes_read == -(-(K * N * 3 + M * K * 16) // 8) + bitmod.shared_bytes
    assert plan(layer, tile("dequantise")).rows[0].shared_bytes == 3 * N * 2


def test_a_row_of_the_plan_holds_the_tiles_closed_form(layer):
    found = plan(layer, tile("lut2"))
    row, total = found.rows[0], found.total
    steady = 3 * 3 * 3 * (16 // 4) * 2  # blocks, groups, words of a group, cycles of a word
    assert 0 <= row.compute_cycles - steady < 40
    assert row.utilisation == M * N * K / (2 * 3 * 4 / 2 * row.compute_cycles)
    assert total.cycles == max(row.compute_cycles, -(-(row.bytes_read + row.bytes_written) // 16))
    assert total.groups == 16 == MixPeParams(group=16).group
