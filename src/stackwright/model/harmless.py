"""Keys of a config.json that change neither shapes nor operators, whatever the family.

Each was judged by what it does in the published modeling code. A key that could change a shape is
read by the families or refused.
"""

from __future__ import annotations

IDENTITY = frozenset(
    {
        "_name_or_path",
        "architectures",
        "auto_map",
        "bos_token_id",
        "decoder_start_token_id",
        "eos_token_id",
        "id2label",
        "label2id",
        "model_type",
        "name_or_path",
        "pad_token_id",
        "sep_token_id",
        "tokenizer_class",
        "torchscript",
        "transformers_version",
    }
)
"""Identity, tokenizer and class lookup."""

TRAINING = frozenset(
    {
        "activation_function",
        "attention_dropout",
        "attn_pdrop",
        "aux_loss_alpha",
        "dropout",
        "embd_pdrop",
        "hidden_act",
        "hidden_activation",
        "hidden_dropout",
        "initializer_range",
        "layer_norm_eps",
        "layer_norm_epsilon",
        "layerdrop",
        "layernorm_epsilon",
        "norm_eps",
        "output_router_logits",
        "pretraining_tp",
        "rescale_prenorm_residual",
        "resid_pdrop",
        "residual_in_fp32",
        "rms_norm_eps",
        "router_aux_loss_coef",
        "seq_aux",
        "use_bfloat16",
    }
)
"""Training, initialization, numerics and the kind of activation: no parameter, no operator."""

ROTARY = frozenset(
    {
        "partial_rotary_factor",
        "rope_interleave",
        "rope_parameters",
        "rope_scaling",
        "rope_theta",
        "rotary_dim",
    }
)
"""Rotary positions: computed, not stored."""

SERVING = frozenset(
    {
        "bad_words_ids",
        "begin_suppress_tokens",
        "chunk_size_feed_forward",
        "diversity_penalty",
        "do_sample",
        "early_stopping",
        "encoder_no_repeat_ngram_size",
        "ep_size",
        "exponential_decay_length_penalty",
        "finetuning_task",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "length_penalty",
        "max_length",
        "min_length",
        "no_repeat_ngram_size",
        "num_beam_groups",
        "num_beams",
        "num_return_sequences",
        "output_attentions",
        "output_hidden_states",
        "output_scores",
        "prefix",
        "problem_type",
        "pruned_heads",
        "remove_invalid_values",
        "repetition_penalty",
        "return_dict",
        "return_dict_in_generate",
        "suppress_tokens",
        "task_specific_params",
        "temperature",
        "top_k",
        "top_p",
        "typical_p",
        "use_cache",
    }
)
"""Serving defaults and generation settings."""

ROUTING = frozenset(
    {
        "n_group",
        "norm_topk_prob",
        "routed_scaling_factor",
        "scoring_func",
        "topk_group",
        "topk_method",
    }
)
"""How expert scores become choices; the counts of experts are read by the families."""

HARMLESS = IDENTITY | TRAINING | ROTARY | SERVING | ROUTING
