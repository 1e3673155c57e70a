"""A plan in closed form is the exact one but for its cycles, and these are near; it looks at no weights."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from mapping.backends.program import closed_form
from mapping.legalise.shapes import shaped
from mapping.network import ConvShape, ShapeLayer, ShapeNetwork
from mapping.unknown import without_weights
from systola import design_file
from systola.families import control_of
from tests.frozen.networks import NETWORKS
from tests.mapping.backends.program.plans import ALLOWED, COSTLY, ROOT, TARGET, closed, exact, source

EXACT = ("name", "operator", "unit", "batch", "m", "n", "k", "macs", "compute_cycles", "utilisation")
HOSTED = ("ws16_int8", "os16_int8", "ws16_mixpe_w4a8", "tile8_int8", "tile8_bitmod_fp4")
SUMS = ("compute_cycles", "bytes_written", "macs")


def slow(names):
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", [*(n for n in ALLOWED if n != "elementwise"), *slow(COSTLY)])
def test_all_but_cycles_is_that_of_the_program(name):
    found = source(name)
    made, wanted = closed(found), exact(found)
    assert [[getattr(row, key) for key in EXACT] for row in made.rows] == [
        [getattr(row, key) for key in EXACT] for row in wanted.rows
    ]
    assert [getattr(made.total, key) for key in SUMS] == [getattr(wanted.total, key) for key in SUMS]
    # values decide which tables are alike
    assert made.total.bytes_read == pytest.approx(wanted.total.bytes_read, rel=0.001)
    assert made.total.energy_pj == pytest.approx(wanted.total.energy_pj, rel=0.001)
    assert made.total.cycles == pytest.approx(wanted.total.cycles, rel={**ALLOWED, **COSTLY}[name] / 100)


def test_what_values_decide_is_said():
    found = source("elementwise")
    made, wanted = closed(found), exact(found)
    assert made.total.cycles == pytest.approx(wanted.total.cycles, rel=ALLOWED["elementwise"] / 100)
    assert all("values decide" in row.reason for row in made.rows if "window" in row.name)


@pytest.mark.parametrize("name", ["convolutions", "attention"])
def test_no_weight_is_looked_at(name):
    found = source(name)
    assert found.network is not None
    random = np.random.default_rng(1)
    products = {tensor for node in found.network.nodes if node.is_product for tensor in node.inputs[:2]}
    constants = {
        tensor: random.normal(size=value.shape).astype(value.dtype) if tensor in products else value
        for tensor, value in found.network.constants.items()
    }
    others = replace(found, network=replace(found.network, constants=constants))
    assert closed(others) == closed(found)


@pytest.mark.parametrize("design", HOSTED)
@pytest.mark.parametrize("name", ["dense", "convolutions", "attention", "shapes"])
def test_plans_with_a_host_are_in_closed_form_and_need_no_weights(name, design):
    target = design_file.load(ROOT / "examples" / f"{design}.toml")
    control = control_of(target)
    with TemporaryDirectory() as folder:
        network = control.read(NETWORKS[name].make(Path(folder)).path, target)
    made = control.plan(network, target, exact=True)
    if name != "shapes":
        network = without_weights(network)
    assert control.plan(network, target, exact=False) == made


@pytest.mark.parametrize("name", ALLOWED)
def test_rows_add_up(name):
    made = closed(source(name))
    assert sum(row.cycles for row in made.rows) == made.total.cycles
    for row in made.rows:
        assert sum(row.losses.values()) == pytest.approx(row.cycles)


def test_layers_known_by_their_shapes():
    conv = ConvShape(in_h=30, in_w=30, kernel_h=3, kernel_w=3, channels=16, filters=40)
    layers = (
        ShapeLayer(name="conv", operator="Conv", m=784, n=40, k=144, conv=conv),
        ShapeLayer(name="gemm", operator="Gemm", m=64, n=48, k=80, batch=3),
    )
    network = ShapeNetwork(name="shapes", layers=layers)
    made = closed_form.plan("shapes", TARGET, shaped(network, TARGET.accelerator))
    assert [(row.name, row.macs) for row in made.rows] == [(each.name, each.macs) for each in layers]
    assert made.rows[0].compute_cycles == 9 * 3 * 784
    assert made.rows[1].compute_cycles == 3 * 5 * 3 * 64
