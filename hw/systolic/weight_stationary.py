"""Weight- and input-stationary columns: golden.systolic.weight_stationary."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.systolic.params import MatrixUnitParams
from hw import pe
from hw.emit import Definition
from hw.lanes import lane


class WeightCell(wiring.Component):
    """A PE with its resting operand, double-buffered.

    take     the operand above moves into `next_out`
    swap     `next_out` becomes the operand in use
    moving   operand that streams past; the column holds its register
    acc_in, acc_out   running sum from above; registered
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        self.pe = pe.definition(p.pe)
        self.uses = (self.pe,)
        super().__init__({
            "take": In(1),
            "swap": In(1),
            "next_in": In(p.top.width),
            "next_out": Out(p.top.width),
            "moving": In(p.left.width),
            "acc_in": In(p.pe.accumulator.width),
            "acc_out": Out(p.pe.accumulator.width),
        })

    def elaborate(self, platform):
        m = Module()
        resting_next = Signal(self.p.top.width, reset_less=True)
        resting = Signal(self.p.top.width, reset_less=True)
        acc = Signal(self.p.pe.accumulator.width, reset_less=True)
        total = Signal.like(acc)
        # input-stationary is the same circuit with the operands exchanged
        weight, activation = (self.moving, resting) if self.p.dataflow == "input" else (resting, self.moving)
        self.pe.place(m, "pe", weight=weight, activation=activation, acc_in=self.acc_in, acc_out=total)
        # at the same edge the old word may go into use and a new one take its place
        with m.If(self.take):
            m.d.sync += resting_next.eq(self.next_in)
        with m.If(self.swap):
            m.d.sync += resting.eq(resting_next)
        m.d.sync += acc.eq(total)
        m.d.comb += [self.next_out.eq(resting_next), self.acc_out.eq(acc)]
        return m


class WeightColumn(wiring.Component):
    """`rows` cells: operands to rest and sums go down, moving operands go right.

    moving_in, moving_out   [rows] lanes, one register each
    swap_in, swap_out       [rows] bits that travel with the wavefront, one cycle ahead of its vector
    load_in, load_out       a word of the next tile is at `next_in`; one register
    parity_in, parity_out   alternates from tile to tile, travels with load
    next_in                 operand of this column from the next tile, lowest row first
                            each of the three [rows_in_word], one a stack of rows
    acc                     sums of the lowest row; registered

    The staggered load. All rows see `load` in the same cycle, but a row takes the word above it only if that
    word belongs to the tile being loaded: `held` keeps, for each row, the parity of the tile that the row's
    word belongs to. Rows that the swap has not reached yet keep their words, so the next tile can follow the
    swap at once. Three rows, tile b waiting, words c2, c1, c0 of the next tile (lowest row first); the swap
    reaches row r in cycle r, and the row then puts the word that it waits with to use:

        cycle         0    1    2    3
        swap in row   0    1    2    -
        next_in       c2   c1   c0   -       registered, with load and parity
        row 0 waits   b0   c2   c1   c0
        row 1 waits   b1   b1   c2   c1
        row 2 waits   b2   b2   b2   c2

    With several rows in a word the column is as many stacks of `loads` rows, one on the other. Each loads so,
    as many cycles behind the one above it as that has rows (hw.systolic.array), as the swap does.
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        name = f"{p.dataflow}_cell_{pe.definition(p.pe).name.removeprefix('pe_')}"
        self.cell = Definition(name, WeightCell(p))
        self.uses = (self.cell,)
        moving, stacks = p.rows * p.left.width, p.rows_in_word
        super().__init__({
            "moving_in": In(moving),
            "moving_out": Out(moving),
            "swap_in": In(p.rows),
            "swap_out": Out(p.rows),
            "load_in": In(stacks),
            "load_out": Out(stacks),
            "parity_in": In(stacks),
            "parity_out": Out(stacks),
            "next_in": In(stacks * p.top.width),
            "acc": Out(p.pe.accumulator.width),
        })

    def elaborate(self, platform):
        m = Module()
        rows, stacks, loads = self.p.rows, self.p.rows_in_word, self.p.loads
        moving = Signal(rows * self.p.left.width, reset_less=True)
        swap = Signal(rows)  # a bit a row, which the skew at the left edge has put a cycle apart
        load = Signal(stacks)
        parity = Signal(stacks)
        resting_next = Signal(stacks * self.p.top.width, reset_less=True)
        held = Signal(rows)
        take = Signal(rows)
        loads_of, parity_of = (
            Cat(lane(flag, s, stacks).replicate(loads) for s in range(stacks)) for flag in (load, parity)
        )
        above = Cat(Cat(lane(parity, s, stacks), lane(held, s, stacks)[: loads - 1]) for s in range(stacks))
        m.d.sync += [
            moving.eq(self.moving_in),
            swap.eq(self.swap_in),
            load.eq(self.load_in),
            parity.eq(self.parity_in),
            resting_next.eq(self.next_in),
            held.eq((held & ~take) | (take & parity_of)),
        ]
        m.d.comb += [
            # what stands above belongs to the tile being loaded: its parity is the load's
            take.eq(~(above ^ parity_of) & loads_of),
            self.moving_out.eq(moving),
            self.swap_out.eq(swap),
            self.load_out.eq(load),
            self.parity_out.eq(parity),
        ]
        acc = Signal(self.p.pe.accumulator.width, name="acc_top")  # never driven: sums start from 0
        for r in range(rows):
            acc_out = Signal.like(acc, name=f"acc_{r}")
            next_out = Signal(self.p.top.width, name=f"next_{r}")
            if r % loads == 0:
                next_in = lane(resting_next, r // loads, stacks)
            self.cell.place(
                m, f"cell_{r}", take=take[r], swap=swap[r], next_in=next_in, next_out=next_out,
                moving=lane(moving, r, rows), acc_in=acc, acc_out=acc_out,
            )
            acc, next_in = acc_out, next_out
        m.d.comb += self.acc.eq(acc)
        return m
