"""One rule for holding, for every chain of registers with a handshake.

A stage is named after what its register holds. `<stage>_go`: the register may load at this edge, because it
is empty or because what it holds moves on. Nothing else loads it, so a word holds still while it waits, and
a bubble behind a stalled word fills.
"""

from amaranth.hdl import Module, Signal, Value


def hold_stages(m: Module, go: dict[str, Value], *, valid: Value, ready: Value) -> Value:
    """Valid bits of the stages that `go` names, first to last; drives each `go`, returns the last valid bit.

    valid  a word is offered to the first stage, which takes it if its `go`, the stream's ready, is high
    ready  what the last stage holds moves on, if there is a word
    """
    held = []
    for name, stage_go in go.items():
        q = Signal(name=f"{name}_valid")
        with m.If(stage_go):
            m.d.sync += q.eq(valid)
        held.append(q)
        valid = q
    for stage_go, q, onward in zip(go.values(), held, [*list(go.values())[1:], ready], strict=True):
        m.d.comb += stage_go.eq(~q | onward)
    return valid
