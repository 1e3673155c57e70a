"""Memories on ASIC are macros: their shapes, and area, energy and access time from a stated model.

No foundry's memory compiler is public, so the figures are a model's. What is a published fact:

    6T cell, um2      180 nm 5.59, 130 nm 2.45, 90 nm 1.0, 65 nm 0.57, 45 nm 0.346, 32 nm 0.171, 22 nm 0.092,
                      14 nm 0.0588, 10 nm 0.0312: Intel's papers on each process (IEDM 1998, 2000, 2002, 2004,
                      2007, 2008, VLSI 2012, IEDM 2014, 2017). 7 nm 0.027: TSMC, ISSCC 2017.
    an 8T cell        one write, one read port: 30 % larger than 6T (Chang et al., VLSI 2005)
    energy            64 bits of a cache at 45 nm and 0.9 V: 10 pJ of 8 KB, 20 pJ of 32 KB, 100 pJ of 1 MB
                      (Horowitz, ISSCC 2014, "Computing's Energy Problem"), so about the root of the size
    access time       one gate delay more for each doubling (Amrutur and Horowitz, JSSC 2000); a gate delay,
                      the fan-out-of-four inverter, is 0.36 ns per um of gate (Ho, Mai, Horowitz, 2001)

What is our model's: `rows` of overhead for sense amplifiers and drivers and `columns` of it for decoders, the
column multiplexer chosen for the least area; a cell that grows by 15 % a side with each port after the first
(1.32 for two, as the 8T cell); energy in proportion to the word's width, to node (capacitance) and to the
voltage squared; a base of 8 gate delays at 1 Kbit, 2 for setup. No leakage, no test logic, no redundancy.
A read in the cycle in which its word is written gives the old word.
"""

import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from golden import files
from golden.check import fail

CELL_UM2 = {
    180: 5.59,
    130: 2.45,
    90: 1.0,
    65: 0.57,
    45: 0.346,
    32: 0.171,
    22: 0.092,
    14: 0.0588,
    10: 0.0312,
    7: 0.027,
}
NODES = {"osu018": 180, "osu035": 350, "osu050": 500, "sky130": 130, "nangate": 45, "asap7": 7, "gf180": 180}
SMALL_BITS = 256  # up to here flip-flops are smaller than any macro of the model, and what is generated


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """words of `width` bits; clocked `reads`, `asynchronous` reads, `writes`; `byte` bits a write enable."""

    words: int
    width: int
    reads: int
    asynchronous: int
    writes: int
    byte: int

    @property
    def name(self) -> str:
        ports = f"{self.reads}r" if self.reads else ""
        ports += f"{self.asynchronous}a" if self.asynchronous else ""
        masked = f"_b{self.byte}" if self.byte != self.width else ""
        return f"memory_{self.words}x{self.width}_{ports}{self.writes}w{masked}"

    @property
    def bits(self) -> int:
        return self.words * self.width

    @property
    def ports(self) -> int:
        return self.reads + self.asynchronous + self.writes

    @property
    def address_bits(self) -> int:
        return max(1, (self.words - 1).bit_length())

    @property
    def enables(self) -> int:
        """Bits of a write port's enable."""
        return self.width // self.byte


@dataclass(frozen=True, slots=True)
class Figures:
    """area_um2; read_pj and write_pj of one access; access_ns from clock (or address) to data; setup_ns."""

    area_um2: float
    read_pj: float
    write_pj: float
    access_ns: float
    setup_ns: float


