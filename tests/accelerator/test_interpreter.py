"""Programs without time: what each command does to memory, against numpy; and what stops a program."""

import numpy as np
import pytest

from golden.accelerator.assembler import Command, assemble, pack
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.machine import Fault, Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NO_UNIT, Cause
from golden.check import BadValue
from golden.systolic.params import MatrixUnitParams
from mapping.backends.program.compiler import compile
from mapping.run.quantised import run
from tests.mapping.backends.program.gemm import gemm

L = 4
P = AcceleratorParams(unit=MatrixUnitParams(rows=L, cols=L, accumulator_rows=32), banks=4, bank_words=256)
SIZE, PROGRAM = 1 << 12, 1 << 11


def memory(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)


def ran(text: str, given: np.ndarray | None = None) -> tuple[np.ndarray, Machine]:
    """Memory after a program, which stands in its upper half; and the machine."""
    after = memory() if given is None else given.copy()
    program = np.frombuffer(pack(assemble(text)), np.uint8)
    after[PROGRAM : PROGRAM + len(program)] = program
    machine = Machine(P, after)
    assert machine.run(PROGRAM, 100) == len(program) // 64
    return after, machine


def fault(text: str, most: int = 100, **options) -> tuple[Cause, int, int, int]:
    after = memory()
    program = np.frombuffer(pack(assemble(text)), np.uint8)
    after[PROGRAM : PROGRAM + len(program)] = program
    with pytest.raises(Fault) as error:
        Machine(P, after, **options).run(PROGRAM, most)
    return error.value.cause, error.value.unit, error.value.command, error.value.response


def test_load_and_store_move_runs_by_their_strides():
    after, _ = ran(
        "load address=0x40 scratch=8 words=2 count1=3 address_stride1=16 scratch_stride1=5\n"
        "store address=0x400 scratch=8 words=1 count1=2 count2=3 scratch_stride1=1 scratch_stride2=5 "
        "address_stride1=4 address_stride2=32\nend"
    )
    before = memory()
    for run_number in range(3):
        wanted = before[0x40 + 16 * run_number :][:8]
        assert (after[0x400 + 32 * run_number :][:8] == wanted).all()


def test_strides_go_backwards():
    after, _ = ran(
        "load address=0x4c words=1 count1=4 address_stride1=-4 scratch_stride1=1\n"
        "store address=0x400 words=4\nend"
    )
    assert (after[0x400:0x410].reshape(4, 4) == memory()[0x40:0x50].reshape(4, 4)[::-1]).all()


def test_scratchpad_addresses_wrap():
    after, _ = ran("load address=0x40 scratch=0x7ff words=2\nstore address=0x400 scratch=0 words=1\nend")
    assert (after[0x400:0x404] == memory()[0x44:0x48]).all()


def test_fill_fills():
    after, _ = ran("fill scratch=3 words=2 value=0x5ba5\nstore address=0x400 scratch=3 words=2\nend")
    assert (after[0x400:0x408] == [0xA5, 0x5B] * 4).all()


def test_gather_takes_rows_by_number():
    given = memory()
    numbers = [5, 0, 7, 7, 2]
    given[0x40:0x54] = np.array(numbers, "<i4").view(np.uint8)
    after, _ = ran(
        "load address=0x40 scratch=9 words=5\n"
        "gather address=0x100 index=9 limit=8 words=2 count1=5 address_stride1=16 scratch=100 "
        "scratch_stride1=2\n"
        "store address=0x600 scratch=100 words=10\nend",
        given,
    )
    rows = given[0x100:0x180].reshape(8, 16)[:, :8]
    assert (after[0x600:0x628].reshape(5, 8) == rows[numbers]).all()


def block(bias: int = 0, multiplier: int = 1, shift: int = 0) -> np.ndarray:
    """A block of parameters, uint8 [36]."""
    return np.concatenate([
        np.full(L, bias, "<i4").view(np.uint8), np.full(L, multiplier, "<u4").view(np.uint8),
        np.full(L, shift, np.uint8),
    ])  # fmt: skip


def test_a_product_is_one():
    given = memory()
    given[:36] = block()
    x, w = given[0x40:0x50].view(np.int8).reshape(4, 4), given[0x80:0x90].view(np.int8).reshape(4, 4)
    after, machine = ran(
        "load words=9 scratch=64\nload address=0x40 words=4\nload address=0x80 words=4 scratch=4\n"
        "multiply left=0 top=4 count_x=4 stride_x=1 top_row_stride=1\n"
        "map p=64 out=16 count0=4 out_stride0=4 out_kind=word\n"
        "store address=0x400 scratch=16 words=16\nend",
        given,
    )
    assert (after[0x400:0x440].view("<i4").reshape(4, 4) == x.astype(int) @ w.astype(int)).all()
    assert not machine.left()


def test_a_table_is_looked_up():
    given = memory()
    given[:36] = block()
    given[0x100:0x300] = np.arange(-128, 128).astype("<i2").view(np.uint8)  # v = s
    after, _ = ran(
        "load words=9 scratch=64\nload address=0x100 words=128 scratch=128\nload address=0x40 words=4\n"
        "table a=128\nmap p=64 a_kind=byte out=16 count0=4 a_stride0=1 out_stride0=2 out_kind=half "
        "function=1 low=-32768 high=32767\nstore address=0x400 scratch=16 words=8\nend",
        given,
    )
    assert (after[0x400:0x420].view("<i2") == given[0x40:0x50].view(np.int8)).all()


