"""The C side of the driver as ctypes sees it: the structures of sim/native/driver.cpp, and its functions."""

import ctypes
from pathlib import Path

from sim.ports import StreamPort, WatchPort

PAUSED, DONE, HUNG, DROPPED, CHANGED, SURPLUS, FATAL = range(7)  # enum Outcome
NEVER = 2**64 - 1


class StreamState(ctypes.Structure):
    """struct Stream."""

    _fields_ = (
        ("words", ctypes.c_void_p),
        ("count", ctypes.c_uint64),
        ("moved", ctypes.c_uint64),
        ("waits", ctypes.c_uint64),
        ("stalls", ctypes.c_uint64),
        ("stall", ctypes.c_uint32),
        ("valid", ctypes.c_uint8),
        ("ready", ctypes.c_uint8),
        ("holds", ctypes.c_uint8),
    )


class JobStruct(ctypes.Structure):
    """struct Job."""

    _fields_ = (
        ("random", ctypes.c_uint64),
        ("remaining", ctypes.c_uint64),
        ("max_idle", ctypes.c_uint64),
        ("settle", ctypes.c_uint64),
        ("window", ctypes.c_uint64 * 2),
        ("watched", ctypes.c_void_p),
        ("trace_file", ctypes.c_char_p),
        ("cycle", ctypes.c_uint64),
        ("idle", ctypes.c_uint64),
        ("first_in", ctypes.c_uint64),
        ("last_in", ctypes.c_uint64),
        ("last_out", ctypes.c_uint64),
        ("outcome", ctypes.c_int32),
        ("culprit", ctypes.c_int32),
        ("full", ctypes.c_uint8),
        ("keep_state", ctypes.c_uint8),
        ("begun", ctypes.c_uint8),
    )


class Library:
    """A loaded model library.

    streams  its streams in the order of a job's: inputs, then outputs
    watches  its watched ports, in the order in which a cycle of them is recorded
    traces   whether it can write waves
    """

    def __init__(self, path: Path):
        self.c = c = ctypes.CDLL(str(path))
        model, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
            ("systola_ports", text, []),
            ("systola_traces", ctypes.c_int, []),
            ("systola_new", model, []),
            ("systola_delete", None, [model]),
            ("systola_message", text, [model]),
            ("systola_run", None, [model, ctypes.POINTER(JobStruct), ctypes.POINTER(StreamState)]),
            ("systola_end", None, [model]),
        ):
            function = getattr(c, name)
            function.restype, function.argtypes = result, arguments
        lines = [line.split() for line in c.systola_ports().decode().splitlines()]
        self.streams = [StreamPort(name, way, int(bits)) for way, name, bits in lines if way != "watch"]
        self.watches = [WatchPort(name, int(bits)) for way, name, bits in lines if way == "watch"]
        self.traces = bool(c.systola_traces())
