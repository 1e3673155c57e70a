"""GGUF: language models as llama.cpp keeps them, weights in blocks; the Llama family becomes ONNX."""

from pathlib import Path

import onnx

from golden import check
from mapping.frontends import onnx_file
from mapping.frontends.gguf import llama
from mapping.frontends.gguf.reader import Gguf
from mapping.network import Network


def load(path: Path, *, tokens: int | None, batch: int = 1) -> Network:
    """The network in a .gguf file: `batch` prompts of `tokens` tokens, the logits of what follows."""
    return onnx_file.from_model(build_onnx(path, tokens, batch=batch), path.name, path.stem)


def build_onnx(
    path: Path, tokens: int | None, *, batch: int = 1, cache: int | None = None
) -> onnx.ModelProto:  # fmt: skip
    """The same network as an ONNX model, which any ONNX runtime can run: the float reference.

    tokens  of a prompt, or of a step
    cache   rows of caches of keys and values that go in and out (see llama); None: there are none
    raises  BadValue, naming the entry or the tensor of the file that cannot be used
    """
    file = Gguf(path)
    config = llama.LlamaConfig.read(file)
    if tokens is None:
        raise check.fail("tokens", "missing", f"1 to {config.context_length}")
    check.in_range("tokens", tokens, 1, config.context_length, f"context_length of {path.name}")
    check.in_range("batch", batch, 1, 1 << 20)
    if cache is not None:
        check.in_range("cache", cache, tokens, config.context_length, f"from tokens on; {path.name}")
    return llama.build(config, file, tokens, batch, cache)