def test_a_row_of_scores_becomes_its_probabilities():
    given = memory()
    scores = np.array([300, -100, 250, 0, 299, -2000, 64, 128], np.int64)
    given[0x40:0x50] = scores.astype("<i2").view(np.uint8)
    after, _ = ran(
        "load address=0x40 words=4\nexponential a=0 out=8 r=16 count0=2 a_stride0=2 out_stride0=1 length=7\n"
        "store address=0x400 scratch=8 words=2\nstore address=0x410 scratch=16 words=2\nend",
        given,
    )
    codes, r = after[0x400:0x408].astype(int), after[0x410:0x418].view("<u2").astype(int)
    wanted = 2.0 ** (scores[:7] / 256)
    assert (r == r[0]).all() and codes[7] == 0
    assert np.abs(codes[:7] * r[0] / 2**22 - wanted / wanted.sum()).max() < 0.01


def test_columns_are_normalised():
    given = memory()
    x = np.random.default_rng(2).integers(-3000, 3000, (6, L))
    given[0x40:0x70] = x.astype("<i2").view(np.uint8).ravel()
    after, _ = ran(
        "load address=0x40 words=12\n"
        "normalise a=0 out=32 count0=6 a_stride0=2 out_stride0=2 columns=1 length=6 epsilon=1 fraction=10\n"
        "store address=0x400 scratch=32 words=12\nend",
        given,
    )
    y = after[0x400:0x430].view("<i2").reshape(6, L) / 1024
    assert np.abs(y - (x - x.mean(axis=0)) / x.std(axis=0)).max() < 0.002


@pytest.mark.parametrize("size", [(4, 4, 4), (5, 33, 70), (64, 64, 64)])
def test_a_compiled_product_is_what_the_network_says(size):
    p = AcceleratorParams()
    network = gemm(*size)
    program = compile(network, p)
    given = np.random.default_rng(1).integers(-128, 128, (size[0], size[2]))
    after = program.memory.copy()
    program.write(after, "x", given)
    Machine(p, after, program.base).run(program.address, program.count)
    assert (program.read(after, "y") == run(network, p, {"x": given})["y"]).all()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("load address=0xff0 words=5\nend", (Cause.LOAD_ERROR, 0, 0, 3)),
        ("load address=0x42\nend", (Cause.LOAD_ERROR, 0, 0, 1)),
        ("load address=0xfffffffc words=2\nend", (Cause.LOAD_ERROR, 0, 0, 1)),
        ("fence\nload address=0x300 words=80\nend", (Cause.LOAD_ERROR, 0, 1, 2)),
        ("fence\nstore address=0x400\nend", (Cause.STORE_ERROR, 3, 1, 2)),
        ("store address=0x1000\nend", (Cause.STORE_ERROR, 3, 0, 3)),
        ("fill value=0x101\ngather limit=0x1010101\nend", (Cause.ROW_NUMBER, 0, 1, 0)),
        ("fill value=0xffff\ngather limit=0xffffffff\nend", (Cause.ROW_NUMBER, 0, 1, 0)),
        ("store wait=load address=0x100\nend", (Cause.DEADLOCK, 3, 0, 0)),
        ("map out_kind=byte\nend", (Cause.DEADLOCK, 2, 0, 0)),
        ("multiply\nend", (Cause.DEADLOCK, NO_UNIT, 1, 0)),
        ("multiply count_x=33\nend", (Cause.ILLEGAL_COMMAND, NO_UNIT, 0, 0)),
    ],
)
def test_what_stops_a_program(text, found):
    assert fault(text, failing=(0x400, 0x404)) == found


def test_a_command_that_is_none_stops_it():
    machine = Machine(P, np.zeros(SIZE, np.uint8))
    with pytest.raises(Fault, match="command 0: control: illegal command: opcode is 0x0"):
        machine.run(0, 1)


def test_a_program_needs_its_end():
    assert fault("fence\nfence\nend", most=2) == (Cause.ILLEGAL_COMMAND, NO_UNIT, 2, 0)


def test_a_program_must_be_in_memory():
    with pytest.raises(Fault, match=r"command 0: control: fetch error: DECERR at 0x1000"):
        Machine(P, memory()).run(SIZE, 1)


def test_memory_may_start_anywhere():
    given = memory()
    given[:64] = np.frombuffer(Command(Opcode.END).encode(), np.uint8)
    assert Machine(P, given, base=0x8000_0000).run(0x8000_0000, 1) == 1


def test_memory_of_another_kind_is_refused():
    with pytest.raises(BadValue, match=r"memory is int64 \[4\]; allowed: uint8 \[bytes\]"):
        Machine(P, np.zeros(4, np.int64))


def test_kinds_have_their_words():
    assert [Machine(P, memory()).elements(np.array([0]), words, kind).shape for words, kind in (
        (1, np.int8), (2, np.int16), (4, np.int32))] == [(1, L)] * 3  # fmt: skip
    assert Kind.WORD == 3
