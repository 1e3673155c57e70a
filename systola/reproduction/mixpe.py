"""MixPE: shift and add against multipliers, W4A8 and W4A16."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from golden.division import ceil_div
from golden.formats import FP16, Int
from golden.pe.aligned import AlignedParams
from golden.pe.dequantise import DequantiseParams
from golden.pe.float_multiply_add import FloatMultiplyAddParams
from golden.pe.mixpe import MixPeParams
from golden.pe.mixpe_float import MixPeFloatParams
from golden.pe.multiplier import MultiplierParams
from golden.tile.cycles import cycles
from golden.tile.params import TileParams
from golden.vector import align
from hw.vector import align as hw_align
from systola.reproduction import jobs, operands, parts
from systola.reproduction.bitmod_system import CONTEXT, MODELS, products
from systola.reproduction.blocks import Block, BlockPart, BlockTotal, Form, Stimulus
from systola.reproduction.claims import system
from systola.reproduction.operands import GROUP, RUNS, Groups

SIDE = 32  # rows and columns of the array of INT8 PEs whose area the others get
INT8, INT8_SHORT = "INT8 x INT8", "INT8 x INT8, group's sum"
INT4, INT4_YOSYS, INT2 = "INT4 x INT8", "INT4 x INT8, Yosys alone", "INT2 x INT8"
LOOP, SHIFT_ADD = "dequantise in the loop", "MixPE W4A8"
FMA, FMA_CUT = "FP16 multiply-add, nearest", "FP16 multiply-add, cut"
FLOAT, FLOAT_CUT = "MixPE W4A16, nearest", "MixPE W4A16, cut"
ALIGNED, ALIGNED_WHOLE = "W4A16 pre-aligned", "W4A16 pre-aligned, with aligner"
CUT: Any = {"rounding": "truncate", "subnormals": False}
ALIGN = align.AlignParams()


def integers() -> list[tuple[str, dict[str, Any], int]]:
    """(block, forms, bits of the weights) of the PEs of int8 activations."""

    def multiplier(bits: int, group: int) -> dict[str, Any]:
        p = MultiplierParams(weight=Int(bits), group=group)
        return {"Yosys' multiplier": p, "hand-made Booth": replace(p, multiplier="booth")}

    return [
        (INT8, multiplier(8, 65536), 8),
        (INT8_SHORT, multiplier(8, GROUP), 8),
        (INT4, multiplier(4, GROUP), 4),
        (INT4_YOSYS, {"Yosys' multiplier": MultiplierParams(weight=Int(4), group=GROUP)}, 4),
        (INT2, multiplier(2, GROUP), 2),
        (SHIFT_ADD, {"combinational": MixPeParams(group=GROUP)}, 4),
    ]


def floats() -> list[tuple[str, dict[str, Any], bool]]:
    """(block, forms, whether the weights are fp16) of the PEs of fp16 activations."""
    multiply_add, mixed = FloatMultiplyAddParams(group=GROUP), MixPeFloatParams(group=GROUP)
    either = partial(parts.registered)
    return [
        (FMA, either(multiply_add, 0, 1), True),
        (FMA_CUT, either(replace(multiply_add, **CUT), 0, 1), True),
        (FLOAT, either(mixed, 0, 1), False),
        (FLOAT_CUT, either(replace(mixed, **CUT), 0, 1), False),
    ]


def blocks() -> list[Block]:
    """All that is compared."""
    found = []
    for name, forms, bits in integers():
        part = parts.cell(name, forms, partial(operands.narrow, bits), operands.activations_int8)
        found.append(block(name, part, next(iter(forms.values()))))
    loop = DequantiseParams(group=65536)
    found.append(block(LOOP, BlockPart(name=LOOP, forms=(loop_form(loop),)), loop))
    for name, forms, is_float in floats():
        weights = operands.weights_fp16 if is_float else partial(operands.narrow, 4)
        part = parts.cell(name, forms, weights, operands.activations_fp16)
        found.append(block(name, part, next(iter(forms.values()))))
    aligned = AlignedParams(group=GROUP, activation=Int(ALIGN.bits))
    part = parts.cell(ALIGNED, {"combinational": aligned}, partial(operands.narrow, 4), aligned_activations)
    found.append(block(ALIGNED, part, aligned))
    return [*found, with_aligner(part, aligned)]


def block(name: str, part: BlockPart, p: Any) -> Block:
    return Block(name=name, parts=((part, 1),), macs=1, inside=parts.widths(p))


def loop_form(p: DequantiseParams) -> Form:
    """Codes about 8 with their group's scale beside each."""

    def operands_of() -> Groups:
        codes = operands.narrow(4) + 8
        scale = operands.scales(4)
        words = jobs.loop_words(p, codes, np.rint(scale / scale.max() * 255).astype(np.int64))
        return Groups.of(words, operands.activations_int8(), jobs.groups_for(GROUP))

    made = parts.form("combinational", p, lambda: (np.zeros((GROUP, 1)), np.zeros((1, GROUP))))
    return replace(made, job=lambda: jobs.array_pe(p, operands_of()))


