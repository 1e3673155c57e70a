"""Text as one word of another language: one function for each, which every script and template asks.

What comes from a file or the command line may hold anything. Each function gives what its language reads as
exactly this text, or raises BadValue where the language has no way to say it.
"""

import html as _html
import re
import shlex

from golden.check import fail

# of a module, a cell, a pin, a file of ours: neither ends a word nor begins an option, a comment, a command
YOSYS = re.compile(r"[A-Za-z0-9_$\\./+][A-Za-z0-9_$\\./:@+-]*")
TCL = re.compile(r"[A-Za-z0-9_./:@+-]")


def yosys(text: str) -> str:
    """A word of a Yosys script. It has no quotes that all of its commands take away: names are plain."""
    if not YOSYS.fullmatch(text):
        raise fail("name for Yosys", repr(text), "letters, digits and _ $ . / \\ : @ + -")
    return text


def tcl(text: str) -> str:
    """A word of a Tcl script, all of it ASCII."""
    return "".join(map(_tcl, text)) or "{}"


def _tcl(letter: str) -> str:
    code = ord(letter)
    if TCL.fullmatch(letter):
        return letter
    if code > 0xFFFF:
        raise fail("name for Tcl", repr(letter), "letters of Unicode's first plane")
    return f"\\u{code:04x}" if code < 32 or code > 126 else f"\\{letter}"


def shell(text: str) -> str:
    """A word of a POSIX shell."""
    if "\0" in text:
        raise fail("word for the shell", repr(text), "text without a zero byte")
    return shlex.quote(text)


def html(text: object) -> str:
    """Text, or an attribute's value, of HTML, XML and SVG; what these do not know is a box."""
    plain = re.sub("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "\ufffd", str(text))
    return _html.escape(plain)
