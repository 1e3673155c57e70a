"""Elements that change lanes: the matrix unit moves them, by products with zeros and ones.

Loads and stores move whole vectors. What puts an element into another lane (a Reshape to rows of another
length, a Slice or Concat in the middle of a vector, a Take) becomes

    rows      whole rows, or whole vectors of them, in another order: copies, as they are
    channels  each row, or each piece of it that is whole vectors, made of one of x: a product by a 0/1 matrix
              for each pattern, then rows
    turned    matrices transposed: I x^T, a product of which x is the computed weights
    merged    each row made of several rows of x, alike in all rows: a product for each, added up
    flat      anything of few elements: a product of all elements at once, a kernel as large as x

all exact. Codes of 16 bits go as two bytes, x = 256 high + low + 128, and are put together again.
"""

from dataclasses import dataclass, replace
from math import gcd, prod

import numpy as np

from golden import check
from golden.accelerator.elements import BLOCK_WORDS
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from golden.pe import counted
from mapping.backends.program.aliases import same_rows
from mapping.backends.program.layout import pass_words, rows_of
from mapping.backends.program.scratchpad_allocation import Regions
from mapping.backends.program.units import further
from mapping.ir.encodings import Affine
from mapping.ir.graph import (
    CodedNetwork,
    Concat,
    Map,
    MatMul,
    Operation,
    Product,
    Reshape,
    Residual,
    Slice,
    Take,
    Tensor,
)
from mapping.legalise.fixed import LIMITS, plain
from mapping.refused import at

MOST_WEIGHTS = 1 << 22  # of a flat product
WASTE = 8  # times the rows that are wanted: what may be made of each row by every pattern
PATTERNS = 64  # rows that one is merged of: products that are worth it


def rearranged(network: CodedNetwork, p: AcceleratorParams) -> CodedNetwork:
    """The network in which only whole vectors move. raises: BadValue naming the operation."""
    mover = Mover(p, dict(network.tensors), [])
    for o in network.operations:
        with at(o.name):
            mover.operation(o)
    return replace(network, tensors=mover.tensors, operations=tuple(mover.operations))


