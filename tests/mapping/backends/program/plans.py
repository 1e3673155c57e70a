"""Both plans of a network on the 16 x 16 accelerator of examples/: of its program, and in closed form.

ALLOWED  per cent by which the closed form's cycles may differ, for each network of the tests; measured in
         brackets. A function whose number of tables depends on values is planned as if it saw -4 to 4.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import resnet
from golden.accelerator.assembler import unpack
from golden.accelerator.timing import predict
from mapping.backends.program import closed_form
from mapping.backends.program import plan as program
from mapping.backends.program.compiler import compile
from mapping.frontends import onnx_file
from mapping.legalise.outline import outline
from mapping.passes import simplify
from mapping.plan import Plan
from systola import coding, design_file, operands
from systola.demonstration.packages import minilm
from tests.frozen.networks import NETWORKS

ROOT = Path(__file__).parents[4]
TARGET = design_file.load(ROOT / "examples" / "accelerator16_int8.toml")
ALLOWED = {
    "dense": 1, "convolutions": 5, "attention": 2, "quantised": 2, "okay_nabu": 5, "alexa": 5, "embedding": 2,
    "magika": 2, "elementwise": 30,
}  # fmt: skip
COSTLY = {"minilm16": 5, "minilm128": 1, "resnet50": 1}


def source(name: str) -> coding.Source:
    """A network of the tests by its name."""
    if name == "resnet50":
        return coding.of_network(simplify(onnx_file.from_model(resnet.model(), "resnet50.onnx", name)))
    if name.startswith("minilm"):
        found = coding.read(minilm(), tokens=int(name.removeprefix("minilm")))
    else:
        with TemporaryDirectory() as folder:
            found = coding.read(NETWORKS[name].make(Path(folder)).path)
    assert isinstance(found, coding.Source)
    return found


def exact(found: coding.Source) -> Plan:
    """From random samples to the program's prediction."""
    p, latency = TARGET.accelerator, TARGET.memory_latency
    assert p is not None
    coded = found.coded(p, operands.read_inputs(found.name, found.inputs, {}, 0))
    made = compile(coded, p)
    commands = unpack(made.commands)
    timing = predict(p, commands, latency, latency)
    return program.plan(found.name, TARGET, coded, made, commands, timing)


def closed(found: coding.Source) -> Plan:
    """From the network's structure alone."""
    p = TARGET.accelerator
    assert p is not None
    if found.network is None:  # it states its codes
        return closed_form.plan(found.name, TARGET, found.coded(p, []))
    return closed_form.plan(found.name, TARGET, outline(found.network, p), assumed=True)
