"""TFLite's own run-time, which comes inside pymicro-wakeword: the answer that no one here computed."""

import ctypes
from functools import cache
from types import TracebackType

import numpy as np

from golden import check
from systola.demonstration import packages

TYPES = {1: np.float32, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8}
POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t
POINTERS = ("ModelCreate", "InterpreterCreate", "InterpreterGetInputTensor", "InterpreterGetOutputTensor")


@cache
def library() -> ctypes.CDLL:
    """The C library; BadValue says how to get it."""
    found = sorted((packages.micro_wake_word() / "lib").glob("*tensorflowlite_c.*"))
    if not found:
        raise check.fail("TFLite's library", "missing", "what pymicro-wakeword brings for this system")
    lib = ctypes.CDLL(str(found[0]))
    for name in POINTERS:
        getattr(lib, f"TfLite{name}").restype = POINTER
    return lib


class TfliteInterpreter:
    """A model in TFLite's interpreter; it keeps the state of a network that has one.

    data  a file's bytes
    """

    def __init__(self, data: bytes):
        self.lib, self.data = library(), data
        self.model = POINTER(self.lib.TfLiteModelCreate(data, SIZE(len(data))))
        self.interpreter = POINTER(self.lib.TfLiteInterpreterCreate(self.model, None))
        self.allocated = False  # a model may state shapes that it cannot have

    def must(self, status: int) -> None:
        if status:
            raise RuntimeError(f"TFLite gave status {status}")

    def step(self, *inputs: np.ndarray, outputs: int = 1) -> list[np.ndarray]:
        """The outputs of one invocation; an input of another shape resizes the model's."""
        for index, value in enumerate(inputs):
            self.resize(index, value)
        if not self.allocated:
            self.must(self.lib.TfLiteInterpreterAllocateTensors(self.interpreter))
            self.allocated = True
        for index, value in enumerate(inputs):
            tensor = POINTER(self.lib.TfLiteInterpreterGetInputTensor(self.interpreter, index))
            held = np.ascontiguousarray(value)
            pointer = POINTER(held.ctypes.data)
            self.must(self.lib.TfLiteTensorCopyFromBuffer(tensor, pointer, SIZE(held.nbytes)))
        self.must(self.lib.TfLiteInterpreterInvoke(self.interpreter))
        return [self.output(index) for index in range(outputs)]

    def resize(self, index: int, value: np.ndarray) -> None:
        """Give an input the value's shape, if it has another."""
        tensor = POINTER(self.lib.TfLiteInterpreterGetInputTensor(self.interpreter, index))
        if self.shape(tensor) != list(value.shape):
            dims = (ctypes.c_int * value.ndim)(*value.shape)
            self.must(self.lib.TfLiteInterpreterResizeInputTensor(self.interpreter, index, dims, value.ndim))
            self.allocated = False

    def shape(self, tensor: ctypes.c_void_p) -> list[int]:
        axes = range(self.lib.TfLiteTensorNumDims(tensor))
        return [self.lib.TfLiteTensorDim(tensor, axis) for axis in axes]

    def output(self, index: int) -> np.ndarray:
        tensor = POINTER(self.lib.TfLiteInterpreterGetOutputTensor(self.interpreter, index))
        value: np.ndarray = np.empty(self.shape(tensor), TYPES[self.lib.TfLiteTensorType(tensor)])
        pointer = POINTER(value.ctypes.data)
        self.must(self.lib.TfLiteTensorCopyToBuffer(tensor, pointer, SIZE(value.nbytes)))
        return value

    def __enter__(self) -> "TfliteInterpreter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.lib.TfLiteInterpreterDelete(self.interpreter)
        self.lib.TfLiteModelDelete(self.model)
