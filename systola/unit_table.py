"""Tables [[unit]] of a design file: units that not every accelerator has, each with the fields of its Params.

`kind` is a name of golden.accelerator.units; so a new unit needs nothing here.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_type_hints

from pydantic import create_model

from golden import check
from golden.accelerator import units
from golden.accelerator.params import AcceleratorParams
from systola import toml_file
from systola.design_schema import Table


def kinds() -> dict[str, type[Any]]:
    """Params of each unit that a design may have or not, by its name."""
    found = {name: units.unit(name).Params for name in units.UNITS}
    return {name: made for name, made in found.items() if made is not None}


def params(tables: Mapping[int, Mapping[str, Any]]) -> tuple[Any, ...]:
    """The Params that tables [[unit]], by their places, describe; BadValue, naming the key."""
    return tuple(one(f"unit.{place}", table) for place, table in tables.items())


def one(where: str, values: Mapping[str, Any]) -> Any:
    """The Params of one table."""
    if "kind" not in values:
        raise check.fail(f"{where}.kind", "missing", "it must be given")
    if not isinstance(values["kind"], str) or values["kind"] not in kinds():
        raise check.fail(f"{where}.kind", repr(values["kind"]), ", ".join(kinds()) or "no further units")
    made = kinds()[values["kind"]]
    types = get_type_hints(made)
    keys: dict[str, Any] = {each.name: (types[each.name], each.default) for each in fields(made)}
    table = create_model("Unit", __base__=Table, kind=(str, ...), **keys)
    given = toml_file.checked(table, values, where).model_dump(exclude={"kind"})
    try:
        return made(**given)
    except check.BadValue as error:
        raise check.BadValue(f"{where}: {error}") from None


def tables(p: AcceleratorParams) -> list[dict[str, Any]]:
    """The tables that `params` reads back."""
    made = kinds()
    names = [name for each in p.more for name in made if isinstance(each, made[name])]
    return [{"kind": name, **asdict(each)} for name, each in zip(names, p.more, strict=True)]
