"""Words at the ports of what is measured, cycle by cycle, and the sums that golden has of them."""

from typing import Any

import numpy as np

from golden import pe
from golden.formats import Float
from golden.pe import bitmod, dequantise, lut, tiled
from systola.reproduction.blocks import Stimulus
from systola.reproduction.cells import DotParams
from systola.reproduction.operands import GROUP, RUNS, Groups

CYCLES = 256  # that a job counts, about


def groups_for(cycles_a_group: int) -> int:
    """Groups of a run: whole ones in CYCLES, two at the least."""
    return max(2, CYCLES // cycles_a_group)


def in_time(words: np.ndarray) -> np.ndarray:
    """[runs, groups, words of a group] -> [cycles, runs]."""
    return np.ascontiguousarray(words.reshape(RUNS, -1).T)


def of_cell(weights: np.ndarray, activations: np.ndarray, expected: np.ndarray, latency: int) -> Stimulus:
    """ports [runs, groups, cycles of a group]; expected codes [runs, groups]; latency: of ports to `sum`."""
    groups, length = weights.shape[1:]
    counted = groups * length
    ports = {"weight": in_time(weights), "activation": in_time(activations)}
    clear = (np.arange(counted) % length == 0).astype(np.int64)
    ports["clear"] = np.repeat(clear[:, None], RUNS, axis=1)
    late = {
        name: np.concatenate([values, values[-1:].repeat(latency, axis=0)]) for name, values in ports.items()
    }
    at = np.arange(1, groups + 1) * length - 1 + latency
    return Stimulus(late, "sum", expected.T, at, counted)


def array_pe(p: Any, given: Groups, *, operands: bool = True) -> Stimulus:
    """A PE of the arrays in its cell; `given` in numbers of its formats."""
    golden = pe.module_of(p)
    acc = np.zeros(given.weights.shape[:2], float if isinstance(p.accumulator, Float) else np.int64)
    for k in range(given.weights.shape[2]):
        acc = golden.accumulate(p, acc, given.weights[..., k], given.activations[..., k])
    codes = (
        p.weight.encode(given.weights),
        p.activation.encode(given.activations),
        p.accumulator.encode(acc),
    )
    weights, activations, sums = (each.view(np.int64) for each in codes)
    return of_cell(weights, activations, sums, golden.latency(p) + operands + 1)


def lut_words(p: lut.LutParams, given: Groups) -> tuple[np.ndarray, np.ndarray]:
    """(words of weights, words of activations), uint64 [runs, groups, words of a group]."""
    shape = given.weights.shape
    flat = given.weights.reshape(-1, shape[2])
    words = lut.pack_weights(p, flat.T).T.reshape(*shape[:2], -1)
    return words, lut.pack_activations(p, given.activations.reshape(-1, shape[2])).reshape(*shape[:2], -1)


def lut_pe(p: lut.LutParams, given: Groups) -> Stimulus:
    """A cell without operands' registers: the column's unit and the table stand outside."""
    words, activations = lut_words(p, given)
    planes = np.stack(lut.column(p, words), -1).reshape(*words.shape[:2], -1)
    tables = np.repeat(lut.row(p, activations), p.weight.width, axis=-1)
    if p.floating:
        sums = np.array([[lut.group_sum(p, a[None], w[:, None])[0, 0] for a, w in zip(*each, strict=True)]
                         for each in zip(given.activations, given.weights, strict=True)])  # fmt: skip
    else:
        sums = (given.activations * lut.represented(p, given.weights)).sum(-1)
    return of_cell(
        planes.view(np.int64), tables, p.accumulator.encode(sums).view(np.int64), lut.latency(p) + 1
    )


def lut_row(p: lut.LutParams, given: Groups, *, unit: bool) -> Stimulus:
    """The table's unit, or without it the table's register: a word every `interval` cycles."""
    _, words = lut_words(p, given)
    tables = in_time(lut.row(p, words))
    port = ("activation", in_time(words.view(np.int64))) if unit else ("i", tables)
    return of_edge(*port, "word" if unit else "o", tables, p.weight.width)


def lut_column(p: lut.LutParams, given: Groups) -> Stimulus:
    """The column's unit: word, then its planes."""
    words, _ = lut_words(p, given)
    count, interval = words.shape[1] * words.shape[2], p.weight.width
    phase = np.repeat(np.arange(interval)[None], count, axis=0).reshape(-1, 1).repeat(RUNS, axis=1)
    planes = np.stack([in_time(each) for each in lut.column(p, words)], 1).reshape(count * interval, RUNS)
    job = of_edge(
        "word", in_time(words.view(np.int64)), "weight", planes[::interval].view(np.int64), interval
    )
    # a word that is taken in one cycle is there in the next, whose phase is then 0
    late = np.concatenate([phase[-1:], phase])
    every = np.arange(count * interval) + 1
    return Stimulus({**job.ports, "phase": late}, "weight", planes.view(np.int64), every, job.counted)


def of_edge(port: str, words: np.ndarray, output: str, expected: np.ndarray, interval: int) -> Stimulus:
    """A unit that takes a word [words, runs] every `interval` cycles and shows it in the next cycle."""
    held = np.repeat(words, interval, axis=0)
    counted = len(held)
    take = (np.arange(counted) % interval == 0).astype(np.int64)[:, None].repeat(RUNS, axis=1)
    ports = {port: held, "take": take}
    late = {name: np.concatenate([values, values[-1:] * (name != "take")]) for name, values in ports.items()}
    return Stimulus(late, output, expected, np.arange(len(words)) * interval + 1, counted)


def beside(codes: np.ndarray, count: int, bits: int) -> np.ndarray:
    """[..., K] in words of `count` codes of `bits`: [..., K / count], int64."""
    patterns = codes.astype(np.int64).reshape(*codes.shape[:-1], -1, count) & (1 << bits) - 1
    return np.asarray((patterns << np.arange(count) * bits).sum(-1))


def dot(p: DotParams, given: Groups) -> Stimulus:
    """A dot product's cell without operands' registers."""
    activations = beside(given.activations, p.inputs, p.activation.width)
    if p.serial:
        planes = [beside(given.weights >> b & 1, p.inputs, 1) | b << p.inputs for b in range(p.weight.width)]
        weights = np.stack(planes, -1).reshape(*activations.shape[:2], -1)
        activations = np.repeat(activations, p.weight.width, axis=-1)
    else:
        weights = beside(given.weights, p.inputs, p.weight.width)
    sums = (given.weights * given.activations).sum(-1)
    return of_cell(weights, activations, sums, 1)


def loop_words(p: dequantise.DequantiseParams, codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Words {code, zero, scale} [K, N] of codes about the middle of their format and scales [groups, N]."""
    each = np.repeat(scales, len(codes) // len(scales), axis=0)
    return dequantise.pack(p, codes, np.full(codes.shape, 1 << p.code.width - 1), each)


def bitmod_terms(p: bitmod.BitModParams, found: Any) -> np.ndarray:
    """Port `weight` [runs, groups, cycles of a group]; found: weights, activations, selectors."""
    each = bitmod.column(p, found.weights, found.selectors[..., None])
    return np.stack(each, -1).reshape(*found.weights.shape[:2], -1)


def bitmod_sums(p: bitmod.BitModParams, found: Any) -> np.ndarray:
    """Codes of the groups' sums, uint64 [runs, groups]."""
    terms = bitmod_terms(p, found)
    acc = np.zeros(terms.shape[:2], np.uint64)
    for cycle in range(terms.shape[2]):
        acc = bitmod.step(p, acc, terms[..., cycle], found.activations[..., cycle // p.weight.cycles])
    return acc


def bitmod_pe(p: bitmod.BitModParams, found: Any) -> Stimulus:
    """A cell without operands' registers; words [runs, groups, words of a group]."""
    activations = np.repeat(found.activations, p.weight.cycles, axis=-1)
    terms, sums = bitmod_terms(p, found).view(np.int64), bitmod_sums(p, found).view(np.int64)
    return of_cell(terms, activations.view(np.int64), sums, bitmod.latency(p) + 1)


__all__ = [
    "GROUP",
    "array_pe",
    "bitmod_pe",
    "bitmod_sums",
    "dot",
    "groups_for",
    "in_time",
    "loop_words",
    "lut_column",
    "lut_pe",
    "lut_row",
    "tiled",
]
