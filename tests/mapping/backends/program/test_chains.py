"""Chains of operations drawn at random: memory and scratchpad are used again, parts stand within wholes."""

import numpy as np
import pytest

from mapping.ir.graph import CodedNetwork, Concat, Depthwise, Map, Pool, Product, Residual, Slice, Tensor
from tests.mapping.backends.program.machines import MACHINES, holds
from tests.mapping.backends.program.nets import epilogue


class Chain:
    """A network that grows; `free`: images [h, w, c] int8 to go on from."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.operations = []
        self.images = [self.tensor((9, 7, self.channels()))]
        self.inputs = [self.images[0]]

    def channels(self) -> int:
        return int(self.random.choice([3, 8, 16, 20, 33]))

    def tensor(self, shape) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = Tensor(name=name, shape=tuple(shape))
        return name

    def pick(self) -> tuple[str, tuple[int, ...]]:
        name = self.images[int(self.random.integers(max(0, len(self.images) - 3), len(self.images)))]
        return name, self.tensors[name].shape

    def add(self, make, x, shape, **fields) -> None:
        y = self.tensor(shape)
        self.operations.append(make(name=f"{make.__name__} {y}", x=x, y=y, **fields))
        self.images.append(y)

    def grow(self) -> None:
        x, (h, w, c) = self.pick()
        seed = len(self.tensors)
        match int(self.random.integers(6)):
            case 0:
                n = self.channels()
                weights = self.random.integers(-128, 128, (3, 3, c, n))
                residual = [t for t in self.images if self.tensors[t].shape == (h, w, n)]
                self.add(
                    Product, x, (h, w, n), weights=weights, pads=(1, 1, 1, 1),
                    epilogue=epilogue(n, seed=seed, shift=11),
                    residual=Residual(b=residual[0], multiplier=9, shift=4) if residual else None,
                )  # fmt: skip
            case 1:
                weights = self.random.integers(-128, 128, (3, 3, c))
                e = epilogue(c, seed=seed)
                self.add(Depthwise, x, (h, w, c), weights=weights, pads=(1, 1, 1, 1), epilogue=e)
            case 2:
                others = [t for t in self.images if self.tensors[t].shape == (h, w, c)]
                b = str(self.random.choice(others))
                self.add(Map, x, (h, w, c), b=b, operation="add", epilogue=epilogue(1, seed=seed, shift=1))
            case 3 if h > 2:
                start = int(self.random.integers(0, h - 1))
                self.add(Slice, x, (h - start, w, c), axis=0, start=start, length=h - start)
            case 4 if h < 20:
                z = next(t for t in reversed(self.images) if self.tensors[t].shape[1:] == (w, c))
                self.add(Concat, x, (h + self.tensors[z].shape[0], w, c), others=(z,), axis=0)
            case _:
                e = epilogue(1, seed=seed, shift=1)
                self.add(Pool, x, (h, w, c), reduction="max", kernel=(1, 1), epilogue=e)

    def network(self, count: int) -> CodedNetwork:
        for _ in range(count):
            self.grow()
        return CodedNetwork(
            name="chain", tensors=self.tensors, operations=tuple(self.operations), inputs=tuple(self.inputs),
            outputs=tuple(self.images[-2:]),
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_a_chain_is_computed_whole(seed, p):
    holds(Chain(seed).network(12), p)


if __name__ == "__main__":
    for number in range(60):
        for name, p in MACHINES.items():
            try:
                holds(Chain(number).network(14), p)
            except Exception as error:
                print(number, name, type(error), repr(str(error)[:150]))
