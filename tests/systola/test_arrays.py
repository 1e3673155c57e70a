"""Arrays in files: what numpy.save wrote is read back; anything else is one BadValue."""

import io

import numpy as np
import pytest

from golden.check import BadValue
from mapping.network import TensorType
from systola import arrays, operands


def saved(values, **options):
    buffer = io.BytesIO()
    np.save(buffer, values, **options)
    return buffer.getvalue()


GOOD = saved(np.arange(12, dtype=np.float32).reshape(3, 4))


def with_header(text, data=b""):
    line = text.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + data


def head(shape, descr="'<f4'", fortran="False"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
        np.array(3, np.int64),
        np.zeros((0, 3), np.uint8),
        np.array([True, False]),
        np.arange(3, dtype=">f8"),
    ],
    ids=lambda x: f"{x.dtype}{x.shape}",
)
def test_what_was_saved_is_read_back(tmp_path, values):
    path = tmp_path / "x.npy"
    path.write_bytes(saved(values))
    found = arrays.read(path)
    assert found.dtype == values.dtype and found.shape == values.shape and np.array_equal(found, values)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "x.npy is not an array; allowed: a .npy file as numpy.save writes it"),
        (b"\x93NUMPY", "is not an array"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "is not an array"),
        (b"PK\x03\x04" + bytes(100), "x.npy is several arrays, or a broken .npz file; allowed: a .npy file"),
        (GOOD[:-1], "x.npy is 47 bytes of data; allowed: 48 for float32 [3, 4]"),
        (GOOD + b"1", "x.npy is 49 bytes of data"),
        (with_header(head("(562949953421312,)")), "is 0 bytes of data; allowed: 2251799813685248 for"),
        (with_header(head("(4611686018427387905,)")), "x.npy: shape is (4611686018427387905,)"),
        (with_header(head("(-1, -4)")), "x.npy: shape is (-1, -4); allowed: sizes of 0 or more"),
        (with_header(head("(True, 4)"), bytes(16)), "x.npy: shape is (True, 4)"),
        (with_header(head("(1.5,)")), "is not an array"),
        (with_header(head("3")), "is not an array"),
        (with_header(head("(" * 3000)), "is not an array"),
        (with_header(head("(4,)", "'<f4'", "2")), "is not an array"),
        (with_header(head("(1,)", "'|O'"), b"12345678"), "x.npy is an array of object"),
        (with_header(head("(1,)", "'<c8'"), bytes(8)), "is an array of complex64; allowed: numbers or truth"),
        (with_header(head("(1,)", "[('a', '<f4')]"), bytes(4)), "is an array of [('a', '<f4')]"),
        (with_header(head("(1,)", "'<M8[s]'"), bytes(8)), "is an array of datetime64[s]"),
        (with_header(head("(0,)", "'<U0'")), "is an array of <U0"),
        (with_header(head("(" + "1, " * 40 + ")"), bytes(4)), "x.npy: shape is (1, 1, "),
        (with_header(head("(2,)", "'|b1'"), b"\x00\x07"), "x.npy is a truth value that is neither 0 nor 1"),
        (with_header(head("(" + "9" * 5000 + ",)")), "is not an array"),
        (with_header(head("(1,)") + " " * 20_000, bytes(4)), "is not an array"),
    ],
)
def test_what_was_not_saved_by_numpy_is_refused(tmp_path, content, said):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(BadValue) as caught:
        arrays.read(path)
    assert said in str(caught.value)


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(saved(np.array([{}], object), allow_pickle=True))
    with pytest.raises(BadValue, match=r"x\.npy is an array of object"):
        arrays.read(path)


def test_names_that_savez_cannot_take(tmp_path):
    outputs = {name: np.full(2, i) for i, name in enumerate(("file", "allow_pickle", "a/b", "x\0y", "arr_0"))}
    operands.write(tmp_path / "y.npz", outputs, force=False)
    with np.load(tmp_path / "y.npz") as found:
        assert set(found.files) == {"file", "allow_pickle", "a/b", r"x\x00y", "arr_0"}
        assert np.array_equal(found["file"], [0, 0]) and np.array_equal(found[r"x\x00y"], [3, 3])


@pytest.mark.parametrize(
    ("count", "size", "said"),
    [
        (1, (1 << 27) + 1, "net: input x0: elements is 134217729; allowed: 0 to 134217728"),
        (5, 1 << 27, "net: elements of all inputs is 671088640; allowed: 0 to 536870912"),
    ],
)
def test_inputs_that_no_memory_holds_are_refused(count, size, said):
    types = {f"x{i}": TensorType((size,), np.dtype(np.float32)) for i in range(count)}
    with pytest.raises(BadValue, match=said):
        operands.read_inputs("net", types, {}, 0)
