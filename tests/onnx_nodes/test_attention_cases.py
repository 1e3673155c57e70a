"""The standard's cases of attention, rotary embeddings, root mean square normalisation, caches and linear
attention: golden within BOUND of each, whole and written out; on the designs the table's outcome, and what is
not taken named with its reason.
"""

import re

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from benchmarks import onnx_nodes
from golden import operators
from mapping.frontends import onnx_file
from mapping.passes import simplify
from mapping.run.floating import run_float

OPERATORS = ("Attention", "RotaryEmbedding", "RMSNormalization", "TensorScatter", "LinearAttention")
# of the largest magnitude expected: a few roundings of float32; one of float16 (2^-11) on either side;
# bfloat16 (2^-8), whose reference rounds after every step
BOUND = {"float32": 1e-6, "float16": 2**-10, "bfloat16": 2**-6}
COUNTS = dict(zip(OPERATORS, (93, 8, 19, 3, 14), strict=True))

NO_BFLOAT16 = "type is 'BFLOAT16'"
BY_OPERATOR = "operator is 'TensorScatter'"
# of the nodes themselves, those that a design does not take: which, and why
REFUSED = {
    "matrix": {
        r".*_bf16": NO_BFLOAT16,
        r"attention_4d_softcap_neginf_mask_poison": "nothing of it is left in codes",  # values of 1,000
    },
    "accelerator": {
        r".*_bf16": NO_BFLOAT16,
        r"attention_4d_softcap_neginf_mask(_poison)?": "attn_mask.* is -inf; allowed: finite numbers",
        r"attention_4d_with_past_and_present_qk_matmul_bias_[34]d_mask_causal":  # masked scores asked for
            "tensor Attention_0:.* allowed: finite numbers",
        r"tensorscatter.*": BY_OPERATOR,  # rows that are known when it runs
        r"linear_attention_.*": "output present_state is asked for",
    },
}  # fmt: skip


def plain(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def nodes():
    """Cases of one node, by the operators above."""
    for name, case in sorted(onnx_nodes.cases().items()):
        graph = case.model.graph
        if len(graph.node) == 1 and graph.node[0].op_type in OPERATORS:
            yield name, case


def operands(case):
    """(the node, its inputs in order, its results by name) of a case's first data set."""
    graph, (inputs, outputs) = case.model.graph, case.data_sets[0]
    given = {entry.name: plain(x) for entry, x in zip(graph.input, inputs, strict=True)}
    wanted = {entry.name: plain(y) for entry, y in zip(graph.output, outputs, strict=True)}
    return graph.node[0], given, wanted


def is_apart(found, wanted):
    """Whether a result is not the expected one."""
    if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
        return True
    bound = BOUND.get(wanted.dtype.name, 0)
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
        return True
    worst = np.abs(found[finite] - wanted[finite]).max(initial=0)
    return worst > bound * np.abs(wanted[finite]).max(initial=0)


def test_every_operator_has_the_cases_that_the_standard_brings():
    found = [case.model.graph.node[0].op_type for _, case in nodes()]
    assert {operator: found.count(operator) for operator in OPERATORS} == COUNTS


def test_golden_is_within_the_bound_of_every_case():
    wrong = []
    for name, case in nodes():
        node, given, wanted = operands(case)
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
        inputs = [given[t] if t else None for t in node.input]
        found = dict(zip(node.output, operators.evaluate(node.op_type, inputs, attributes), strict=False))
        wrong += [(name, t) for t, y in wanted.items() if is_apart(found[t], y)]
    assert wrong == []


def test_a_node_written_out_is_within_the_bound_of_every_case():
    """What is left of shapes and types is true too."""
    wrong = []
    for name, case in nodes():
        if name.removeprefix("test_").endswith("_bf16"):
            continue  # refused, see below
        _, given, wanted = operands(case)
        network = simplify(onnx_file.from_model(case.model, name, name))
        found = run_float(network, given, all_tensors=True)
        wrong += [(name, t) for t, y in wanted.items() if is_apart(found[t], y)]
        kinds = {t: (network.shapes[t], network.type_of(t)) for t in found}
        assert kinds == {t: (y.shape, y.dtype) for t, y in found.items()}, name
    assert wrong == []


@pytest.mark.broad
@pytest.mark.parametrize("unit", onnx_nodes.DESIGNS)
def test_what_is_not_taken_is_named_with_its_reason(unit):
    """Exactly the cases above, by the table; and they say why."""
    names = [name.removeprefix("test_") for name, _ in nodes()]
    reasons = {n: why for n in names for form, why in REFUSED[unit].items() if re.fullmatch(form, n)}
    table = {n: onnx_nodes.table()[f"test_{n}"][unit] for n in names}
    assert {n for n in names if table[n] != "taken"} == set(reasons)
    for name, why in reasons.items():
        found = onnx_nodes.outcome(f"test_{name}", unit)
        assert found.kind == "refused" and re.search(why, found.detail), (name, found)
