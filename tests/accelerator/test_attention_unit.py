"""The attention unit: golden against float64, what is no command of it, a program on golden and on RTL."""

from typing import Any

import numpy as np
import pytest

from golden.accelerator.assembler import Command, assemble, pack
from golden.accelerator.attend import AttentionParams
from golden.accelerator.commands import Opcode
from golden.accelerator.machine import Fault, Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.races import check as check_races
from golden.accelerator.registers import Cause
from golden.accelerator.timing import predict
from golden.accelerator.units.attention import footprint
from golden.check import BadValue
from golden.systolic.params import MatrixUnitParams
from sim.accelerator import Bus, RtlModel

UNIT = AttentionParams(queries=4, keys=32, head_dim=8)
P = AcceleratorParams(
    unit=MatrixUnitParams(rows=4, cols=4), banks=8, bank_words=256, more=(UNIT,), functions=()
)
OPEN: dict[str, Any] = {"low": -128, "high": 127, "out_multiplier": 1 << 15, "out_shift": 23}  # codes of v
SCALE = 2.0**-11  # of a product in octaves: multiplier / 2^shift / 2^8
SIZE = dict(queries=6, keys=9, words=2)
STRIDES = dict(q_stride=2, k_stride=2, v_stride=2, out_stride=2)
PLACES = dict(q=0, k=200, v=400, out=600, mask=800)


def command(**fields: int) -> Command:
    """One head whose rows follow one another, scores of SCALE octaves a product."""
    given = {each.name: each.least or 0 for each in Opcode.ATTEND.fields}
    given |= {**SIZE, **STRIDES, **PLACES, **OPEN, "multiplier": 1 << 10, "shift": 13}
    return Command(Opcode.ATTEND, fields=given | fields)


def machine(seed: int = 1) -> Machine:
    made = Machine(P, np.zeros(64, np.uint8))
    made.scratch[:] = np.random.default_rng(seed).integers(0, 256, made.scratch.shape, np.uint8)
    return made


def rows(m: Machine, place: int, count: int, words: int = 2) -> np.ndarray:
    """Rows of codes that follow one another, float64."""
    return m.scratch[place : place + count * words].view(np.int8).reshape(count, -1).astype(np.float64)