@dataclass(frozen=True, slots=True)
class MemoryCell:
    """One memory of a netlist. cell: its name there, or "" where it was built of flip-flops. path: where."""

    path: str
    name: str
    shape: Shape
    figures: Figures | None
    cell: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryModel:
    """The model's figures; `source` is what a report says of them. Lengths in cells, energy in pJ.

    energy_pj    64 bits of 65536, at this node and voltage
    small_bits   a memory up to this size is built of flip-flops, on purpose
    """

    node_nm: float
    voltage: float
    cell_um2: float
    energy_pj: float
    gate_delay_ns: float
    rows: float = 64
    columns: float = 32
    port_growth: float = 0.15
    base_delays: float = 8
    setup_delays: float = 2
    small_bits: int = SMALL_BITS
    source: str = "model: 6T cell by node, energy after Horowitz (ISSCC 2014)"

    @classmethod
    def at(cls, node_nm: float, voltage: float) -> "MemoryModel":
        """The model at a node; BadValue outside 5 to 1000 nm."""
        if not 5 <= node_nm <= 1000:
            raise fail("memory model: node_nm", node_nm, "5 to 1000")
        volts = voltage or 0.9
        return cls(
            node_nm=node_nm,
            voltage=volts,
            cell_um2=cell_area(node_nm),
            energy_pj=10 * (node_nm / 45) * (volts / 0.9) ** 2,
            gate_delay_ns=0.36 * node_nm / 1000,
        )

    @classmethod
    def read(cls, path: Path, library: str, voltage: float) -> "MemoryModel":
        """The model with a user's own figures: a TOML file with some of this class' fields as keys."""
        given = toml(path)
        kinds: dict[str, tuple[type, ...]] = {one.name: (int, float) for one in fields(cls)}
        kinds |= {"source": (str,), "small_bits": (int,)}
        for key, value in given.items():
            if key not in kinds:
                raise fail(f"{path}: {key}", "no key of a memory model", ", ".join(kinds))
            if not isinstance(value, kinds[key]) or isinstance(value, bool):
                raise fail(f"{path}: {key}", repr(value), "text" if key == "source" else "a number")
            least = 1e-9 if key in POSITIVE else 0
            if isinstance(value, int | float) and not least <= value <= MOST:
                raise fail(f"{path}: {key}", value, "a number over 0" if key in POSITIVE else "0 or more")
        node = given.get("node_nm") or node_of(library)
        base = cls.at(float(node), float(given.get("voltage", voltage)))
        return replace(base, **{"source": f"model: {path.name}", **given})

    def figures(self, shape: Shape) -> Figures:
        """Figures of a macro of `shape`."""
        side = 1 + self.port_growth * (shape.ports - 1)
        cells = min(
            (math.ceil(shape.words / mux) + self.rows) * (shape.width * mux + self.columns)
            for mux in (1, 2, 4, 8, 16, 32)
        )
        energy = self.energy_pj * math.sqrt(shape.bits / 65536) * shape.width / 64
        delays = max(self.base_delays + math.log2(shape.bits / 1024), self.base_delays / 2)
        return Figures(
            area_um2=cells * self.cell_um2 * side**2,
            read_pj=energy,
            write_pj=energy,
            access_ns=delays * self.gate_delay_ns,
            setup_ns=self.setup_delays * self.gate_delay_ns,
        )

    def as_dict(self) -> dict[str, Any]:
        """For a report and for a key."""
        return asdict(self)


MOST = 1e9  # of any figure of a model
POSITIVE = ("node_nm", "voltage", "cell_um2", "energy_pj", "gate_delay_ns")


def toml(path: Path) -> dict[str, Any]:
    return files.toml(path, "a TOML file of a memory model")


def cell_area(node_nm: float) -> float:
    """um2 of a 6T cell: published, or the nearest published one scaled by the node's square."""
    nearest = min(CELL_UM2, key=lambda node: abs(math.log(node / node_nm)))
    return CELL_UM2[nearest] * (node_nm / nearest) ** 2


def node_of(library: str) -> float:
    """nm, from a library's name; BadValue where it says nothing."""
    name = library.lower()
    for known, node in NODES.items():
        if known in name:
            return node
    raise fail(
        "memory model: the node", f"not in the library's name {library}", "a memory model with node_nm"
    )


def model_for(library: str, voltage: float, path: Path | None = None) -> MemoryModel:
    """The model of a library: `path`'s, else the one that its name and nominal voltage give."""
    return MemoryModel.read(path, library, voltage) if path else MemoryModel.at(node_of(library), voltage)


def shape_of(name: str, cell: dict[str, Any]) -> Shape | None:
    """The Shape of a `$mem_v2` of Yosys' JSON; None for a ROM. BadValue if no macro can be it."""
    p, ties = cell["parameters"], cell["connections"]
    reads, writes, width = (int(p[key], 2) for key in ("RD_PORTS", "WR_PORTS", "WIDTH"))
    if writes == 0:
        return None
    if set(p["INIT"]) - {"x"}:
        raise fail(f"memory {name}", "written and with contents at the start", "one of the two")
    edges = {
        *p["WR_CLK_POLARITY"],
        *(e for e, on in zip(p["RD_CLK_POLARITY"], p["RD_CLK_ENABLE"], strict=True) if on == "1"),
    }
    if "0" in p["WR_CLK_ENABLE"] or edges != {"1"}:
        raise fail(f"memory {name}", "not written at a rising edge", "memories of one rising edge")
    clocked = p["RD_CLK_ENABLE"].count("1") if reads else 0
    return Shape(int(p["SIZE"], 2), width, clocked, reads - clocked, writes, byte_of(ties["WR_EN"], width))


def byte_of(enables: list[Any], width: int) -> int:
    """The most bits that are always written together and divide a word evenly."""
    borders = [at for at in range(len(enables)) if at % width and enables[at] != enables[at - 1]]
    return math.gcd(width, *(at % width for at in borders))
