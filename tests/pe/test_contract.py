"""Every PE of the table has what golden/pe/__init__.py lists, under these names and with these results."""

from importlib import import_module

import numpy as np
import pytest

from golden import pe
from golden.check import BadValue
from golden.formats import Int
from golden.pe import multiplier, quantise, tiled
from systola import pe_table

EVERY = ("STANDS", "EXACT", "GROUPED", "name", "latency", "quantise", "activations")
ORDERED = ("accumulate", "combine", "product", "add_product")
EXACT = ("accumulate", "dot")
TILE = ("lanes", "interval", "activation_bits", "weight_bits", "row_bits", "column_bits", "pack_activations",
        "pack_weights", "group_sum")  # fmt: skip


@pytest.fixture(params=pe.PES)
def kind(request):
    return request.param


@pytest.fixture
def module(kind):
    return pe.PES[kind]


def test_it_has_the_members_of_where_it_stands(module):
    needed = [*EVERY, *(TILE if module.STANDS == ("tile",) else EXACT if module.EXACT else ORDERED)]
    assert not [name for name in needed if not hasattr(module, name)]
    assert module.STANDS in (("array", "tile"), ("tile",))
    assert not [name for name in TILE if "array" in module.STANDS and hasattr(module, name)]


def test_its_params_are_a_design_files_table(kind, module):
    p = module.Params()
    assert module.name(p).startswith(kind) and module.latency(p) >= 0
    assert p.weight.width and p.activation.width and p.accumulator.width and p.group
    assert pe_table.params(pe_table.table(p)) == p


def test_its_group_is_called_depth_by_older_design_files(kind):
    former, today = (pe_table.params({"kind": kind, name: 64}) for name in ("depth", "group"))
    assert former == today and today.group == 64
    with pytest.raises(BadValue, match=r"^pe.depth is given; allowed: pe.group, of"):
        pe_table.params({"kind": kind, "depth": 64, "group": 64})


def test_it_stands_in_an_accelerator_where_sums_are_integers_of_32_bits(module):
    p = module.Params()
    exact = "array" in module.STANDS and module.EXACT
    whole = exact and isinstance(p.accumulator, Int) and p.accumulator.width <= 32
    assert pe.stands(p) == module.STANDS + (("accelerator",) if whole else ())
    wide = multiplier.Params(weight=Int(16), activation=Int(16))
    assert wide.accumulator.width > 32 and "accelerator" not in pe.stands(wide)


def test_real_weights_become_its_codes_and_groups(module):
    p, random = module.Params(group=8), np.random.default_rng(1)
    weights = random.standard_normal((24, 3))
    found = quantise.quantise(p, weights)
    assert found.weights.codes.shape == found.values.shape == (24, 3)
    for shared in (found.weights.scales, found.weights.zeros, found.weights.selectors):
        assert shared is None or shared.shape == (3, 3)
    assert (found.weights.zeros is None or tiled.zero_bits(p)) and np.isfinite(found.values).all()
    assert (found.weights.selectors is not None) <= (tiled.selector_bits(p) > 0)
    values, scale = quantise.activations(p, random.standard_normal((2, 24)), 3)
    assert values.shape == (2, 24) and scale.shape in ((2, 1), (2, 3))
    words = tiled.pack_activations(p, values), tiled.pack_weights(p, found.weights.codes)
    assert [each.shape for each in words] == [(2, 24 // tiled.lanes(p)), (24 // tiled.lanes(p), 3)]


def test_a_groups_sum_is_a_number_of_its_accumulator(module):
    p, random = module.Params(group=8), np.random.default_rng(2)
    weights = quantise.quantise(p, random.standard_normal((8, 3))).weights
    values, _ = quantise.activations(p, random.standard_normal((2, 8)))
    selectors = None if weights.selectors is None else weights.selectors[0]
    sums = tiled.group_sum(p, values, weights.codes, selectors)
    assert sums.shape == (2, 3)
    assert np.array_equal(p.accumulator.decode(p.accumulator.encode(sums)), sums)


def test_its_hardware_has_what_the_tile_places(kind, module):
    hw = import_module(f"hw.pe.{kind}")
    assert hasattr(hw, "Pe")
    assert hasattr(hw, "ColumnUnit") == (module.STANDS == ("tile",)) >= hasattr(hw, "RowUnit")
    assert hasattr(hw, "Combine") == hasattr(module, "combine")
    assert hasattr(hw, "Finish") == hasattr(module, "finish_cycles")
    assert hasattr(hw, "partial") == hasattr(module, "partial")


def test_no_module_of_golden_imports_its_importer():
    """The tile imports the PEs; none of theirs imports the tile."""
    assert not [name for name in vars(pe).values() if getattr(name, "__name__", "").startswith("golden.tile")]