def aligned_activations() -> np.ndarray:
    """The layer's activations, aligned in groups: int64 [M, K]."""
    values = operands.activations_fp16()
    codes = FP16.encode(values).reshape(len(values), -1, GROUP)
    return align.align(ALIGN, codes)[0].reshape(values.shape)


def with_aligner(cell: BlockPart, p: AlignedParams) -> Block:
    """Rows of SIDE cells, as many as the aligner has lanes, and the aligner."""
    aligner = BlockPart(
        name="aligner",
        forms=(Form(label="8 lanes", key=f"align {ALIGN!r}", definition=lambda: hw_align.definition(ALIGN),
                    job=aligner_job),),
        flags=("",),
    )  # fmt: skip
    cells = ALIGN.lanes * SIDE
    inside = f"{parts.widths(p)}; {ALIGN.lanes} rows of {SIDE} cells, an aligner of {ALIGN.lanes} lanes"
    return Block(name=ALIGNED_WHOLE, parts=((cell, cells), (aligner, 1)), macs=cells, inside=inside)


def aligner_job() -> Stimulus:
    """Groups of the layer's activations, one after the other in each run."""
    count = 1 + jobs.CYCLES // ALIGN.words
    values = operands.activations_fp16()
    run, group = np.arange(RUNS)[:, None], np.arange(count)[None]
    rows, places = (
        (run + RUNS * group) * operands.STRIDES[0] % len(values),
        group % (values.shape[1] // GROUP),
    )
    codes = FP16.encode(values).reshape(len(values), -1, GROUP)[rows, places]
    aligned, exponent, special = align.align(ALIGN, codes)
    words = joined(codes, FP16.width)
    flags = exponent.astype(object) << ALIGN.lanes * ALIGN.bits
    above = ALIGN.lanes * ALIGN.bits + ALIGN.exponent.width
    out = joined(aligned, ALIGN.bits) | (flags | special.astype(object) << above)[..., None]
    out[..., -1] |= 1 << above + 1
    payload, results = jobs.in_time(words), jobs.in_time(out)
    late = ALIGN.words + align.LATENCY
    payload = np.concatenate([payload, payload[-1:].repeat(late, axis=0)])
    one = np.ones(payload.shape, np.int64)
    valid = one * (np.arange(len(payload)) < len(results))[:, None]
    ports = {"i_payload": payload, "i_valid": valid, "o_ready": one}
    return Stimulus(ports, "o_payload", results, np.arange(len(results)) + late, len(results))


def joined(codes: np.ndarray, bits: int) -> np.ndarray:
    """[runs, groups, GROUP] in words of ALIGN.lanes: Python integers [runs, groups, words]."""
    patterns = codes.reshape(*codes.shape[:-1], -1, ALIGN.lanes).astype(object) & (1 << bits) - 1
    return np.asarray(sum(patterns[..., i] << i * bits for i in range(ALIGN.lanes)), object)


def more(found: Mapping[str, BlockTotal]) -> dict[str, Any]:
    """Arrays of one area on the shapes of decoders: prefill, which computation bounds."""
    budget = SIDE * SIDE * found[INT8].area_um2
    forms = {name: next(iter(each.values())) for name, each, _ in [*integers(), *floats()]}
    rows = {name: array(forms[name], found[name], budget) for name in (INT8, INT4, SHIFT_ADD, FMA_CUT)}
    rows[ALIGNED] = array(AlignedParams(group=GROUP), found[ALIGNED_WHOLE], budget)
    base = rows[INT8]
    table = [
        [name, f"{SIDE} x {row['cols']}", *(f"{base[model] / row[model]:.2f}" for model in MODELS)]
        for name, row in rows.items()
    ]
    mean = float(np.mean([base[model] / rows[SHIFT_ADD][model] for model in MODELS]))
    return {
        "figures": {"speed-up": mean},
        "tables": [{
            "title": f"prefill of {CONTEXT} tokens, arrays as large as {SIDE}x{SIDE} INT8 PEs: times as fast",
            "columns": ["PE", "array", *MODELS], "rows": table,
            "source": "golden.tile.cycles.cycles at one clock; operands always there; linear layers",
        }],
    }  # fmt: skip


def array(p: Any, measured: BlockTotal, budget: float) -> dict[str, Any]:
    """The array of SIDE rows that fits, and its cycles for each model's linear layers."""
    cols = min(int(budget / SIDE / measured.area_per_mac), 128)
    tile = TileParams(rows=SIDE, cols=cols, pe=replace(p, group=GROUP))
    found: dict[str, Any] = {"cols": cols}
    for name, model in MODELS.items():
        linear = [(times, each) for times, each in products(model, 16, False) if each.depth >= GROUP][:-2]
        groups = [times * ceil_div(each.tokens, SIDE) * ceil_div(each.outputs, cols)
                  * ceil_div(each.depth, GROUP)
                  for times, each in linear]  # fmt: skip
        found[name] = cycles(tile, sum(groups))
    return found


SYSTEM = system("mixpe", blocks, more)
