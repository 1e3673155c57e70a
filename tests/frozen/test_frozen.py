"""Outputs, cycles, figures and hardware are what they were; what moves is named: where, was, is.

Who moves a figure on purpose writes `python -m tests.frozen --write NAME`, and its reason in CHANGELOG.md.
"""

import warnings

import pytest

from golden.check import BadValue
from tests.frozen import adapter, parts
from tests.frozen.__main__ import moved
from tests.frozen.adapter import DESIGNS
from tests.frozen.files import differences, environment, read
from tests.frozen.grids import GRIDS
from tests.frozen.networks import NETWORKS

# a plan of a costly network is made anew on one design of each way to map; all else of it is slow
PLANNED = ("accelerator16_int8", "is16_int8", "os16_int8", "tile2x64_lut_w2a8", "tile8_int8", "ws16_bf16",
           "ws16_int4", "ws16_int8")  # fmt: skip
LONG_PLANS = {("resnet50", "accelerator16_int8")}
EMITTED = ("tile8_int8", "ws16_fp16", "ws16_int8")  # Verilog that is not slow: one of each way to a top
RUN_ALONE = frozenset({"outputs", "digest", "error", "cosine"})  # figures that `map` has not


def slow_unless(quick: bool, *values: str):
    return pytest.param(*values, marks=() if quick else pytest.mark.slow, id="-".join(values))


def same(where: str, frozen, found, left_out=frozenset()) -> None:
    lines = differences(where, frozen, found, left_out)
    assert not lines, "\n".join(["not as frozen:", *lines])


def compare(network: str, design: str, *, plan_alone: bool = False) -> None:
    """A network on a design; what this processor may round otherwise is left out, and said."""
    frozen = read(f"networks/{network}")
    was, runs = frozen[design], NETWORKS[network].runs_on(design)
    left_out = RUN_ALONE if plan_alone and runs else frozenset()
    if not NETWORKS[network].exact and runs and not plan_alone and frozen[parts.BY] != environment():
        warnings.warn(f"real numbers of {network} are frozen by {frozen[parts.BY]}, and here is "
                      f"{environment()}: not compared", stacklevel=2)  # fmt: skip
        left_out |= RUN_ALONE  # which depend on how a processor rounds sums
    try:
        found = parts.record(network, design, plan_alone=plan_alone)
    except BadValue as missing:  # a refusal is a record; this is a package that is not here
        pytest.skip(str(missing))
    if plan_alone and "refused" in was:
        refused = {key: why for key, why in was["refused"].items() if key != "run"}
        was = {**was, "refused": refused}
        left_out |= set() if refused else {"refused"}
    same(f"{design}, {network}", was, found, left_out)


@pytest.mark.parametrize("network, design", [
    slow_unless(not NETWORKS[network].costly, network, design) for network in NETWORKS for design in DESIGNS
])  # fmt: skip
def test_a_network_gives_what_it_gave(network, design):
    compare(network, design)


@pytest.mark.broad
@pytest.mark.parametrize("network, design", [
    slow_unless((network, design) not in LONG_PLANS, network, design)
    for network in NETWORKS if NETWORKS[network].costly for design in PLANNED
])  # fmt: skip
def test_a_trained_network_is_planned_as_it_was(network, design):
    compare(network, design, plan_alone=True)


@pytest.mark.parametrize("formula", GRIDS)
def test_a_formula_of_cycles_gives_what_it_gave(formula):
    same(formula, read(f"cycles/{formula}")[formula], parts.of_grid(formula, ())[formula])


def same_hardware(part: str, maker: str, design: str, hashes) -> None:
    frozen = read(part)
    if frozen[parts.BY] != maker:
        pytest.skip(f"{part} is frozen by {frozen[parts.BY]}, and here is {maker}: not compared")
    same(f"{design}, {part}", frozen[design], hashes(design))


@pytest.mark.rtl
@pytest.mark.parametrize("design", DESIGNS)
def test_amaranth_makes_the_same_modules(design):
    same_hardware("rtlil", adapter.elaborator(), design, parts.rtlil)


@pytest.mark.rtl
@pytest.mark.parametrize("design", [slow_unless(design in EMITTED, design) for design in DESIGNS])
def test_verilog_is_the_same_to_the_byte(design):
    same_hardware("verilog", adapter.emitter(), design, parts.verilog)


@pytest.mark.parametrize("name", parts.TEXTS)
def test_the_command_set_and_the_registers_are_the_same(name):
    assert moved(name) == []


@pytest.mark.parametrize("part", [*(f"networks/{name}" for name in NETWORKS), "rtlil", "verilog"])
def test_every_example_is_frozen(part):
    assert set(read(part)) == {parts.BY, *DESIGNS}, f"python -m tests.frozen --write {part}"


def test_what_moved_is_named():
    frozen = {"layer a": {"cycles": 5, "macs": 7}, "layer b": {"cycles": 1}}
    found = {"layer a": {"cycles": 6, "macs": 7, "new": 1}, "layer c": {"cycles": 1}}
    assert differences("d, n", frozen, found, frozenset({"macs"})) == [
        "d, n, layer a, cycles: was 5, is 6",
        "d, n, layer b: was {'cycles': 1}, is nothing",
        "d, n, layer c: was nothing, is {'cycles': 1}",
    ]
