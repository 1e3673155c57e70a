"""The C side of the gate simulator as ctypes sees it: the structures of synth/native/gates.cpp."""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sim.build import run
from sim.cache import kept, key
from sim.tools import find_compiler

SOURCE = Path(__file__).parent / "native" / "gates.cpp"
LIBRARY = "gates.so"
FLAGS = ["-O3", "-std=gnu++17", "-fPIC", "-fvisibility=default", "-shared"]
PAUSED, DONE, HUNG, SPLIT, DROPPED, LOOPS = range(6)  # enum Outcome
NEVER = 2**64 - 1

I32, I64, U64, POINTER = ctypes.c_int32, ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p


def structure(name: str, **fields: Any) -> type[ctypes.Structure]:
    """A ctypes structure; a field's value is its type."""
    return type(name, (ctypes.Structure,), {"_fields_": tuple(fields.items())})


Step = structure("Step", op=I32, target=I32, a=I32, b=I32)
Group = structure("Group", inputs=I64, gates=I64, out=I64, arity=I32, step=I32, steps=I32, result=I32)
Stream = structure(
    "Stream",
    words=POINTER,
    payload=POINTER,
    count=U64,
    moved=U64,
    waits=U64,
    stalls=U64,
    stall=ctypes.c_uint32,
    bits=I32,
    valid=I32,
    ready=I32,
    input=ctypes.c_uint8,
    offered=ctypes.c_uint8,
    stalled=ctypes.c_uint8,
    pad=ctypes.c_uint8,
)
Port = structure(
    "Port",
    address=POINTER,
    data=POINTER,
    enable=POINTER,
    accesses=U64,
    address_bits=I32,
    write=I32,
)
Memory = structure("Memory", content=POINTER, ports=POINTER, words=I64, width=I32, port_count=I32)
Netlist = structure(
    "Netlist",
    **dict.fromkeys(("value", "old", "next", "forced", "toggles", "ones", "steps", "inputs"), POINTER),
    **dict.fromkeys(("logic", "state", "forcing", "memories", "forced_state", "forced_one"), POINTER),
    **dict.fromkeys(("nets", "states", "first_state", "forced_count"), I64),
    **dict.fromkeys(("logic_groups", "state_groups", "forcing_groups", "memory_count"), I32),
)
Job = structure(
    "Job",
    mask=U64,
    **dict.fromkeys(("streams", "driven", "driven_nets", "recorded", "recorded_nets"), POINTER),
    **dict.fromkeys(("random", "cycle", "cycles", "window_first", "window_end", "counted"), U64),
    **dict.fromkeys(
        ("idle", "max_idle", "remaining", "settle", "driven_cycles", "first_in", "last_out"), U64
    ),
    **dict.fromkeys(("stream_count", "driven_bits", "recorded_bits", "reset_net"), I32),
    **dict.fromkeys(("reset", "outcome", "culprit", "slice"), I32),
)


def build(folder: Path) -> None:
    """Compile the simulator into `folder`."""
    run([find_compiler().path, *FLAGS, "-o", LIBRARY, str(SOURCE)], folder)


@cache
def library() -> ctypes.CDLL:
    """The compiled simulator; raises ToolMissing without a C++ compiler, BuildError."""
    compiler = find_compiler()
    name = key(compiler.path, compiler.version, os.uname().machine, FLAGS, SOURCE.read_text())
    c = ctypes.CDLL(str(kept("gates", name, build) / LIBRARY))
    c.gates_run.restype, c.gates_run.argtypes = None, [POINTER, POINTER]
    c.gates_levels.restype, c.gates_levels.argtypes = I64, [I64, POINTER, POINTER, POINTER]
    return c


def levels(first: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The level of each gate: one more than the highest that it reads; -1 on a loop, or behind one.

    first    int64 [gates + 1]: gate g reads sources[first[g]:first[g + 1]]
    sources  int64: the gate that drives, or -1
    """
    found = np.empty(len(first) - 1, np.int32)
    library().gates_levels(len(found), first.ctypes.data, sources.ctypes.data, found.ctypes.data)
    return found
