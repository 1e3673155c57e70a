"""What Systola makes of a case, held against onnxruntime.

taken      every output as onnxruntime's: relative error of the largest magnitude at most BAR, or within what
           eight-bit operands explain (`moved`); integers and booleans the same, codes of a QDQ graph to CODES
wrong      anything else
refused    BadValue whose text names a node or a tensor of the user's model, or says what the whole file lacks
unnamed    BadValue that names neither
crashed    any other exception

An error is explained by the operands' width if onnxruntime itself, with every operand of a product and
every intermediate tensor moved by up to half a step of 8 bits over its own range, moves that output as far:
the model in float is then as uncertain as the codes are. FARTHEST times the largest movement of DRAWS is
allowed; or the largest movement by FARTHEST times half a step to either side, which is the same for whatever
is straight, but not where a function bends: Atan of a difference of large products changes ends all at once.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import systola
from golden.check import BadValue
from sim.device import Mismatch
from tests.campaign import tflite_cases
from tests.campaign.builder import Builder, Illegal, values_of
from tests.campaign.cases import Case

BAR = 0.06
DRAWS, MORE_DRAWS = 16, 100
FARTHEST = 3  # times the largest of DRAWS movements: of 10^5 elements some move so far
GRIDS = 0.3  # of the movements of a tensor that round it to a grid
CODES = 1  # that an output in the file's own codes may differ by: onnxruntime rounds in float32
STEPS = {"Floor", "Ceil", "Round", "Sign", "Cast", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
         "Equal", "ArgMax", "ArgMin", "Hardmax", "Mod", "Where", "QuantizeLinear", "Shrink",
         "ThresholdedRelu", "And",
         "Or", "Xor", "Not", "LpNormalization", "Neg"}  # fmt: skip
SHARE = 0.02  # of the elements behind a step function that may fall on its other side
WHOLE = (
    "case.onnx: opset ",
    "case: matrix products ",
    "case.tflite: tensors ",
    "case.tflite is in codes of its own",
    "case.onnx is in codes of its own",
)  # what no single node is to blame for
PRODUCTS = {"MatMul", "Gemm", "Conv", "ConvTranspose"}


@dataclass(frozen=True)
class Outcome:
    """One case on one design. error: the largest, relative; text: of a refusal, a crash or a difference."""

    seed: int
    kind: str
    operators: tuple[str, ...]
    design: str
    outcome: str
    error: float = 0.0
    text: str = ""


def judge(case: Case, design: Path, engine: str = "model") -> Outcome:
    """The outcome of a case on a design."""

    def outcome(what: str, error: float = 0.0, text: str = "") -> Outcome:
        return Outcome(case.seed, case.kind, case.operators, design.stem, what, error, text)

    try:
        found = systolas(case, design, engine)
    except BadValue as refused:
        return outcome(
            "refused" if names_what_is_the_users(case, str(refused)) else "unnamed", 0.0, str(refused)
        )
    except Mismatch as different:
        return outcome("wrong", np.inf, f"engines differ: {different}")
    except Exception as error:  # the campaign looks for just these
        return outcome("crashed", np.inf, f"{type(error).__name__}: {error} at {place_of(error)}")
    worst, text = 0.0, ""
    for name, want in case.wanted.items():
        error, why = difference(case, name, want, found[name])
        if why and (not text or error > worst):
            text = f"{name}: {why}"
        worst = max(worst, error)
    return outcome("wrong" if text else "taken", worst, text)


def place_of(error: BaseException) -> str:
    """The innermost line of the project that an exception passed."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not {"site-packages", "campaign"} & set(Path(name).parts):
            place = f"{Path(name).parent.name}/{Path(name).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def systolas(case: Case, design: Path, engine: str) -> dict[str, np.ndarray]:
    """Outputs by name, of the model as a user would run it: from its file, with files as inputs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"case{case.suffix}"
        path.write_bytes(case.data)
        given = {}
        for number, (name, value) in enumerate(case.feeds.items()):
            given[name] = Path(folder) / f"{number}.npy"
            np.save(given[name], value)
        out = Path(folder) / "outputs.npz"
        systola.run(path, on=design, engine=engine, inputs=given, write_to=out)
        with np.load(out) as found:
            return dict(found)


def names_what_is_the_users(case: Case, text: str) -> bool:
    """Whether a refusal names a node, an input or an output of the model as the user wrote it."""
    return any(name in text for name in case.names) or text.startswith(WHOLE)


def difference(case: Case, name: str, want: np.ndarray, found: np.ndarray) -> tuple[float, str]:
    """The largest relative error of an output, and "" or what is wrong with it."""
    if found.shape != want.shape:
        return np.inf, f"shape {list(found.shape)} should be {list(want.shape)}"
    if found.dtype != want.dtype:
        return np.inf, f"type {found.dtype} should be {want.dtype}"
    real, ours = want.astype(np.float64), found.astype(np.float64)
    if not np.all(np.isfinite(ours)):
        return np.inf, "not finite"
    largest = max(np.abs(real).max(initial=0.0), 1e-9)
    away = np.abs(ours - real)
    error = float(away.max(initial=0.0) / largest)
    bar = BAR * largest if want.dtype.kind == "f" else (CODES if case.kind == "quantised" else 0)
    if np.all(away <= bar):
        return error, ""
    unexplained = away > bar + explained(case, name, want, DRAWS)
    if 0 < unexplained.sum() <= 3 * SHARE * real.size:  # a few: the tail of what DRAWS draws show
        unexplained = away > bar + explained(case, name, want, MORE_DRAWS)
    steps = bool(STEPS & set(case.operators))
    if unexplained.sum() <= (max(1, SHARE * real.size) if steps else 0):
        return error, ""
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(away * unexplained)), real.shape))
    return (
        error,
        f"{list(at)} is {ours[at]:.6g}, should be {real[at]:.6g}; {int(unexplained.sum())} of {real.size}",
    )


def explained(case: Case, name: str, want: np.ndarray, draws: int) -> np.ndarray | float:
    """What operands of 8 bits may add to each element's error. TFLite's integers are exact."""
    if case.builder is not None:
        near = FARTHEST * moved(case, case.builder, name, draws)
        if STEPS & set(case.operators):
            return near
        ends = (moved(case, case.builder, name, draws, far) for far in (FARTHEST, -FARTHEST))
        return np.maximum.reduce([near, *ends])
    if want.dtype.kind != "f":
        return 0.0
    # what stands between two operators of a TFLite file cannot be moved: that counts as much again
    return 2 * FARTHEST * moved_by_operands(case, list(case.wanted).index(name), draws)


def moved_by_operands(case: Case, output: int, draws: int) -> np.ndarray:
    """How far TFLite's own answer moves if inputs and weights are uncertain by half a step of 8 bits."""
    clean = list(case.wanted.values())[output].astype(np.float64)
    farthest = np.zeros(clean.shape)
    for draw in range(draws):
        random = np.random.default_rng([case.seed, draw])
        values = [shaken(value, random) for value in case.feeds.values()]
        data = case.data
        for weights in case.weights:
            data = data.replace(weights.tobytes(), shaken(weights, random).tobytes())
        found = tflite_cases.run(data, values, len(case.wanted))[output]
        farthest = np.maximum(farthest, np.abs(found - clean))
    return farthest


