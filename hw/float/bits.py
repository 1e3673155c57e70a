"""What floating units are made of: signals with names, leading zeros, shifters."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.utils import ceil_log2

from hw.fit import fit


def named(m: Module, value: Value, name: str) -> Signal:
    """`value` as a signal: an expression that is used twice would be built twice."""
    signal = Signal(value.shape(), name=name)
    m.d.comb += fit(signal, value)
    return signal


def cut(value: Value, width: int) -> Value:
    """The low `width` bits of `value`, or all of it with zeros above."""
    return value[:width] if len(value) >= width else Cat(value, Const(0, width - len(value)))


def justified(value: Value, width: int) -> Value:
    """`value` at the top of `width` bits."""
    return Cat(Const(0, width - len(value)), value) if len(value) < width else value


def add_with_carry(a: Value, b: Value, carry: Value) -> Value:
    """a + b + carry, unsigned, one bit wider: one chain of adders with the carry at its foot."""
    return (Cat(carry, a) + Cat(carry, b))[1:]


def leading_zeros(m: Module, value: Value, name: str) -> Value:
    """Zeros above the highest one, 0 to len(value): halves are counted, pair by pair (a tree).

    The value is filled up with ones below, to a power of two; where nothing is filled the count needs one bit
    more, for all zeros.
    """
    levels = ceil_log2(len(value))
    filler = (1 << levels) - len(value)
    filled = Cat(Const((1 << filler) - 1, filler), value)
    none = [~filled[i] for i in range(1 << levels)]  # of each part, from bit 0: whether it is all zeros
    counts = [Const(0, 0)] * len(none)
    for level in range(levels):
        parts = []
        for i in range(0, len(none), 2):
            low, high, place = i, i + 1, f"{level}_{i // 2}"
            # if the high half is empty, its length (one bit of the count) and the zeros of the low half
            count = Cat(Mux(none[high], counts[low], counts[high]), none[high])
            both = named(m, none[high] & none[low], f"{name}_none_{place}")
            parts.append((both, named(m, count, f"{name}_{place}")))
        none, counts = [part[0] for part in parts], [part[1] for part in parts]
    if len(value) < 1 << levels:
        return counts[0]
    return named(m, Cat(counts[0] & ~none[0].replicate(levels), none[0]), name)


def normalised(m: Module, value: Value, name: str) -> tuple[Value, Value]:
    """(value without its leading zeros, their count): for each power of two, shift if all above is zero.

    Of zero, the value is zero and the count 2^k - 1 for the k shifts that len(value) - 1 zeros need.
    """
    zeros: list[Value] = []
    for stage in reversed(range(ceil_log2(len(value)))):
        by = 1 << stage
        shift = named(m, ~value[-by:].any(), f"{name}_by_{by}")
        value = named(m, Mux(shift, Cat(Const(0, by), value[:-by]), value), f"{name}_{by}")
        zeros.insert(0, shift)
    return value, Cat(*zeros)


def shifted_left(m: Module, value: Value, by: Value, name: str) -> Value:
    """value << by in value's own width."""
    for stage in range(len(by)):
        step = min(1 << stage, len(value))
        value = named(m, Mux(by[stage], Cat(Const(0, step), value[:-step]), value), f"{name}_{1 << stage}")
    return value


def shifted_right(
    m: Module, value: Value, by: Value, name: str, there: Value | None = None
) -> tuple[Value, Value]:
    """(value >> by, whether a one was shifted out). All shifts of len(value) and over are alike.

    there  if given: 0 makes both zero, and where it is 1, value is not 0
    """
    # stages beyond the value's width would shift all of it out: `far` does so at once
    levels = min(len(by), ceil_log2(len(value)))
    some = value.any() if there is None else there
    lost = Const(0)
    for stage in reversed(range(levels)):
        step = 1 << stage
        lost = named(m, lost | by[stage] & value[:step].any(), f"{name}_lost_{step}")
        value = named(m, Mux(by[stage], Cat(value[step:], Const(0, step)), value), f"{name}_{step}")
    far = by[levels:].any()
    if there is None and len(by) == levels:
        return value, lost
    keep = named(m, ~far if there is None else there & ~far, f"{name}_keep")
    lost = named(m, lost & keep | far & some, f"{name}_lost")
    return named(m, value & keep.replicate(len(value)), name), lost
