"""Files of codes on a bare matrix unit as they are: bit for bit the file's own integers."""

import numpy as np
import pytest

from golden.check import BadValue
from mapping.backends.streams import accepts, placements
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.as_codes import coded
from mapping.frontends.tflite.ends import ends_of
from mapping.frontends.tflite.integer_run import Runner
from mapping.ir import graph
from mapping.run.arrays import ArrayRun
from sim.device import Comparing, Golden, Model, Rtl

WORDS = ("okay_nabu", "hey_jarvis", "alexa", "hey_mycroft")
WIDE = {"group": 1024, "weight_buffer": 1 << 16, "activation_buffer": 1 << 16}


@pytest.mark.parametrize("word", WORDS)
def test_a_wake_word_gives_what_tflite_gives_step_after_step(tflite_tools, target, word):
    model = reader.read(tflite_tools.package("pymicro_wakeword") / "models" / f"{word}.tflite")
    network, runner, ends = coded(model, host=True), Runner(model), ends_of(model)
    array, device = ArrayRun(network, target(**WIDE)), Comparing(Golden(), Model())
    random = np.random.default_rng(4)
    name = model.graphs[0].tensors[model.graphs[0].inputs[0]].name
    for _ in range(6):
        given = {name: random.integers(-128, 128, (1, 3, 40)).astype(np.int8)}
        codes = {key: x.reshape(network.tensors[key].shape) for key, x in ends.encode(given).items()}
        found, wanted = ends.decode(array.step(codes, device)), runner.step(given)
        assert all((found[key] == wanted[key]).all() for key in wanted)
    assert [layer.name for layer in array.layers] == list(placements(target(**WIDE), network))
    multiplying = (graph.Product, graph.Depthwise)
    assert len(array.layers) == sum(isinstance(o, multiplying) for o in network.operations) >= 10


def one_operator(tools, kind, table, x, constants, y, **options):
    w = tools.Writer()
    given = [w.tensor(*x), *(w.constant(*each) for each in constants)]
    out = w.tensor(*y)
    w.add(kind, given, [out], table, **options)
    return reader.from_bytes(w.bytes(given[:1], [out]), "m.tflite", "m")


@pytest.mark.parametrize("kind, zero", [("INT8", -128), ("UINT8", 0)])
def test_what_no_unit_does_is_tflites_own_on_the_host(tflite_tools, target, kind, zero):
    """SOFTMAX has no rule among the units' operations."""
    x, y = ((3, 8), kind, 0.1, zero + 128), ((3, 8), kind, 1 / 256, zero)
    model = one_operator(tflite_tools, "SOFTMAX", "SoftmaxOptions", x, [], y, Beta=1.0)
    network, ends = coded(model, host=True), ends_of(model)
    (operation,) = [o for o in network.operations if isinstance(o, graph.Host)]
    assert operation.operator == "SOFTMAX"
    assert operation.reason == "no unit does SOFTMAX"
    name = model.graphs[0].tensors[0].name
    dtype = np.int8 if kind == "INT8" else np.uint8
    given = {name: np.random.default_rng(1).integers(zero, zero + 256, (3, 8)).astype(dtype)}
    codes = {key: x.reshape(network.tensors[key].shape) for key, x in ends.encode(given).items()}
    found = ends.decode(ArrayRun(network, target()).step(codes, Model()))
    assert all((found[key] == want).all() for key, want in Runner(model).step(given).items())


def test_without_a_host_it_is_refused_as_before(tflite_tools):
    x, y = ((1, 8), "INT8", 0.1, 0), ((1, 8), "INT8", 1 / 256, -128)
    model = one_operator(tflite_tools, "SOFTMAX", "SoftmaxOptions", x, [], y, Beta=1.0)
    with pytest.raises(BadValue, match=r"operator 0 \(SOFTMAX\) is 'SOFTMAX'; allowed: .*CONV_2D"):
        coded(model)


def test_weights_that_a_pe_does_not_hold_go_to_the_host_with_the_reason(tflite_tools, target):
    w = (np.full((4, 8), 100, np.int8), 0.1)
    x, y = ((2, 8), "INT8", 0.1, 3), ((2, 4), "INT8", 9.0, 0)
    model = one_operator(tflite_tools, "FULLY_CONNECTED", "FullyConnectedOptions", x, [w], y)
    network = coded(model, host=True)
    o = next(o for o in network.operations if isinstance(o, graph.Product))
    assert accepts(target(), network, o) == ""
    assert accepts(target("int4"), network, o) == "weights reach from 100 to 100, which int4 does not hold"
    assert accepts(target(group=4), network, o) == "K is 8, the accumulators add up 4 products"
    assert placements(target("int4"), network) == {}


@pytest.mark.rtl
@pytest.mark.slow
def test_the_rtl_of_a_matrix_unit_runs_a_wake_word(tflite_tools, target):
    model = reader.read(tflite_tools.package("pymicro_wakeword") / "models" / "okay_nabu.tflite")
    network, runner, ends = coded(model, host=True), Runner(model), ends_of(model)
    array, device = ArrayRun(network, target(**WIDE)), Comparing(Rtl(), Model())
    name = model.graphs[0].tensors[model.graphs[0].inputs[0]].name
    given = {name: np.random.default_rng(4).integers(-128, 128, (1, 3, 40)).astype(np.int8)}
    codes = {key: x.reshape(network.tensors[key].shape) for key, x in ends.encode(given).items()}
    found, wanted = ends.decode(array.step(codes, device)), runner.step(given)
    assert all((found[key] == wanted[key]).all() for key in wanted)
