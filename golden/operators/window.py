"""The sliding window of convolutions and pools: its stops, and a view of the elements under it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from golden import check
from golden.division import ceil_div

AUTO_PAD = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


@dataclass(frozen=True, slots=True)
class OperatorWindow:
    """Each field has one entry for each spatial axis. pads: elements (before, after)."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    @classmethod
    def resolve(
        cls, spatial: Sequence[int], kernel: Sequence[int], strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None, dilations: Sequence[int] | None = None, auto_pad: str = "NOTSET",
    ) -> "OperatorWindow":
        """From ONNX attributes; `spatial` is the input's size. pads: all the befores, then all the afters."""
        check.one_of("auto_pad", auto_pad, AUTO_PAD)
        ones = (1,) * len(kernel)
        strides, dilations = tuple(strides or ones), tuple(dilations or ones)
        if auto_pad.startswith("SAME"):
            spare = zip(spatial, kernel, strides, dilations, strict=True)
            both = tuple(same_padding(*axis, upper=auto_pad == "SAME_UPPER") for axis in spare)
        else:
            given = tuple(pads) if pads and auto_pad == "NOTSET" else (0,) * 2 * len(kernel)
            both = tuple(zip(given[: len(kernel)], given[len(kernel) :], strict=True))
        return cls(tuple(kernel), strides, dilations, both)

    @property
    def sides(self) -> tuple[int, ...]:
        """The padding as ONNX has it: all the befores, then all the afters."""
        return (*(before for before, _ in self.pads), *(after for _, after in self.pads))

    @property
    def extent(self) -> tuple[int, ...]:
        """Elements from the first to the last that one stop covers."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def out(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Stops along each axis of an input of that size."""
        padded = (n + b + a for n, (b, a) in zip(spatial, self.pads, strict=True))
        return tuple((n - e) // s + 1 for n, e, s in zip(padded, self.extent, self.strides, strict=True))

    def as_image(self) -> "OperatorWindow":
        """The window over a line as one over an image of one row."""
        kernel, strides, dilations = ((1, *of) for of in (self.kernel, self.strides, self.dilations))
        return OperatorWindow(kernel, strides, dilations, ((0, 0), *self.pads))

    def ceiled(self, spatial: Sequence[int]) -> "OperatorWindow":
        """The window with the last stop of ceil_mode: more padding behind, unless that stop would lie all in
        padding."""
        pads = []
        for n, e, s, (before, after) in zip(spatial, self.extent, self.strides, self.pads, strict=True):
            stops = ceil_div(n + before + after - e, s) + 1
            if (stops - 1) * s >= n + before:
                stops -= 1
            pads.append((before, max((stops - 1) * s + e - n - before, after)))
        return OperatorWindow(self.kernel, self.strides, self.dilations, tuple(pads))

    def view(self, x: np.ndarray, padding: float = 0) -> np.ndarray:
        """The elements under each stop: x [N, C, *spatial], any type -> [N, C, *out, *kernel], read only."""
        if any(b or a for b, a in self.pads):
            x = np.pad(x, ((0, 0), (0, 0), *self.pads), constant_values=padding)
        axes = tuple(range(2, x.ndim))
        every = np.lib.stride_tricks.sliding_window_view(x, self.extent, axes)
        steps = [slice(None)] * 2 + [slice(None, None, s) for s in (*self.strides, *self.dilations)]
        stops: np.ndarray = every[tuple(steps)]
        return stops


def same_padding(size: int, kernel: int, stride: int, dilation: int, *, upper: bool) -> tuple[int, int]:
    """Padding that makes ceil(size / stride) stops; the odd element goes behind if `upper`."""
    total = max((ceil_div(size, stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return (total // 2, total - total // 2) if upper else (total - total // 2, total // 2)
