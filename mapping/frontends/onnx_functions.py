"""Operators that the ONNX standard defines by other operators: the bodies of its own definitions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import onnx
from onnx import AttributeProto


class VersionedNode(NamedTuple):
    """A node of the file or of a definition, its name, and the opset in which it is written."""

    message: onnx.NodeProto
    name: str
    opset: int


def is_defined(operator: str, opset: int) -> bool:
    """Whether the standard defines `operator` by others."""
    try:
        schema = onnx.defs.get_schema(operator, opset, "")
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


def body(step: VersionedNode, types: Mapping[str, onnx.TypeProto]) -> list[VersionedNode] | None:
    """The nodes by which the standard defines `step`, ending in its outputs; None where it has no definition.

    types  of the tensors it reads
    """
    function = definition(step, types)
    if function is None:
        return None
    message = step.message
    given = zip(function.input, [*message.input, *[""] * len(function.input)], strict=False)
    made = zip(function.output, message.output, strict=False)
    names = {"": ""} | dict(given) | {inner: outer for inner, outer in made if outer}
    attributes = arguments(step, function)
    opset = next((o.version for o in function.opset_import if o.domain == ""), step.opset)
    found = []
    for number, node in enumerate(function.node):
        inner = onnx.NodeProto()
        inner.CopyFrom(node)
        inner.name = f"{step.name}/{node.op_type}_{number}"
        for tensors in (inner.input, inner.output):
            renamed = [names.setdefault(tensor, f"{step.name}/{tensor}") for tensor in tensors]
            del tensors[:]
            tensors.extend(renamed)
        del inner.attribute[:]
        inner.attribute.extend(resolved(node.attribute, attributes))
        found.append(VersionedNode(inner, inner.name, opset))
    return found


def definition(step: VersionedNode, types: Mapping[str, onnx.TypeProto]) -> onnx.FunctionProto | None:
    """The standard's definition that the node's opset asks for."""
    schema = onnx.defs.get_schema(step.message.op_type, step.opset, "")
    if schema.has_function:
        versions, get = schema.function_opset_versions, schema.get_function_with_opset_version
        extra: Sequence[Any] = ()
    else:
        versions = schema.context_dependent_function_opset_versions
        get = schema.get_context_dependent_function_with_opset_version
        empty = onnx.TypeProto()
        given = [types.get(tensor, empty).SerializeToString() for tensor in step.message.input]
        extra = (step.message.SerializeToString(), given)
    fitting = [version for version in versions if version <= step.opset]
    written = get(max(fitting), *extra) if fitting else b""
    if not written:
        return None
    found = onnx.FunctionProto()
    found.ParseFromString(written)
    return found


def arguments(step: VersionedNode, function: onnx.FunctionProto) -> dict[str, AttributeProto]:
    """The node's attributes, with the standard's defaults."""
    schema = onnx.defs.get_schema(step.message.op_type, step.opset, "")
    found = {
        name: entry.default_value for name, entry in schema.attributes.items() if entry.default_value.type
    }
    found |= {entry.name: entry for entry in function.attribute_proto}
    return found | {entry.name: entry for entry in step.message.attribute}


def resolved(
    entries: Sequence[AttributeProto], given: Mapping[str, AttributeProto]
) -> Iterator[AttributeProto]:
    """Attributes of a node in a definition, references replaced by the defined operator's attributes."""
    for entry in entries:
        made = AttributeProto()
        if entry.ref_attr_name:
            if entry.ref_attr_name not in given:
                continue
            made.CopyFrom(given[entry.ref_attr_name])
            made.name = entry.name
        else:
            made.CopyFrom(entry)
        yield made
