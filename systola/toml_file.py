"""TOML files a user writes: read, checked against a pydantic model, and written.

Every fault is one BadValue in the project's words, led by the file's name and the dotted key.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from golden import check, files

Model = TypeVar("Model", bound=BaseModel)

TYPES = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text in quotes",
    "model_type": "a table",
    "dict_type": "a table",
    "list_type": "a list",
    "finite_number": "a finite number",
}
PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]{0,63}$": "a letter, then letters, digits and _, at most 64",
    "^(systolic|accelerator|tile)$": "systolic, accelerator, tile",
    "^(host|program)$": "host, program",
}


def read(path: Path) -> dict[str, Any]:
    """The tables of the file; BadValue if it is missing, no regular file, no text or no TOML."""
    return files.toml(path)


def checked(model: type[Model], values: Mapping[str, Any], where: str = "") -> Model:
    """`values` as a `model`; BadValue about the first that cannot be used. where: the file's name, if any."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        # a key that is misspelt is missing, too: the one that stands in the file tells more
        found = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise fault(model, found[0], where) from None


def fault(model: type[BaseModel], error: ErrorDetails, where: str) -> check.BadValue:
    """A fault that pydantic found, in the project's words."""
    key = (f"{where}: " if where else "") + ".".join(str(part) for part in error["loc"])
    named = [part for part in error["loc"] if isinstance(part, str)]  # the others are places in lists
    if error["type"] == "extra_forbidden":
        keys = sorted(table_at(model, named[:-1]).model_fields)
        near = difflib.get_close_matches(named[-1], keys, 1)
        return check.fail(key, "not a key", ", ".join(keys) + (f" (did you mean {near[0]}?)" if near else ""))
    if error["type"] == "missing":
        return check.fail(key, "missing", "it must be given")
    return check.fail(key, shown(error["input"]), allowed(model, error, named))


def shown(value: object) -> str:
    return json.dumps(value, default=str)


def allowed(model: type[BaseModel], error: ErrorDetails, named: Sequence[str]) -> str:
    """What the field of a faulty value takes. named: its dotted key."""
    limits = {
        type(limit).__name__: limit for limit in table_at(model, named[:-1]).model_fields[named[-1]].metadata
    }
    if {"Ge", "Le"} <= set(limits) and error["type"] not in TYPES:
        return (
            f"{limits['Ge'].ge:g} to {limits['Le'].le:g}"
            if limits["Le"].le < 1e6
            else f"at least {limits['Ge'].ge}"
        )
    pattern = error.get("ctx", {}).get("pattern")
    return TYPES.get(error["type"]) or PATTERNS.get(str(pattern)) or error["msg"]


def table_at(model: type[BaseModel], loc: Sequence[str]) -> type[BaseModel]:
    """The model of the table at a dotted key."""
    for part in loc:
        kind = model.model_fields[part].annotation
        model = next(
            (c for c in (kind, *get_args(kind)) if isinstance(c, type) and issubclass(c, BaseModel)), model
        )
    return model


def text(values: Mapping[str, Any]) -> str:
    """TOML of scalars and, under them, one level of tables, also several of a name."""
    lines, tables = [], []
    for name, value in values.items():
        several = isinstance(value, list) and value and isinstance(value[0], Mapping)
        if isinstance(value, Mapping) or several:
            heads = [(f"[[{name}]]", each) for each in value] if several else [(f"[{name}]", value)]
            for head, table in heads:
                tables += ["", head, *(f"{key} = {scalar(each)}" for key, each in table.items())]
        else:
            lines.append(f"{name} = {scalar(value)}")
    lines += tables
    return "\n".join(lines) + "\n"


def scalar(value: str | int | float | list[str]) -> str:
    """A TOML value: JSON's strings, lists, numbers are TOML's; a whole float is written without its point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)
