"""Readers of what people write: designs of every family, lists of shapes, SCALE-Sim topologies, Liberty."""

import tomllib
from dataclasses import asdict
from pathlib import Path

import systola
from synth.liberty import Liberty
from synth.memories import MemoryModel, Shape
from systola import design_file, tables
from tests.fuzz import mutate, toml_text

EXAMPLES = Path(__file__).parents[2] / "examples"
TOPOLOGIES = (
    "Layer,M,N,K,\nfirst,4,5,256,\nsecond,100,32,128,\n",
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "conv1, 8, 9, 3, 3, 4, 16, 1,\nconv_DP, 10, 10, 3, 3, 4, 8, 2,\n",
    "a,4,5,128\nb,1,1,128\n",
)
SHAPES = {
    "name": "mlp",
    "layer": [
        {"name": "hidden", "m": 16, "n": 51, "k": 128, "batch": 2},
        {"name": "last", "m": 16, "n": 5, "k": 256},
    ],
}
LIBRARY = """library (mine) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); nom_voltage : 1.8;
  operating_conditions (typical) { voltage : 1.8; }
  lu_table_template (t) { index_1 ("0.1, 0.2"); }
  cell (NAND2X1) { area : 24.0;
    pin (A) { direction : input; capacitance : 0.02; } pin (B) { direction : input; capacitance : 0.02; }
    pin (Y) { direction : output; function : "(!(A B))"; timing () { related_pin : "A"; } } }
  cell (INVX1) { area : 16; pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } }
  cell (DFFPOSX1) { area : 96; ff (IQ, IQN) { next_state : "D"; clocked_on : "CLK"; }
    pin (D) { direction : input; nextstate_type : data; } pin (CLK) { direction : input; clock : true; }
    pin (Q) { direction : output; function : "IQ"; three_state : "!D"; } }
  cell (LATCH) { area : 50; latch (IQ, IQN) { data_in : "D"; enable : "G"; }
    pin (D, G) { direction : input; } pin (Q) { direction : output; function : "IQ"; } }
}
"""


def text_of(random, tree, path):
    """A damaged tree in TOML, or damaged text of a whole one."""
    if random.random() < 0.85:
        path.write_text(toml_text.dumps(mutate.changed(random, tree)), errors="surrogateescape")
    else:
        path.write_bytes(mutate.bytes_of(random, toml_text.dumps(tree).encode()))
    return path


class Designs:
    """Design files: read, written again, a small network mapped where that is quick."""

    def prepare(self):
        self.trees = [tomllib.loads(path.read_text()) for path in sorted(EXAMPLES.glob("*.toml"))]

    def damage(self, random, folder):
        (folder / "net.csv").write_text(TOPOLOGIES[0])
        return text_of(random, mutate.pick(random, self.trees), folder / "design.toml")

    def use(self, random, path):
        design = design_file.load(path)
        again = path.with_name("again.toml")
        again.write_text(design_file.dump(design))
        assert design_file.load(again) == design
        if getattr(design, "accelerator", None) is not None:
            return design_file.tables(design)
        return printed(systola.map(path.with_name("net.csv"), on=path))


class Shapes:
    """Lists of shapes, mapped."""

    def prepare(self):
        pass

    def damage(self, random, folder):
        return text_of(random, SHAPES, folder / "shapes.toml")

    def use(self, random, path):
        return mapped(random, path)


class Topologies:
    """SCALE-Sim's lists of layers, mapped."""

    def prepare(self):
        pass

    def damage(self, random, folder):
        path, text = folder / "net.csv", mutate.pick(random, TOPOLOGIES)
        if random.random() < 0.15:
            path.write_bytes(mutate.bytes_of(random, text.encode()))
            return path
        rows = mutate.changed(random, [line.split(",") for line in text.splitlines()])
        lines = [",".join(map(str, row)) if isinstance(row, list) else str(row) for row in rows]
        path.write_text("\n".join(lines) + "\n", errors="surrogateescape")
        return path

    def use(self, random, path):
        return mapped(random, path)


def mapped(random, path):
    """`systola map` on one of three designs, and what it prints."""
    on = mutate.pick(random, ("ws16_int8", "os16_int8", "tile8_int8"))
    return printed(systola.map(path, on=EXAMPLES / f"{on}.toml"))


def printed(result):
    assert tables.whole(result)
    return result


class Memories:
    """Memory models of a synthesis."""

    def prepare(self):
        pass

    def damage(self, random, folder):
        tree = {
            "node_nm": 22.0,
            "energy_pj": 1.5,
            "rows": 64,
            "small_bits": 256,
            "source": "mine",
            "voltage": 0.8,
        }
        return text_of(random, tree, folder / "memory.toml")

    def use(self, random, path):
        model = MemoryModel.read(path, "osu018", 1.8)
        return model.as_dict() | asdict(
            model.figures(Shape(words=64, width=32, reads=1, asynchronous=0, writes=1, byte=32))
        )


class Libraries:
    """Liberty files, and what a synthesis asks of them first."""

    def prepare(self):
        pass

    def damage(self, random, folder):
        path = folder / "mine.lib"
        if random.random() < 0.5:
            path.write_bytes(mutate.bytes_of(random, LIBRARY.encode()))
            return path
        words = LIBRARY.split(" ")
        for _ in range(int(random.integers(1, 4))):
            place = int(random.integers(len(words)))
            words[place] = str(
                mutate.pick(
                    random,
                    (
                        mutate.nasty(random, words[place]),
                        "",
                        "{",
                        "}",
                        "(",
                        ")",
                        '"',
                        words[int(random.integers(len(words)))],
                    ),
                )
            )
        path.write_text(" ".join(words), errors="surrogateescape")
        return path

    def use(self, random, path):
        found = Liberty.read(path)
        cells = [found.nand2.name, found.buffer and found.buffer.name, found.tie(0), found.tie(1)]
        return {
            "name": found.name,
            "cells": cells,
            "unusable": found.unusable(),
            "volts": found.voltage,
            "ns": found.time_ns,
            "ff": found.capacitance_ff,
            "areas": [each.area for each in found.cells.values()],
        }
