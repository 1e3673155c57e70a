"""BERT encoders (Devlin et al., 2019) as ONNX graphs, for one number of tokens.

Inputs input_ids, attention_mask (1: a token, 0: padding), token_type_ids, int64 [batch, tokens]; output
last_hidden_state, float32 [batch, tokens, hidden]. The pooler, where a file has one, is left out.
A masked score gets float32's least number added, as in Hugging Face's implementation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from golden import check
from mapping.frontends.bert_keys import check_keys
from mapping.frontends.onnx_build import GraphBuilder, GraphPort
from mapping.frontends.tensors import Tensors

# hidden_act -> operator and its attributes
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}
SIZES = (
    "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "max_position_embeddings",
    "vocab_size", "type_vocab_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BertConfig:
    """The entries of config.json that give the network's shape."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int
    max_position_embeddings: int
    vocab_size: int
    type_vocab_size: int
    layer_norm_eps: float
    hidden_act: str

    @classmethod
    def read(cls, config: dict[str, Any], where: str) -> "BertConfig":
        check_keys(config, where)
        for key in SIZES:
            if key not in config:
                raise check.fail(f"{where}: {key}", "missing", "1 or more")
            check.in_range(f"{where}: {key}", config[key], 1, 1 << 24)
        check.one_of(f"{where}: hidden_act", config.get("hidden_act", "gelu"), ACTIVATIONS)
        positions = config.get("position_embedding_type", "absolute")
        check.one_of(f"{where}: position_embedding_type", positions, ["absolute"])
        epsilon = config.get("layer_norm_eps", 1e-12)
        if not isinstance(epsilon, int | float) or not 0 <= epsilon < 1:
            raise check.fail(f"{where}: layer_norm_eps", repr(epsilon), "0 to 1")
        if config["hidden_size"] % config["num_attention_heads"]:
            what = f"{config['hidden_size']}, not a multiple of {config['num_attention_heads']} heads"
            raise check.fail(f"{where}: hidden_size", what, "num_attention_heads times the size of a head")
        sizes = {key: config[key] for key in SIZES}
        return cls(layer_norm_eps=float(epsilon), hidden_act=config.get("hidden_act", "gelu"), **sizes)

    @property
    def head_size(self) -> int:
        return self.hidden_size // self.num_attention_heads


def build(config: BertConfig, tensors: Tensors, tokens: int, batch: int) -> onnx.ModelProto:
    """The encoder for `batch` sentences of `tokens` tokens."""
    return Bert(config, tensors, tokens, batch).model()


