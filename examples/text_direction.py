"""Which way up is a line of text? A MobileNetV3 classifier, whole, on the accelerator's RTL.

    pip install --no-deps rapidocr-onnxruntime==1.4.4      # only its model file is used
    python examples/text_direction.py

Depthwise convolutions, squeeze-and-excite, hard swish and hard sigmoid: all on the RTL, beside onnxruntime.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import version_converter

from mapping import frontends
from mapping.network import Network
from mapping.passes import simplify
from systola import coding, design_file
from systola.demonstration.job import Inputs, reference, run_on_rtl

HERE = Path(__file__).parent
HEIGHT, WIDTH = 48, 192
# a 5 x 7 font: each letter's rows, a bit a dot, the leftmost highest
FONT = {
    "A": (14, 17, 17, 31, 17, 17, 17), "E": (31, 16, 16, 30, 16, 16, 31), "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 15), "J": (7, 2, 2, 2, 2, 18, 12), "K": (17, 18, 20, 24, 20, 18, 17),
    "L": (16, 16, 16, 16, 16, 16, 31), "P": (30, 17, 17, 30, 16, 16, 16), "R": (30, 17, 17, 30, 20, 18, 17),
    "T": (31, 4, 4, 4, 4, 4, 4), "U": (17, 17, 17, 17, 17, 17, 14), "V": (17, 17, 17, 17, 17, 10, 4),
    "Y": (17, 17, 10, 4, 4, 4, 4), "2": (14, 17, 1, 2, 4, 8, 31), "4": (2, 6, 10, 18, 31, 2, 2),
    "7": (31, 1, 2, 4, 8, 8, 8),
}  # fmt: skip
LINES = ("PLAY", "FRUIT27", "JAPAN4U", "GREAT", "KEPT", "VALLEY", "TRUE74", "LARGER")


def line(text: str, scale: int = 5) -> np.ndarray:
    """A line of dark text on light ground: float32 [HEIGHT, WIDTH], 0 to 1."""
    letters = [letter for letter in text if letter in FONT]
    dots = np.zeros((7, 6 * len(letters)))
    for place, letter in enumerate(letters):
        rows = np.array(FONT[letter])[:, None] >> np.arange(4, -1, -1) & 1
        dots[:, 6 * place : 6 * place + 5] = rows
    ink = np.kron(dots, np.ones((scale, min(scale, WIDTH // dots.shape[1]))))
    image = np.full((HEIGHT, WIDTH), 0.95, np.float32)
    top = (HEIGHT - ink.shape[0]) // 2
    image[top : top + ink.shape[0], 4 : 4 + ink.shape[1]] -= (0.85 * ink[:, : WIDTH - 4]).astype(np.float32)
    return image


def samples(name: str, texts: tuple[str, ...], seed: int) -> list[Inputs]:
    """Each line as it is and turned by half a turn, with a little noise."""
    random = np.random.default_rng(seed)
    found = []
    for text in texts:
        for turned in (False, True):
            image = line(text) + random.normal(0, 0.02, (HEIGHT, WIDTH)).astype(np.float32)
            upright = np.clip(image[::-1, ::-1] if turned else image, 0, 1)
            found.append({name: np.repeat((upright[None, None] - 0.5) / 0.5, 3, axis=1).astype(np.float32)})
    return found


def model() -> Path:
    """The classifier's file in the installed package."""
    spec = find_spec("rapidocr_onnxruntime")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("not here: pip install --no-deps rapidocr-onnxruntime==1.4.4")
    folder = Path(next(iter(spec.submodule_search_locations)))
    return folder / "models" / "ch_ppocr_mobile_v2.0_cls_infer.onnx"


def loaded(path: Path) -> Network:
    """The model at the set of operators that is read here, one image of HEIGHT x WIDTH."""
    made = version_converter.convert_version(onnx.load(str(path)), 13)
    for dim, size in zip(made.graph.input[0].type.tensor_type.shape.dim, (1, 3, HEIGHT, WIDTH), strict=True):
        dim.ClearField("dim_param")
        dim.dim_value = size
    with TemporaryDirectory() as folder:
        onnx.save(made, f"{folder}/text_direction.onnx")
        network = frontends.load(Path(folder) / "text_direction.onnx")
    assert isinstance(network, Network)
    return simplify(network)


def main() -> None:
    target = design_file.load(HERE / "accelerator16_int8.toml")
    path = model()
    source = coding.of_network(loaded(path))
    (name,) = source.inputs
    judged = samples(name, LINES[:4], 1)
    ran = run_on_rtl(source, target, samples(name, LINES[4:], 2), judged, lambda *_: None)
    print(f"{len(ran.prepared.coded.operations)} operations, {ran.results[0].cycles:,} cycles an image, RTL")
    for number, (given, outputs) in enumerate(zip(judged, ran.outputs, strict=True)):
        floats = next(iter(reference(str(path), given).values())).ravel()
        found = next(iter(outputs.values())).ravel()
        text = LINES[number // 2] + (" turned" if number % 2 else "")
        print(f"{text:16} float {floats.round(3)}  RTL {found.round(3)}")


if __name__ == "__main__":
    main()
