"""An accelerator with a host: what no unit takes is computed there, between programs that hand over codes."""

import numpy as np
import pytest

from golden.accelerator.machine import Machine
from golden.accelerator.params import AcceleratorParams
from golden.check import BadValue
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from mapping.backends.program.compiler import compile
from mapping.backends.program.segments import Programs, Segment, parts, with_host
from mapping.frontends import onnx_file
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.as_codes import coded
from mapping.ir import graph
from mapping.legalise.float_network import encoded, quantise_network
from mapping.passes import simplify
from mapping.run.floating import run_float
from mapping.run.quantised import Interpreter, run
from tests.mapping.legalise.against import model, node

P = AcceleratorParams()
RANDOM = np.random.default_rng(8)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def runner(made):
    """What runs a part's program on the interpreter."""

    def execute(place, codes):
        program, memory = made[place].program, made[place].program.memory.copy()
        for name, values in codes.items():
            program.write(memory, name, values)
        Machine(P, memory, program.base).run(program.address, program.count)
        return {name: program.read(memory, name) for name in made[place].network.outputs}

    return execute


def quantise_with_host(network, p, samples):
    def make(each):
        coded = quantise_network(each, p, samples)
        return coded, parts(coded, p, host=True)

    return with_host(network, make)


LSTM = [
    node("MatMul", "x w", "a"), node("LSTM", "a lw lr lb", "s", hidden_size=8),
    node("Reshape", "s flat", "t"), node("MatMul", "t v", "c"), node("Relu", "c", "y"),
]  # fmt: skip
CONSTANTS = {
    "w": normal(6, 10), "lw": normal(1, 32, 10), "lr": normal(1, 32, 8), "lb": normal(1, 64),
    "flat": np.array([5, 8]), "v": normal(8, 7),
}  # fmt: skip


def network(nodes, x, constants):
    return simplify(onnx_file.from_model(model(nodes, {"x": x}, constants), "n.onnx", "n"))


def same_as_the_coded_network(coded, made, codes):
    found = Programs(coded, P, made).step(codes, runner(made))
    wanted = run(coded, P, codes)
    for name in coded.outputs:
        assert np.array_equal(found[name].ravel(), wanted[name].ravel()), name
    return found


def test_an_operator_that_no_unit_has_stands_between_two_programs():
    x = normal(5, 1, 6)
    float_network = network(LSTM, x, CONSTANTS)
    with pytest.raises(BadValue, match=r"n: node s: operator is 'LSTM'; allowed: Add, .*"):
        quantise_network(float_network, P, [{"x": x}])
    found, made = quantise_with_host(float_network, P, [{"x": x}])
    assert [type(part) for part in made] == [Segment, graph.Host, Segment]
    assert made[1].operator == "LSTM" and made[1].reason.startswith("n: node s: operator is 'LSTM'")
    y = same_as_the_coded_network(found, made, encoded(found, {"x": x}))["y"]
    real, wanted = found.tensors["y"].decode(y), run_float(float_network, {"x": x})["y"]
    assert np.linalg.norm(real - wanted) < 0.05 * np.linalg.norm(wanted)


def test_what_no_program_moves_goes_to_the_host_too():
    """2,304 elements in any order are more pairs than a product with zeros and ones moves."""
    x = normal(192, 12)
    nodes = [node("Relu", "x", "a"), node("Reshape", "a flat", "b"), node("Gather", "b order", "c", axis=0),
             node("Reshape", "c rows", "y")]  # fmt: skip
    constants = {"flat": np.array([2304]), "order": RANDOM.permutation(2304), "rows": np.array([576, 4])}
    made = network(nodes, x, constants)
    with pytest.raises(BadValue, match="elements that change lanes"):
        compile(quantise_network(made, P, [{"x": x}]), P)
    found, divided = quantise_with_host(made, P, [{"x": x}])
    there = [part for part in divided if isinstance(part, graph.Host)]
    assert {part.operator for part in there} <= {"Reshape", "Take"}
    assert all("elements that change lanes" in part.reason for part in there)
    same_as_the_coded_network(found, divided, encoded(found, {"x": x}))


def test_a_product_that_the_accumulators_do_not_hold_is_the_hosts_with_its_macs():
    unit = MatrixUnitParams(rows=4, cols=4, accumulator_rows=64, pe=MultiplierParams(group=8))
    p = AcceleratorParams(unit=unit, banks=4, bank_words=512)
    x = normal(4, 16)
    nodes = [node("Transpose", "x", "t"), node("MatMul", "x t", "y")]
    made = network(nodes, x, {})
    found = with_host(made, lambda each: parts(quantise_network(each, p, [{"x": x}]), p, host=True))
    (there,) = [part for part in found if isinstance(part, graph.Host)]
    assert there.operator == "MatMul" and there.macs == 4 * 4 * 16
    assert "depth of the product is 16" in there.reason


def test_a_network_that_needs_no_host_is_one_program():
    x = normal(5, 6)
    made = network([node("MatMul", "x w", "y")], x, {"w": CONSTANTS["w"]})
    found, whole = quantise_with_host(made, P, [{"x": x}])
    assert [type(part) for part in whole] == [Segment]
    same_as_the_coded_network(found, whole, encoded(found, {"x": x}))


def test_a_softmax_of_tflite_is_its_own(tflite_tools):
    w = tflite_tools.Writer()
    x, y = w.tensor((3, 8), "INT8", 0.1, 4), w.tensor((3, 8), "INT8", 1 / 256, -128)
    z = w.tensor((3, 4), "INT8", 0.1, 0)
    weights = w.constant(np.random.default_rng(1).integers(-99, 99, (4, 8)).astype(np.int8), 0.01)
    w.add("SOFTMAX", [x], [y], "SoftmaxOptions", Beta=1.0)
    w.add("FULLY_CONNECTED", [y, weights, -1], [z], "FullyConnectedOptions")
    network = coded(reader.from_bytes(w.bytes([x], [z]), "m.tflite", "m"), host=True)
    made = parts(network, P)
    assert [type(part) for part in made] == [graph.Host, Segment]
    codes = {network.inputs[0]: np.random.default_rng(2).integers(-128, 128, (3, 8))}
    same_as_the_coded_network(network, made, codes)


def test_a_state_goes_through_the_host(tflite_tools):
    """A wake word, with one operation of its middle on the host."""
    path = tflite_tools.package("pymicro_wakeword") / "models" / "okay_nabu.tflite"
    network = coded(reader.read(path))
    place = next(i for i, o in enumerate(network.operations) if isinstance(o, graph.Product) and i > 20)
    moved = network.operations[place]

    def compute(codes):
        values = {moved.x: codes[0]}
        from mapping.run.quantised import RULES, Call

        return [RULES[type(moved)](Call(network, P, values), moved)[moved.y]]

    there = graph.Host(
        name=moved.name, x=moved.x, y=moved.y, operator="Product", reason="a test", compute=compute
    )
    operations = (*network.operations[:place], there, *network.operations[place + 1 :])
    split = graph.CodedNetwork(**{
        key: getattr(network, key) for key in network.__slots__ if key != "operations"
    }, operations=operations)  # fmt: skip
    made = parts(split, P)
    steps, programs = Interpreter(network, P), Programs(split, P, made)
    random, (name, *_) = np.random.default_rng(3), network.inputs
    for _ in range(3):
        codes = {name: random.integers(-128, 128, network.tensors[name].shape)}
        found, wanted = programs.step(codes, runner(made)), steps.step(codes)
        assert all(np.array_equal(found[key].ravel(), wanted[key].ravel()) for key in wanted)