def moved(case: Case, b: Builder, name: str, draws: int, far: float = 1.0) -> np.ndarray:
    """How far each element of an output moves if operands are uncertain by `far` half steps of 8 bits."""
    real = b.values[name].astype(np.float64)
    farthest = np.zeros(real.shape)
    for draw in range(draws):
        random = np.random.default_rng([case.seed, draw])
        try:
            values = uncertain(b, random, far)
        except Illegal:
            continue
        value = values[name].astype(np.float64)
        if value.shape == real.shape:
            farthest = np.maximum(farthest, np.nan_to_num(np.abs(value - real), nan=0.0, posinf=0.0))
    return farthest


def shaken(value: np.ndarray, random: np.random.Generator, far: float = 1.0) -> np.ndarray:
    """Reals moved by up to `far` half steps of 8 bits over their own range; a single number stays.

    far  negative: the other way with the same random numbers; 1: at times rounded to codes of about that
         step, which makes small numbers 0 as codes do and noise never does
    """
    if value.dtype.kind != "f" or not value.ndim or not np.all(np.isfinite(value)):
        return value
    step = (max(float(value.max()), 0.0) - min(float(value.min()), 0.0)) / 255
    if far == 1.0 and step and random.random() < GRIDS:
        step *= random.uniform(0.5, 1.5)
        return (np.rint(value / step) * step).astype(value.dtype)
    return (value + far * random.uniform(-step / 2, step / 2, value.shape)).astype(value.dtype)


def uncertain(b: Builder, random: np.random.Generator, far: float) -> dict[str, np.ndarray]:
    """Every tensor's value, node by node, each within `far` half steps of 8 bits of what onnxruntime made."""
    values = {name: b.values[name] for name in (*b.inputs, *b.constants)}
    factors = {x for node in b.nodes if node.op_type in PRODUCTS for x in node.input[:2]}
    values = {
        name: shaken(v, random, far) if name in factors or name in b.inputs else v
        for name, v in values.items()
    }
    for node in b.nodes:
        read = [x for x in dict.fromkeys(node.input) if x]
        held = {x: values[x] for x in read}
        saved, b.values = b.values, held
        try:
            fixed = [x for x in read if x in b.constants]
            free = {x: held[x] for x in read if x not in b.constants}
            made = values_of(b.made_of([node], free, list(node.output), fixed), free)
        finally:
            b.values = saved
        outputs = zip(node.output, made, strict=True)
        values.update({name: shaken(value, random, far) for name, value in outputs})
    return values
