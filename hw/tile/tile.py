"""The dot-product tile. Golden: golden.tile.tile; its streams' words: golden.tile.words.

    left -> row units -> broadcast to the columns    \\
    top  -> column units -> broadcast to the rows    -> cells -> columns' scaling -> o
    command, scale -> sequencer
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.pe import tiled
from golden.tile import words
from golden.tile.params import TileParams
from hw.blocks import word_layout
from hw.emit import Definition
from hw.formats import shape_of
from hw.lanes import chosen, lane, tree
from hw.tile import cell, edges, scaling, sequencer


class DotProductTile(wiring.Component):
    """command, left, top, scale   streams in; ready is combinational, from the others' valid
    o                              stream out; registered
    """

    def __init__(self, p: TileParams):
        self.p = p
        self.sequencer = sequencer.definition(p)
        self.row_unit, self.row_ports = edges.row(p.pe)
        self.column_unit, self.column_ports = edges.column(p.pe)
        self.cell = cell.definition(p.pe)
        self.scaling = scaling.definition(p)
        units = (self.row_unit, self.column_unit, self.cell, self.scaling, self.sequencer)
        self.uses = tuple({unit.name: unit for unit in units}.values())
        layout = words.fields(p)
        super().__init__(
            {
                **{name: In(stream.Signature(word_layout(layout[name]))) for name in words.INPUTS},
                "o": Out(stream.Signature(word_layout(layout["o"]))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.p
        control = {
            name: Signal.like(getattr(self.sequencer.component, name), name=name)
            for name in self.sequencer.component.signature.members
            if not name.endswith(("_valid", "_ready")) and name != "groups"
        }
        streams = {
            f"{name}_{end}": getattr(getattr(self, name), end)
            for name in (*words.INPUTS, "o")
            for end in ("valid", "ready")
        }
        self.sequencer.place(m, "sequencer", **streams, groups=self.command.p.groups, **control)
        group = self.groups(m, control)
        rows = self.rows(m, control)
        row_sums = self.row_sums(m, control) if tiled.zero_bits(p.pe) else None
        for n in range(p.cols):
            sums = self.column(m, n, rows, control, group)
            of_row = {}
            if row_sums is not None:
                of_row = {
                    "zero": lane(group["zeros"], n, p.cols).as_signed(),
                    "row_sum": chosen(m, row_sums, control["row"], f"row_sum_{n}"),
                }
            go = {name: control[name] for name in ("exact_go", "term_go", "total_go", "out_go", "first")}
            self.scaling.place(
                m, f"scaling_{n}", sum=chosen(m, sums, control["row"], f"sum_{n}"),
                scale=lane(group["scales"], n, p.cols), **of_row, **go,
                o=lane(self.o.payload.as_value(), n, p.cols),
            )  # fmt: skip
        return m

    def groups(self, m, control):
        """{field: what the group in the columns' units has of a word of `scale`}."""
        word = self.scale.payload.as_value()
        taken = Signal.like(word, name="scale_taken", reset_less=True)
        kept = Signal(self.scale.payload.shape(), name="scale_kept", reset_less=True)
        with m.If(control["take_scale"]):
            m.d.sync += taken.eq(word)
        # a group of one word is taken whole in one cycle: its scale goes straight on
        with m.If(control["sums_taken"]):
            m.d.sync += kept.eq(Mux(control["take_scale"], word, taken))
        return kept

    def rows(self, m, control):
        """The PEs' port `activation` of each row."""
        found = []
        width = len(self.cell.component.activation)
        for r in range(self.p.rows):
            port = Signal(width, name=f"activation_{r}")
            word = lane(self.left.payload.as_value(), r, self.p.rows)
            self.row_unit.place(
                m, f"row_{r}", take=control["take"], **{self.row_ports["i"]: word, self.row_ports["o"]: port}
            )
            found.append(port)
        return found

    def column(self, m, n, rows, control, group):
        """The sums of a column's cells."""
        p = self.p
        weight = Signal(len(self.cell.component.weight), name=f"weight_{n}")
        word = lane(self.top.payload.as_value(), n, p.cols)
        ports = {self.column_ports["i"]: word, self.column_ports["o"]: weight, "take": control["take"]}
        if hasattr(self.column_unit.component, "phase"):
            ports["phase"] = control["phase"]
        if tiled.selector_bits(p.pe):
            ports |= {
                "selector": lane(self.scale.p.selectors, n, p.cols),
                "take_selector": control["take_scale"],
            }
        self.column_unit.place(m, f"column_{n}", **ports)
        finishing = {}
        if self.cell.component.finisher:
            finishing = {"finish": control["finish"], "scale": lane(group["scales"], n, p.cols)}
        sums = []
        for r, activation in enumerate(rows):
            total = Signal(len(self.cell.component.sum), name=f"sum_{r}_{n}")
            self.cell.place(
                m, f"cell_{r}_{n}", weight=weight, activation=activation, step=control["step"],
                clear=control["clear"], capture=control["capture"], **finishing, sum=total,
            )  # fmt: skip
            sums.append(total)
        return sums

    def row_sums(self, m, control):
        """Sums of each row's activations over the group in the columns' units."""
        p = self.p
        found = []
        for r in range(p.rows):
            word = Signal(tiled.activation_bits(p.pe), name=f"word_{r}", reset_less=True)
            total = Signal(signed(scaling.row_sum_bits(p)), name=f"row_total_{r}", reset_less=True)
            kept = Signal.like(total, name=f"row_kept_{r}", reset_less=True)
            new = Signal.like(total, name=f"row_new_{r}")
            with m.If(control["take"]):
                m.d.sync += word.eq(lane(self.left.payload.as_value(), r, p.rows))
            count = tiled.lanes(p.pe)
            shape = shape_of(p.pe.activation)
            lanes = [lane(word, k, count) for k in range(count)]
            lanes = [each.as_signed() if shape.signed else each for each in lanes]
            added = tree(m, lanes, lambda a, b: a + b, f"row_added_{r}")
            # at most a group's activations: row_sum_bits
            m.d.comb += new.eq((Mux(control["word_first"], 0, total) + added)[: len(total)])
            with m.If(control["entered"]):
                m.d.sync += total.eq(new)
            with m.If(control["word_last"]):
                m.d.sync += kept.eq(new)
            found.append(kept)
        return found


def definition(p: TileParams) -> Definition:
    """The tile of `p`."""
    return Definition(p.name, DotProductTile(p))
