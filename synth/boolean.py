"""The Boolean functions of a Liberty file: `!(A & B)`, `(A B)' + C`, `A ^ B`.

Liberty's operators, from the tightest: `!x` and `x'`, `^`, `&` `*` or a mere space, `|` `+`.
"""

import re
from functools import cache
from itertools import product

from golden.check import fail

TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w.\[\]$/]*)|(.))", re.S | re.ASCII)

LONGEST, MOST_TOKENS, MOST_PINS = 10_000, 300, 16  # letters, signs and names of a function; its pins

Tree = tuple[
    "str | Tree", ...
]  # ("0",) ("1",) ("pin", name) ("not", t) ("and", t, t) ("or", t, t) ("xor", t, t)


class Reader:
    """One function, read by descent."""

    def __init__(self, text: str):
        self.text = text
        if len(text) > LONGEST:
            raise self.bad()
        self.tokens = [name or sign for name, sign in TOKEN.findall(text.strip()) if (name or sign).strip()]
        self.at = 0
        if len(self.tokens) > MOST_TOKENS:
            raise self.bad()

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def alternatives(self) -> Tree:
        tree = self.terms()
        while self.next() in ("|", "+"):
            self.take()
            tree = ("or", tree, self.terms())
        return tree

    def terms(self) -> Tree:
        tree = self.sums()
        while self.next() and self.next() not in ("|", "+", ")"):
            if self.next() in ("&", "*"):
                self.take()
            tree = ("and", tree, self.sums())
        return tree

    def sums(self) -> Tree:
        tree = self.inverted()
        while self.next() == "^":
            self.take()
            tree = ("xor", tree, self.inverted())
        return tree

    def inverted(self) -> Tree:
        token = self.take()
        if token == "!":
            tree: Tree = ("not", self.inverted())
        elif token == "(":
            tree = self.alternatives()
            if self.take() != ")":
                raise self.bad()
        elif token in ("0", "1"):
            tree = (token,)
        elif re.match(r"[A-Za-z_]", token):
            tree = ("pin", token)
        else:
            raise self.bad()
        while self.next() == "'":
            self.take()
            tree = ("not", tree)
        return tree

    def bad(self) -> Exception:
        return fail("liberty: function", repr(self.text), "pins, 0, 1 and ! ' ^ & * | + ( )")


@cache
def parse(function: str) -> Tree:
    """The tree of `function`; BadValue if it is none."""
    reader = Reader(function)
    try:
        tree = reader.alternatives()
    except RecursionError:
        raise reader.bad() from None
    if reader.next():
        raise reader.bad()
    return tree


def pins(tree: Tree) -> set[str]:
    """The names that `tree` reads."""
    if tree[0] == "pin":
        return {str(tree[1])}
    return set().union(*(pins(part) for part in tree[1:] if isinstance(part, tuple)))


def value(tree: Tree, of: dict[str, int], ones: int = 1) -> int:
    """What `tree` gives for words of bits; `ones` is the word of all ones."""
    kind, parts = tree[0], tree[1:]
    if kind == "pin":
        return of[str(parts[0])]
    words = [value(part, of, ones) for part in parts if isinstance(part, tuple)]
    if kind == "not":
        return ~words[0] & ones
    if kind == "and":
        return words[0] & words[1]
    if kind == "or":
        return words[0] | words[1]
    return words[0] ^ words[1] if kind == "xor" else (ones if kind == "1" else 0)


def table(function: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """(its pins by name, its value for each of their values, the first pin the slowest to change)."""
    tree = parse(function)
    names = tuple(sorted(pins(tree)))
    if len(names) > MOST_PINS:
        raise fail("liberty: function", f"of {len(names)} pins", f"at most {MOST_PINS}")
    rows = product((0, 1), repeat=len(names))
    return names, tuple(value(tree, dict(zip(names, row, strict=True))) for row in rows)
