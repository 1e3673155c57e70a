"""Two-pass counter: the position of an engine in its groups of vectors, each of which is read twice
in a row.
"""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data

COUNTS = ("count0", "count1", "count2")
TAG = data.StructLayout({"second": 1, "first": 1, "last": 1})  # coming; vector of it


class TwoPassCounter:
    """Counters in `m` for a command of count2 x count1 groups of count0 vectors.

    begin    a command starts, with the fields that `command` shows
    take     a vector is taken
    running  vectors of the command are still to be taken
    tag      TAG of the next vector: its pass, whether it is the first or the last of its group
    ends     it is the last of its group's second pass; `ends_inner`: and the last of loop 1; from registers
    """

    def __init__(self, m: Module, command: data.View, begin: Value, take: Value):
        self.running = Signal(name="running")
        self.tag = Signal(TAG, name="tag_next", reset_less=True)
        self.ends, self.ends_inner = Signal(name="group_ends"), Signal(name="inner_ends")
        whole = {name: Signal(16, name=f"{name}_whole", reset_less=True) for name in COUNTS[:2]}
        left = {name: Signal(16, name=f"{name}_left", reset_less=True) for name in COUNTS}  # less one
        m.d.comb += [
            self.ends.eq(self.tag.last & self.tag.second),
            self.ends_inner.eq(self.ends & (left["count1"] == 0)),
        ]
        with m.If(begin):
            m.d.sync += [self.running.eq(1), self.tag.second.eq(0), self.tag.first.eq(1)]
            m.d.sync += self.tag.last.eq(command.count0 == 1)
            m.d.sync += [left[name].eq(command[name] - 1) for name in COUNTS]
            m.d.sync += [whole[name].eq(command[name] - 1) for name in whole]
        with m.Elif(take):
            m.d.sync += [self.tag.first.eq(self.tag.last), left["count0"].eq(left["count0"] - 1)]
            m.d.sync += self.tag.last.eq(left["count0"] == 1)
            with m.If(self.tag.last):
                m.d.sync += [self.tag.second.eq(~self.tag.second), left["count0"].eq(whole["count0"])]
                m.d.sync += self.tag.last.eq(whole["count0"] == 0)
            with m.If(self.ends):
                m.d.sync += left["count1"].eq(left["count1"] - 1)
            with m.If(self.ends_inner):
                m.d.sync += [left["count1"].eq(whole["count1"]), left["count2"].eq(left["count2"] - 1)]
                m.d.sync += self.running.eq(left["count2"] != 0)


class Stages:
    """Tags of the vectors in a pipeline whose registers all load with `go`, with a valid bit beside
    each tag."""

    def __init__(self, m: Module, go: Value):
        self.m, self.go = m, go
        self.valids: list[Signal] = []

    def then(self, name: str, valid: Value, tag: Value) -> tuple[Signal, Signal]:
        """`valid` and `tag` one register on, at the stage `name`."""
        q = Signal(name=f"{name}_valid")
        tag_q = Signal(tag.shape(), name=f"{name}_tag", reset_less=True)
        with self.m.If(self.go):
            self.m.d.sync += [q.eq(valid), tag_q.eq(tag)]
        self.valids.append(q)
        return q, tag_q
