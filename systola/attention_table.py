"""The table of an attention engine in a design file: `engine` names it, the other keys are its own.

    [[unit]]
    kind = "attention"
    engine = "streaming"     # golden.attention.streaming
    head_dim = 64
    query = "int8"           # key and value as the query, unless given

The keys of its arithmetic are golden.attention.arithmetic's fields, and the rest those of the engine's
Params; a text is a format where the field is one, and `score` is the width of a signed integer. What is left
out has golden's value: of FP16 that of `arithmetic.fp16`, with weights as wide as sums take them.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from golden import check
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import LONGEST
from golden.attention.streaming_job import StreamingParams
from golden.formats import FP16, Int, parse

ENGINES: dict[str, Any] = {"streaming": StreamingParams}
OPERANDS = ("query", "key", "value")
STREAMED = ("keys", "out_fraction", "softcap")  # of the arithmetic, which streaming has not
FLOATING = ("dot_integer", "dot_fraction")  # of FP16 alone


def params(values: Mapping[str, Any], where: str) -> Any:
    """The Params of the engine that a table describes; BadValue, naming the key below `where`."""
    check.one_of(f"{where}.engine", values["engine"], ENGINES)
    made = ENGINES[values["engine"]]
    given = {name: value for name, value in values.items() if name not in ("engine", *OPERANDS)}
    formats = operands(values, where)
    of_arithmetic = [name for name in arithmetic_keys(formats["query"] == FP16) if name not in OPERANDS]
    of_engine = [field.name for field in fields(made) if field.name != "arithmetic"]
    for name, value in given.items():
        if name not in (*of_arithmetic, *of_engine):
            allowed = ", ".join(sorted({"engine", "kind", *OPERANDS, *of_arithmetic, *of_engine}))
            raise check.fail(f"{where}.{name}", "not a key", allowed)
        wanted, words = (str, "text in quotes") if name == "out" else (int, "a whole number")
        if type(value) is not wanted:
            raise check.fail(f"{where}.{name}", repr(value), words)
    own = {name: value for name, value in given.items() if name in of_engine}
    if "out" in own:
        own["out"] = parse(own["out"])
    return made(arithmetic=arithmetic(formats, {n: v for n, v in given.items() if n in of_arithmetic}), **own)


def operands(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The formats of q, k and v: those that are not given are the query's."""
    names = {name: values.get(name, values.get("query", "int8")) for name in OPERANDS}
    try:
        return {name: parse(text) for name, text in names.items()}
    except check.BadValue as error:
        raise check.BadValue(f"{where}: {error}") from None


def arithmetic(formats: Mapping[str, Any], given: dict[str, Any]) -> Arithmetic:
    """The arithmetic of a streaming engine of these formats."""
    if "score" in given:
        given["score"] = Int(given["score"])
    if formats["query"] != FP16:
        return Arithmetic(keys=LONGEST, out_fraction=0, **formats, **given)
    # as many bits as fp32's significand has below its first: sums take weights as they are
    return fp16(keys=LONGEST, **{"weight_bits": 23, **given})


def arithmetic_keys(floating: bool) -> list[str]:
    """Keys of the arithmetic of a streaming engine."""
    without = STREAMED if floating else (*STREAMED, *FLOATING)
    return [field.name for field in fields(Arithmetic) if field.name not in without]


def table(p: Any) -> dict[str, Any]:
    """The table that `params` reads back to `p`; what follows from other keys is left out."""
    (engine,) = (name for name, made in ENGINES.items() if isinstance(p, made))
    a = p.arithmetic
    of_arithmetic = {name: getattr(a, name) for name in arithmetic_keys(a.floating)}
    of_arithmetic["score"] = a.score.width
    own = {field.name: getattr(p, field.name) for field in fields(p) if field.name != "arithmetic"}
    whole = {"engine": engine, **of_arithmetic, **own}
    given = {name: value for name, value in whole.items() if value is not None}
    return {name: value if isinstance(value, int | str) else str(value) for name, value in given.items()}
