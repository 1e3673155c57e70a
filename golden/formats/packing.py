"""Packing: lanes of codes to the bytes of a packed vector, and back.

Lane i holds bits [i*width +: width] of its word; bytes are little-endian; the remaining bits of a word are 0.
Whole-byte widths are views and copies; widths 1, 2 and 4 take a shift for each lane of a byte; other widths
are packed bit by bit.
"""

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.division import ceil_div
from golden.formats.floating import Float
from golden.formats.integer import Int


def pack(codes: ArrayLike, width: int, stride_bytes: int | None = None) -> np.ndarray:
    """Packed words.

    codes         integers [words, lanes], 0 to 2^width - 1; a dtype of exactly `width` bits, signed or
                  not, is taken for its bits and not searched for values out of range
    width         bits of a lane, 1 to 64
    stride_bytes  bytes from a word to the next; default the fewest, ceil(lanes*width/8)
    returns       uint8 [words, stride_bytes]; it may share memory with `codes`
    raises        BadValue, naming codes, width or stride_bytes
    """
    check.in_range("width", width, 1, 64)
    given = np.asarray(codes)
    kinds = "iu" if given.dtype.itemsize * 8 == width else "ub" if given.dtype.itemsize * 8 < width else ""
    if given.dtype.kind not in kinds:
        check.array("codes", given, 0, (1 << width) - 1)
    return _pack(_two_dimensional("codes", given), width, stride_bytes)


def _pack(codes: np.ndarray, width: int, stride_bytes: int | None) -> np.ndarray:
    fewest = -(-codes.shape[1] * width // 8)
    stride = fewest if stride_bytes is None else stride_bytes
    check.in_range("stride_bytes", stride, fewest, 1 << 31, f"{codes.shape[1]} lanes of {width} bits")
    packed = _join_in_bytes(codes, width) if 8 % width == 0 and width < 8 else _join(codes, width)
    if stride == fewest:
        return packed
    padded = np.zeros((len(codes), stride), np.uint8)
    padded[:, :fewest] = packed
    return padded


def unpack(words: ArrayLike, width: int, lanes: int) -> np.ndarray:
    """Codes, uint64 [words, lanes], of packed words: uint8 [words, at least ceil(lanes*width/8)].

    Padding is ignored. BadValue names words, width or lanes.
    """
    return _split(words, width, lanes).astype(np.uint64)


def pack_values(fmt: Int | Float, values: ArrayLike, stride_bytes: int | None = None) -> np.ndarray:
    """pack() of the codes of `values` [words, lanes] (memory may be shared); BadValue if outside an Int."""
    given = _two_dimensional("values", np.asarray(values))
    size = _container(fmt.width)
    if not isinstance(fmt, Int):
        return _pack(fmt.encode(given).astype(f"<u{size}"), fmt.width, stride_bytes)
    if given.dtype != np.dtype(f"{'i' if fmt.signed else 'u'}{size}") or fmt.width < 8 * size:
        given = fmt.check("values", given)
    codes = given.astype(f"<u{size}", copy=False)
    if fmt.width < 8 * size:
        codes = codes & codes.dtype.type((1 << fmt.width) - 1)
    return _pack(codes, fmt.width, stride_bytes)


def unpack_values(fmt: Int | Float, words: ArrayLike, lanes: int) -> np.ndarray:
    """Values, int64 or (of a Float) float64 [words, lanes], of packed words as in unpack()."""
    codes = _split(words, fmt.width, lanes)
    if isinstance(fmt, Int) and codes.dtype.itemsize * 8 == fmt.width:
        return codes.view(f"<{'i' if fmt.signed else 'u'}{fmt.width // 8}").astype(np.int64)
    return fmt.decode(codes)


def _two_dimensional(where: str, given: np.ndarray) -> np.ndarray:
    if given.ndim != 2:
        raise check.fail(f"{where}.shape", list(given.shape), "two axes, [words, lanes or bytes]")
    return given


def _container(width: int) -> int:
    """Bytes of the smallest native integer that holds `width` bits."""
    return next(size for size in (1, 2, 4, 8) if 8 * size >= width)


def _join(codes: np.ndarray, width: int) -> np.ndarray:
    """Contiguous bytes of each word, for any width: each lane's bytes, then only its bits."""
    size, used = _container(width), ceil_div(width, 8)
    narrow = np.ascontiguousarray(codes, dtype=f"<u{size}")
    octets = narrow.view(np.uint8).reshape(*codes.shape, size)[..., :used]
    if width % 8:
        bits = np.unpackbits(octets, axis=-1, bitorder="little")[..., :width]
        return np.packbits(bits.reshape(len(codes), codes.shape[1] * width), axis=-1, bitorder="little")
    return octets.reshape(len(codes), codes.shape[1] * used)


def _join_in_bytes(codes: np.ndarray, width: int) -> np.ndarray:
    """The same for widths 1, 2 and 4: lane i of a byte is shifted by i*width."""
    per_byte = 8 // width
    packed = np.zeros((len(codes), ceil_div(codes.shape[1], per_byte)), np.uint8)
    for i in range(per_byte):
        column = codes[:, i::per_byte].astype(np.uint8)
        packed[:, : column.shape[1]] |= column << i * width
    return packed


def _split(words: ArrayLike, width: int, lanes: int) -> np.ndarray:
    """Codes [words, lanes] in the smallest native unsigned integer that holds them."""
    check.in_range("width", width, 1, 64)
    check.in_range("lanes", lanes, 0, 1 << 31)
    octets = _two_dimensional("words", np.asarray(words))
    fewest = -(-lanes * width // 8)
    if octets.dtype != np.uint8 or octets.shape[1] < fewest:
        what = f"{octets.dtype} of {octets.shape[1]} bytes"
        raise check.fail("words", what, f"uint8 of at least {fewest} bytes ({lanes} lanes of {width} bits)")
    if 8 % width == 0 and width < 8:
        return _split_bytes(octets[:, :fewest], width, lanes)
    if width % 8:
        bits = np.unpackbits(octets[:, :fewest], axis=-1, count=lanes * width, bitorder="little")
        octets = np.packbits(bits.reshape(len(octets), lanes, width), axis=-1, bitorder="little")
        octets = octets.reshape(len(octets), lanes * octets.shape[2])
    size, used = _container(width), ceil_div(width, 8)
    lanes_of_bytes = octets[:, : lanes * used].reshape(len(octets), lanes, used)
    if used < size:
        lanes_of_bytes = np.pad(lanes_of_bytes, ((0, 0), (0, 0), (0, size - used)))
    return np.ascontiguousarray(lanes_of_bytes).view(f"<u{size}").reshape(len(octets), lanes)


def _split_bytes(octets: np.ndarray, width: int, lanes: int) -> np.ndarray:
    codes = np.empty((len(octets), lanes), np.uint8)
    for i in range(min(8 // width, lanes)):
        column = codes[:, i :: 8 // width]
        column[...] = octets[:, : column.shape[1]] >> i * width & (1 << width) - 1
    return codes
