"""Arrays in files: one from a .npy file, checked before a byte of it is trusted; several to a .npz file."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from golden import check, files

MOST_BYTES = 1 << 32
WANTED = "a .npy file as numpy.save writes it"
LONGEST_HEADER = 10_000  # bytes
LONGEST_NAME = 1000  # letters of an array's name in a .npz file


def read(path: Path) -> np.ndarray:
    """The array of a .npy file, of numbers or truth values; BadValue for any other content."""
    data = files.regular(path, "a .npy file", MOST_BYTES)
    if data[:2] == b"PK":
        raise check.fail(path.name, "several arrays, or a broken .npz file", "a .npy file with one")
    shape, fortran, dtype, at = header(data, path.name)
    if dtype.kind not in "fiub":
        raise check.fail(path.name, f"an array of {dtype}", "numbers or truth values")
    size, wanted = len(data) - at, dtype.itemsize
    for axis in shape:
        wanted *= axis
    if size != wanted:
        what = f"{size} bytes of data"
        raise check.fail(path.name, what, f"{wanted} for {dtype} {list(shape)}")
    found = np.frombuffer(data, dtype, offset=at).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "b" and size and np.frombuffer(data, np.uint8, offset=at).max() > 1:
        raise check.fail(path.name, "a truth value that is neither 0 nor 1", "0 or 1")
    return np.array(found)


def header(data: bytes, where: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, whether the first axis is the innermost, type, and where the data begin."""
    file = io.BytesIO(data[: LONGEST_HEADER + 16])
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError("version of the format")
        reading = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
        shape, fortran, dtype = reading(file, max_header_size=LONGEST_HEADER)
    except (Exception, RecursionError):  # numpy has the header read as Python's literals: anything may come
        raise check.fail(where, "not an array", WANTED) from None
    if any(isinstance(axis, bool) or not 0 <= axis < 1 << 62 for axis in shape) or len(shape) > 32:
        raise check.fail(f"{where}: shape", shape, "sizes of 0 or more")
    return shape, fortran, dtype, file.tell()


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as a .npz file, whatever they are called; what is not printable in a name is escaped."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(values), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{check.printable(name, LONGEST_NAME)}.npy")
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content.getvalue())
    return whole.getvalue()
