"""BitMoD: a bit-serial PE of four lanes against FP16 multiply-adds; the authors' cycle counts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from golden.formats import FP16, FP32
from golden.formats.bitmod import Datatype
from golden.pe import bitmod as golden
from golden.pe.bitmod import BitModParams
from golden.pe.float_multiply_add import FloatMultiplyAddParams
from hw import pe
from hw.emit import Definition
from hw.pe import bitmod as hw_bitmod
from systola.reproduction import bitmod_jobs, cells, jobs, operands, parts
from systola.reproduction import bitmod_system as model
from systola.reproduction.blocks import Block, BlockPart, BlockTotal, Form, Stimulus
from systola.reproduction.claims import system
from systola.reproduction.operands import GROUP, Groups

SIDE = 8  # rows and columns of BitMoD's tile; the baseline's has 6 x 8
BASE_ROWS = 6
DATATYPES = ("bitmod_fp3", "bitmod_fp4", "int6", "int8")
SEPARATE, SEPARATE_CUT = "FP16 multiplier and adder", "FP16 multiplier and adder, cut"
FUSED, WIDE = "FP16 multiply-add, cut", "FP16 multiply-add, FP32 sum, cut"
PLAIN = ("", "noalumacc")  # there is no multiplier to build
CUT: Any = {"rounding": "truncate", "subnormals": False}
# as DesignWare's, which the authors take: rounded to nearest, subnormal numbers read and written as zeros
BASELINE = FloatMultiplyAddParams(accumulator=FP16, structure="separate", subnormals=False, registers=1)


def block_name(datatype: str) -> str:
    return f"BitMoD {datatype.removeprefix('bitmod_').upper()}"


def blocks() -> list[Block]:
    """Tiles: cells, and what a row and a column have once."""
    fused = FloatMultiplyAddParams(accumulator=FP16, **CUT)
    found = [
        float_tile(SEPARATE, {"1 register": BASELINE}),
        float_tile(SEPARATE_CUT, {"1 register": replace(BASELINE, **CUT)}),
        float_tile(FUSED, parts.registered(fused, 0, 1)),
        float_tile(WIDE, parts.registered(replace(fused, accumulator=FP32), 0, 1)),
    ]
    return [*found, *map(bitmod_tile, DATATYPES)]


def float_tile(name: str, forms: Mapping[str, FloatMultiplyAddParams]) -> Block:
    """6 x 8 multiply-adds, a register for each row and each column."""

    def form(label: str, p: FloatMultiplyAddParams) -> Form:
        return Form(
            label=label, key=f"inner {p!r}",
            definition=lambda: cells.cell(pe.definition(p), p.registers, operands=False),
            job=lambda: jobs.array_pe(p, given(jobs.groups_for(GROUP)), operands=False),
        )  # fmt: skip

    cell = BlockPart(name=f"{name} cell", forms=tuple(form(*each) for each in forms.items()), broadcast=True)
    edges = tuple(
        (edge(f"{which} kept, fp16", partial(fp16_job, which)), count)
        for which, count in (("activations", BASE_ROWS), ("weights", SIDE))
    )
    count = BASE_ROWS * SIDE
    return Block(
        name=name, parts=((cell, count), *edges), macs=count, inside=parts.widths(next(iter(forms.values())))
    )


def edge(name: str, job: Any, width: int = FP16.width) -> BlockPart:
    form = Form(label="as it is", key=f"kept {width} {name}", definition=lambda: cells.kept(width), job=job)
    return BlockPart(name=name, forms=(form,), flags=("",))


def given(groups: int) -> Groups:
    """The layer in fp16."""
    return Groups.of(operands.weights_fp16(), operands.activations_fp16(), groups)


def fp16_job(which: str) -> Stimulus:
    codes = FP16.encode(getattr(given(jobs.groups_for(GROUP)), which)).view(np.int64)
    return jobs.of_edge("i", jobs.in_time(codes), "o", jobs.in_time(codes), 1)


def bitmod_tile(datatype: str) -> Block:
    """8 x 8 PEs with what finishes their sums; the encoder once a column."""
    p = BitModParams(weight=Datatype(datatype), group=GROUP)
    word = golden.activation_bits(p)

    def form(registers: int) -> Form:
        q = replace(p, registers=registers)
        same = replace(q, weight=Datatype())  # the PE is one for all datatypes
        return Form(
            label=f"{registers} registers", key=f"inner {same!r}",
            definition=lambda: cells.cell(pe.definition(same), registers, operands=False),
            job=lambda: jobs.bitmod_pe(q, bitmod_jobs.Words(q)),
        )  # fmt: skip

    name = block_name(datatype)
    pes = BlockPart(name=f"{name} PE", forms=(form(1), form(2)), flags=PLAIN, broadcast=True)
    finish = part(f"{name} dequantiser", hw_bitmod.Finish, p, bitmod_jobs.finish)
    encoder = part(f"{name} encoder", hw_bitmod.ColumnUnit, p, bitmod_jobs.column)
    kept = edge(f"{name} activations kept", partial(bitmod_jobs.activations, p), word)
    many = SIDE * SIDE
    inside = f"4 x fp16 by 4 terms + {p.accumulator}, {p.weight.cycles} cycles; a dequantiser each"
    return Block(
        name=name,
        parts=((pes, many), (replace(finish, broadcast=True), many), (encoder, SIDE), (kept, SIDE)),
        macs=many * golden.LANES / p.weight.cycles, inside=inside,
    )  # fmt: skip


def part(name: str, component: Any, p: BitModParams, job: Callable[[BitModParams], Stimulus]) -> BlockPart:
    """Of one form."""
    form = Form(
        label="as it is", key=f"{name} {p!r}", job=partial(job, p),
        definition=lambda: Definition(component.__name__.lower(), component(p)),
    )  # fmt: skip
    return BlockPart(name=name, forms=(form,), flags=PLAIN)


def more(found: Mapping[str, BlockTotal]) -> dict[str, Any]:
    """Table X's shares, and the authors' cycle counts, made again."""
    name = block_name("bitmod_fp4")
    base = {part["part"]: part for part in found[SEPARATE].parts}[f"{SEPARATE} cell"]["area_um2"]
    shares = []
    for each in map(block_name, DATATYPES):
        row = [
            f"{100 * found[each].share(f'{each} {kind}'):.1f} %"
            for kind in ("PE", "dequantiser", "encoder", "activations")
        ]
        shares.append([each, *row, f"{pe_area(found[each]) / base:.2f}"])
    exact, speeds = counts()
    own = {"exact": exact, "PE": pe_area(found[name]) / base, "encoder": found[name].share(f"{name} encoder")}
    tile = found[name].area_um2 / found[SEPARATE].area_um2
    models = [
        [f"BitMoD {kind}", over, *(f"{speeds[f'{kind} {over} {phase}']:.2f}" for phase in PHASES)]
        for kind, over in PAIRS
    ]
    return {
        "figures": {**own, "tile": tile, **speeds},
        "tables": [
            {
                "title": "what the area of a tile goes to, and a PE with its dequantiser over the baseline's",
                "columns": ["tile", "PE", "dequantiser", "encoder", "activations", "PE over baseline's"],
                "rows": shares,
                "source": "parts, each synthesised by itself",
            },
            {
                "title": "mean speed-ups by the authors' cycle model",
                "columns": ["design", "over", *PHASES],
                "rows": models,
                "source": f"{__name__}_system: {exact:g} of {TOTAL} published counts to the cycle",
            },
        ],
    }


PHASES = {"256 tokens read": 0, "and 20 written": 20}  # tokens decoded behind them
PAIRS = (("lossless", "FP16"), ("lossy", "FP16"), ("lossy", "ANT"), ("lossy", "OliVe"))
TOTAL = sum(len(phase) for phases in model.PUBLISHED.values() for phase in phases)


def pe_area(measured: BlockTotal) -> float:
    """um2 of a PE and its dequantiser."""
    return sum(
        float(each["area_um2"]) for each in measured.parts if each["part"].endswith((" PE", " dequantiser"))
    )


def counts() -> tuple[float, dict[str, float]]:
    """How many of the published counts come out exactly; mean speed-ups by design, rival and phase."""
    made = {
        name: [
            [model.cycles(machine, network, decode) for network in model.MODELS] for decode in (False, True)
        ]
        for name, machine in model.MACHINES.items()
    }
    exact = sum(
        mine == theirs
        for name, phases in model.PUBLISHED.items()
        for ours, published in zip(made[name], phases, strict=True)
        for mine, theirs in zip(ours, published, strict=True)
    )

    def total(name: str, tokens: int) -> np.ndarray:
        prefill, decode = np.array(made[name], float)
        return np.asarray(prefill + tokens * decode)

    speeds = {
        f"{kind} {over} {phase}": float(np.mean(total(over, tokens) / total(f"BitMoD {kind}", tokens)))
        for kind, over in PAIRS
        for phase, tokens in PHASES.items()
    }
    return float(exact), speeds


SYSTEM = system("bitmod", blocks, more)
