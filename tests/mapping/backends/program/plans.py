"""Both plans of a network on the 16 x 16 accelerator of examples/: of its program, and in closed form.

ALLOWED  per cent by which the closed form's cycles may differ, for each network of the tests. A function
         whose number of tables depends on values (elementwise) is planned as if it saw -4 to 4.
COSTLY   of networks whose exact plan takes seconds
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import resnet
from mapping.frontends import onnx_file
from mapping.passes import simplify
from mapping.plan import Plan
from systola import coding, design_file, program_session
from systola.demonstration.packages import minilm
from systola.program_session import Loaded
from tests.frozen.networks import NETWORKS

ROOT = Path(__file__).parents[4]
TARGET = design_file.load(ROOT / "examples" / "accelerator16_int8.toml")
ALLOWED = {
    "dense": 1, "convolutions": 5, "attention": 2, "quantised": 2, "okay_nabu": 5, "alexa": 5, "embedding": 2,
    "magika": 2, "shapes": 2, "batch": 6, "elementwise": 12,
}  # fmt: skip
COSTLY = {"minilm16": 5, "minilm128": 1, "resnet50": 1}


def source(name: str) -> Loaded:
    """A network of the tests by its name."""
    if name == "resnet50":
        return coding.of_network(simplify(onnx_file.from_model(resnet.model(), "resnet50.onnx", name)))
    if name.startswith("minilm"):
        return coding.read(minilm(), tokens=int(name.removeprefix("minilm")))
    with TemporaryDirectory() as folder:
        return coding.read(NETWORKS[name].make(Path(folder)).path)


def exact(found: Loaded) -> Plan:
    """From random samples to the program's prediction."""
    return program_session.plan(found, TARGET, exact=True)


def closed(found: Loaded) -> Plan:
    """From the network's structure alone."""
    return program_session.plan(found, TARGET, exact=False)