@dataclass(slots=True)
class Mover:
    """The rewriting. tensors, operations: of the network under construction."""

    p: AcceleratorParams
    tensors: dict[str, Tensor]
    operations: list[Operation]
    name: str = ""

    def operation(self, o: Operation) -> None:
        """`o`, or the operations that move its elements."""
        self.name = o.name
        x = self.tensors[o.x]
        if further(self.p, self.tensors, o):
            self.operations.append(o)
        elif isinstance(o, Reshape) and not same_rows(self.p, x, self.tensors[o.y]):
            index = np.arange(prod(x.shape)).reshape(self.tensors[o.y].shape)
            self.take(Take(name=o.name, x=o.x, y=o.y, index=index))
        elif isinstance(o, Slice) and o.axis % len(x.shape) == len(x.shape) - 1 and self.within(o):
            at = np.arange(prod(x.shape)).reshape(x.shape)
            index = at[..., o.start : o.start + o.length : o.step].reshape(self.tensors[o.y].shape)
            self.take(Take(name=o.name, x=o.x, y=o.y, index=index))
        elif isinstance(o, Concat) and self.inside(o):
            self.concat(o)
        elif isinstance(o, Take):
            self.take(o)
        else:
            self.operations.append(o)

    def within(self, o: Slice) -> bool:
        return o.start % self.p.lanes != 0 or o.step != 1

    def inside(self, o: Concat) -> bool:
        """Whether an operand begins in the middle of a vector."""
        shapes = [self.tensors[name].shape for name in (o.x, *o.others)]
        starts = np.cumsum([shape[-1] for shape in shapes])[:-1] % self.p.lanes
        return o.axis % len(shapes[0]) == len(shapes[0]) - 1 and bool(starts.any())

    # making

    def tensor(self, like: Tensor, shape: tuple[int, ...], dtype: str | None = None) -> str:
        """A new tensor's name."""
        name = f"{self.name}:moved{len(self.tensors)}"
        encoding = Affine.whole(dtype) if dtype else like.encoding
        made = replace(like, name=name, shape=shape, encoding=encoding, data=None)
        self.tensors[name] = made
        return name

    def reshape(self, x: str, y: str) -> None:
        """Make the existing tensor y a Reshape of x that moves nothing."""
        self.operations.append(Reshape(name=self.name, x=x, y=y))

    def reshaped(self, x: str, shape: tuple[int, ...]) -> str:
        if self.tensors[x].shape == shape:
            return x
        y = self.tensor(self.tensors[x], shape)
        self.reshape(x, y)
        return y

    def map(self, x: str, dtype: str, epilogue: dict[str, object], **more: object) -> str:
        y = self.tensor(self.tensors[x], self.tensors[x].shape, dtype)
        e = plain(dtype, **epilogue)
        self.operations.append(Map(name=self.name, x=x, y=y, epilogue=e, **more))  # type: ignore[arg-type]
        return y

    # moving

    def take(self, o: Take) -> None:
        """Make y from x, whatever the width of the codes."""
        x, y = self.tensors[o.x], self.tensors[o.y]
        index = o.index.reshape(rows_of(y.shape), y.shape[-1])
        if width := self.pieces(x, index):
            self.copied(o, width)
            return
        fills = whole_rows(index, x.shape[-1]) and (x.dtype in ("int8", "uint8") or o.fill == 0)
        if whole_rows(index, x.shape[-1]) and (fills or index.min() >= 0):
            self.operations.append(o)
            return
        width = self.alike(x, index) or x.shape[-1]
        if width < x.shape[-1]:
            index = index.reshape(-1, width)
        source = self.reshaped(o.x, (prod(x.shape) // width, width))
        self.reshape(self.moved(source, index, o.fill), o.y)

    def alike(self, x: Tensor, index: np.ndarray) -> int:
        """Channels of the smallest pieces of rows, whole vectors, each of which is made of one of x and all
        in one way; 0: there are none."""
        most, lanes = gcd(x.shape[-1], index.shape[1]), self.p.lanes
        if most % lanes or index.min() < 0:
            return 0
        for width in range(lanes, most + 1, lanes):
            if most % width == 0:
                at = index.reshape(-1, width)
                if (at // width == at[:, :1] // width).all() and (at % width == at[:1] % width).all():
                    return width
        return 0

    def pieces(self, x: Tensor, index: np.ndarray) -> int:
        """Channels of the pieces of rows, whole vectors, that move as they are though the rows do not; 0:
        there are none."""
        most, lanes = gcd(x.shape[-1], index.shape[1]), self.p.lanes
        if most % lanes or index.min() < 0 or whole_rows(index, x.shape[-1]):
            return 0
        widths = [width for width in (most, lanes) if whole_rows(index.reshape(-1, width), width)]
        return widths[0] if widths else 0

    def copied(self, o: Take, width: int) -> None:
        """Make y of pieces of `width` channels of x, which are rows of a tensor in the same memory."""
        x, y = self.tensors[o.x], self.tensors[o.y]
        source = self.reshaped(o.x, (prod(x.shape) // width, width))
        made = self.tensor(x, (prod(y.shape) // width, width))
        index = o.index.reshape(-1, width)
        self.operations.append(Take(name=o.name, x=source, y=made, index=index))
        self.reshape(made, o.y)

    def moved(self, x: str, index: np.ndarray, fill: int) -> str:
        """x [rows, channels] as [index.shape] in x's type."""
        dtype = self.tensors[x].dtype
        if dtype == "int16":
            high = self.map(x, "int8", {"bias": np.array([-128]), "shift": np.array([8])})
            low = self.map(x, "int8", {"zero_point": -128}, operation="add", b=high, b_multiplier=-256)
            high, low = self.moved(high, index, fill >> 8), self.moved(low, index, (fill & 255) - 128)
            return self.map(low, "int16", {}, x_zero=-128, operation="add", b=high, b_multiplier=256)
        check.one_of(f"{self.name}: type of elements that change lanes", dtype, ["int8", "uint8", "int16"])
        own = self.p.unit.pe.activation
        check.in_range(f"{self.name}: pe.activation width", own.width, 8, 8, "elements change lanes by it")
        wanted = "int8" if own.signed else "uint8"
        if dtype == wanted:
            return self.bytes(x, index, fill)
        shift = 128 if dtype == "uint8" else -128
        turned = self.bytes(self.map(x, wanted, {}, x_zero=shift), index, fill - shift)
        return self.map(turned, dtype, {}, x_zero=-shift)

    def bytes(self, x: str, index: np.ndarray, fill: int) -> str:
        """x [rows, channels] in the PE's own codes as [index.shape]."""
        rows, channels = self.tensors[x].shape
        if whole_rows(index, channels):
            y = self.tensor(self.tensors[x], index.shape)
            self.operations.append(Take(name=self.name, x=x, y=y, index=index, fill=fill))
            return y
        small = rows * channels * index.shape[0] * self.padded(index.shape[1]) <= MOST_WEIGHTS
        room = Regions(self.p).weights.words // 2 - BLOCK_WORDS
        small = small and rows * self.padded(channels) // self.p.lanes * pass_words(self.p) <= room
        made = self.channels(x, index, fill, self.patterns(x, index) if not small else 1)
        made = made or self.turned(x, index)
        made = made or (self.flat(x, index, fill) if small else self.merged(x, index, fill))
        if made is None:
            what = f"{rows} x {channels} to {index.shape[0]} x {index.shape[1]}"
            raise check.fail(f"{self.name}: elements that change lanes", what,
                             f"rows of few patterns, or {MOST_WEIGHTS} pairs of elements")  # fmt: skip
        return made

    def patterns(self, x: str, index: np.ndarray) -> int:
        """The most patterns that one product may apply to each row, by the size of its weights and by the
        results that it wastes."""
        rows, channels = self.tensors[x].shape
        return min(MOST_WEIGHTS // (channels * self.padded(index.shape[1])), WASTE * len(index) // rows)

    def padded(self, n: int) -> int:
        return ceil_div(n, self.p.lanes) * self.p.lanes

    def product(
        self, x: str, shape: tuple[int, ...], weights: np.ndarray, bias: np.ndarray, add: str | None = None
    ) -> str:
        """x by 0/1 weights, plus a bias and a tensor."""
        y = self.tensor(self.tensors[x], shape)
        e = plain(self.tensors[x].dtype, bias=np.asarray(bias, np.int64))
        residual = None if add is None else Residual(b=add)
        self.operations.append(
            Product(name=self.name, x=x, y=y, weights=weights, epilogue=e, residual=residual)
        )
        return y

    def unpadded(self, x: str, rows: int, n: int) -> str:
        """Rows [..., rows * padded n] as [rows, n]."""
        wide = self.reshaped(x, (rows, self.padded(n)))
        if self.padded(n) == n:
            return wide
        y = self.tensor(self.tensors[x], (rows, n))
        self.operations.append(Slice(name=self.name, x=wide, y=y, axis=1, start=0, length=n))
        return y

    def flat(self, x: str, index: np.ndarray, fill: int) -> str:
        """All elements of x, moved by one matrix."""
        rows, channels = self.tensors[x].shape
        n = self.padded(index.shape[1]) if index.shape[0] > 1 else index.shape[1]
        wide = np.full((index.shape[0], n), -1)
        wide[:, : index.shape[1]] = index
        weights, bias = selection(wide.ravel(), rows * channels, fill)
        image = self.reshaped(x, (rows, 1, channels))
        made = self.product(image, (1, 1, wide.size), weights.reshape(rows, 1, channels, wide.size), bias)
        if index.shape[0] == 1:
            return self.reshaped(made, (1, n))
        return self.unpadded(made, *index.shape)

    def channels(self, x: str, index: np.ndarray, fill: int, most: int) -> str | None:
        """Rows each of which is made of one row of x, by one of at most `most` patterns."""
        rows, channels = self.tensors[x].shape
        given = index >= 0
        of = np.where(given, index // channels, -1)
        row = np.maximum(of.max(1), 0)
        if (given & (of != row[:, None])).any():
            return None
        patterns, number = np.unique(np.where(given, index % channels, -1), axis=0, return_inverse=True)
        if len(patterns) > most:
            return None
        n = self.padded(index.shape[1]) if len(patterns) > 1 else index.shape[1]
        wide = np.full((len(patterns), n), -1)
        wide[:, : index.shape[1]] = patterns
        weights, bias = selection(wide.ravel(), channels, fill)
        made = self.product(x, (rows, wide.size), weights[None, None], bias)
        if len(patterns) > 1:
            made = self.unpadded(made, rows * len(patterns), index.shape[1])
        at = row * len(patterns) + number.ravel()
        if len(at) == len(patterns) * rows and (at == np.arange(len(at))).all():
            return made
        y = self.tensor(self.tensors[x], index.shape)
        places = at[:, None] * index.shape[1] + np.arange(index.shape[1])
        self.operations.append(Take(name=self.name, x=made, y=y, index=places))
        return y

    def turned(self, x: str, index: np.ndarray) -> str | None:
        """Matrices transposed, one after another."""
        rows, channels = self.tensors[x].shape
        high = index.shape[1]
        whole = not rows % high and index.size == rows * channels
        if not whole or self.p.packed_rows > 1 or not counted.plain(self.p.unit.pe):
            return None
        heads = rows // high
        wanted = np.arange(rows * channels).reshape(heads, high, channels).transpose(0, 2, 1)
        if (index != wanted.reshape(index.shape)).any() or self.p.unit.pe.weight != self.p.unit.pe.activation:
            return None
        w = self.reshaped(x, (heads, high, channels))
        parts = [self.turned_part(w, start, heads) for start in range(0, channels, self.p.lanes)]
        y = parts[0]
        if len(parts) > 1:
            y = self.tensor(self.tensors[x], (heads, channels, high))
            self.operations.append(Concat(name=self.name, x=parts[0], others=tuple(parts[1:]), axis=1, y=y))
        return self.reshaped(y, index.shape)

    def turned_part(self, w: str, start: int, heads: int) -> str:
        """One vector of columns of each matrix [heads, high, channels], transposed."""
        high, channels = self.tensors[w].shape[1:]
        width = min(self.p.lanes, channels - start)
        dtype = self.tensors[w].dtype
        one = f"{self.name}:one{len(self.tensors)}"
        data = np.broadcast_to(np.eye(width, dtype=np.int64), (heads, width, width))
        self.tensors[one] = Tensor(
            name=one, shape=data.shape, encoding=Affine.whole(dtype), data=data
        )
        if width < channels:
            part = self.tensor(self.tensors[w], (heads, high, width))
            self.operations.append(Slice(name=self.name, x=w, y=part, axis=2, start=start, length=width))
            w = part
        y = self.tensor(self.tensors[w], (heads, width, high))
        self.operations.append(MatMul(
            name=self.name, x=one, w=w, y=y, heads=heads, transposed=True, heads_in_x="first",
            heads_in_w="first", epilogue=plain(dtype),
        ))  # fmt: skip
        return y

    def merged(self, x: str, index: np.ndarray, fill: int) -> str | None:
        """Rows that are all made of rows of x in one way: a product for each slice of the channels,
        added up."""
        channels = self.tensors[x].shape[1]
        place = np.where(index >= 0, index % channels, -1)
        if (place != place[:1]).any():
            return None
        of = np.where(index >= 0, index // channels, -1)
        rows, group = np.unique(of, axis=1, return_inverse=True)
        if rows.shape[1] > PATTERNS:
            return None
        made: str | None = None
        for number in range(rows.shape[1]):
            own = np.where(group.ravel() == number, place[0], -2)
            if made is not None and (own < 0).all():
                continue
            part = self.tensor(self.tensors[x], (len(index), channels))
            at = np.maximum(rows[:, number : number + 1], 0) * channels + np.arange(channels)
            self.operations.append(Take(name=self.name, x=x, y=part, index=at))
            weights, _ = selection(own, channels, 0)
            bias = np.where(place[0] == -1, fill, 0) if made is None else np.zeros(1)
            made = self.product(part, index.shape, weights[None, None], bias, made)
        return made

    def concat(self, o: Concat) -> None:
        """Place each operand in its own channels, zeros elsewhere, and add them up."""
        y, start = self.tensors[o.y], 0
        made: str | None = None
        for number, name in enumerate((o.x, *o.others)):
            x = self.tensors[name]
            index = np.full(y.shape, -1)
            index[..., start : start + x.shape[-1]] = np.arange(prod(x.shape)).reshape(x.shape)
            start += x.shape[-1]
            part = self.tensor(y, y.shape)
            self.take(Take(name=o.name, x=name, y=part, index=index))
            last = number == len(o.others)
            if made is None:
                made = part
                continue
            total = o.y if last else self.tensor(y, y.shape)
            e = plain(y.dtype, low=LIMITS[y.dtype][0], high=LIMITS[y.dtype][1])
            self.operations.append(Map(name=o.name, x=made, y=total, operation="add", b=part, epilogue=e))
            made = total


def whole_rows(index: np.ndarray, channels: int) -> bool:
    """Whether each row is a whole row of x, or has no element of x."""
    if index.shape[1] != channels:
        return False
    first = index[:, :1]
    wanted = np.where(first < 0, -1, first + np.arange(channels))
    return bool((index == wanted).all() and (first[first >= 0] % channels == 0).all())


def selection(places: np.ndarray, elements: int, fill: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights [elements, n] that take element places[j] into column j, and a bias [n]: `fill` at -1."""
    weights = np.zeros((elements, len(places)), np.int8)
    given = np.flatnonzero(places >= 0)
    weights[places[given], given] = 1
    return weights, np.where(places == -1, fill, 0)
