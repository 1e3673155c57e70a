"""The bare array of each dataflow: `cols` columns in a row, with the skew of what enters at its edges.

Vectors enter as plane waves: all lanes of `left` and `top` in the cycle in which they were taken from
their streams. A sum of column c leaves at `acc` lane c: golden.systolic.cycles counts the cycles.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden import pe
from golden.systolic.params import MatrixUnitParams
from hw.emit import Definition
from hw.lanes import delayed, lane
from hw.systolic import output_stationary, skew, weight_stationary


def by(p: MatrixUnitParams) -> str:
    """Of several rows in a word, their part of a definition's name."""
    return f"_w{p.rows_in_word}" if p.rows_in_word > 1 else ""


def kind(p: MatrixUnitParams) -> str:
    """The PE's part of a definition's name."""
    return str(pe.module_of(p.pe).name(p.pe))


class WeightStationaryArray(wiring.Component):
    """left  [rows] lanes; swap comes one cycle before the first vector of a tile
    top   [rows_in_word, cols] lanes with load and parity
    acc   [cols] sums

    Row i of a word goes to stack i of the columns: a tile's rows stand in another order, as the lanes of
    `left` do. A stack gets its rows as many cycles late as a swap takes down to it. 4 rows, 2 in a word:

        cycle            0       1       2    3
        top              r3 r2   r1 r0             stack 1, stack 0
        stack 0 loads    r2      r0
        stack 1 loads                    r3   r1
        swap in stack    0       0       1    1
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        name = f"{p.dataflow}_column_{p.rows}{by(p)}_{kind(p)}"
        self.column = Definition(name, weight_stationary.WeightColumn(p))
        self.skew_left = skew.definition(p.rows, p.left.width)
        self.skew_swap = skew.definition(p.rows, 1, reset=True)
        self.skew_top = skew.definition(p.cols, p.rows_in_word * p.top.width)
        self.uses = (self.column, self.skew_left, self.skew_swap, self.skew_top)
        super().__init__({
            "left": In(p.rows * p.left.width),
            "swap": In(1),
            "top": In(p.rows_in_word * p.cols * p.top.width),
            "load": In(1),
            "parity": In(1),
            "acc": Out(p.cols * p.pe.accumulator.width),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.p
        moving = Signal(p.rows * p.left.width, name="left_skewed")
        swap = Signal(p.rows, name="swap_skewed")
        top = Signal(p.rows_in_word * p.cols * p.top.width, name="top_skewed")
        stacked, late, load, parity = self.stacks(m)
        self.skew_left.place(m, "skew_left", i=stacked, o=moving)
        self.skew_swap.place(m, "skew_swap", i=self.swap.replicate(p.rows), o=swap)
        self.skew_top.place(m, "skew_top", i=late, o=top)
        # `load` needs no skew: it passes one register a column, as the lanes of `top` are skewed
        for c in range(p.cols):
            moving_out = Signal.like(moving, name=f"moving_{c}")
            swap_out = Signal.like(swap, name=f"swap_{c}")
            load_out = Signal(p.rows_in_word, name=f"load_{c}")
            parity_out = Signal(p.rows_in_word, name=f"parity_{c}")
            self.column.place(
                m, f"column_{c}", moving_in=moving, moving_out=moving_out, swap_in=swap, swap_out=swap_out,
                load_in=load, load_out=load_out, parity_in=parity, parity_out=parity_out,
                next_in=lane(top, c, p.cols), acc=lane(self.acc, c, p.cols),
            )
            moving, swap, load, parity = moving_out, swap_out, load_out, parity_out
        return m

    def stacks(self, m):
        """left, top, load and parity as the stacks of rows want them; of one stack they are as they come."""
        p, count = self.p, self.p.rows_in_word
        if count == 1:
            return self.left, self.top, self.load, self.parity
        order = [row * count + s for s in range(count) for row in range(p.loads)]
        stacked = Cat(lane(self.left, row, p.rows) for row in order)
        late, flags = [], []
        for s in range(count):
            name, cycles = f"stack_{s}", s * p.loads
            late.append(delayed(m, lane(self.top, s, count), cycles, f"{name}_top"))
            flag = Cat(self.load, self.parity)
            flags.append(delayed(m, flag, cycles, f"{name}_load", reset=True))
        columns = Cat(lane(word, c, p.cols) for c in range(p.cols) for word in late)
        return stacked, columns, Cat(each[0] for each in flags), Cat(each[1] for each in flags)


class OutputStationaryArray(wiring.Component):
    """left  [rows] lanes, lane 0 to the lowest row, whose sum leaves first; step, clear, last belong to it
    top   [cols] lanes
    drain starts the way out of the finished sums, rows + latency cycles after their last pair
    acc   [cols] sums"""

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        name = f"{p.dataflow}_column_{p.rows}_{kind(p)}"
        self.column = Definition(name, output_stationary.OutputColumn(p))
        self.skew_left = skew.definition(p.rows, p.left.width)
        self.skew_flag = skew.definition(p.rows, 1, reset=True)
        self.skew_top = skew.definition(p.cols, p.top.width)
        self.uses = (self.column, self.skew_left, self.skew_flag, self.skew_top)
        super().__init__({
            "left": In(p.rows * p.left.width),
            "step": In(1),
            "clear": In(1),
            "last": In(1),
            "top": In(p.cols * p.top.width),
            "drain": In(1),
            "acc": Out(p.cols * p.pe.accumulator.width),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.p
        upright = Signal(p.rows * p.left.width)
        activation = Signal(p.rows * p.left.width, name="left_skewed")
        top = Signal(p.cols * p.top.width, name="top_skewed")
        flags = {name: Signal(p.rows, name=f"{name}_skewed") for name in ("step", "clear", "last")}
        # lane 0 is the lowest row's, whose sum is complete first and leaves first
        for r in range(p.rows):
            m.d.comb += lane(upright, p.rows - 1 - r, p.rows).eq(lane(self.left, r, p.rows))
        self.skew_left.place(m, "skew_left", i=upright, o=activation)
        self.skew_top.place(m, "skew_top", i=self.top, o=top)
        for name, skewed in flags.items():
            # flags take the same skew as the activations that they belong to
            self.skew_flag.place(m, f"skew_{name}", i=getattr(self, name).replicate(p.rows), o=skewed)
        drain = self.drain
        for c in range(p.cols):
            activation_out = Signal.like(activation, name=f"activation_{c}")
            flags_out = {name: Signal.like(flag, name=f"{name}_{c}") for name, flag in flags.items()}
            drain_out = Signal(name=f"drain_{c}")
            self.column.place(
                m, f"column_{c}", activation_in=activation, activation_out=activation_out,
                **{f"{name}_in": flag for name, flag in flags.items()},
                **{f"{name}_out": flag for name, flag in flags_out.items()},
                drain_in=drain, drain_out=drain_out,
                weight_in=lane(top, c, p.cols), acc=lane(self.acc, c, p.cols),
            )
            activation, flags, drain = activation_out, flags_out, drain_out
        return m


def definition(p: MatrixUnitParams) -> Definition:
    """The array of `p`."""
    component = OutputStationaryArray(p) if p.dataflow == "output" else WeightStationaryArray(p)
    return Definition(f"{p.dataflow}_array_{p.rows}x{p.cols}{by(p)}_{kind(p)}", component)
