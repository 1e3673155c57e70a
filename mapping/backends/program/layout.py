"""Memory layout of codes: rows padded to whole vectors, weights in the array's order, parameter blocks.

All in words of `lanes` bytes. A vector of `lanes` elements takes `SIZES[dtype]` words. A tensor that holds
one number a row (scales of probabilities) is `spread`: each number fills every lane of a vector of its own.
"""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.accelerator.elements import KIND_WORDS, Kind
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from golden.pe import counted
from mapping.ir.graph import Epilogue, Shape
from mapping.unknown import is_unknown, unknown

KINDS = {"int8": Kind.BYTE, "uint8": Kind.BYTE, "int16": Kind.HALF, "uint16": Kind.HALF, "int32": Kind.WORD}


def rows_of(shape: Shape) -> int:
    """Rows of a tensor; a vector has one."""
    return int(np.prod(shape[:-1], dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a tensor. address: bytes. shape, dtype: of its codes. spread: see the module.

    pitch  bytes from a row to the next where the rows are slices of wider rows, else 0
    """

    lanes: int
    shape: Shape
    dtype: str
    address: int = 0
    spread: bool = False
    pitch: int = 0

    @property
    def size(self) -> int:
        """Words of a vector."""
        return KIND_WORDS[KINDS[self.dtype]]

    @property
    def rows(self) -> int:
        return rows_of((*self.shape, 1) if self.spread else self.shape)

    @property
    def channels(self) -> int:
        return 1 if self.spread else self.shape[-1]

    @property
    def vectors(self) -> int:
        """Vectors of a row."""
        return ceil_div(self.channels, self.lanes)

    @property
    def row_words(self) -> int:
        return self.vectors * self.size

    @property
    def words(self) -> int:
        return self.rows * self.row_words

    @property
    def row_bytes(self) -> int:
        """Bytes from a row to the next."""
        return self.pitch or self.row_words * self.lanes

    @property
    def bytes(self) -> int:
        return self.words * self.lanes

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """The bytes of `codes`, uint8 [bytes]; padding is 0. BadValue if shape or a value does not fit."""
        check.shape("codes", codes, self.shape)
        limits = np.iinfo(self.dtype)
        values = check.array("codes", codes, int(limits.min), int(limits.max)).astype(self.dtype)
        rows = np.zeros((self.rows, self.vectors * self.lanes), self.dtype)
        rows[:, : self.lanes if self.spread else self.channels] = values.reshape(self.rows, self.channels)
        return rows.reshape(-1).view(np.uint8)

    def decode(self, stored: np.ndarray) -> np.ndarray:
        """The codes, int64 [shape], of `bytes` bytes."""
        rows = np.ascontiguousarray(stored[: self.bytes]).view(self.dtype)
        return rows.reshape(self.rows, -1)[:, : self.channels].reshape(self.shape).astype(np.int64)

    def write(self, memory: np.ndarray, codes: np.ndarray) -> None:
        """Put codes into `memory`, uint8 from address 0 on."""
        memory[self.address : self.address + self.bytes] = self.encode(codes)

    def read(self, memory: np.ndarray) -> np.ndarray:
        """The codes in `memory`, int64 [shape]."""
        return self.decode(memory[self.address : self.address + self.bytes])


def pass_words(p: AcceleratorParams) -> int:
    """Words of a pass of weights."""
    return ceil_div(p.lanes, p.packed_rows)


def pack_weights(p: AcceleratorParams, weights: np.ndarray) -> np.ndarray:
    """Numbers [passes, lanes, columns of a tile: lanes] as words uint8 [passes * pass_words, lanes], of the
    weights that stand for them.

    Row r stands in word r // packed_rows, bits [(r % packed_rows) * lanes * width, + lanes * width).
    """
    width = p.unit.pe.weight.width
    codes: np.ndarray = counted.encode(p.unit.pe, weights).astype(np.uint8)
    if p.packed_rows == 1:
        return codes.reshape(-1, p.lanes)
    passes = len(codes)
    rows = np.zeros((passes, pass_words(p) * p.packed_rows, p.lanes), np.uint8)
    rows[:, : p.lanes] = codes
    per_byte = 8 // width
    fields = rows.reshape(-1, p.lanes, per_byte)  # a word is a row's codes, then the next row's
    shifts = (np.arange(per_byte) * width).astype(np.uint8)
    packed: np.ndarray = np.bitwise_or.reduce(fields << shifts, axis=-1)
    return packed.reshape(-1, p.lanes)


def column_tiles(p: AcceleratorParams, weights: np.ndarray) -> np.ndarray:
    """Weights [kh, kw, c, n] as words uint8 [tiles, words of a tile, lanes], one tile of columns after
    another.

    The passes of a tile run over kh, kw and the words of c, these innermost; padding is 0.
    """
    kh, kw, c, n = weights.shape
    deep, tiles = ceil_div(c, p.lanes), ceil_div(n, p.lanes)
    if is_unknown(weights):
        return unknown((tiles, kh * kw * deep * pass_words(p), p.lanes), np.uint8)
    full = np.zeros((kh, kw, deep * p.lanes, tiles * p.lanes), np.int64)
    full[:, :, :c, :n] = weights
    passes = full.reshape(kh * kw * deep, p.lanes, tiles, p.lanes).transpose(2, 0, 1, 3)
    return pack_weights(p, passes.reshape(-1, p.lanes, p.lanes)).reshape(tiles, -1, p.lanes)


def parameter_blocks(p: AcceleratorParams, epilogue: Epilogue, channels: int) -> np.ndarray:
    """Words uint8 [vectors, BLOCK_WORDS, lanes]; a single vector where one set serves all channels."""
    one = max(len(epilogue.bias), len(epilogue.multiplier), len(epilogue.shift)) == 1
    vectors = 1 if one else ceil_div(channels, p.lanes)
    width = p.lanes if one else channels

    def lanes(values: np.ndarray, dtype: str) -> np.ndarray:
        full = np.zeros(vectors * p.lanes, np.int64)
        full[:width] = values
        return full.astype(dtype).reshape(vectors, -1).view(np.uint8).reshape(vectors, -1, p.lanes)

    parts = [(epilogue.bias, "int32"), (epilogue.multiplier, "uint32"), (epilogue.shift, "uint8")]
    return np.concatenate([lanes(np.asarray(values), dtype) for values, dtype in parts], axis=1)


def table_words(p: AcceleratorParams, table: np.ndarray) -> np.ndarray:
    """A table's 256 int16 as words uint8 [512 / lanes, lanes]."""
    return np.asarray(table).astype(np.int16).view(np.uint8).reshape(-1, p.lanes)


def rows_as_words(p: AcceleratorParams, values: np.ndarray, dtype: str) -> np.ndarray:
    """Constant rows [rows, channels] as words uint8 [words, lanes]."""
    place = Place(lanes=p.lanes, shape=values.shape, dtype=dtype)
    return place.encode(values).reshape(-1, p.lanes)
