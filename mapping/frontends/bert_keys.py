"""The keys of a BERT's config.json: those that are read, those that change nothing, and those that are
refused.

A key that would change the result is accepted with the value under which it does not. An unknown key is
refused unless its value turns it off, since its effect cannot be known.

Source: transformers' BertConfig and PretrainedConfig, versions 2 to 5.
"""

from typing import Any

from golden import check

READ = (
    "model_type", "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers",
    "max_position_embeddings", "vocab_size", "type_vocab_size", "hidden_act", "layer_norm_eps",
    "position_embedding_type",
)  # fmt: skip

# key -> the value under which an encoder is computed as it is here
FIXED: dict[str, Any] = {
    "is_decoder": False, "add_cross_attention": False, "is_encoder_decoder": False,
    "tie_encoder_decoder": False, "cross_attention_hidden_size": None, "chunk_size_feed_forward": 0,
    "pruned_heads": {}, "quantization_config": None,
}  # fmt: skip

# of training, of heads behind the encoder, of tokens, of generating text, of how outputs are handed over
UNUSED = (
    "architectures", "attention_probs_dropout_prob", "hidden_dropout_prob", "classifier_dropout",
    "classifier_dropout_prob", "initializer_range", "initializer_factor", "gradient_checkpointing",
    "use_cache", "pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id",
    "mask_token_id", "unk_token_id", "decoder_start_token_id", "tokenizer_class", "prefix", "torch_dtype",
    "dtype", "transformers_version", "name_or_path", "finetuning_task", "id2label", "label2id", "num_labels",
    "problem_type", "task_specific_params", "return_dict", "output_hidden_states", "output_attentions",
    "output_past", "torchscript", "use_bfloat16", "tf_legacy_loss", "tie_word_embeddings", "language",
    "auto_map", "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
    "pooler_size_per_head", "pooler_type", "summary_type", "max_length", "min_length", "do_sample",
    "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p",
    "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "bad_words_ids",
    "encoder_no_repeat_ngram_size", "num_return_sequences", "output_scores", "return_dict_in_generate",
    "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "begin_suppress_tokens",
    "exponential_decay_length_penalty", "suppress_tokens", "attn_implementation", "sentence_transformers",
)  # fmt: skip


def check_keys(config: dict[str, Any], where: str) -> None:
    """BadValue, naming the key, for one that changes the result and is not supported."""
    for key, value in config.items():
        if key in FIXED:
            if is_on(value) and value != FIXED[key]:
                raise check.fail(f"{where}: {key}", repr(value), f"{FIXED[key]!r}: a plain encoder")
        elif key not in READ and key not in UNUSED and not key.startswith("_") and is_on(value):
            what = f"{value!r}, of an unknown key"
            raise check.fail(f"{where}: {key}", what, f"{', '.join(sorted({*READ, *FIXED}))}")


def is_on(value: Any) -> bool:
    """Whether a value says that its key is used."""
    return not (value is None or value is False or value in (0, "", [], {}))
