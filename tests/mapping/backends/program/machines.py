"""Accelerators to compile for, and the check that a program computes its network."""

from dataclasses import replace

import numpy as np

from golden.accelerator.machine import Machine
from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from mapping.backends.program.compiler import Program, compile
from mapping.ir.graph import CodedNetwork
from mapping.run.quantised import run


def machine(lanes: int, banks: int, bank_words: int, rows: int = 256) -> AcceleratorParams:
    unit = replace(MatrixUnitParams(), rows=lanes, cols=lanes, accumulator_rows=rows)
    return AcceleratorParams(unit=unit, banks=banks, bank_words=bank_words)


MACHINES = {
    "16-lanes": AcceleratorParams(),
    "8-lanes-tight": machine(8, 4, 256),
    "4-lanes-tight": machine(4, 2, 512, 64),
}


def any_codes(network: CodedNetwork, name: str, seed: int) -> np.ndarray:
    tensor = network.tensors[name]
    limits = np.iinfo(tensor.dtype)
    high = min(int(limits.max), 1 << 20)
    return np.random.default_rng(seed).integers(max(int(limits.min), -high), high + 1, tensor.shape)


def holds(network: CodedNetwork, p: AcceleratorParams, seed: int = 1, base: int = 4096, **given) -> Program:
    """Compile, interpret, compare every output with mapping.run.quantised; the program has no race."""
    inputs = {name: any_codes(network, name, seed) for name in network.inputs} | given
    program = compile(network, p, base)
    memory = program.memory.copy()
    for name, codes in inputs.items():
        program.write(memory, name, codes)
    Machine(p, memory, base).run(program.address, program.count)
    wanted = run(network, p, inputs)
    for name in network.outputs:
        np.testing.assert_array_equal(program.read(memory, name), wanted[name], err_msg=name)
    assert not race(p, program)
    return program


def race(p: AcceleratorParams, program: Program) -> list[str]:
    """What golden's checker finds."""
    try:
        from golden.accelerator import races
    except ImportError:
        return []
    from golden.accelerator.assembler import unpack

    return races.check(p, unpack(program.commands))
