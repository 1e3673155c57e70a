"""The state of legalisation: which codes each tensor has, and the operations that compute them.

A tensor is coded once for each form that its readers need:

    byte   8 bits with a zero point: factors of products
    even   8 bits, zero point 0: factors of products both of whose factors are computed
    half   16 bits, zero point 0: operands of sums and normalisations; the network's outputs
    score  16 bits, 2^-8 of an octave: arguments of exponentials
    index  the integers themselves, 32 bits
    flag   integers of an input, themselves where 16 bits hold them

A real tensor has its batch of one and its axes in ONNX's order; its codes have them in another, channels
last.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.formats import Int, Scale
from mapping.frontends import onnx_stated
from mapping.ir import graph
from mapping.ir.encodings import Affine, Reals
from mapping.legalise.exact import GRAINED, alike, exactly, power_of_two
from mapping.legalise.fixed import LIMITS, factors, plain
from mapping.legalise.fixed import bias as whole
from mapping.legalise.integers import HEADROOM, integers, of_integers
from mapping.legalise.scores import zero_of
from mapping.legalise.turning import turned
from mapping.network import Network, Node, Shape
from mapping.patterns.curves import (
    OCTAVE,
    RARE,
    Function,
    Spelt,
    Stage,
    aside,
    check_table,
    coded_as,
    curve_of,
    stage,
    varying,
)
from mapping.patterns.structure import Line, dtypes_of, jumps, line_of
from mapping.patterns.subgraphs import apply
from mapping.quantise.calibrate import Observer, finite_tensor

REAL = np.dtype(np.float32)
PASSED = ("half", "byte", "even")  # forms that moving codes does not change
FORMS = ("half", "byte", "even", "score", "index", "flag")
WHOLE = ("index", "half", "flag", "byte", "even", "score")  # of an input of integers: exact ones first
Make = Callable[[str, Affine, Stage], graph.Operation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A tensor in codes.

    order   its axes that are longer than 1, in the order of the codes' axes
    places  int64 [elements]: the place of each element (in ONNX's order) in the codes, where these have no
            such axes
    """

    name: str
    order: tuple[int, ...]
    form: Affine
    places: np.ndarray | None = None

    @property
    def scale(self) -> float:
        return self.form.scale

    @property
    def zero(self) -> int:
        return self.form.zero


