"""Cases of attention, rotary embeddings, normalisation by the root mean square, caches, linear attention."""

import numpy as np

from tests.operators.cases import Case, flags, ints, real

HEADS, GROUPS, ROWS, KEYS, WIDTH, VALUE = 4, 2, 3, 5, 8, 6
Q, K, V = real(2, HEADS, ROWS, WIDTH), real(2, GROUPS, KEYS, WIDTH), real(2, GROUPS, KEYS, VALUE)
PAST = real(2, GROUPS, 4, WIDTH), real(2, GROUPS, 4, VALUE)
PACKED = [real(2, ROWS, HEADS * WIDTH), real(2, KEYS, GROUPS * WIDTH), real(2, KEYS, GROUPS * VALUE)]
OF_HEADS = {"q_num_heads": HEADS, "kv_num_heads": GROUPS}
MASKS = {
    "keys": real(KEYS), "reals": real(ROWS, KEYS), "of heads": real(HEADS, ROWS, KEYS),
    "of samples": real(2, 1, ROWS, KEYS), "booleans": flags(ROWS, KEYS) | (np.arange(KEYS) == 1),
    "a row of none": np.arange(ROWS)[:, None] != np.zeros((1, KEYS)), "short": real(ROWS, KEYS - 2),
}  # fmt: skip


def attention(*inputs, outputs=1, opset=25, note="", **attributes):
    return Case("Attention", list(inputs), attributes, outputs, opset=opset, note=note, loose=4)


def linear(rule, *gates, **attributes):
    """Rows of two groups of heads, keys of length 1, as the delta rules want them."""
    key = real(1, ROWS, GROUPS, WIDTH)
    key /= np.sqrt((key * key).sum(-1, keepdims=True))
    inputs = [real(1, ROWS, HEADS * WIDTH), key.reshape(1, ROWS, -1), real(1, ROWS, GROUPS * VALUE), *gates]
    attributes |= {"update_rule": rule, **OF_HEADS}
    return Case("LinearAttention", inputs, attributes, 2, opset=27, loose=4)


STATE = real(1, GROUPS, WIDTH, VALUE)
DECAY, RATE = real(1, ROWS, GROUPS, low=-1, high=0), real(1, ROWS, GROUPS, low=0, high=1)
WIDE = real(1, ROWS, GROUPS * WIDTH, low=-1, high=0)
X = real(2, HEADS, ROWS, WIDTH)
TABLE = real(9, WIDTH // 2, low=-1, high=1), real(9, WIDTH // 2, low=-1, high=1)
OWN = real(2, ROWS, WIDTH // 2, low=-1, high=1), real(2, ROWS, WIDTH // 2, low=-1, high=1)
PART = real(9, 2, low=-1, high=1), real(9, 2, low=-1, high=1)
PLACES = np.array([[4, 5, 6], [0, 8, 1]])
CACHE, UPDATE = real(2, 3, 6, 4), real(2, 3, 2, 4)

ATTENTION = [
    *(attention(Q, K, V, opset=o) for o in (23, 24, 25)),
    attention(*PACKED, **OF_HEADS),
    attention(Q, K, V, scale=0.1),
    attention(Q, K, V, softcap=0.7),
    attention(Q, K, V, is_causal=1),
    attention(Q, K, V, None, *PAST, outputs=3, is_causal=1),
    attention(*PACKED, None, *PAST, outputs=3, **OF_HEADS),
    *(attention(Q, K, V, mask, note=name) for name, mask in MASKS.items()),
    *(attention(Q, K, V, mask, is_causal=1, left_window_size=1, note=name) for name, mask in MASKS.items()),
    *(attention(Q, K, V, left_window_size=left, right_window_size=right)
      for left, right in ((0, 0), (1, -1), (-1, 1), (2, 1), (0, 3))),
    attention(Q, K, V, None, None, None, ints(5, 3), note="padded"),
    attention(Q, K, V, None, None, None, ints(5, 2), is_causal=1, left_window_size=1, note="padded"),
    attention(Q, K, V, MASKS["reals"], None, None, ints(4, 3), right_window_size=0, note="padded"),
    attention(Q, K, V, softmax_precision=11),
    *(attention(Q, K, V, MASKS["reals"], outputs=4, is_causal=1, softcap=2.0, qk_matmul_output_mode=mode)
      for mode in range(4)),
    attention(Q, real(2, 1, KEYS, WIDTH), real(2, 1, KEYS, VALUE), note="one head of keys"),
]  # fmt: skip

SEQUENCES = [
    Case("RotaryEmbedding", [X, *TABLE, PLACES], opset=23),
    Case("RotaryEmbedding", [X, *TABLE, PLACES], {"interleaved": 1}, opset=23),
    Case("RotaryEmbedding", [X, *OWN], {"interleaved": 1}, opset=23, note="a row each"),
    Case("RotaryEmbedding", [X, *PART, PLACES], {"rotary_embedding_dim": 4}, opset=23),
    Case("RotaryEmbedding", [X, *PART, PLACES], {"rotary_embedding_dim": 4, "interleaved": 1}, opset=23),
    Case("RotaryEmbedding", [real(2, ROWS, HEADS * WIDTH), *TABLE, PLACES], {"num_heads": HEADS}, opset=23),
    Case("RMSNormalization", [X, real(WIDTH)], opset=23),
    Case("RMSNormalization", [X, real(ROWS, WIDTH)], {"axis": 2, "epsilon": 0.1}, opset=23),
    Case("TensorScatter", [CACHE, UPDATE], opset=24),
    Case("TensorScatter", [CACHE, UPDATE, ints(4, 1)], opset=24),
    Case("TensorScatter", [CACHE, UPDATE, ints(5, 4)], {"mode": "circular"}, opset=24),
    Case("TensorScatter", [CACHE, UPDATE, ints(3, 3)], opset=24, note="the same rows"),
    Case("TensorScatter", [CACHE, real(2, 1, 6, 4), ints(2, 0)], {"axis": 1}, opset=24),
    linear("linear", None),
    linear("linear", STATE, scale=0.3, chunk_size=2),
    linear("gated", None, DECAY),
    linear("gated", STATE, WIDE),
    linear("delta", None, None, RATE),
    linear("gated_delta", STATE, DECAY, RATE[..., :1].copy()),
]  # fmt: skip

SEQUENCE_CASES = [*ATTENTION, *SEQUENCES]
