"""The table of an attention engine in a design file: `engine` names it, the other keys are its own.

    [[unit]]
    kind = "attention"
    engine = "streaming"     # golden.attention.streaming, or "sliding_window"
    head_dim = 64
    query = "int8"           # key and value as the query, unless given

The keys of its arithmetic are golden.attention.arithmetic's fields, and the rest those of the engine's
Params; a text is a format where the field is one, and `score` is the width of a signed integer. What is left
out has golden's value, of FP16 that of `arithmetic.fp16`; weights of streaming are as wide as sums take them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from golden import check
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import LONGEST
from golden.attention.streaming_job import StreamingParams, check_places
from golden.attention.window import WindowParams
from golden.formats import FP16, Int, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTable:
    """made: the engine's Params. without: fields of the arithmetic that it has not. integers, floating: what
    of the arithmetic is not golden's own value where it is left out, or never given. check: of what a design
    must have and golden alone need not."""

    made: Any
    without: tuple[str, ...] = ()
    integers: Mapping[str, Any] = field(default_factory=dict)
    floating: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[Any], None] = lambda made: None


# streaming: as many bits of a weight as fp32's significand has below its first; sums take weights as they are
ENGINES = {
    "streaming": EngineTable(
        made=StreamingParams,
        without=("keys", "out_fraction", "softcap"),
        integers={"keys": LONGEST, "out_fraction": 0},
        floating={"keys": LONGEST, "weight_bits": 23},
        check=check_places,
    ),
    "sliding_window": EngineTable(made=WindowParams),
}
OPERANDS = ("query", "key", "value")
OF_FLOATING = ("dot_integer", "dot_fraction")
OF_INTEGERS = ("out_fraction",)
WORDS = {int: "a whole number", str: "text in quotes", bool: "true or false"}


def params(values: Mapping[str, Any], where: str) -> Any:
    """The Params of the engine that a table describes; BadValue, naming the key below `where`."""
    check.one_of(f"{where}.engine", values["engine"], ENGINES)
    engine = ENGINES[values["engine"]]
    given = {name: value for name, value in values.items() if name not in ("engine", *OPERANDS)}
    formats = operands(values, where)
    of_arithmetic = [n for n in arithmetic_keys(engine, formats["query"] == FP16) if n not in OPERANDS]
    of_engine = [each.name for each in fields(engine.made) if each.name != "arithmetic"]
    types = get_type_hints(Arithmetic) | get_type_hints(engine.made)
    for name, value in given.items():
        if name not in (*of_arithmetic, *of_engine):
            allowed = ", ".join(sorted({"engine", "kind", *OPERANDS, *of_arithmetic, *of_engine}))
            raise check.fail(f"{where}.{name}", "not a key", allowed)
        wanted = type_of(name, types[name])
        if type(value) is not wanted:
            raise check.fail(f"{where}.{name}", repr(value), WORDS[wanted])
    own = {name: value for name, value in given.items() if name in of_engine}
    if "out" in own:
        own["out"] = number_format(f"{where}.out", own["out"])
    chosen = {name: value for name, value in given.items() if name in of_arithmetic}
    try:
        made = engine.made(arithmetic=arithmetic(engine, formats, chosen), **own)
        engine.check(made)
        return made
    except check.BadValue as error:
        is_key = str(error).replace(".", " ").split()[0] in (*OPERANDS, *of_arithmetic, *of_engine)
        raise check.BadValue(f"{where}.{error}" if is_key else f"{where}: {error}") from None


def type_of(name: str, hint: Any) -> type:
    """What a key's value is in a file."""
    plain: dict[Any, type] = {each: each for each in WORDS}
    return plain.get(hint, str if name == "out" else int)


def operands(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The formats of q, k and v: those that are not given are the query's."""
    names = {name: name if name in values else "query" for name in OPERANDS}
    return {name: number_format(f"{where}.{key}", values.get(key, "int8")) for name, key in names.items()}


def number_format(where: str, text: Any) -> Any:
    """The format that a text names."""
    if not isinstance(text, str):
        raise check.fail(where, repr(text), WORDS[str])
    try:
        return parse(text)
    except check.BadValue as error:
        raise check.BadValue(str(error).replace("number format", where, 1)) from None


def arithmetic(engine: EngineTable, formats: Mapping[str, Any], given: dict[str, Any]) -> Arithmetic:
    """The arithmetic of an engine of these formats."""
    if "score" in given:
        given["score"] = Int(given["score"])
    if formats["query"] != FP16:
        return Arithmetic(**formats, **{**engine.integers, **given})
    return fp16(**{**engine.floating, **formats, **given})


def arithmetic_keys(engine: EngineTable, floating: bool) -> list[str]:
    """Keys of the arithmetic of an engine."""
    without = (*engine.without, *(OF_INTEGERS if floating else OF_FLOATING))
    return [each.name for each in fields(Arithmetic) if each.name not in without]


def table(p: Any) -> dict[str, Any]:
    """The table that `params` reads back to `p`; what follows from other keys is left out."""
    ((name, engine),) = ((name, each) for name, each in ENGINES.items() if isinstance(p, each.made))
    a = p.arithmetic
    of_arithmetic = {key: getattr(a, key) for key in arithmetic_keys(engine, a.floating)}
    of_arithmetic["score"] = a.score.width
    own = {each.name: getattr(p, each.name) for each in fields(p) if each.name != "arithmetic"}
    whole = {"engine": name, **of_arithmetic, **own}
    given = {key: value for key, value in whole.items() if value is not None}
    return {key: value if isinstance(value, int | str) else str(value) for key, value in given.items()}
