"""Execution: the same bits from every engine, and a mismatch that says where it is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.blocks import Job, Result
from golden.check import BadValue
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import DATAFLOWS, MatrixUnitParams
from mapping.network import ShapeLayer, ShapeNetwork
from mapping.plan import plan
from mapping.quantise.networks import quantise_products
from mapping.run.host import execute
from mapping.run.shapes import execute_shapes, operands
from sim.device import Comparing, Golden, Mismatch, Model

AXIS = st.integers(1, 20)
WIDTH = st.integers(2, 10)


@st.composite
def products(draw):
    """A schedule on a small unit of any widths, and operands for it."""
    pe = MultiplierParams(weight=Int(draw(WIDTH)), activation=Int(draw(WIDTH), draw(st.booleans())), group=64)
    unit = MatrixUnitParams(
        rows=draw(st.integers(1, 5)), cols=draw(st.integers(1, 5)), dataflow=draw(st.sampled_from(DATAFLOWS)),
        pe=pe, out=Int(draw(st.integers(2, 8)), draw(st.booleans())),
    )  # fmt: skip
    gemm = Gemm(m=draw(AXIS), n=draw(AXIS), k=draw(AXIS), batch=draw(st.integers(1, 2)))
    tiling = Tiling(stream=draw(st.integers(1, 20)), columns_first=draw(st.booleans()))
    given = operands(unit, gemm, np.random.default_rng(draw(st.integers(0, 99))))
    given = given if draw(st.booleans()) else given._replace(scaling=None)
    return Job(name="a", p=unit, shape=Schedule(unit, gemm, tiling), operands=given)


class Wrong(Model):
    """One value off by one, or one cycle more."""

    name = "wrong"

    def __init__(self, value=0, cycles=0):
        self.value, self.more = value, cycles

    def run(self, job):
        found = super().run(job)
        values = found.values.copy()
        values[-1, 1, 2] += self.value
        return Result(outputs={"o": values}, cycles=found.cycles + self.more)


@settings(max_examples=150, deadline=None)
@given(products())
def test_golden_tile_by_tile_equals_the_model(job):
    golden, model = (device.run(job) for device in (Golden(), Model()))
    assert (golden.values == model.values).all()


@settings(max_examples=50, deadline=None)
@given(products())
def test_the_model_equals_integers_of_any_size(job):
    left, right, _ = job.operands
    sums = replace(job, operands=job.operands._replace(scaling=None))
    wanted = np.einsum("bmk,bkn->bmn", left.astype(object), right.astype(object))
    assert (Model().run(sums).values == wanted).all()


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("network, shape", [("attention", (1, 6, 12)), ("convolutions", (2, 3, 7, 7))])
def test_networks_are_equal_on_both_engines(request, target, normal, dataflow, network, shape):
    network = request.getfixturevalue(network)
    samples = [{"x": normal(*shape)} for _ in range(2)]
    found = quantise_products(network, target(dataflow=dataflow, group=64, accumulator_rows=128), samples)
    golden, model = (execute(found, samples[0], engine) for engine in (Golden(), Model()))
    assert [run.digest for run in golden.layers] == [run.digest for run in model.layers]
    assert (golden.outputs["y"] == model.outputs["y"]).all()


def test_the_dataflow_does_not_change_the_outputs(target, attention, normal):
    samples, found = [{"x": normal(1, 6, 12)}], []
    for dataflow in DATAFLOWS:
        design = target(dataflow=dataflow, group=64, accumulator_rows=128)
        quantised = quantise_products(attention, design, samples)
        found.append(execute(quantised, samples[0], Model()).outputs["y"])
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all()


def test_layers_run_as_they_were_planned(target, attention, normal):
    sample = {"x": normal(1, 6, 12)}
    run = execute(quantise_products(attention, target(group=64), [sample]), sample, Model())
    rows = plan(attention, target(group=64)).layers
    assert [(x.name, x.cycles) for x in run.layers] == [(x.name, x.compute_cycles) for x in rows]


def test_progress_is_told_of_every_layer(target, attention, normal):
    sample, told = {"x": normal(1, 6, 12)}, []
    quantised = quantise_products(attention, target(group=64), [sample])
    execute(quantised, sample, Model(), progress=lambda *x: told.append(x))
    assert told[0] == ("q", 1, 6) and told[-1] == ("y", 6, 6)


def test_tensors_are_kept_on_request(target, attention, normal):
    sample = {"x": normal(1, 6, 12)}
    quantised = quantise_products(attention, target(group=64), [sample])
    kept = execute(quantised, sample, Model(), all_tensors=True).tensors
    assert kept["q"].dtype == np.int64 and kept["share"].dtype == np.float32
    assert execute(quantised, sample, Model()).tensors == {}


def test_inputs_of_another_shape_are_refused(target, attention, normal):
    quantised = quantise_products(attention, target(group=64), [{"x": normal(1, 6, 12)}])
    with pytest.raises(BadValue, match=r"x\.shape is \[1, 5, 12\]; allowed: \[1, 6, 12\]"):
        execute(quantised, {"x": normal(1, 5, 12)}, Model())


def small_product():
    unit = MatrixUnitParams(rows=2, cols=2, pe=MultiplierParams(group=64))
    given = operands(unit, Gemm(m=3, n=4, k=5), np.random.default_rng(0))
    schedule = Schedule(unit, Gemm(m=3, n=4, k=5), Tiling(stream=3))
    return Job(name="fc1", p=unit, shape=schedule, operands=given)


def test_a_wrong_value_is_named_with_layer_place_and_both_values():
    right = Model().run(small_product()).values[0, 1, 2]
    message = rf"layer fc1: wrong gives {right + 1} at o\[0, 1, 2\], model {right} \(1 of 12 values differ\)"
    with pytest.raises(Mismatch, match=message):
        Comparing(Wrong(value=1), Model()).run(small_product())


def test_wrong_cycles_are_a_mismatch():
    with pytest.raises(Mismatch, match=r"layer fc1: wrong gives \d+ cycles, model \d+"):
        Comparing(Wrong(cycles=1), Model()).run(small_product())


def test_equal_engines_pass_the_comparison():
    found = Comparing(Golden(), Model()).run(small_product())
    assert (found.values == Model().run(small_product()).values).all()


SHAPES = ShapeNetwork(
    name="s",
    layers=(
        ShapeLayer(name="a", operator="Gemm", m=40, n=30, k=64),
        ShapeLayer(name="b", operator="Conv", m=9, n=5, k=27, batch=2),
    ),
)


def test_shapes_run_alike_with_one_seed(target):
    first, second = (execute_shapes(SHAPES, target(), Model(), seed=7) for _ in range(2))
    assert [run.digest for run in first.layers] == [run.digest for run in second.layers]


def test_another_seed_gives_other_values(target):
    first, second = (execute_shapes(SHAPES, target(), Model(), seed=seed) for seed in (7, 8))
    assert first.layers[0].digest != second.layers[0].digest


@pytest.mark.parametrize("activation, out", [("int8", "int8"), ("uint8", "uint8")])
def test_random_codes_spread_over_the_output(target, activation, out):
    codes = execute_shapes(SHAPES, target("int8", activation, out), Model()).outputs["a"]
    assert len(np.unique(codes)) > 100


def test_random_operands_reach_both_ends_of_their_formats(target):
    unit = target("int4", "uint8").unit
    left, right, _ = operands(unit, Gemm(m=100, n=100, k=100), np.random.default_rng(1))
    assert (left.min(), left.max(), right.min(), right.max()) == (0, 255, -8, 7)


def test_shapes_report_progress(target):
    told = []
    execute_shapes(SHAPES, target(), Model(), progress=lambda *x: told.append(x))
    assert told == [("a", 1, 2), ("b", 2, 2)]
