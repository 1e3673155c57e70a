"""Files that users name: what is no regular file, no text, too large or too deep is one BadValue."""

import os

import pytest

from golden import files
from golden.check import BadValue, fail, printable

DIGITS = "9" * 5000


def written(tmp_path, content, name="x.toml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"a = {DIGITS}", "x.toml is no TOML (a whole number of thousands of digits)"),
        (f"a = 0x{DIGITS}", "x.toml: a is a whole number of 20000 bits; allowed: at most 64 bits"),
        (f"a = {1 << 63}", "x.toml: a is a whole number of 64 bits"),
        ("a = " + "[" * 10_000, "x.toml is nested too deeply"),
        ("a = " + "[" * 40 + "]" * 40, "nested too deeply; allowed: at most 32 levels"),
        (".".join("a" * 1000) + " = 1", "nested too deeply; allowed: at most 32 levels"),
        (b"a = '\xff'", "x.toml is not UTF-8 text"),
        ("a = '\ud800'", "x.toml is not UTF-8 text"),
        ("a = 1\na = 2", "x.toml is no TOML (Cannot overwrite a value"),
        ("a = '\x1b[2J'", "x.toml is no TOML ("),
        (" " * (files.MOST_TOML + 1), "allowed: a TOML file of at most 2 MiB"),
    ],
)
def test_toml_that_cannot_be_used_is_refused(tmp_path, content, said):
    with pytest.raises(BadValue) as caught:
        files.toml(written(tmp_path, content))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{{"a": {DIGITS}}}', "x.json is no JSON (a whole number of thousands of digits)"),
        (f'{{"a": {1 << 64}}}', "x.json: a is a whole number of 65 bits"),
        ("[" * 100_000, "x.json is nested too deeply"),
        ('{"a": [{"b": "\\ud800"}]}', r"x.json: a[0].b is '\ud800'; allowed: text without lone surrogates"),
        ('{"\\udfff": 1}', r"x.json: key is '\udfff'"),
        ("[1]", "x.json is a list"),
        ("", "x.json is no JSON ("),
        (b"{'a': '\xff'}", "x.json is not UTF-8 text"),
    ],
)
def test_json_that_cannot_be_used_is_refused(tmp_path, content, said):
    with pytest.raises(BadValue) as caught:
        files.json_object(written(tmp_path, content, "x.json"), "a configuration")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a," + "b" * 200_000, "x.csv: line 1 is no CSV (field larger than field limit (131072))"),
        ("a\nb," + "c" * 2000, "x.csv: line 2 is a cell of 2000 letters"),
        ("a\n" * 12, "x.csv: rows is more than 10"),
        (b"a,\xff", "x.csv is not UTF-8 text"),
    ],
)
def test_csv_that_cannot_be_used_is_refused(tmp_path, content, said):
    with pytest.raises(BadValue) as caught:
        files.rows(written(tmp_path, content, "x.csv"), "a topology", 10)
    assert said in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    assert files.toml(written(tmp_path, b"\xef\xbb\xbfa = 1")) == {"a": 1}
    assert files.json_object(written(tmp_path, b'\xef\xbb\xbf{"a": 1}'), "") == {"a": 1}


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")
    for path, said in (
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "is a pipe"),
        (tmp_path / "loop", "is too many levels of symbolic links"),
        (tmp_path / "none", "is missing; allowed: a TOML file that exists"),
        (tmp_path / "a" / ("b" * 300), "is missing"),
        (tmp_path / ("b" * 300), "is file name too long"),
        (tmp_path / "a\0b", "is embedded null byte"),
    ):
        with pytest.raises(BadValue, match=said):
            files.toml(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero")
def test_a_device_is_not_read(tmp_path):
    with pytest.raises(BadValue, match="is a device"):
        files.regular((tmp_path / "/dev/zero"), "a file", 10)


def test_a_file_may_be_as_large_as_allowed_and_no_larger(tmp_path):
    path = written(tmp_path, b"12345")
    assert files.regular(path, "a file", 5) == b"12345"
    with pytest.raises(BadValue, match=r"is 5 bytes; allowed: a file of at most 0 MiB"):
        files.regular(path, "a file", 4)


def test_text_of_files_is_escaped_and_shortened_in_messages():
    message = str(fail("x: \x1b[2J\nsystola: ok", "\u202eevil\ud800", "a" * 9000))
    assert message.startswith(r"x: \x1b[2J\nsystola: ok is \u202eevil\ud800; allowed: aaa")
    assert message.isprintable() and len(message) < 5000
    assert str(BadValue("a\tb")) == r"a\tb"


def test_what_went_through_once_goes_through_unchanged():
    for text in ("a\nb", "\\n", "caf\u00e9 \u4e2d", "\x00", "x" * 1000, "\x00" * 1000):
        once = printable(text, 100)
        assert printable(once, 100) == once and len(printable("x" * 1000, 100)) <= 100
    assert printable("caf\u00e9 \u4e2d \\n") == "caf\u00e9 \u4e2d \\n"
