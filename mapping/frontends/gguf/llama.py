"""Decoders of the Llama family (Touvron et al., 2023) from GGUF as ONNX graphs of opset 23 or 24.

A layer: x + attention(norm(x)), then x + down(silu(gate(norm(x))) up(norm(x))), norms by the root mean
square; the last token's row through a norm and the head, whose weights are the embedding's where the file
has no `output.weight`. Queries and keys are turned in pairs of neighbours, as GGUF's converter laid them out;
heads of queries share those of keys and values in groups (Ainslie et al., 2023).

    input_ids   int64 [batch, tokens]
    logits      float32 [batch, vocabulary], of the token behind the last

With caches of `cache` rows besides, so that one graph does every step:

    start       int64 [batch], how many rows of the caches are filled
    key.i, value.i  ->  key.i.next, value.i.next    float32 [batch, key heads, cache, head]
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from golden import check
from mapping.frontends.gguf.reader import Gguf
from mapping.frontends.onnx_build import GraphBuilder, GraphPort

ARCHITECTURE = "llama"
OPSET, OPSET_OF_CACHES = 23, 24  # Attention; TensorScatter
MOST_BYTES = (1 << 31) - (1 << 20)  # of weights as float32: what an ONNX model holds in one piece
SIZES = {
    "block_count": 1 << 12, "context_length": 1 << 24, "embedding_length": 1 << 20,
    "feed_forward_length": 1 << 22,
}  # fmt: skip
# entries that would change what is computed, and the values that do not
PLAIN: dict[str, tuple[Any, ...]] = {
    "expert_count": (0,), "attention.causal": (True,), "attention.sliding_window": (0,),
    "attention.logit_softcapping": (0.0,), "final_logit_softcapping": (0.0,), "rope.scaling.type": ("none",),
    "rope.scaling.factor": (1.0,), "attention.clamp_kqv": (0.0,), "embedding_scale": (1.0,),
    "residual_scale": (1.0,), "attention.scale": (0.0,), "logit_scale": (0.0, 1.0),
    "rope.scale_linear": (0.0, 1.0), "rope.scaling.attn_factor": (1.0,), "attention.max_alibi_bias": (0.0,),
    "use_parallel_residual": (False,),
}  # fmt: skip
OF_LAYER = (
    "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaConfig:
    """The entries that give the network's shape; head: numbers a head, rope: of which are turned."""

    block_count: int
    context_length: int
    embedding_length: int
    feed_forward_length: int
    heads: int
    key_heads: int
    head: int
    rope: int
    base: float
    epsilon: float
    vocabulary: int

    @classmethod
    def read(cls, file: Gguf) -> "LlamaConfig":
        """The shape that a file states.

        raises  BadValue, naming the entry, for one that is missing or that would change what is computed
        """
        entries, name = Entries(file), "general.architecture"
        check.one_of(f"{file.where}: {name}", file.entries.get(name), [ARCHITECTURE])
        for key, plain in PLAIN.items():
            check.one_of(entries.name(key), entries.get(key, plain[0]), plain)
        sizes = {key: entries.size(key, most) for key, most in SIZES.items()}
        heads = entries.size("attention.head_count", 1 << 12)
        groups = entries.size("attention.head_count_kv", heads, heads)
        if sizes["embedding_length"] % heads or heads % groups:
            what = f"{sizes['embedding_length']} numbers, {heads} heads of queries, {groups} of keys"
            raise check.fail(f"{file.where}: embedding_length", what, "numbers that divide one another")
        head = entries.size("attention.key_length", 1 << 16, sizes["embedding_length"] // heads)
        value = entries.size("attention.value_length", 1 << 16, head)
        rope = entries.size("rope.dimension_count", head, head)
        check.in_range(entries.name("attention.value_length"), value, head, head, "as long as a key")
        check.in_range(f"{entries.name('rope.dimension_count')} modulo 2", rope % 2, 0, 0)
        return cls(
            **sizes, heads=heads, key_heads=groups, head=head, rope=rope,
            base=entries.real("rope.freq_base", 10000.0, 1.0, 1e12),
            epsilon=entries.real("attention.layer_norm_rms_epsilon", None, 0.0, 1.0),
            vocabulary=vocabulary(file),
        )  # fmt: skip


def vocabulary(file: Gguf) -> int:
    """Rows of the embedding."""
    if "token_embd.weight" not in file.tensors:
        raise check.fail(f"{file.where}: tensor token_embd.weight", "missing", "the embedding")
    return file.tensors["token_embd.weight"].shape[0]


class Entries:
    """The architecture's entries of a file."""

    def __init__(self, file: Gguf) -> None:
        self.file = file

    def name(self, key: str) -> str:
        return f"{self.file.where}: {ARCHITECTURE}.{key}"

    def get(self, key: str, default: Any) -> Any:
        return self.file.entries.get(f"{ARCHITECTURE}.{key}", default)

    def size(self, key: str, most: int, default: int | None = None) -> int:
        value = self.get(key, default)
        if value is None:
            raise check.fail(self.name(key), "missing", f"1 to {most}")
        check.in_range(self.name(key), value, 1, most)
        return int(value)

    def real(self, key: str, default: float | None, low: float, high: float) -> float:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, float | int) or not low < value <= high:
            what = "missing" if value is None else repr(value)
            raise check.fail(self.name(key), what, f"more than {low:g}, up to {high:g}")
        return float(value)


