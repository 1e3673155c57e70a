"""Every attribute of every operator that is taken: honoured, which a case with another value than the default
shows against onnxruntime (or ONNX's own reference), or refused by name. The schemas say which there are.
"""

import warnings

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from benchmarks import onnx_nodes
from golden import operators
from mapping.frontends.onnx_file import OPSETS
from mapping.frontends.onnx_versions import OLD
from tests.onnx_nodes.attribute_cases import NEW_FORMS, OLD_FORMS, REFUSED
from tests.operators.attention_cases import SEQUENCE_CASES
from tests.operators.cases import CASES, Case
from tests.operators.more_cases import MORE

pytestmark = pytest.mark.broad

ort = pytest.importorskip("onnxruntime")

ALL = [*CASES, *MORE, *SEQUENCE_CASES, *OLD_FORMS, *NEW_FORMS]
OF_CONSTANTS = ("ConstantOfShape", "Range")  # whose inputs say what shape comes out
FILES = [
    case for case in ALL
    if (case.attributes or case.opset < 13) and all(x is None or np.size(x) for x in case.inputs)
]  # fmt: skip
OPERATORS = sorted({*operators.OPERATORS, *OLD})


def defaults(operator):
    """(attribute, its default) of all opsets that are read."""
    found = {}
    for opset in OPSETS:
        try:
            schema = onnx.defs.get_schema(operator, opset, "")
        except onnx.defs.SchemaError:
            continue
        for name, entry in schema.attributes.items():
            stated = entry.default_value
            found[name] = plain(helper.get_attribute_value(stated)) if stated.type else None
    return found


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def differs(value, default):
    """Is a value another than the default?"""
    return default is None or not isinstance(value, int | float | str) or value != default


def has_case(operator, attribute, default, cases):
    own = (case.attributes for case in cases if case.operator == operator)
    return any(attribute in given and differs(given[attribute], default) for given in own)


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_attribute_is_honoured_or_refused(operator):
    cases = [*ALL, *(case for case, _ in REFUSED)]
    known = defaults(operator).items()
    assert [name for name, default in known if not has_case(operator, name, default, cases)] == []


@pytest.mark.parametrize("operator", sorted(operators.OPERATORS))
def test_every_attribute_of_the_schema_is_known_to_the_host(operator):
    """Nothing that the latest schema has is passed over."""
    latest = set(onnx.defs.get_schema(operator, OPSETS[-1], "").attributes)
    refused = {name for case, _ in REFUSED if case.operator == operator for name in case.attributes}
    assert latest - operators.attribute_names(operator) <= refused


def model_of(case):
    """One node; its first input is computed, what follows is constant."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(case.inputs)]
    given = {name: np.asarray(x) for name, x in zip(names, case.inputs, strict=True) if name}
    attributes = {
        key: onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for key, value in case.attributes.items()
    }
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.operator, names, outputs, "it", **attributes)
    first = names[0] if names and case.operator not in OF_CONSTANTS else None
    infos = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
             for name, x in given.items() if name == first]  # fmt: skip
    stored = [onnx.numpy_helper.from_array(x, name) for name, x in given.items() if name != first]
    graph = helper.make_graph([node], "case", infos, [onnx.ValueInfoProto(name=y) for y in outputs], stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=9)
    inferred = onnx.shape_inference.infer_shapes(made)
    for output in inferred.graph.output:  # onnx infers some not at all
        kind = output.type.tensor_type
        kind.elem_type = kind.elem_type or infos[0].type.tensor_type.elem_type
        if not kind.HasField("shape"):
            kind.shape.CopyFrom(infos[0].type.tensor_type.shape)
    return inferred, {name: x for name, x in given.items() if name == first}


def expected(model, given):
    """By onnxruntime; what it does not run, by ONNX's reference."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, given)
    except Exception:  # onnxruntime's errors have no common base
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ReferenceEvaluator(model).run(None, given)


@pytest.mark.parametrize("case", FILES, ids=str)
def test_an_attribute_is_honoured(case):
    model, given = model_of(case)
    wanted = expected(model, given)
    found = onnx_nodes.run(model, list(given.values()), wanted, "matrix")
    assert (found.kind, found.detail) == ("taken", "")
    on_accelerator = onnx_nodes.run(model, list(given.values()), wanted, "accelerator")
    assert on_accelerator.kind in ("taken", "refused"), on_accelerator.detail


@pytest.mark.parametrize(("case", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_is_not_honoured_is_refused_by_name(case, words):
    model, given = model_of(case)
    for unit in onnx_nodes.DESIGNS:
        found = onnx_nodes.run(model, list(given.values()), [], unit)
        assert found.kind == "refused", found.detail
        assert unit != "matrix" or words in found.detail


def test_a_negative_index_of_an_old_one_hot_gives_no_one():
    case = Case("OneHot", [np.array([0, -1, 2]), np.int64(3), np.array([0, 5], np.float32)], opset=9)
    model, given = model_of(case)
    wanted = np.float32([[5, 0, 0], [0, 0, 0], [0, 0, 5]])
    assert onnx_nodes.run(model, list(given.values()), [wanted], "matrix").kind == "taken"
