"""Plans: figures that add up, fields that scripts rely on, what runs where."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from golden.check import BadValue
from golden.systolic.cycles import losses
from mapping.cost import energy
from mapping.frontends import load
from mapping.layers import layers
from mapping.network import ShapeLayer, ShapeNetwork
from mapping.plan import plan

FIELDS = [
    "name", "operator", "m", "n", "k", "unit", "dataflow", "tiles", "compute_cycles", "cycles",
    "utilisation", "bytes_read", "bytes_written", "bound", "losses", "energy_pj",
]  # fmt: skip


def shapes(*sizes):
    found = [
        ShapeLayer(name=f"l{i}", operator="Gemm", m=m, n=n, k=k, batch=batch)
        for i, (m, n, k, batch) in enumerate(sizes)
    ]
    return ShapeNetwork(name="shapes", layers=tuple(found))


SHAPES = shapes((1, 1, 1, 1), (3, 2, 2, 1), (50, 7, 33, 1), (9, 40, 64, 5))


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_losses_of_every_layer_add_up_to_its_cycles(target, dataflow):
    for row in plan(SHAPES, target(dataflow=dataflow)).layers:
        assert sum(row.losses.values()) == pytest.approx(row.cycles)
        assert all(loss >= 0 for loss in row.losses.values())


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_losses_of_the_total_add_up_to_its_cycles(target, dataflow):
    total = plan(SHAPES, target(dataflow=dataflow)).total
    assert sum(total.losses.values()) == pytest.approx(total.cycles)
    assert total.losses["useful"] == pytest.approx(total.utilisation * total.compute_cycles)


def test_losses_are_goldens(target):
    found = plan(SHAPES, target())
    for row in found.layers:
        memory = {"memory": row.cycles - row.compute_cycles}
        assert row.losses == losses(found.schedules[row.name]) | memory


def test_utilisation_is_the_useful_share(target):
    for row in plan(SHAPES, target()).layers:
        assert row.utilisation == pytest.approx(row.losses["useful"] / row.compute_cycles)


def test_a_row_has_every_field_of_the_json(target):
    row = plan(SHAPES, target()).as_dict()["layers"][0]
    assert [name for name in FIELDS if name not in row] == []


def test_the_plan_is_json(target):
    found = plan(SHAPES, target()).as_dict()
    assert json.loads(json.dumps(found)) == found


def test_totals_are_sums(target):
    found = plan(SHAPES, target())
    for name in ("macs", "compute_cycles", "cycles", "bytes_read", "bytes_written", "energy_pj"):
        assert getattr(found.total, name) == pytest.approx(sum(getattr(row, name) for row in found.layers))


def test_all_macs_of_a_network_are_on_the_array(target, attention):
    found = plan(attention, target())
    assert found.total.macs == sum(x.gemm.macs for x in layers(attention))
    assert found.total.macs_on_host == 0.0


def test_host_operators_are_counted(target, attention):
    found = plan(attention, target())
    wanted = {"Div": 1, "Reshape": 4, "Softmax": 1, "Transpose": 4}
    assert {row.operator: row.count for row in found.rows if row.unit == "host"} == wanted
    assert found.total.host_operators == wanted


def test_codes_are_written_narrow_and_sums_wide(target, attention):
    found = {row.name: row for row in plan(attention, target(accumulator_rows=256)).layers}
    assert found["q"].bytes_written == 6 * 12
    assert found["y"].bytes_written == 6 * 12 * 3  # 24 bits: 256 products of 8 x 8


def test_a_slow_memory_bounds_a_matrix_by_a_vector(target):
    vector = shapes((1, 256, 256, 1))
    assert plan(vector, target(bytes_per_cycle=1)).layers[0].bound == "memory"


def test_reuse_makes_compute_the_bound(target):
    assert plan(shapes((48, 48, 48, 1)), target(bytes_per_cycle=16)).layers[0].bound == "compute"


def test_energy_says_it_is_a_model(target):
    assert plan(SHAPES, target()).total.energy_source.startswith("model: ")


@pytest.mark.parametrize("size, picojoules", [(8192, 10 / 8), (32768, 20 / 8), (1 << 20, 100 / 8)])
def test_sram_energy_passes_through_the_published_points(size, picojoules):
    assert energy.sram(size) == pytest.approx(picojoules)


def test_a_multiply_accumulate_of_eight_bits_costs_what_was_published(target):
    acc = target().unit.pe.accumulator.width
    assert energy.mac(target().unit.pe) == pytest.approx(0.2 + 0.1 * acc / 32)


def test_energy_of_one_product_of_two_numbers(target):
    unit = target(rows=1, cols=1, accumulator_rows=32, bytes_per_cycle=16, activation_buffer=8192,
                  weight_buffer=8192)  # fmt: skip
    acc = unit.unit.pe.accumulator.width
    word = -(-acc // 8)
    near = (1 + 1 + 2 * word) * 10 / 8  # both operands, and the sum's read and write, in 8 kB or less
    far = 3 * (1950 / 8 + 10 / 8)
    row = plan(shapes((1, 1, 1, 1)), unit).layers[0]
    assert row.energy_pj == pytest.approx(energy.mac(unit.unit.pe) + near + far)


def test_four_bit_weights_halve_the_multiplication(target):
    acc = target(weight="int4").unit.pe.accumulator.width
    assert energy.mac(target(weight="int4").unit.pe) == pytest.approx(0.1 + 0.1 * acc / 32)


def test_a_layer_that_does_not_fit_is_named(target):
    with pytest.raises(BadValue, match="layer l1: K is 500"):
        plan(shapes((1, 1, 1, 1), (1, 1, 500, 1)), target())


def test_a_network_without_products_runs_on_the_host_alone(target, build):
    empty = build({"x": (1, 2)}, {}, ("Relu", "x", "y", (1, 2)))
    found = plan(empty, target())
    assert found.layers == []
    assert (found.total.cycles, found.total.macs, found.total.utilisation) == (0, 0, 0)
    assert found.total.host_operators == {"Relu": 1}


def test_planning_a_large_network_takes_well_under_a_second(target):
    many = shapes(*((200 + i, 512, 768, 1) for i in range(50)))
    large = target(rows=16, cols=16, group=4096, accumulator_rows=1024, activation_buffer=1 << 17,
                   weight_buffer=1 << 17, multiplier_bits=14)  # fmt: skip
    start = time.perf_counter()
    plan(many, large)
    assert time.perf_counter() - start < 1


def test_a_scale_sim_topology_is_planned(target, tmp_path):
    table = Path(tmp_path) / "net.csv"
    table.write_text("Layer, M, N, K,\nfc1, 10, 20, 30,\n")
    row = plan(load(table), target()).layers[0]
    assert (row.m, row.n, row.k) == (10, 20, 30)


def test_a_product_of_ten_to_the_five_takes_less_than_a_second_and_200_mib(target):
    large = target(rows=16, cols=16, group=1 << 15, accumulator_rows=1024, activation_buffer=1 << 17,
                   weight_buffer=1 << 17, multiplier_bits=14)  # fmt: skip
    tracemalloc.start()
    start = time.process_time()
    found = plan(shapes((100_000, 100_000, 32_000, 1)), large)
    took, (_, most) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.total.macs == 32 * 10**13
    assert took < 1
    assert most < 200 << 20
