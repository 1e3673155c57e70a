"""What `reproduce` measures: netlists that compute what golden does, in the smallest of their forms."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from click.testing import CliRunner

from golden import check
from golden.formats import Int
from golden.pe.mixpe import MixPeParams
from golden.pe.multiplier import MultiplierParams
from synth.process import SynthesisError
from synth.sweep import AIMS
from systola.cli import main
from systola.reproduction import SYSTEMS, bitmod, building, lut, measure, operands, parts
from systola.reproduction.blocks import Block, Conditions
from systola.reproduction.cells import DotParams

pytestmark = pytest.mark.rtl

PERIOD = 12.5


@pytest.fixture(scope="module")
def bench():
    try:
        return Conditions.of([], PERIOD)
    except check.BadValue as missing:
        pytest.skip(str(missing))


def quick(part):
    """In one way."""
    return replace(part, flags=("noalumacc",))


def measured(bench, *given):
    blocks = [Block(name=part.name, parts=((quick(part), 1),), macs=1, inside="") for part in given]
    return measure.measure(blocks, bench, lambda *_: None)


def shift_add():
    return parts.cell(
        "shift-add", {"one": MixPeParams()}, partial(operands.narrow, 4), operands.activations_int8
    )


def multiplier():
    p = MultiplierParams(weight=Int(4), group=128)
    forms = {"tool": p, "booth": replace(p, multiplier="booth")}
    return parts.cell("multiplier", forms, partial(operands.narrow, 4), operands.activations_int8)


def test_shift_and_add_is_as_small_as_the_best_multiplier_and_takes_less_power(bench):
    found = measured(bench, shift_add(), multiplier())
    mine, theirs = found["shift-add"], found["multiplier"]
    assert mine.area_um2 < 1.02 * theirs.area_um2
    assert mine.energy_pj < theirs.energy_pj and mine.met and theirs.met
    ways = theirs.parts[0]["ways"]
    assert theirs.area_um2 == min(way["area_um2"] for way in ways) and {way["form"] for way in ways} == {
        "tool",
        "booth",
    }


def test_a_second_measurement_is_looked_up(bench):
    first = measured(bench, shift_add())
    began = perf_counter()
    assert measured(bench, shift_add()) == first
    assert perf_counter() - began < 1


def test_a_clock_that_no_form_meets_is_said(bench):
    found = measured(replace(bench, period_ns=0.5), shift_add())["shift-add"]
    assert not found.met and found.delay_ns > 0.5
    assert {way["aim"] for way in found.parts[0]["ways"]} == set(AIMS)


def test_a_netlist_that_differs_from_golden_is_refused(bench):
    part = shift_add()
    form = part.forms[0]

    def wrong():
        job = form.job()
        return replace(job, expected=job.expected ^ 1)

    bad = replace(part, flags=("",), forms=(replace(form, job=wrong),))
    with pytest.raises(
        SynthesisError, match=r"cell_pe_mixpe.* not what golden has: sum of run 0 in cycle 129"
    ):
        measure.measure([Block(name="bad", parts=((bad, 1),), macs=1, inside="")], bench, lambda *_: None)


def lut_parts():
    p = lut.params(2)
    full = replace(p, table="full")
    serial = lut.dot_block("ADD", DotParams(weight=Int(2, signed=False), group=lut.DEPTH, serial=True))
    rows = [lut.row(p, unit=True), lut.row(full, unit=True), lut.row(p, unit=False)]
    return [lut.lut_cell(p), lut.column(p), *rows, serial.parts[0][0]]


@pytest.mark.parametrize("part", lut_parts(), ids=lambda part: part.name)
def test_tables_and_what_reads_them_compute_what_golden_does(bench, part):
    one = replace(part, name=f"{part.name}, alone", forms=part.forms[:1])
    assert measured(bench, one)[one.name].power_mw > 0  # raises where a netlist differs


@pytest.mark.slow
@pytest.mark.parametrize("datatype", bitmod.DATATYPES)
def test_bit_serial_pes_encoders_and_dequantisers_compute_what_golden_does(bench, datatype):
    block = bitmod.bitmod_tile(datatype)
    assert measure.measure([block], bench, lambda *_: None)[block.name].power_mw > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SYSTEMS)
def test_bands_are_met_or_beaten_or_it_is_said_why(bench, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["reproduce", name])
    assert result.exit_code == 0, result.output
    claims = json.loads(Path(f"{name}-reproduced/{name}.json").read_text())["claims"]
    assert all(claim["verdict"] in ("met", "beaten") or claim["why"] for claim in claims if claim["band"])
    assert all(claim["value"] is not None for claim in claims)


@pytest.mark.parametrize("width", [3, 8, 13, 64, 80])
def test_words_are_driven_modulo_their_width(width):
    values = np.array([[-1, 5], [1 << 40, -(1 << 40)]], object)
    found = building.driven(values if width > 64 else values.astype(np.int64), width)
    whole = [[int.from_bytes(bytes(each), "little") for each in row] for row in found]
    assert whole == [[int(value) % (1 << width) for value in row] for row in values]