class Coder:
    """The legalisation of `network`, in which patterns are recognised; seen: observed ranges of its
    tensors."""

    def __init__(
        self, network: Network, p: AcceleratorParams, seen: dict[str, Observer], method: str
    ) -> None:
        self.network, self.p, self.seen, self.method = network, p, seen, method
        self.tensors: dict[str, graph.Tensor] = {}
        self.operations: list[graph.Operation] = []
        self.coded: dict[tuple[str, str], Coded] = {}
        self.wanted: dict[str, set[str]] = {}
        self.inputs: dict[str, str] = {}
        self.evened: dict[str, tuple[np.ndarray, Scale]] = {}  # see mapping.quantise.equalise
        self.given: dict[str, Affine] = {}  # of a quantised network: how each tensor is coded
        self.weight_scales: dict[str, np.ndarray] = {}  # and its constant weights, float64 [1] or [n]
        self.weight_names: dict[str, str] = {}  # what the file calls them, where it is another name
        self.sources: dict[str, str] = {}  # what a Reshape is of
        self.turned: dict[tuple[str, tuple[int, ...] | bytes], Coded] = {}  # codes moved, by what moved them
        self.saturated: set[str] = set()  # results of piecewise functions, which end where their format does
        self.producers = network.producers()
        self.readers = network.consumers()
        self.dtypes = dtypes_of(network)
        self.tops: dict[str, tuple[float, float]] = {}  # see mapping.legalise.scores
        self.masks: dict[str, int] = {}
        self.exactly, self.differences = exactly(network)
        self.alike = alike(network, self.differences)
        self.scales: dict[str, float] = {}  # of those differences
        self.grains: dict[str, float] = {}  # what tells reals apart, where it is not the own scale

    # what tensors there are

    def shape(self, tensor: str) -> Shape:
        return self.network.shapes[tensor]

    def natural(self, tensor: str) -> tuple[int, ...]:
        """Axes longer than 1, in ONNX's order."""
        return tuple(axis for axis, size in enumerate(self.shape(tensor)) if size > 1)

    def units(self, tensor: str) -> tuple[int, ...]:
        """Axes of length 1."""
        return tuple(axis for axis, size in enumerate(self.shape(tensor)) if size == 1)

    def observer(self, tensor: str) -> Observer:
        """The observed values of a tensor; a constant's own."""
        if tensor in self.network.constants and tensor not in self.seen:
            self.seen[tensor] = Observer()
            self.seen[tensor].see(finite_tensor(tensor, self.network.constants[tensor]))
        return self.seen.get(tensor, Observer())

    def dtype(self, tensor: str) -> np.dtype[Any]:
        """The type that a tensor has in the float network."""
        constant = self.network.constants.get(tensor)
        return self.observer(tensor).dtype if constant is None else constant.dtype

    def reach(self, tensor: str) -> float:
        """The largest magnitude observed; 1 where all values were 0."""
        seen = self.observer(tensor)
        return max(-seen.low, seen.high) or 1.0

    def grain(self, tensor: str) -> float:
        """The grain of a tensor: the real step of the coarsest codes that it was computed from."""
        own = [made.scale for form in PASSED if (made := self.coded.get((tensor, form)))]
        return max(min(own, default=0.0), self.grains.get(tensor, 0.0))

    def pass_grains(self, node: Node) -> None:
        """Pass the operands' grain on to the results of a node that adds or moves."""
        if node.operator in GRAINED:
            given = [t for t in node.inputs if t and t not in self.network.constants]
            grain = max(map(self.grain, given), default=0.0)
            if node.operator == "ReduceSum":
                grain *= (prod(self.shape(node.inputs[0])) / prod(self.shape(node.outputs[0]))) ** 0.5
            self.grains.update(dict.fromkeys(node.outputs, grain))

    def scale_of(self, tensor: str, *, symmetric: bool = False, fmt: Int | None = None) -> Scale:
        seen = self.observer(tensor)
        if tensor in self.saturated:
            seen = copy(seen)
            seen.high = min(seen.high, self.end)
        if seen.low == seen.high == 0:
            seen = Observer()
            seen.see(np.array([-1.0, 1.0]))
        return seen.scale(fmt or self.p.unit.pe.activation, self.method, symmetric=symmetric)

    @property
    def end(self) -> float:
        """The largest argument of the piecewise functions."""
        return self.p.piecewise.input.max / 2.0**self.p.piecewise.input_fraction if self.p.functions else 0.0

    def form(self, tensor: str, form: str) -> Affine:
        """The encoding of `tensor` in a form."""
        if self.given and form in PASSED:
            if tensor not in self.given:
                raise check.fail(f"tensor {tensor}: scale", "not stated", "a QuantizeLinear behind it")
            return self.given[tensor]
        own = self.network.inputs.get(tensor)
        if own is not None and own.dtype.kind != "f" and form in ("half", "flag"):
            seen = self.observer(tensor)
            made = integers(own.dtype, seen.low, seen.high, wide=form == "half")
            read = [out for node in self.readers.get(tensor, ()) for out in node.outputs]
            if made.scale != 1 and any(self.dtype(out).kind != "f" for out in read):
                self.whole(tensor)
            return made
        if form == "half" and self.dtype(tensor).kind in "iub":
            return self.whole(tensor)
        if form == "half":
            together = self.alike.get(tensor, {tensor})
            scale = HEADROOM * max(map(self.reach, together)) / 32767
            scale = self.scales.get(tensor) or (power_of_two(scale) if tensor in self.exactly else scale)
            return Affine(dtype="int16", scale=scale, low=-32768, high=32767)
        if form == "score":
            scale, zero = OCTAVE * self.masks.get(tensor, 1), zero_of(self.tops.get(tensor))
            return Affine(dtype="int16", scale=scale, zero=zero, low=-32768, high=32767)
        if form in ("index", "flag"):
            low, high = LIMITS["int8"] if form == "flag" else (-(1 << 31), (1 << 31) - 1)
            return Affine(dtype="int8" if form == "flag" else "int32", scale=1.0, low=low, high=high)
        fmt = self.p.unit.pe.activation
        q, evened = self.scale_of(tensor, symmetric=form == "even"), None
        if form == "byte" and tensor in self.evened:
            evened, q = self.evened[tensor]
        dtype = "int8" if fmt.signed else "uint8"
        return Affine(
            dtype=dtype, scale=float(q.scale), zero=int(q.zero_point or 0), low=fmt.min, high=fmt.max,
            evened=evened,
        )  # fmt: skip

    def whole(self, tensor: str) -> Affine:
        """Integers and booleans as they are. raises: BadValue where 16 bits do not hold the observed
        values."""
        info = np.iinfo(np.int16)
        if self.reach(tensor) > info.max:
            what = f"of up to {self.reach(tensor):.0f}"
            raise check.fail(f"tensor {tensor}: integers", what, f"{info.min} to {info.max}")
        return Affine(dtype="int16", scale=1.0, low=int(info.min), high=int(info.max))

    # needing

    def has(self, tensor: str) -> str:
        """A form in which the tensor has, or will have, codes."""
        if tensor in self.network.inputs or tensor in self.network.constants:
            return next(iter(sorted(self.wanted.get(tensor, {"byte"}))))
        return next(f for f in FORMS if f in self.wanted[tensor])

    def need(
        self, tensor: str, form: str, axes: Sequence[int], shape: Shape | None = None, *, offset: bool = False
    ) -> Coded:
        """The tensor's codes in a form, their axes as given (axes of length 1 anywhere), in rows of `shape`.

        offset  whether a computed factor may have any zero point
        """
        full = tuple(self.shape(tensor)[axis] for axis in axes)
        asked, form = form, self.actual(form)
        order = tuple(axis for axis in axes if self.shape(tensor)[axis] > 1)
        shape = full if shape is None else shape
        if (tensor, form) not in self.coded:
            self.place_input(tensor, form, order, shape)
        found = self.coded[tensor, form]
        if found.places is not None or found.order != order:
            found = turned(self, tensor, found, order)
        if asked == "even" and found.zero and not offset:
            raise check.fail(f"tensor {tensor}: zero point of a computed factor", found.zero, "0")
        return replace(found, name=self.reshaped(found.name, shape))

    def factor(self, tensor: str) -> None:
        """BadValue for a product's factor that the file of a quantised network does not code in 8 bits."""
        if self.given and (tensor not in self.given or self.given[tensor].dtype != "int8"):
            raise check.fail(f"tensor {tensor}: scale", "not stated", "a QuantizeLinear behind it")

    def actual(self, form: str) -> str:
        """The form that replaces `form`: in a quantised network each tensor has only one."""
        return "byte" if self.given and form in PASSED else form

    def place_input(self, tensor: str, form: str, order: tuple[int, ...], shape: Shape) -> None:
        """Place an input of the network, when it is first read, or a constant."""
        if tensor in self.network.constants:
            made = self.constant(tensor, form, order, shape)
        elif tensor in self.network.inputs:
            whole = self.network.inputs[tensor].dtype.kind != "f"
            first = next(f for f in (WHOLE if whole else FORMS) if f in self.wanted[tensor])
            if form != first:
                self.need(tensor, first, (*order, *self.units(tensor)), shape)
                self.again(tensor, self.coded[tensor, first], form)
                return
            made = self.tensor(tensor, shape or (1,), self.form(tensor, form), real=tensor, order=order)
            self.inputs[tensor] = made
        elif (turn := self.producers.get(tensor)) is not None and turn.operator == "Transpose":
            self.place_turned(turn, form, (*order, *self.units(tensor)))
            return
        else:
            raise check.fail(
                f"tensor {tensor}", f"not made as {form}", ", ".join(sorted(self.wanted[tensor]))
            )
        self.coded[tensor, form] = Coded(name=made, order=order, form=self.form(tensor, form))

    def place_turned(self, turn: Node, form: str, axes: Sequence[int]) -> None:
        """Place an input of the network that is read transposed, so that no code has to move."""
        perm = list(turn.attributes.get("perm", range(len(axes))[::-1]))
        found = self.need(turn.inputs[0], form, [perm[axis] for axis in axes])
        order = tuple(perm.index(axis) for axis in found.order)
        self.coded[turn.outputs[0], form] = replace(found, order=order)

    def constant(self, tensor: str, form: str, order: tuple[int, ...], shape: Shape) -> str:
        value = self.network.constants[tensor].astype(np.float64)
        axes = (*order, *(axis for axis in range(value.ndim) if axis not in order))
        codes = self.form(tensor, form).code(value.transpose(axes).reshape(shape))
        return self.tensor(f"{tensor}:{form}", shape, self.form(tensor, form), data=codes)

    def rows(self, tensor: str, form: str, *, offset: bool = False) -> Coded:
        """The tensor's codes as rows of its last axis, [rows, channels]."""
        shape = self.shape(tensor) or (1,)
        whole = (prod(shape[:-1]), shape[-1])
        return self.need(tensor, form, range(len(self.shape(tensor))), whole, offset=offset)

    def reshaped(self, name: str, shape: Shape) -> str:
        """The tensor in rows of other lengths."""
        name, shape = self.sources.get(name, name), tuple(shape) or (1,)
        old = self.tensors[name]
        if old.shape == shape:
            return name
        made = f"{name}:{'x'.join(map(str, shape))}"
        if made not in self.tensors:
            self.tensors[made] = graph.Tensor(name=made, shape=shape, encoding=old.encoding)
            self.add(graph.Reshape(name=made, x=name, y=made))
            self.sources[made] = name
        return made

    # making

    def tensor(
        self, name: str, shape: Shape, form: Affine, *, data: np.ndarray | None = None, real: str = "",
        order: tuple[int, ...] = (),
    ) -> str:  # fmt: skip
        reals = Reals(shape=self.shape(real), axes=order) if real else None
        self.tensors[name] = graph.Tensor(
            name=name, shape=tuple(shape), encoding=form, data=data, reals=reals
        )
        return name

    def add(self, operation: graph.Operation) -> None:
        self.operations.append(operation)

    def alias(
        self, tensor: str, source: Coded, form: str, order: tuple[int, ...], scale: float = 1.0,
        places: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """Let `tensor`, which is `source` with other axes or times a factor, have the same codes."""
        form_of = replace(source.form, scale=source.scale * scale)
        made = replace(source, order=order, form=form_of, places=places)
        self.coded[tensor, form] = made

    def emit(
        self, tensor: str, shape: Shape, order: tuple[int, ...], make: Make, function: Function | None = None,
        before: str | None = None,
    ) -> None:  # fmt: skip
        """Compute `tensor` in every form that is wanted: the first by `make`, the others as copies of the
        first.

        make      returns the operation that computes a tensor of this name, in an encoding, by a Stage
        function  applied to the real number that `make` requantises
        before    the tensor that is function's argument, for its range
        """
        wanted = [f for f in FORMS if f in self.wanted[tensor]]
        curve = curve_of(function, *self.bounds(before or tensor))[0]
        if curve in self.p.functions and self.beyond(before or tensor) < RARE:
            self.saturated.add(tensor)
        first, form = wanted[0], self.form(tensor, wanted[0])
        how = self.stage(function, form, before or tensor)
        if first == "half" and curve in self.p.functions and how.fields.get("function") == curve:
            form = replace(form, scale=2.0**-self.p.piecewise.out_fraction)
            how = self.stage(function, form, before or tensor)
        name = self.tensor(tensor, shape, form)
        self.add(make(name, form, how))
        self.coded[tensor, first] = Coded(name=name, order=order, form=form)
        for other in wanted[1:]:
            out = self.form(tensor, other)
            own = tensor in self.given and form.dtype == "int8"  # the file's codes: all else is made of them
            if other == "score" and not own and (form.dtype != "int16" or out.zero):  # finer than these are
                name = self.tensor(f"{tensor}:{other}", shape, out)
                self.add(make(name, out, self.stage(function, out, before or tensor)))
                self.coded[tensor, other] = Coded(name=name, order=order, form=out)
            else:
                self.again(tensor, self.coded[tensor, first], other)

    def bounds(self, tensor: str) -> tuple[float, float]:
        """The least and the greatest real number of a tensor, as far as is known."""
        if self.given:
            own = self.given.get(tensor)
            return (0.0, 0.0) if own is None else own.reach
        seen = self.observer(tensor)
        return seen.low, seen.high

    def stage(self, function: Function | None, form: Affine, before: str) -> Stage:
        if self.given:
            return onnx_stated.stage(self.p, function, form, self.given.get(before))
        seen = None
        if before in self.seen and function is not None:
            narrow = copy(self.observer(before))
            low, high = varying(function, *narrow.span)
            narrow.low, narrow.high = min(low, 0.0), max(high, 0.0)
            found = narrow.scale(Int(8), self.method, symmetric=False)
            seen = float(found.scale), float(found.zero_point or 0)
            if low > 0 or high < 0:
                seen = aside(low, high, getattr(function, "whole", False))
        how = stage(self.p, function, form, seen, self.bounds(before), self.beyond(before))
        if function is not None and self.dtypes.get(before, REAL).kind == "f":
            check_table(function, how, form, self.observer(before), before)
        return how

    def beyond(self, tensor: str) -> float:
        """The share of the observed elements outside the range of the piecewise functions."""
        seen = self.observer(tensor)
        outside = np.abs(seen.centres) > self.end
        return float(seen.counts[outside].sum() / max(seen.counts.sum(), 1))

    def again(self, tensor: str, source: Coded, form: str) -> None:
        """The tensor in one more form."""
        self.coded[tensor, form] = self.recoded(f"{tensor}:{form}", source, self.form(tensor, form))

    def recoded(self, name: str, x: Coded, out: Affine) -> Coded:
        """The same reals in another encoding, as tensor `name`."""
        self.tensor(name, self.tensors[x.name].shape, out)
        e = self.epilogue(out, x.scale, coded_as(out))
        self.add(graph.Map(name=name, x=x.name, y=name, x_zero=x.zero, epilogue=e))
        return replace(x, name=name, form=out)

    def epilogue(
        self, form: Affine, unit: np.ndarray | float, how: Stage, bias: np.ndarray | float = 0.0,
        whole_bias: np.ndarray | int = 0,
    ) -> graph.Epilogue:  # fmt: skip
        """The epilogue of values whose 1 is worth `unit` [n]. bias: reals, added; whole_bias: integers,
        added."""
        unit = np.atleast_1d(np.asarray(unit, np.float64))
        if form.evened is not None:
            unit, bias = unit / form.evened, np.asarray(bias) / form.evened
        real = unit / how.scale
        total = (np.asarray(bias) + how.offset * how.scale) / unit + whole_bias
        return plain(form.dtype, bias=whole(total), **factors(real), **how.fields)


def function_of(
    node: Node | None, start: Line | None = None, dtype: np.dtype | None = None
) -> Spelt | None:
    """The function of an Elementwise node. start: the line that its argument is; dtype: its
    argument's type."""
    if node is None:
        return None
    marks = tuple(float(value) for value in node.attributes["constants"].values())
    of: Function = partial(apply, node)
    if dtype is not None and dtype.kind != "f":
        of = partial(of_integers, of, dtype)
    whole = dtype is not None and dtype.kind != "f"
    return Spelt(of=of, line=line_of(node, start, dtype), marks=marks, jumps=jumps(node, whole), whole=whole)


def computed(c: Coder, node: Node, *places: int) -> list[str]:
    """The operands at these places that are not constants."""
    given = [node.inputs[i] for i in places if i < len(node.inputs)]
    return [tensor for tensor in given if tensor not in c.network.constants]


def standing(c: Coder, tensor: str, form: str | None = None) -> Coded:
    """The tensor's codes in a form that it has, their axes in any order."""
    form = c.actual(form or c.has(tensor))
    if (tensor, form) not in c.coded or c.coded[tensor, form].places is not None:
        return c.need(tensor, form, range(len(c.shape(tensor))))
    return c.coded[tensor, form]