def build(config: LlamaConfig, file: Gguf, tokens: int, batch: int, cache: int | None) -> onnx.ModelProto:
    """The decoder for `batch` sequences of `tokens` tokens at once.

    raises  BadValue for tensors that the file lacks, or that nothing here computes with
    """
    known = {"token_embd.weight", "output_norm.weight", "output.weight"}
    known |= {f"blk.{i}.{part}.weight" for i in range(config.block_count) for part in OF_LAYER}
    if strange := sorted(file.tensors.keys() - known):
        allowed = f"those of {ARCHITECTURE}, without biases"
        raise check.fail(f"{file.where}: tensor {strange[0]}", "unknown", allowed)
    size = 4 * sum(int(np.prod(entry.shape)) for entry in file.tensors.values())
    check.in_range(f"{file.where}: bytes of weights as float32", size, 1, MOST_BYTES, "an ONNX model's")
    return Llama(config, file, tokens, batch, cache).model()


class Llama:
    """The graph under construction. Each method adds nodes and returns the name of their last result."""

    def __init__(self, config: LlamaConfig, file: Gguf, tokens: int, batch: int, cache: int | None) -> None:
        self.config, self.file, self.tokens, self.batch, self.cache = config, file, tokens, batch, cache
        self.graph = GraphBuilder()
        self.inputs: dict[str, GraphPort] = {"input_ids": GraphPort((batch, tokens), TensorProto.INT64)}
        self.outputs: dict[str, GraphPort] = {"logits": GraphPort((batch, config.vocabulary))}

    def model(self) -> onnx.ModelProto:
        g, c = self.graph, self.config
        self.positions()
        words = (c.vocabulary, c.embedding_length)
        table = g.constant("token_embd", self.file.get("token_embd.weight", words))
        x = g.node("embedding", "Gather", table, "input_ids")
        for index in range(c.block_count):
            x = self.layer(index, x)
        last = g.node("last", "Gather", x, g.constant("last.row", np.int64(self.tokens - 1)), axis=1)
        head = table
        if "output.weight" in self.file.tensors:
            head = g.constant("output", self.file.get("output.weight", words))
        g.node("logits", "Gemm", self.normalise("output_norm", last), head, transB=1)
        opset = OPSET if self.cache is None else OPSET_OF_CACHES
        return g.model(ARCHITECTURE, self.inputs, self.outputs, opset=opset)

    def positions(self) -> None:
        """Cosines and sines, position_ids, and `filled`: rows of the caches that count after a step."""
        g, c = self.graph, self.config
        rows = np.arange(self.tokens if self.cache is None else self.cache)
        angles = rows[:, None] * c.base ** (-np.arange(0, c.rope, 2) / c.rope)
        g.constant("cos", np.cos(angles).astype(np.float32))
        g.constant("sin", np.sin(angles).astype(np.float32))
        steps = np.broadcast_to(np.arange(self.tokens), (self.batch, self.tokens))
        if self.cache is None:
            g.constant("position_ids", steps)
            return
        self.inputs["start"] = GraphPort((self.batch,), TensorProto.INT64)
        column = g.node("start.column", "Unsqueeze", "start", g.constant("start.axes", np.array([1])))
        g.node("position_ids", "Add", column, g.constant("steps", steps))
        g.node("filled", "Add", "start", g.constant("tokens", np.int64(self.tokens)))

    def layer(self, index: int, x: str) -> str:
        g, name = self.graph, f"blk.{index}"
        context = self.attention(index, self.normalise(f"{name}.attn_norm", x))
        x = g.node(f"{name}.attn", "Add", x, context)
        return g.node(name, "Add", x, self.feed_forward(name, self.normalise(f"{name}.ffn_norm", x)))

    def attention(self, index: int, x: str) -> str:
        """Causal attention of grouped heads, projected: [batch, tokens, embedding_length]."""
        g, c, name = self.graph, self.config, f"blk.{index}"
        q = self.turned(f"{name}.attn_q", x, c.heads)
        k = self.turned(f"{name}.attn_k", x, c.key_heads)
        v = self.linear(f"{name}.attn_v", x, c.key_heads * c.head)
        if self.cache is None:  # heads side by side
            heads = {"q_num_heads": c.heads, "kv_num_heads": c.key_heads}
            flat = g.node(f"{name}.attention", "Attention", q, k, v, is_causal=1, **heads)
        else:
            q, k, v = (
                self.apart(t, t, n) for t, n in ((q, c.heads), (k, c.key_heads), (v, c.key_heads))
            )
            k, v = self.cached(f"key.{index}", k), self.cached(f"value.{index}", v)
            y = g.node(f"{name}.attention", "Attention", q, k, v, "", "", "", "filled", is_causal=1)
            rows = g.node(f"{name}.attention.rows", "Transpose", y, perm=(0, 2, 1, 3))
            flat = self.shaped(f"{name}.attention.flat", rows, (self.batch, self.tokens, c.heads * c.head))
        return self.linear(f"{name}.attn_output", flat, c.embedding_length, c.heads * c.head)

    def turned(self, name: str, x: str, heads: int) -> str:
        """A projection with its positions turned in: [batch, tokens, heads head]."""
        return self.graph.node(
            f"{name}.turned", "RotaryEmbedding", self.linear(name, x, heads * self.config.head), "cos", "sin",
            "position_ids", interleaved=1, num_heads=heads, rotary_embedding_dim=self.config.rope,
        )  # fmt: skip

    def apart(self, name: str, x: str, heads: int) -> str:
        """[batch, tokens, heads head] as [batch, heads, tokens, head]."""
        shape = (self.batch, self.tokens, heads, self.config.head)
        split = self.shaped(f"{name}.split", x, shape)
        return self.graph.node(f"{name}.heads", "Transpose", split, perm=(0, 2, 1, 3))

    def cached(self, name: str, rows: str) -> str:
        """A cache with the step's rows written to it."""
        assert self.cache is not None
        port = GraphPort((self.batch, self.config.key_heads, self.cache, self.config.head))
        self.inputs[name] = self.outputs[f"{name}.next"] = port
        return self.graph.node(f"{name}.next", "TensorScatter", name, rows, "start")

    def feed_forward(self, name: str, x: str) -> str:
        g, wide = self.graph, self.config.feed_forward_length
        gate = self.linear(f"{name}.ffn_gate", x, wide)
        silu = g.node(f"{name}.silu", "Mul", gate, g.node(f"{name}.sigmoid", "Sigmoid", gate))
        both = g.node(f"{name}.gated", "Mul", silu, self.linear(f"{name}.ffn_up", x, wide))
        return self.linear(f"{name}.ffn_down", both, self.config.embedding_length, wide)

    def linear(self, name: str, x: str, n: int, k: int | None = None) -> str:
        weights = self.file.get(f"{name}.weight", (n, k or self.config.embedding_length))
        return self.graph.node(name, "MatMul", x, self.graph.constant(f"{name}.weight", weights.T))

    def normalise(self, name: str, x: str) -> str:
        factors = self.file.get(f"{name}.weight", (self.config.embedding_length,))
        scale = self.graph.constant(f"{name}.weight", factors)
        return self.graph.node(name, "RMSNormalization", x, scale, axis=-1, epsilon=self.config.epsilon)

    def shaped(self, name: str, x: str, shape: tuple[int, ...]) -> str:
        return self.graph.node(name, "Reshape", x, self.graph.constant(f"{name}.shape", np.array(shape)))
