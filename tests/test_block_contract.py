"""Every block of the table has what golden/blocks.py lists, and its members agree with one another."""

from importlib import import_module

import numpy as np
import pytest

from golden import blocks, pe, streams
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import LONGEST
from golden.attention.streaming_job import StreamingParams
from golden.attention.window import WindowParams
from golden.blocks import Job
from golden.check import BadValue
from golden.systolic.params import DATAFLOWS, MatrixUnitParams
from golden.tile.params import TileParams
from sim.device import Comparing, Golden, Model, stream_ports
from systola import block_folder, testbench

MEMBERS = ("Params", "WHAT", "MEANING", "fields", "inputs", "pack", "unpack", "delivered", "count", "compute",
           "follow", "cycles", "example", "title", "about", "sections")  # fmt: skip
PARAMS = [
    *(MatrixUnitParams(rows=3, cols=2, dataflow=dataflow) for dataflow in DATAFLOWS),
    *(
        MatrixUnitParams(rows=3, cols=2, pe=pe.PES[kind].Params(group=16), scaled=False)
        for kind in pe.standing("array")
    ),
    *(TileParams(rows=3, cols=2, pe=module.Params(group=16)) for module in pe.PES.values()),
    WindowParams(arithmetic=Arithmetic(head_dim=3, keys=8), sinks=True),
    WindowParams(arithmetic=fp16(head_dim=2, keys=4), divide_lanes=2),
    WindowParams(arithmetic=Arithmetic(head_dim=3, keys=8), organisation="keys"),
    WindowParams(arithmetic=Arithmetic(head_dim=3, keys=8), heads=2, sinks=True),
    *(
        StreamingParams(arithmetic=of(head_dim=4, keys=LONGEST, **more), interleave=3, registers=2)
        for of, more in ((Arithmetic, {}), (fp16, {"weight_bits": 23}))
    ),
]


@pytest.fixture(params=PARAMS, ids=lambda p: p.name)
def p(request):
    return request.param


@pytest.fixture
def block(p):
    return blocks.module_of(p)


@pytest.mark.parametrize("path", blocks.BLOCKS)
def test_it_has_the_members_and_its_hardware_stands_at_its_path(path):
    assert not [name for name in MEMBERS if not hasattr(blocks.BLOCKS[path], name)]
    assert blocks.BLOCKS[path].__name__ == f"golden.{path.replace('/', '.')}"
    assert callable(import_module(f"hw.{path.replace('/', '.')}").definition)


def test_what_is_no_block_is_refused():
    with pytest.raises(BadValue, match="block is MultiplierParams; allowed: systolic/matrix_unit, tile/tile"):
        blocks.module_of(pe.PES["multiplier"].Params())


def test_every_stream_has_fields_a_meaning_and_a_port(p, block):
    layout = block.fields(p)
    assert set(layout) <= set(block.MEANING) and set(layout) == {*block.inputs(p), blocks.OUTPUT}
    ports = {port.name: (port.direction, port.bits) for port in stream_ports(p)}
    assert ports == {
        name: ("out" if name == blocks.OUTPUT else "in", streams.bits(fields))
        for name, fields in layout.items()
    }


def test_an_examples_words_are_as_wide_as_the_streams(p, block):
    job, operands = block.example(p, 1)
    packed = block.pack(p, job, operands)
    assert list(packed) == list(block.inputs(p))
    for name, words in packed.items():
        fields = block.fields(p)[name]
        assert words.dtype == np.uint8 and words.shape[1] == streams.size(fields) and len(words)
        spare = 8 * words.shape[1] - streams.bits(fields)
        assert not (words[:, -1] >> (8 - spare)).any() if spare else True


def test_the_values_are_those_in_the_words_that_are_delivered(p, block):
    job, operands = block.example(p, 2)
    delivered = block.delivered(p, job, operands)
    assert delivered.shape == (block.count(p, job), streams.size(block.fields(p)[blocks.OUTPUT]))
    values = block.compute(p, job, operands)
    assert np.array_equal(block.unpack(p, job, delivered), values)
    job = Job(name="example", p=p, shape=job, operands=operands)
    found = Comparing(Golden(), Model()).run(job)
    assert np.array_equal(found.values, values) and found.cycles == block.cycles(p, job.shape)


def test_the_same_seed_is_the_same_example(p, block):
    packed = [block.pack(p, *block.example(p, seed)) for seed in (3, 3, 4)]
    same = [all(np.array_equal(packed[0][name], each[name]) for name in each) for each in packed]
    assert same == [True, True, False]


def test_what_a_folder_says_of_it_has_its_streams(p, block):
    text = block_folder.document("it", p, {"pe": {"group": 16}})
    assert f"# it: {block.title(p)}" in text and "## Cycles" in text and "| pe.group | 16 |" in text
    bench = testbench.write("it", p)
    job, _ = block.example(p, testbench.SEED)
    assert f"{p.name} dut" in bench and f"golden {block.cycles(p, job)}" in bench
    for name, fields in block.fields(p).items():
        assert f"| `{name}` |" in text and f".{name}_payload(" in bench
        assert f"[{streams.bits(fields) - 1}:0]" in bench
