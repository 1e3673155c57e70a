"""A writer of GGUF files, and small decoders of the Llama family to write."""

import struct

import numpy as np

LAYERS, WIDTH, BETWEEN, HEADS, GROUPS, WORDS, LONGEST = 2, 32, 64, 4, 2, 40, 64
BASE, EPSILON = 500.0, 1e-3
KINDS = {bool: (7, "?"), int: (4, "I"), float: (6, "f")}
PARTS = {
    "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH // 2, WIDTH),
    "attn_v": (WIDTH // 2, WIDTH), "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,),
    "ffn_gate": (BETWEEN, WIDTH), "ffn_up": (BETWEEN, WIDTH), "ffn_down": (WIDTH, BETWEEN),
}  # fmt: skip


def entries():
    """The entries of a small decoder."""
    shape = {
        "block_count": LAYERS, "context_length": LONGEST, "embedding_length": WIDTH,
        "feed_forward_length": BETWEEN, "attention.head_count": HEADS, "attention.head_count_kv": GROUPS,
        "rope.freq_base": BASE, "attention.layer_norm_rms_epsilon": EPSILON,
    }  # fmt: skip
    words = [f"word {i}" for i in range(WORDS)]
    return {"general.architecture": "llama", **{f"llama.{key}": value for key, value in shape.items()},
            "tokenizer.ggml.tokens": words, "tokenizer.ggml.scores": [0.5] * 3}  # fmt: skip


def weights(seed=0, *, head=False):
    """float32 tensors by name; head: weights of its own, not the embedding's."""
    rng = np.random.default_rng(seed)
    shapes = {"token_embd.weight": (WORDS, WIDTH), "output_norm.weight": (WIDTH,)}
    shapes |= {f"blk.{i}.{part}.weight": shape for i in range(LAYERS) for part, shape in PARTS.items()}
    shapes |= {"output.weight": (WORDS, WIDTH)} if head else {}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def typed(value):
    """(number of the type, bytes) of an entry's value."""
    if isinstance(value, str):
        return 8, text(value)
    if isinstance(value, list):
        kinds = [typed(each) for each in value]
        return 9, struct.pack("<IQ", kinds[0][0], len(kinds)) + b"".join(raw for _, raw in kinds)
    kind, letter = KINDS[type(value)]
    return kind, struct.pack(f"<{letter}", value)


def contents(tensors, found=None, *, version=3, alignment=32):
    """A file's bytes. tensors: float32 arrays, or (number of the type, shape, bytes), by name."""
    found = entries() if found is None else found
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(found))
    for key, value in found.items():
        kind, raw = typed(value)
        head += text(key) + struct.pack("<I", kind) + raw
    data = b""
    for name, tensor in tensors.items():
        kind, shape, raw = tensor if isinstance(tensor, tuple) else (0, tensor.shape, tensor.tobytes())
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape[::-1])
        head += struct.pack("<IQ", kind, len(data))
        data += raw + bytes(-len(raw) % alignment)
    return head + bytes(-len(head) % alignment) + data