def softmax(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """In base 2; a row that nothing counts for is 0."""
    powers = np.where(counts, np.exp2(scores - scores.max(-1, keepdims=True)), 0)
    return powers / np.maximum(powers.sum(-1, keepdims=True), 1e-300)


def near(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Half a code for the result's rounding, and what scores and weights are off: 2^-9 octaves, 2^-11."""
    return bool(np.abs(found - wanted).max() <= 0.5 + 255 * (2.0**-9 + 2.0**-10))


def test_rows_are_those_of_a_softmax():
    m = machine()
    q, k, v = rows(m, 0, 6), rows(m, 200, 9), rows(m, 400, 9)
    m.execute(command())
    assert near(rows(m, 600, 6), softmax(q @ k.T * SCALE, np.ones((6, 9), bool)) @ v)


@pytest.mark.parametrize("position", [-2, 0, 3, 20])
@pytest.mark.parametrize("sides", [(None, 0), (2, 0), (1, 3), (0, 0), (None, None), (3, None)])
def test_windows_hold_the_keys_that_the_sides_name(position, sides):
    m = machine(2)
    q, k, v = rows(m, 0, 6), rows(m, 200, 9), rows(m, 400, 9)
    left, right = sides
    bounds = {f"bounded_{n}": int(side is not None) for n, side in (("left", left), ("right", right))}
    m.execute(command(position=position, left=left or 0, right=right or 0, **bounds))
    counts = np.array([
        [
            (left is None or j >= position + i - left) and (right is None or j <= position + i + right)
            for j in range(9)
        ]
        for i in range(6)
    ])  # fmt: skip
    assert near(rows(m, 600, 6), softmax(q @ k.T * SCALE, counts) @ v)


def test_a_mask_is_added_to_the_scores():
    m = machine(3)
    m.scratch[800:806].view(np.int16).reshape(-1)[:9] = [0, 0, -32768, 100, -100, 0, -32768, 256, 0]
    mask = m.scratch[800:806].view(np.int16).reshape(-1)[:9].astype(np.float64) * 4 / 256
    q, k, v = rows(m, 0, 6), rows(m, 200, 9), rows(m, 400, 9)
    m.execute(command(mask_multiplier=4))
    scores = np.maximum(q @ k.T * SCALE + mask, -128)
    assert near(rows(m, 600, 6), softmax(scores, np.ones((6, 9), bool)) @ v)


def test_heads_of_queries_share_the_keys_of_a_stride_of_0():
    """2 heads of keys, each for 3 heads of queries."""
    together, apart = machine(4), machine(4)
    loops = dict(count1=3, q_stride1=12, out_stride1=12, count2=2, q_stride2=36, out_stride2=36,
                 k_stride2=20, v_stride2=30)  # fmt: skip
    together.execute(command(**loops))
    for head in range(6):
        shared = head // 3
        places = dict(q=12 * head, k=200 + 20 * shared, v=400 + 30 * shared, out=600 + 12 * head)
        apart.execute(command(**places))
    assert np.array_equal(together.scratch, apart.scratch)


def test_values_that_are_alike_come_out_as_they_are():
    m = machine(5)
    m.scratch[400:464] = 77
    m.execute(command(keys=32))
    assert (rows(m, 600, 6) == 77).all()


def test_a_row_without_a_key_is_the_zero_point():
    m = machine(6)
    m.execute(command(position=100, bounded_left=1, zero_point=-5))
    assert (rows(m, 600, 6) == -5).all()


def test_the_footprint_has_the_words_and_no_others():
    m = machine(7)
    before = m.scratch.copy()
    m.execute(command(count1=2, out_stride1=50))
    touched = footprint(P, command(count1=2, out_stride1=50))
    written = {int(i) for walk in touched.writes for i in m.walked(walk).ravel()}
    assert {int(i) for i in np.flatnonzero((before != m.scratch).any(1))} <= written
    assert written == {*range(600, 612), *range(650, 662)}


WRONG = {
    "keys=0": "ATTEND.keys is 0; allowed: 1 to 65535",
    "queries=0": "ATTEND.queries is 0; allowed: 1 to 65535",
    "words=0": "ATTEND.words is 0; allowed: 1 to 65535",
    "keys=33": "ATTEND.keys is 33; allowed: up to 32 (scores of a row that wait)",
    "words=3": "ATTEND.words is 3; allowed: up to 2 (words of the unit's head_dim)",
    "shift=0": "ATTEND.shift is 0; allowed: 1 to 63",
    "shift=48": "ATTEND.shift is 48; allowed: up to 47 (bits)",
    "out_shift=48": "ATTEND.out_shift is 48; allowed: up to 47 (bits)",
}


@pytest.mark.parametrize("field", WRONG)
def test_what_does_not_fit_is_named(field):
    with pytest.raises(BadValue, match="ATTEND") as found:
        assemble(f"attend {field}", P)
    assert str(found.value).endswith(WRONG[field])


@pytest.mark.parametrize("key, value, allowed", [
    ("queries", 3, "1, 2, 4, 8, 16, 32, 64"), ("keys", 100, "16, 32"), ("head_dim", 0, "1 to 256"),
])  # fmt: skip
def test_params_that_make_no_unit_are_named(key, value, allowed):
    with pytest.raises(BadValue, match=f"{key} is {value}; allowed: {allowed}"):
        AttentionParams(**{key: value})


SIZES = """queries=6 keys=9 words=2 q_stride=2 k_stride=2 v_stride=2 out_stride=2 count1=2 q_stride1=12
    k_stride1=18 v_stride1=18 out_stride1=12 multiplier=1024 shift=10 out_multiplier=100 out_shift=15
    high=127"""


def program() -> list[Command]:
    """Queries, keys and values of 2 heads, attended to and stored: whole, in a window, with a mask."""
    size = " ".join(SIZES.split())
    window = "position=3 bounded_right=1 bounded_left=1 left=2"
    return assemble(
        f"""
        load address=0 scratch=0 words=24
        load address=0x100 scratch=512 words=36
        load address=0x200 scratch=1024 words=36 signal=attention
        attend wait=load signal=store q=0 k=512 v=1024 out=1536 low=-128 {size}
        store wait=attention address=0x400 scratch=1536 words=24
        attend signal=store q=0 k=512 v=1024 out=1600 {window} low=-128 {size}
        store wait=attention address=0x500 scratch=1600 words=24
        attend signal=store q=0 k=512 v=1024 out=1700 low=-50 mask=512 mask_multiplier=1 {size}
        store wait=attention address=0x600 scratch=1700 words=24
        end""",
        P,
    )


def memory_with(commands: list[Command]) -> np.ndarray:
    memory = np.random.default_rng(8).integers(0, 256, 1 << 13).astype(np.uint8)
    memory[1 << 12 :][: 64 * len(commands)] = np.frombuffer(pack(commands), np.uint8)
    return memory


@pytest.fixture(scope="module")
def rtl() -> RtlModel:
    return RtlModel(P, np.zeros(64, np.uint8))


@pytest.mark.rtl
def test_a_program_gives_on_rtl_what_it_gives_in_golden(rtl):
    commands = program()
    assert not check_races(P, commands)
    wanted, found = memory_with(commands), memory_with(commands)
    Machine(P, wanted).run(1 << 12, len(commands))
    rtl.attach(found, 0)
    result = rtl.run(1 << 12, len(commands), Bus(read_latency=20, write_latency=20))
    assert result.cause == Cause.NONE and np.array_equal(found, wanted)
    assert predict(P, commands, 20, 20, 1 << 12).cycles == pytest.approx(result.cycles, rel=0.01)


@pytest.mark.rtl
@pytest.mark.parametrize(
    "size", ["queries=12 keys=12 words=2", "queries=5 keys=32 words=1 count1=3", "queries=1"]
)
def test_a_command_takes_on_rtl_what_is_predicted(rtl, size):
    commands = assemble(f"attend k=0 v=256 q=512 out=768 mask=1024 mask_multiplier=1 {size}\nend", P)
    rtl.attach(memory_with(commands), 0)
    result = rtl.run(1 << 12, len(commands), Bus(read_latency=20, write_latency=20))
    assert result.cycles == predict(P, commands, 20, 20, 1 << 12).cycles


@pytest.mark.rtl
@pytest.mark.parametrize("name, value", [("keys", 33), ("words", 3), ("queries", 0), ("shift", 48)])
def test_a_command_that_does_not_fit_is_a_fault_with_its_cause(rtl, name, value):
    commands = program()
    memory = memory_with(commands)
    field, low = Opcode.ATTEND.places[name]
    at = slice((1 << 12) + 3 * 64, (1 << 12) + 4 * 64)
    word = int.from_bytes(memory[at].tobytes(), "little") & ~((1 << field.width) - 1 << low)
    memory[at] = np.frombuffer((word | value << low).to_bytes(64, "little"), np.uint8)
    with pytest.raises(Fault) as fault:
        Machine(P, memory.copy()).run(1 << 12, len(commands))
    assert (fault.value.cause, fault.value.command) == (Cause.ILLEGAL_COMMAND, 3)
    rtl.attach(memory, 0)
    result = rtl.run(1 << 12, len(commands), Bus())
    assert (result.cause, result.command) == (Cause.ILLEGAL_COMMAND, 3)
