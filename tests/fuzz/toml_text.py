"""TOML of any tree, however wrong: what no writer would write."""

import datetime
import json
import math


def dumps(tree) -> str:
    """Tables of the top as [tables], lists of tables as [[tables]]; all else inline."""
    lines = [f"{key(k)} = {value(v)}" for k, v in tree.items() if not is_table(v) and not is_tables(v)]
    for k, v in tree.items():
        for each in [v] if is_table(v) else v if is_tables(v) else ():
            lines.append(f"[[{key(k)}]]" if is_tables(v) else f"[{key(k)}]")
            lines += [f"{key(name)} = {value(inner)}" for name, inner in each.items()]
    return "\n".join(lines) + "\n"


def is_table(v) -> bool:
    return isinstance(v, dict)


def is_tables(v) -> bool:
    return isinstance(v, list) and bool(v) and all(isinstance(each, dict) for each in v)


def key(name) -> str:
    text = str(name)
    return text if text.isidentifier() and text.isascii() else json.dumps(text)


def value(v) -> str:
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, float):
        return repr(v) if math.isfinite(v) else ("nan" if math.isnan(v) else "inf" if v > 0 else "-inf")
    if isinstance(v, datetime.date):
        return v.isoformat()
    return opened(v) if isinstance(v, list | dict) else json.dumps(v)


def opened(v) -> str:
    """A list or table in one line, without recursion: trees may be deep."""
    parts: list[str] = []
    stack: list = [v]
    while stack:
        each = stack.pop()
        if isinstance(each, tuple):
            parts.append(each[0])
        elif isinstance(each, list):
            stack.append(("]",))
            for inner in reversed(each):
                stack += [(",",), inner]
            parts.append("[")
        elif isinstance(each, dict):
            stack.append(("}",))
            for number, (name, inner) in enumerate(reversed(each.items())):
                stack += [("",) if not number else (",",), inner, (f"{key(name)} = ",)]
            parts.append("{")
        else:
            parts.append(value(each))
    return "".join(parts)
