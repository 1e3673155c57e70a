"""The coded network: the representation between quantisation and the accelerator's programs.

Tensors are rows of channels: shape [..., channels]; an image is [height, width, channels] and a batch of one
is left out. Every operation is exact in integers, in the terms of the command set
(golden.accelerator.commands), so a program's result is compared with `mapping.run.quantised` bit for bit.

In memory a tensor's rows follow one another, each padded to whole vectors of `lanes` channels; the padding
holds whatever the operation computes there with parameters 0, and no result depends on it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from golden import check
from golden.operators.window import OperatorWindow
from mapping.ir.encodings import BYTES, Affine, Reals, nearest_codes

Shape = tuple[int, ...]
DTYPES = ("int8", "uint8", "int16", "uint16", "int32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A tensor of the coded network.

    encoding  the reals that its codes stand for
    data      a constant's codes, else None
    reals     a network's input or output as the host sees it; None: reals of the codes' shape
    """

    name: str
    shape: Shape
    encoding: Affine = BYTES
    data: np.ndarray | None = None
    reals: Reals | None = None

    @property
    def dtype(self) -> str:
        """The type of the codes in memory."""
        return self.encoding.dtype

    def encode(self, real: np.ndarray) -> np.ndarray:
        """Codes, int64 of the tensor's shape: reals saturate; BadValue for an integer beyond the codes'
        range."""
        where, own = f"input {self.name}", self.encoding
        if self.reals is not None:
            real = self.reals.ordered(where, real)
        info = np.iinfo(own.dtype)
        codes = nearest_codes(real, own.scale) + own.zero
        if real.dtype.kind in "iu" and codes.size:  # reals saturate; a number of something must not
            least, most = ((end - own.zero) * own.scale for end in (info.min, info.max))
            for end in (real.min(), real.max()):
                if not least <= end <= most:
                    raise check.fail(where, int(end), f"{least:g} to {most:g}, from what calibration saw")
        return np.asarray(np.clip(codes, info.min, info.max), np.int64).reshape(self.shape)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Reals of codes, in the shape that the host sees."""
        exact = (codes - self.encoding.zero) * self.encoding.scale
        dtype = np.dtype(self.reals.dtype if self.reals else "float32")
        real = exact.astype(dtype) if dtype.kind == "f" else np.rint(exact).astype(dtype)
        return real if self.reals is None else self.reals.natural(real)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epilogue:
    """What the vector unit does with a value `t` (a sum, or of MAP's front) before it is stored.

        r = sat32(round(wrap32(t + bias) multiplier / 2^shift))      ties up; a set for each channel, or one
        s = sat32(r + f)                                             f: of `Map.b` where the operation is ADD
        v = function(s)                                              see golden.accelerator.map_lanes
        v = round(v post_multiplier / 2^post_shift)                  unless post_multiplier is 0
        out = clip(v + zero_point, low, high)                        out of 32 bits: v

    bias, multiplier (below 2^31), shift (0 to 62): int64 [channels] or [1]
    function  "none", "table" or the name of a piecewise one; table: int64 [256], its values at -128 to 127
    """

    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    function: str = "none"
    table: np.ndarray | None = None
    post_multiplier: int = 0
    post_shift: int = 0
    zero_point: int = 0
    low: int = -128
    high: int = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """A tensor added behind requantisation: f = sat32(round((b - zero) multiplier / 2^shift)).

    b      its name; its shape is the result's, or broadcasts: [channels] or one row for all
    """

    b: str
    zero: int = 0
    multiplier: int = 1
    shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """name: for people. x: the first operand. y: the result."""

    name: str
    x: str
    y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Operation):
    """Constant weights: a convolution of an image [h, w, c], or of rows [..., c] where the kernel is 1 x 1.

    weights   integers [kh, kw, c, n], numbers that pe.weight stands for
    pad_value code that stands outside the image (x's zero point)
    pads      top, left, bottom, right
    y         [oh, ow, n], or [..., n]
    The input's zero point is in the epilogue's bias: bias - zero_point * sum of weights.
    """

    weights: np.ndarray
    epilogue: Epilogue
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    pad_value: int = 0
    residual: Residual | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatMul(Operation):
    """Both factors computed, `heads` products: y_h = x_h w_h, or x_h w_h^T where `transposed`.

    heads_in_x, _w, _y   "columns": the tensor is [rows, heads * width], head h its h-th slice of channels;
                         "first": [heads, rows, width]
    row_scale            name of a uint16 tensor [heads, rows]: a sum is multiplied by its row's, then
                         round(. / 2^row_shift), saturated to 32 bits, before the epilogue
    residual             b [n], one row for all heads and rows (a mask); never together with row_scale
    Zero points are 0: x's padding is 0, or meets it.
    """

    w: str
    heads: int
    transposed: bool
    epilogue: Epilogue
    heads_in_x: str = "columns"
    heads_in_w: str = "columns"
    heads_in_y: str = "first"
    row_scale: str | None = None
    row_shift: int = 0
    residual: Residual | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Operation):
    """Element by element: y = epilogue(x - x_zero), or of the front with b.

    operation  "copy"; "mul": sat32(round((x - x_zero)(b - b_zero) / 2^b_shift)); "add": see Residual
    b          a tensor's name; its shape is x's, or one row [channels], or one a row [rows, 1]
    """

    epilogue: Epilogue
    operation: str = "copy"
    x_zero: int = 0
    b: str | None = None
    b_zero: int = 0
    b_shift: int = 0
    b_multiplier: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Depthwise(Operation):
    """Each channel by itself: x [h, w, c], weights integers [kh, kw, c] (8 bits), y [oh, ow, c].

    sum over the kernel of (x - x_zero) weights, then the epilogue. Other fields as Product's.
    """

    weights: np.ndarray
    epilogue: Epilogue
    x_zero: int = 0
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    pad_value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(Operation):
    """reduction: "max" or "sum" (the mean is in the epilogue's multiplier) over a window of x [h, w, c].

    pad_value  what stands outside: the least code for "max", x_zero for "sum"
    """

    reduction: str
    kernel: tuple[int, int]
    epilogue: Epilogue
    x_zero: int = 0
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad_value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Operation):
    """Rows of scores x [..., n] int16, 8 bits below an octave, to codes y int8 and r uint16 [...].

    valid elements of row i of the last but one axis: min(n, length + length_step i)
    probability = y r / 2^22
    why    of an attention: why its products and exponentials are operations of their own; "": no other way
    """

    r: str
    length: int
    length_step: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attend(Operation):
    """Attention: queries x [rows, heads width], keys k and values v [keys, heads width], int8, to y as x.

    mask            a name, int16 [keys]: codes that are added to scores, times mask_multiplier; or None
    multiplier, shift, out_multiplier, out_shift, zero_point, low, high   golden.accelerator.attend
    why             why it is one operation
    """

    k: str
    v: str
    heads: int
    multiplier: int
    shift: int
    out_multiplier: int
    out_shift: int
    zero_point: int = 0
    low: int = -128
    high: int = 127
    mask: str | None = None
    mask_multiplier: int = 0
    why: str = ""

    @property
    def numbers(self) -> dict[str, int]:
        """The fields of ATTEND that are numbers of the operation."""
        names = ("multiplier", "shift", "out_multiplier", "out_shift", "zero_point", "low", "high")
        return {name: getattr(self, name) for name in (*names, "mask_multiplier")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalise(Operation):
    """x int16 to y int16, `fraction` bits below 1: (x - mean) / sqrt(variance + epsilon).

    axis     -1: along the channels; 0: along the rows of x [rows, channels], each channel by itself
    rms      the mean is not taken off
    epsilon  the integer of golden.accelerator.normalise
    """

    axis: int
    rms: bool
    epsilon: int
    fraction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather(Operation):
    """Rows of the constant table x [rows, channels] by numbers i int32 [n]: y [n, channels]."""

    i: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Operation):
    """The same codes in rows of other lengths; free where the padded rows stay what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Operation):
    """x[start : start + length : step] along `axis`."""

    axis: int
    start: int
    length: int
    step: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat(Operation):
    """x and `others` one after the other along `axis`."""

    others: tuple[str, ...]
    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(Operation):
    """Elements of x, each any number of times: y.flat[i] = x.flat[index.flat[i]], `fill` where that is -1.

    index  int64 of y's shape: places in x's elements, the last axis innermost
    fill   a code
    """

    index: np.ndarray
    fill: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host(Operation):
    """An operation that no unit accepts, computed on the host.

    others    further operands, by name         results   further results
    compute   codes of x and `others`, int64 of their tensors' shapes, to codes of y and `results`
    operator  the network's name for it         reason    why no unit accepts it
    macs      multiply-accumulates, of what is a matrix product
    """

    operator: str
    reason: str
    compute: Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
    others: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    macs: int = 0


def window_of(o: Product | Depthwise | Pool, kernel: tuple[int, int]) -> OperatorWindow:
    """The window that an operation slides over an image [h, w, c]."""
    return OperatorWindow.resolve((), kernel, o.strides, o.pads, getattr(o, "dilations", None))


def operator_of(o: Operation) -> str:
    """The name of an operation in tables."""
    return o.operator if isinstance(o, Host) else type(o).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedNetwork:
    """operations: in an order that can be run. Inputs and outputs: names of tensors.

    state  pairs (input, output): at each step the input has the output's codes of the step before, at first
           `initial`
    """

    name: str
    tensors: Mapping[str, Tensor]
    operations: tuple[Operation, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    state: tuple[tuple[str, str], ...] = ()
    initial: Mapping[str, np.ndarray] = field(default_factory=dict)
