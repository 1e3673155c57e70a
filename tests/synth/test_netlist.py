"""Netlists of Yosys: counted through the hierarchy, and every instance by its path."""

import json
from collections import Counter

import pytest

from golden.check import BadValue
from synth.netlist import Netlist


def cell(kind):
    return {"type": kind, "connections": {"A": [2], "Y": [3]}, "parameters": {},
            "port_directions": {"A": "input", "Y": "output"}}  # fmt: skip


def module(cells, box=False):
    ports = {"a": {"direction": "input", "bits": [2]}, "y": {"direction": "output", "bits": [3]}}
    attributes = {"blackbox": "1"} if box else {}
    nets = {"a": {"bits": [2]}}
    return {"attributes": attributes, "ports": ports, "cells": cells, "netnames": nets}


@pytest.fixture
def path(tmp_path):
    modules = {
        "LUT4": module({}, box=True),
        "leaf": module({"x": cell("LUT4"), "y": cell("LUT4")}),
        "pair": module({"one": cell("leaf"), "two": cell("leaf"), "own": cell("FF")}),
        "top": module({"left": cell("pair"), "right": cell("leaf")}),
    }
    file = tmp_path / "n.json"
    file.write_text(json.dumps({"modules": modules}))
    return file


def test_cells_are_counted_through_the_hierarchy(path):
    assert Netlist.read(path, "top").kinds("top") == Counter({"LUT4": 6, "FF": 1})


def test_each_instance_has_its_path_and_its_own_cells(path):
    found = {each.path: (each.module, dict(each.own)) for each in Netlist.read(path, "top").instances()}
    assert found == {
        "": ("top", {}),
        "left": ("pair", {"FF": 1}),
        "left.one": ("leaf", {"LUT4": 2}),
        "left.two": ("leaf", {"LUT4": 2}),
        "right": ("leaf", {"LUT4": 2}),
    }


def test_a_cell_knows_which_ports_drive(path):
    (given, *_) = Netlist.read(path, "top").modules["leaf"].cells.values()
    assert given.outputs == {"Y"}


def test_an_unknown_top_is_refused(path):
    with pytest.raises(BadValue, match="module is absent; allowed: leaf, pair, top"):
        Netlist.read(path, "absent")
