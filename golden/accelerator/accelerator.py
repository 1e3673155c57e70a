"""The whole accelerator: registers, control, its units, a scratchpad, one port to memory.

    host -> registers -> control -> load, matrix, vector, store -> scratchpad, memory

`AcceleratorParams` describes a design. `Machine` gives what a program leaves in memory, or why it stops:
exact at whatever pace units and memory work, for programs in which golden.accelerator.races finds nothing.
`predict` gives the program's cycles, within 3 %.
"""

from golden.accelerator.machine import Fault, Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.timing import Prediction, predict

__all__ = ["AcceleratorParams", "Fault", "Machine", "Prediction", "predict"]
