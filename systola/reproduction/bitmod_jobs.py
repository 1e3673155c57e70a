"""Operands of BitMoD's parts: MiniLM's layer in its datatypes."""

from functools import cache

import numpy as np

from golden.formats.bitmod import BitModWeights, Datatype, quantise
from golden.pe import bitmod as golden
from golden.pe.bitmod import BitModParams
from systola.reproduction import jobs, operands
from systola.reproduction.blocks import Stimulus
from systola.reproduction.operands import GROUP, RUNS, Groups


@cache
def coded(datatype: Datatype) -> BitModWeights:
    """The layer's weights."""
    return quantise(operands.layer().weights, datatype, GROUP)


class Words:
    """The layer's groups in words: weights and activations [runs, groups, words]; selectors, scales."""

    def __init__(self, p: BitModParams):
        count = jobs.groups_for(GROUP // golden.LANES * p.weight.cycles)
        found = coded(p.weight)
        k = len(found.codes)

        def spread(values: np.ndarray) -> np.ndarray:
            each = np.repeat(values, k // len(values), axis=0)
            return Groups.of(each, operands.activations_fp16(), count).weights[..., 0]

        chosen = Groups.of(found.codes, operands.activations_fp16(), count)
        flat = (RUNS * count, GROUP)
        self.weights = golden.pack_weights(p, chosen.weights.reshape(flat).T).T.reshape(RUNS, count, -1)
        self.activations = golden.pack_activations(p, chosen.activations.reshape(flat)).reshape(
            RUNS, count, -1
        )
        selectors = np.zeros_like(found.scales) if found.selectors is None else found.selectors
        self.selectors, self.scales = spread(selectors), spread(found.scales)


def activations(p: BitModParams) -> Stimulus:
    words = jobs.in_time(Words(p).activations.view(np.int64))
    return jobs.of_edge("i", words, "o", words, p.weight.cycles)


def column(p: BitModParams) -> Stimulus:
    """Words every `cycles`, a selector with the first of a group."""
    found, interval = Words(p), p.weight.cycles
    words = jobs.in_time(found.weights.view(np.int64))
    terms = np.stack(
        [jobs.in_time(each) for each in golden.column(p, found.weights, found.selectors[..., None])], 1
    )
    terms = terms.reshape(-1, RUNS).view(np.int64)
    length = found.weights.shape[2] * interval
    job = jobs.of_edge("word", words, "weight", terms[::interval], interval)
    cycle = np.arange(len(job.ports["word"]))
    phase = np.concatenate([[0], np.arange(len(cycle) - 1) % interval])
    first = (cycle % length == 0) & (cycle < job.counted)
    selector = found.selectors.T[np.minimum(cycle // length, found.selectors.shape[1] - 1)].astype(np.int64)
    ports = {
        **job.ports, "phase": phase[:, None].repeat(RUNS, axis=1),
        "selector": selector, "take_selector": first.astype(np.int64)[:, None].repeat(RUNS, axis=1),
    }  # fmt: skip
    return Stimulus(ports, "weight", terms, np.arange(len(terms)) + 1, job.counted)


def finish(p: BitModParams) -> Stimulus:
    """A sum for each group's cycles, finished in the first eight of them."""
    found = Words(p)
    length = found.weights.shape[2] * p.weight.cycles
    sums = jobs.bitmod_sums(p, found)
    ends = golden.finished(p, sums, found.scales)
    start = (np.arange(length * sums.shape[1]) % length == 0).astype(np.int64)[:, None].repeat(RUNS, axis=1)
    held = {name: np.repeat(values.T.astype(np.int64), length, axis=0)
            for name, values in (("sum", sums), ("scale", found.scales))}  # fmt: skip
    at = np.arange(sums.shape[1]) * length + golden.finish_cycles(p)
    return Stimulus({**held, "start": start}, "o", ends.T.astype(np.int64), at, len(start))
