"""Names that would end a word, a string or a script of some language, or begin a command in it."""

HOSTILE = [
    "", "a b", "a;b", 'a"b', "a'b", "a[b]", "a{b", "a}b", "a\\", "a\nb", "-rf", "#a", "!touch pwned", "ü漢",
    "%s %n", "$(touch pwned)", "`touch pwned`", "${HOME}", "[exec touch pwned]", "*", "a\ttab",
    '"; exec touch pwned; "', "</script><script>alert(1)</script>", '" onload="alert(1)', "&lt;", "]]>",
    "x\x1b[2J", "$$", "a=b:c",
]  # fmt: skip
