"""GGUF: blocks against their formulas and ggml's own package, the Llama graph against float64 and
onnxruntime, damaged files by name.
"""

import struct
from pathlib import Path

import numpy as np
import onnx
import pytest

import systola
from golden.check import BadValue
from mapping.frontends import gguf, load, onnx_file
from mapping.frontends.gguf.blocks import FORMATS
from mapping.frontends.gguf.reader import Gguf
from mapping.passes import simplify
from mapping.run.floating import run_float
from tests.mapping.frontends import gguf_file as made

ROUNDING = 2e-5  # of float32 over two layers, relative to the largest logit
IDS = np.array([[3, 14, 15, 9, 26, 5]])


@pytest.fixture
def write(tmp_path):
    """A writer of bytes to a file."""

    def written(raw):
        path = tmp_path / "m.gguf"
        path.write_bytes(raw)
        return path

    return written


# blocks


def number(kind, raw, i):
    """Number i of a block, from its bytes, by the formula."""
    d = float(np.frombuffer(raw[:2], "<f2")[0])
    m = float(np.frombuffer(raw[2:4], "<f2")[0])
    low = raw[-16 + i % 16] >> (4 if i >= 16 else 0) & 15
    if kind == "Q8_0":
        return d * struct.unpack("b", raw[2 + i : 3 + i])[0]
    if kind == "Q4_0":
        return d * (low - 8)
    if kind == "Q4_1":
        return d * low + m
    at = 2 if kind == "Q5_0" else 4
    five = low + 16 * (raw[at + i // 8] >> i % 8 & 1)
    return d * (five - 16) if kind == "Q5_0" else d * five + m


@pytest.mark.parametrize("code", [code for code, form in FORMATS.items() if form.block == 32])
def test_a_block_is_what_its_formula_says(code):
    form, rng = FORMATS[code], np.random.default_rng(code)
    raw = rng.integers(0, 256, (50, form.size)).astype(np.uint8)
    raw[:, :4] = rng.normal(size=(50, 2)).astype("<f2").view(np.uint8)
    if form.name == "Q8_0":
        raw[:, 2:4] = rng.integers(0, 256, (50, 2))
    wanted = [[number(form.name, bytes(row), i) for i in range(form.block)] for row in raw]
    np.testing.assert_allclose(form.values(raw), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("code", FORMATS)
def test_a_block_is_what_ggml_says(code):
    ggml = pytest.importorskip("gguf")
    rng, kind, form = np.random.default_rng(code), ggml.GGMLQuantizationType(code), FORMATS[code]
    raw = rng.integers(0, 256, (50, form.size)).astype(np.uint8)
    scales = rng.normal(size=(50, 2)).astype("<f2").view(np.uint8)  # finite numbers
    if form.block == 1:
        raw[:, -2:] = scales[:, :2] & 0xBF
    elif form.name == "Q6_K":
        raw[:, 208:] = scales[:, :2]
    else:
        raw[:, :4] = scales
    wanted = raw.view(np.float32) if form.name == "F32" else ggml.quants.dequantize(raw, kind)
    found = form.values(raw)
    assert found.dtype == np.float32 and found.shape == (50, form.block)
    np.testing.assert_allclose(found, wanted, rtol=3e-7, atol=1e-6)  # one rounding more or less


# the graph


def oracle(tensors, ids):
    """Logits behind each prompt, in float64, row by row."""
    t = {name: value.astype(np.float64) for name, value in tensors.items()}
    head, group = made.WIDTH // made.HEADS, made.HEADS // made.GROUPS

    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + made.EPSILON) * t[f"{name}.weight"]

    def turn(x, position):
        pairs = x.reshape(-1, head // 2, 2)
        turned = pairs[..., 0] + 1j * pairs[..., 1]
        turned = turned * np.exp(1j * position * made.BASE ** (-2 * np.arange(head // 2) / head))
        return np.stack((turned.real, turned.imag), -1).reshape(-1, head)

    def silu(x):
        return x / (1 + np.exp(-x))

    caches = [[] for _ in range(made.LAYERS)]
    for position, word in enumerate(ids):
        x = t["token_embd.weight"][word]
        for i, cache in enumerate(caches):
            at = f"blk.{i}"
            n = norm(x, f"{at}.attn_norm")
            q, k = (turn(t[f"{at}.{p}.weight"] @ n, position) for p in ("attn_q", "attn_k"))
            cache.append((k, (t[f"{at}.attn_v.weight"] @ n).reshape(-1, head)))
            out = []
            for h in range(made.HEADS):
                s = np.array([q[h] @ key[h // group] for key, _ in cache]) / np.sqrt(head)
                w = np.exp(s - s.max())
                out.append(sum(a * v[h // group] for a, (_, v) in zip(w / w.sum(), cache, strict=True)))
            x = x + t[f"{at}.attn_output.weight"] @ np.concatenate(out)
            n = norm(x, f"{at}.ffn_norm")
            both = silu(t[f"{at}.ffn_gate.weight"] @ n) * (t[f"{at}.ffn_up.weight"] @ n)
            x = x + t[f"{at}.ffn_down.weight"] @ both
    return t.get("output.weight", t["token_embd.weight"]) @ norm(x, "output_norm")


def near(found, wanted, rounding=ROUNDING):
    return np.abs(found - wanted).max() <= rounding * np.abs(wanted).max()


@pytest.mark.parametrize("head", [False, True], ids=["tied", "own head"])
def test_logits_are_those_of_float64(write, head):
    tensors = made.weights(head=head)
    network = load(write(made.contents(tensors)), tokens=IDS.shape[1])
    wanted = oracle(tensors, IDS[0])
    for form in (network, simplify(network)):
        assert near(run_float(form, {"input_ids": IDS})["logits"][0], wanted)


def test_a_batch_is_each_prompt(write):
    tensors = made.weights()
    network = load(write(made.contents(tensors)), tokens=6, batch=2)
    found = run_float(network, {"input_ids": np.concatenate((IDS, IDS[:, ::-1]))})["logits"]
    assert near(found[0], oracle(tensors, IDS[0])) and near(found[1], oracle(tensors, IDS[0, ::-1]))


def test_steps_with_caches_are_the_prompt_at_once(write):
    """Two tokens, then one at a time; the rows behind those that count may hold anything."""
    tensors = made.weights()
    path = write(made.contents(tensors))
    state, start = None, 0
    for size in (2, 1, 1, 1, 1):
        network = onnx_file.from_model(gguf.build_onnx(path, size, cache=9), "m", "m")
        names = [name for name in network.inputs if name not in ("input_ids", "start")]
        state = state or {name: np.full(network.inputs[name].shape, 7, np.float32) for name in names}
        step = {"input_ids": IDS[:, start : start + size], "start": np.array([start])}
        found = run_float(network, {**step, **state})
        state, start = {name: found[f"{name}.next"] for name in names}, start + size
        assert near(found["logits"][0], oracle(tensors, IDS[0, :start]))


@pytest.mark.parametrize("cache", [None, 9])
def test_the_onnx_model_is_the_same_in_onnxruntime(write, cache):
    ort = pytest.importorskip("onnxruntime")
    model = gguf.build_onnx(write(made.contents(made.weights())), IDS.shape[1], cache=cache)
    network = onnx_file.from_model(model, "m", "m")
    given = {name: np.zeros(shape, dtype) for name, (shape, dtype) in network.inputs.items()}
    given["input_ids"] = IDS
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, given)
    for found, value in zip(run_float(network, given).values(), wanted, strict=True):
        assert near(found, value)


@pytest.mark.parametrize("design", ["ws16_int8", "accelerator16_int8"])
def test_a_decoder_runs_on_a_design(write, tmp_path, design):
    """Small random weights, 8 bits: the next token is float's."""
    tensors = {name: value / 8 if value.ndim > 1 else value for name, value in made.weights().items()}
    path, result = write(made.contents(tensors)), tmp_path / "y.npz"
    np.save(tmp_path / "ids.npy", IDS)
    systola.run(path, on=f"examples/{design}.toml", engine="model", tokens=6,
                inputs={"input_ids": tmp_path / "ids.npy"}, write_to=result)  # fmt: skip
    found, wanted = np.load(result)["logits"][0], oracle(tensors, IDS[0])
    assert near(found, wanted, 0.1) and found.argmax() == wanted.argmax()


def test_a_step_runs_on_an_accelerator_whose_host_writes_the_caches(write, tmp_path):
    """Rotations by a row that is known when it runs, the mask, and all else but the caches is the units'."""
    tensors = {name: value / 8 if value.ndim > 1 else value for name, value in made.weights().items()}
    model = gguf.build_onnx(write(made.contents(tensors)), 1, cache=9)
    onnx.save(model, tmp_path / "m.onnx")
    network, rng = onnx_file.from_model(model, "m", "m"), np.random.default_rng(0)
    given = {
        name: rng.normal(size=shape).astype(kind) if kind.kind == "f" else np.full(shape, 4, kind)
        for name, (shape, kind) in network.inputs.items()
    }
    design = Path("examples/accelerator16_int8.toml").read_text()
    (tmp_path / "d.toml").write_text(design.replace("host = false", "host = true"))
    for name, x in given.items():
        np.save(tmp_path / f"{name}.npy", x)
    files = {name: tmp_path / f"{name}.npy" for name in given}
    ran = systola.run(tmp_path / "m.onnx", on=tmp_path / "d.toml", engine="model", inputs=files,
                      write_to=tmp_path / "y.npz")  # fmt: skip
    assert {row["name"] for row in ran["layers"] if row["unit"] == "host"} == set(network.outputs[1:])
    with np.load(tmp_path / "y.npz") as found:
        for name, wanted in run_float(network, given).items():
            assert near(found[name], wanted, 0.05), name


# what is refused


def changed(entry, value):
    found = made.entries()
    if value is None:
        del found[entry]
    else:
        found[entry] = value
    return made.contents(made.weights(), found)


def replaced(name, tensor):
    tensors = made.weights()
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor
    return made.contents(tensors)


ZEROS = np.zeros((32, 32), np.float32)
WHOLE = made.contents(made.weights())
REFUSED = {
    "of llama.cpp's oldest": (b"GGML" + WHOLE[4:], "the first four bytes is b'GGML'; allowed: GGUF"),
    "version 1": (made.contents({}, version=1), "version is 1; allowed: 2, 3"),
    "short": (WHOLE[:20], "bytes is 20; allowed: 24"),
    "another architecture": (changed("general.architecture", "mamba"), "general.architecture is 'mamba'"),
    "no layers stated": (changed("llama.block_count", None), "llama.block_count is missing"),
    "layers beyond": (changed("llama.block_count", 3), "tensor blk.2.attn_norm.weight is missing"),
    "heads that do not divide": (changed("llama.attention.head_count", 3), "embedding_length is 32 numbers"),
    "an epsilon of none": (
        changed("llama.attention.layer_norm_rms_epsilon", 0.0), "rms_epsilon is 0.0; allowed: more than 0"),
    "no epsilon but a yes": (changed("llama.attention.layer_norm_rms_epsilon", True), "rms_epsilon is True"),
    "positions scaled as of old": (changed("llama.rope.scale_linear", 2.0), "scale_linear is 2.0; allowed"),
    "turned by longer ones": (changed("llama.rope.scaling.attn_factor", 2.0), "attn_factor is 2.0; allowed"),
    "slopes": (changed("llama.attention.max_alibi_bias", 8.0), "max_alibi_bias is 8.0; allowed: 0.0"),
    "scaled positions": (changed("llama.rope.scaling.type", "yarn"), "scaling.type is 'yarn'; allowed: none"),
    "experts": (changed("llama.expert_count", 8), "expert_count is 8; allowed: 0"),
    "a window": (changed("llama.attention.sliding_window", 512), "sliding_window is 512; allowed: 0"),
    "a bias": (replaced("blk.0.attn_q.bias", ZEROS[0]), "tensor blk.0.attn_q.bias is unknown"),
    "a tensor less": (replaced("blk.1.ffn_up.weight", None), "tensor blk.1.ffn_up.weight is missing"),
    "another shape": (replaced("blk.0.ffn_up.weight", ZEROS), r"shape is \[32, 32\]; allowed: \[64, 32"),
    "not finite": (replaced("output_norm.weight", ZEROS[0] + np.float32(np.nan)), r"weight\[0\] is nan"),
    "other blocks": (replaced("blk.0.attn_q.weight", (11, (32, 32), bytes(576))), "type is Q3_K; allowed:"),
    "rows of less": (replaced("blk.0.attn_q.weight", (12, (32, 32), bytes(576))), "a row modulo 256 is 32"),
    "half a block": (replaced("output_norm.weight", (8, (31,), bytes(34))), "size of a row modulo 32 is 31"),
    "beyond the end": (made.contents({"x": (0, (1 << 20,), b"")}), "tensor x is 4,194,304 bytes from"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_named(write, raw, words):
    with pytest.raises(BadValue, match=words):
        load(write(raw), tokens=4)


@pytest.mark.parametrize("batch", [0, -1, True, 1 << 40])
def test_a_batch_of_none_is_refused(write, batch):
    with pytest.raises(BadValue, match=r"batch is .*; allowed: 1 to 1048576"):
        gguf.build_onnx(write(WHOLE), 4, batch=batch)


def test_every_cut_is_refused(write):
    """Of header and tensors; a file that is cut anywhere is no other network."""
    for size in [*range(0, 2000, 37), len(WHOLE) // 2, len(WHOLE) - 64]:
        with pytest.raises(BadValue, match=r"m\.gguf"):
            load(write(WHOLE[:size]), tokens=4)


def test_damaged_headers_are_read_or_refused(write):
    """One byte of the first 3,000 after the other, changed."""
    rng = np.random.default_rng(3)
    for place in rng.choice(3000, 300, replace=False):
        raw = bytearray(WHOLE)
        raw[place] ^= int(rng.integers(1, 256))
        try:
            Gguf(write(bytes(raw)))
        except BadValue:
            continue


def test_tokens_are_needed_and_bounded(write):
    path = write(WHOLE)
    with pytest.raises(BadValue, match="tokens is missing; allowed: 1 to 64"):
        load(path)
    with pytest.raises(BadValue, match="tokens is 65; allowed: 1 to 64"):
        load(path, tokens=65)
    with pytest.raises(BadValue, match="cache is 3; allowed: 4 to 64"):
        gguf.build_onnx(path, 4, cache=3)


def test_a_package_of_ggml_reads_what_the_writer_writes(write):
    """The writer of these tests makes files that others read."""
    ggml = pytest.importorskip("gguf")
    tensors = made.weights()
    found = ggml.GGUFReader(write(made.contents(tensors)))
    assert {t.name: tuple(int(n) for n in t.shape[::-1]) for t in found.tensors} == {
        name: value.shape for name, value in tensors.items()
    }
    for tensor in found.tensors:
        assert np.array_equal(tensor.data, tensors[tensor.name])
