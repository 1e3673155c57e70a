"""Places in memory and in the scratchpad."""

import numpy as np
import pytest

from golden import check
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.aliases import Alias, aliases
from mapping.backends.program.buffer_allocation import allocate
from mapping.backends.program.compiler import compile
from mapping.backends.program.layout import Place, pack_weights
from mapping.backends.program.scratchpad_allocation import Chunk, ChunkRing, Ring
from mapping.ir.graph import CodedNetwork, Concat, Map, Product, Reshape, Slice, Tensor
from tests.mapping.backends.program.gemm import gemm
from tests.mapping.backends.program.machines import any_codes, holds
from tests.mapping.backends.program.nets import epilogue, single, weights

P = AcceleratorParams()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
@pytest.mark.parametrize("shape", [(33,), (5, 16), (2, 3, 17)])
def test_codes_come_back(dtype, shape):
    place = Place(lanes=16, shape=shape, dtype=dtype)
    codes = np.random.default_rng(1).integers(0, 100, shape)
    stored = place.encode(codes)
    assert len(stored) == place.bytes == place.rows * place.vectors * place.size * 16
    np.testing.assert_array_equal(place.decode(stored), codes)


def test_a_value_beyond_the_dtype_is_refused():
    with pytest.raises(check.BadValue, match=r"codes\[1\] is 128; allowed: -128 to 127"):
        Place(lanes=16, shape=(2,), dtype="int8").encode(np.array([0, 128]))


def test_a_word_holds_a_row_of_weights():
    tile = np.arange(256).reshape(1, 16, 16) - 128
    np.testing.assert_array_equal(pack_weights(P, tile).view(np.int8), tile[0])


def test_tensors_that_live_at_once_do_not_overlap():
    random = np.random.default_rng(3)
    places = {
        str(i): Place(lanes=16, shape=(int(random.integers(1, 40)), 16), dtype="int8") for i in range(60)
    }
    starts = random.integers(0, 50, 60)
    lives = {str(i): (int(start), int(start + random.integers(0, 8))) for i, start in enumerate(starts)}
    placed, end = allocate(places, lives, 64)
    assert end < 64 + sum(place.bytes for place in places.values()) / 2
    for a in places:
        for b in places:
            if a < b and lives[a][0] <= lives[b][1] and lives[b][0] <= lives[a][1]:
                assert (
                    placed[a].address + placed[a].bytes <= placed[b].address
                    or placed[b].address + placed[b].bytes <= placed[a].address
                )


def test_a_ring_spares_what_is_held():
    ring = Ring(100, 10)
    ring.hold(ring.take(4), 4)
    assert [ring.take(3) for _ in range(4)] == [104, 107, 104, 107]


def test_a_ring_leaves_room_for_another_buffer_as_large_wherever_it_stands():
    for first in range(10):
        ring = Ring(100, 10)
        ring.next = first
        for between in (0, 2, 0, 1, 2, 2, 1, 0):
            address = ring.take_twice(4)
            begin, end = ring.held
            assert address + 4 <= 100 + begin or 100 + end <= address
            ring.hold(address, 4)
            if between:
                ring.take(between)


def test_chunks_go_where_there_is_room():
    ring = ChunkRing(0, 10)
    first, second, third, fourth = (Chunk(0, words) for words in (4, 4, 3, 2))
    first.last, second.last = 0, 5
    assert [ring.place(chunk) for chunk in (first, second, third)] == [True, True, False]
    ring.release(1)
    assert ring.place(third) and ring.place(fourth)
    assert (third.scratch, fourth.scratch) == (0, 8) or (fourth.scratch, third.scratch) == (8, 0)


def network(*operations, **shapes) -> CodedNetwork:
    tensors = {name: Tensor(name=name, shape=shape) for name, shape in shapes.items()}
    return CodedNetwork(name="net", tensors=tensors, operations=operations, inputs=("x",), outputs=("y",))


def test_parts_stand_in_the_whole():
    one = Map(name="a", x="x", y="a", epilogue=epilogue(1))
    two = Map(name="b", x="x", y="b", epilogue=epilogue(1))
    net = network(
        one, two, Concat(name="c", x="a", others=("b",), y="c", axis=0),
        Slice(name="s", x="c", y="s", axis=0, start=3, length=4),
        Map(name="y", x="s", y="y", epilogue=epilogue(1)),
        x=(5, 20), a=(5, 20), b=(5, 20), c=(10, 20), s=(4, 20), y=(4, 20),
    )  # fmt: skip
    assert aliases(net, P) == {"a": Alias("c", 0), "b": Alias("c", 160), "s": Alias("c", 96)}
    holds(net, P)


def test_vectors_of_rows_stay_where_they_are():
    net = network(
        Map(name="a", x="x", y="a", epilogue=epilogue(1)),
        Slice(name="s", x="a", y="s", axis=1, start=16, length=20),
        Product(name="y", x="s", y="y", weights=weights(1, 1, 20, 9), epilogue=epilogue(9)),
        x=(5, 48), a=(5, 48), s=(5, 20), y=(5, 9),
    )  # fmt: skip
    assert aliases(net, P) == {"s": Alias("a", 16, 48)}
    holds(net, P)


def test_a_flat_row_into_a_product_needs_no_move():
    net = network(
        Reshape(name="flat", x="x", y="f"),
        Product(name="y", x="f", y="y", weights=weights(1, 1, 60, 9), epilogue=epilogue(9)),
        x=(3, 2, 10), f=(1, 60), y=(1, 9),
    )  # fmt: skip
    assert len(holds(net, P).ranges) == 1


@pytest.mark.parametrize("m, n, k", [(1, 40, 8000), (5, 20, 5000)])
def test_a_deep_product_is_added_up(m, n, k):
    holds(gemm(m, n, k), P)


def test_state_is_there_for_the_next_step():
    from golden.accelerator.machine import Machine
    from mapping.run.quantised import Interpreter

    tensors = {
        "x": Tensor(name="x", shape=(2, 20)),
        "s": Tensor(name="s", shape=(3, 20)),
        "c": Tensor(name="c", shape=(5, 20)),
        "t": Tensor(name="t", shape=(3, 20)),
    }
    net = CodedNetwork(
        name="state", tensors=tensors, inputs=("x", "s"), outputs=("c",), state=(("s", "t"),),
        operations=(
            Concat(name="c", x="s", others=("x",), y="c", axis=0),
            Slice(name="t", x="c", y="t", axis=0, start=2, length=3),
        ),
        initial={"s": np.full((3, 20), 7)},
    )  # fmt: skip
    program, steps = compile(net, P), Interpreter(net, P)
    memory = program.memory.copy()
    for seed in range(4):
        x = any_codes(net, "x", seed)
        program.write(memory, "x", x)
        Machine(P, memory).run(program.address, program.count)
        np.testing.assert_array_equal(program.read(memory, "c"), steps.step({"x": x})["c"])


def test_what_no_tiling_fits_is_refused_by_name():
    o = Product(name="wide", x="x", y="y", weights=weights(40, 40, 16, 3), epilogue=epilogue(3))
    with pytest.raises(check.BadValue, match=r"operation wide: .* words of the scratchpad; allowed: "):
        compile(single(o, x=(40, 40, 16), y=(1, 1, 3)), P)
