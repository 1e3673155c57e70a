"""The table [pe] of a design file: its keys are the fields of the Params of the kind that it names.

A number says what its field is, a text is a format where the field is one (`int4`, `fp16`); a field may have
another key, its metadata's "key". So a new PE needs nothing here.

A sum's products are `group`; until the release after this one `depth`, its name before, means the same.
"""

from collections.abc import Mapping
from dataclasses import Field, fields
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import create_model

from golden import check, pe
from golden.formats import Float, Int, parse
from systola import toml_file
from systola.design_schema import Table, integer_format

DEFAULT_KIND = "multiplier"
PLAIN = (int, str, bool)
FORMER = {"depth": "group"}  # keys by their names of the release before


def key_of(field: Field[Any]) -> str:
    """What a field is called in a design file."""
    return str(field.metadata.get("key", field.name))


def params(values: Mapping[str, Any]) -> Any:
    """The Params that a table [pe] describes; BadValue, naming the key."""
    kind = values.get("kind", DEFAULT_KIND)
    check.one_of("pe.kind", kind, pe.PES)
    made = pe.PES[kind].Params
    given = toml_file.checked(schema(made), {"pe": today(values)}).pe.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
    found = {field.name: given[key_of(field)] for field in fields(made) if key_of(field) in given}
    hints = hints_of(made)
    return made(**{
        name: value if plain(hints[name]) else number_format(hints[name], f"pe.{name}", value)
        for name, value in found.items()
    })  # fmt: skip


@cache
def hints_of(made: type) -> dict[str, Any]:
    """The types of a Params' fields, by name."""
    return get_type_hints(made)


@cache
def schema(made: type) -> type[Table]:
    """What [pe] may hold for a Params: to make it takes longer than to read a file."""
    types = {name: plain(hint) or str for name, hint in hints_of(made).items()}
    keys: dict[str, Any] = {key_of(each): (types[each.name], None) for each in fields(made)}
    table = create_model("Pe", __base__=Table, kind=(str, DEFAULT_KIND), **keys)
    return create_model("PeFile", __base__=Table, pe=(table, ...))


def today(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with the keys' names of today; BadValue for one that is given under both."""
    for former, name in FORMER.items():
        if former in values and name in values:
            raise check.fail(f"pe.{former}", "given", f"pe.{name}, of which it is a former name, alone")
    return {FORMER.get(key, key): value for key, value in values.items()}


def plain(hint: Any) -> type | None:
    """int, str or bool; None for a number format."""
    return hint if hint in PLAIN else str if any(isinstance(arg, str) for arg in get_args(hint)) else None


def number_format(hint: Any, where: str, text: str) -> Any:
    """The format that `text` names, if a field of type `hint` takes it."""
    if hint is Int:
        return integer_format(where, text)
    try:
        found = hint.parse(text) if hasattr(hint, "parse") else parse(text)
    except check.BadValue as error:
        raise check.BadValue(f"{where}: {error}") from None
    if hint is Float and not isinstance(found, Float):
        raise check.fail(where, repr(text), "a floating-point format")
    return found


def table(given: Any) -> dict[str, Any]:
    """The keys and values that `params` reads back to `given`."""
    values = {key_of(field): getattr(given, field.name) for field in fields(given)}
    shown = {key: value if isinstance(value, PLAIN) else str(value) for key, value in values.items()}
    return {"kind": pe.kind_of(given), **shown}
