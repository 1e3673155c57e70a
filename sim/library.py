"""The C side of the driver as ctypes sees it: the structures of sim/native/driver.cpp, a library of it."""

from pathlib import Path

from sim.declared import Declared
from sim.ports import StreamPort, WatchPort

DRIVER = Declared("driver.cpp")
PAUSED, DONE, HUNG, DROPPED, CHANGED, SURPLUS, FATAL = range(7)  # enum Outcome
NEVER = 2**64 - 1
STREAM, JOB = DRIVER.structs["Stream"], DRIVER.structs["Job"]


class Library:
    """A loaded model library.

    streams  its streams in the order of a job's: inputs, then outputs
    watches  its watched ports, in the order in which a cycle of them is recorded
    traces   whether it can write waves
    """

    def __init__(self, path: Path):
        self.c = c = DRIVER.load(path)
        lines = [line.split() for line in c.systola_ports().decode().splitlines()]
        self.streams = [StreamPort(name, way, int(bits)) for way, name, bits in lines if way != "watch"]
        self.watches = [WatchPort(name, int(bits)) for way, name, bits in lines if way == "watch"]
        self.traces = bool(c.systola_traces())