class Bert:
    """The graph under construction. Each method adds nodes and returns the name of their last result."""

    def __init__(self, config: BertConfig, tensors: Tensors, tokens: int, batch: int) -> None:
        self.config, self.tensors, self.tokens, self.batch = config, tensors, tokens, batch
        self.graph = GraphBuilder()

    def model(self) -> onnx.ModelProto:
        g, c = self.graph, self.config
        mask = self.mask()
        x = self.embeddings()
        for index in range(c.num_hidden_layers):
            x = self.layer(f"layer.{index}", f"encoder.layer.{index}", x, mask)
        g.node("last_hidden_state", "Identity", x)
        sentence = (self.batch, self.tokens)
        ids = GraphPort(sentence, onnx.TensorProto.INT64)
        inputs = {name: ids for name in ("input_ids", "attention_mask", "token_type_ids")}
        return g.model("bert", inputs, {"last_hidden_state": GraphPort((*sentence, c.hidden_size))})

    def mask(self) -> str:
        """0 for a token, float32's least number for padding: [batch, 1, 1, tokens]."""
        g = self.graph
        real = g.node("mask.float", "Cast", "attention_mask", to=onnx.TensorProto.FLOAT)
        padding = g.node("mask.padding", "Sub", g.constant("mask.one", np.float32(1)), real)
        least = g.constant("mask.least", np.finfo(np.float32).min)
        score = g.node("mask.score", "Mul", padding, least)
        return g.node("mask", "Unsqueeze", score, g.constant("mask.axes", np.array([1, 2])))

    def embeddings(self) -> str:
        g, c = self.graph, self.config
        word = g.node("embeddings.word", "Gather", self.table("word", c.vocab_size), "input_ids")
        types = self.table("token_type", c.type_vocab_size)
        typed = g.node("embeddings.token_type", "Gather", types, "token_type_ids")
        position = self.table("position", c.max_position_embeddings, self.tokens)
        x = g.node("embeddings.sum", "Add", g.node("embeddings.typed", "Add", word, typed), position)
        return self.normalise("embeddings.LayerNorm", "embeddings.LayerNorm", x)

    def table(self, of: str, rows: int, used: int | None = None) -> str:
        """The first `used` rows of an embedding table."""
        value = self.tensors.get(f"embeddings.{of}_embeddings.weight", (rows, self.config.hidden_size))
        return self.graph.constant(f"embeddings.{of}.table", value[:used])

    def layer(self, name: str, source: str, x: str, mask: str) -> str:
        """One encoder layer: self-attention, then the feed-forward part, each with its residual."""
        g, c = self.graph, self.config
        hidden, between = c.hidden_size, c.intermediate_size
        context = self.attention(f"{name}.attention", f"{source}.attention.self", x, mask)
        dense = f"{source}.attention.output.dense"
        projected = self.linear(f"{name}.attention.output", dense, context, hidden, hidden)
        residual = g.node(f"{name}.attention.residual", "Add", projected, x)
        x = self.normalise(f"{name}.attention.LayerNorm", f"{source}.attention.output.LayerNorm", residual)
        wide = self.linear(f"{name}.intermediate", f"{source}.intermediate.dense", x, between, hidden)
        operator, attributes = ACTIVATIONS[c.hidden_act]
        wide = g.node(f"{name}.activation", operator, wide, **attributes)
        narrow = self.linear(f"{name}.output", f"{source}.output.dense", wide, hidden, between)
        residual = g.node(f"{name}.residual", "Add", narrow, x)
        return self.normalise(f"{name}.LayerNorm", f"{source}.output.LayerNorm", residual)

    def attention(self, name: str, source: str, x: str, mask: str) -> str:
        """softmax(Q K^T / sqrt(head) + mask) V of all heads, side by side: [batch, tokens, hidden]."""
        g, c = self.graph, self.config
        query = self.heads(f"{name}.query", f"{source}.query", x, (0, 2, 1, 3))
        key = self.heads(f"{name}.key", f"{source}.key", x, (0, 2, 3, 1))
        value = self.heads(f"{name}.value", f"{source}.value", x, (0, 2, 1, 3))
        scores = g.node(f"{name}.scores", "MatMul", query, key)
        factor = g.constant(f"{name}.scale.value", np.float32(c.head_size**-0.5))
        masked = g.node(f"{name}.mask", "Add", g.node(f"{name}.scale", "Mul", scores, factor), mask)
        weights = g.node(f"{name}.softmax", "Softmax", masked, axis=-1)
        context = g.node(f"{name}.context", "MatMul", weights, value)
        joined = g.node(f"{name}.context.joined", "Transpose", context, perm=(0, 2, 1, 3))
        shape = np.array([self.batch, self.tokens, c.hidden_size])
        return g.node(f"{name}.context.flat", "Reshape", joined, g.constant(f"{name}.context.shape", shape))

    def heads(self, name: str, source: str, x: str, perm: tuple[int, ...]) -> str:
        """A projection of x, [batch, tokens, heads, head size], its axes permuted."""
        g, c = self.graph, self.config
        flat = self.linear(name, source, x, c.hidden_size, c.hidden_size)
        shape = np.array([self.batch, self.tokens, c.num_attention_heads, c.head_size])
        split = g.node(f"{name}.split", "Reshape", flat, g.constant(f"{name}.shape", shape))
        return g.node(f"{name}.heads", "Transpose", split, perm=perm)

    def linear(self, name: str, source: str, x: str, n: int, k: int) -> str:
        weights = self.tensors.get(f"{source}.weight", (n, k))
        return self.graph.linear(name, x, weights, self.tensors.get(f"{source}.bias", (n,)))

    def normalise(self, name: str, source: str, x: str) -> str:
        g, c = self.graph, self.config
        parameters = (
            g.constant(f"{name}.{part}", self.tensors.get(f"{source}.{part}", (c.hidden_size,)))
            for part in ("weight", "bias")
        )
        return g.node(name, "LayerNormalization", x, *parameters, axis=-1, epsilon=c.layer_norm_eps)
