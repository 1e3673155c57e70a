"""The whole accelerator: registers, control, four units, a scratchpad, one port to memory.

    host -> registers -> control -> load, matrix, vector, store -> scratchpad, memory

What it is made of: `AcceleratorParams`. What a program leaves in memory, or why it stops: `Machine`, exact at
whatever pace units and memory go, for programs that golden.accelerator.races finds nothing in. How long that
takes: `predict`, within 3 %.
"""

from golden.accelerator.machine import Fault, Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.timing import Prediction, predict

__all__ = ["AcceleratorParams", "Fault", "Machine", "Prediction", "predict"]
