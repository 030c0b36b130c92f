"""Our weights in networks that others wrote: GPT-2 and Llama of the library transformers give the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.blocks.probes import attention_weights
from lmstudio_app.engine.models.gpt.network import build
from lmstudio_app.engine.models.gpt.settings import GPTSettings, inner_width, shared_width

VOCABULARY, CONTEXT = 29, 24


def lively(settings: GPTSettings) -> LanguageModel:
    """Weights large enough that attention is far from flat and every part matters."""
    model = build(settings, VOCABULARY, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    return model


def gpt2(settings: GPTSettings, model: LanguageModel) -> Any:
    """GPT-2 with our weights; its maps are stored (in, out)."""
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=settings.context,
        n_embd=settings.width,
        n_layer=settings.layers,
        n_head=settings.heads,
        activation_function="gelu",  # the exact one, as ours
        tie_word_embeddings=settings.tied,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    parts = {
        "ln_1": "attention_normalization",
        "attn.c_attn": "attention.query_key_value",
        "attn.c_proj": "attention.output",
        "ln_2": "feed_forward_normalization",
        "mlp.c_fc": "feed_forward.widen",
        "mlp.c_proj": "feed_forward.narrow",
    }
    ours = {name: torch.from_numpy(array) for name, array in model.weights().items()}
    state = {
        "transformer.wte.weight": ours["body.tokens.weight"],
        "transformer.wpe.weight": ours["body.positions.weight"],
        "transformer.ln_f.weight": ours["body.normalization.weight"],
        "transformer.ln_f.bias": ours["body.normalization.bias"],
        "lm_head.weight": ours["body.tokens.weight" if settings.tied else "head.weight"],
    }
    for layer in range(settings.layers):
        for their_name, our_name in parts.items():
            weight = ours[f"body.blocks.{layer}.{our_name}.weight"]
            state[f"transformer.h.{layer}.{their_name}.weight"] = weight.T if weight.dim() == 2 else weight
            state[f"transformer.h.{layer}.{their_name}.bias"] = ours[f"body.blocks.{layer}.{our_name}.bias"]
    theirs.load_state_dict(state)
    return theirs


def llama(settings: GPTSettings, model: LanguageModel) -> Any:
    """Llama with our weights; it keeps apart what we store in one map."""
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=settings.context,
        hidden_size=settings.width,
        intermediate_size=inner_width(settings),
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.key_value_heads or settings.heads,
        rms_norm_eps=1e-6,
        rope_theta=10_000.0,
        tie_word_embeddings=settings.tied,
        attention_bias=False,
        mlp_bias=False,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    ours = {name: torch.from_numpy(array) for name, array in model.weights().items()}
    state = {
        "model.embed_tokens.weight": ours["body.tokens.weight"],
        "model.norm.weight": ours["body.normalization.weight"],
        "lm_head.weight": ours["body.tokens.weight" if settings.tied else "head.weight"],
    }
    for layer in range(settings.layers):
        own, there = f"body.blocks.{layer}.", f"model.layers.{layer}."
        shared = shared_width(settings)
        three = ours[f"{own}attention.query_key_value.weight"].split([settings.width, shared, shared])
        for letter, weight in zip("qkv", three, strict=True):
            state[f"{there}self_attn.{letter}_proj.weight"] = weight
        gate, value = ours[f"{own}feed_forward.widen.weight"].chunk(2)
        state |= {
            f"{there}self_attn.o_proj.weight": ours[f"{own}attention.output.weight"],
            f"{there}mlp.gate_proj.weight": gate,
            f"{there}mlp.up_proj.weight": value,
            f"{there}mlp.down_proj.weight": ours[f"{own}feed_forward.narrow.weight"],
            f"{there}input_layernorm.weight": ours[f"{own}attention_normalization.weight"],
            f"{there}post_attention_layernorm.weight": ours[f"{own}feed_forward_normalization.weight"],
        }
    theirs.load_state_dict(state)
    return theirs


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "grouped llama"])
def test_logits_and_attention_equal_those_of_transformers(kind: str, tied: bool) -> None:
    parts = {
        "gpt2": {"positions": "learned", "normalization": "layer", "activation": "gelu", "bias": True},
        "llama": {"positions": "rotary", "normalization": "rms", "activation": "swiglu", "bias": False},
        "grouped llama": {"normalization": "rms", "activation": "swiglu", "key_value_heads": 2},
    }[kind]
    settings = GPTSettings(layers=3, heads=4, width=32, context=CONTEXT, dropout=0.0, tied=tied, **parts)
    model = lively(settings)
    theirs = (gpt2 if kind == "gpt2" else llama)(settings, model)
    text = torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, (2, CONTEXT)))
    with torch.no_grad():
        expected = theirs(text, output_attentions=True)
        logits: Tensor = model(text)
        with attention_weights(model) as captured:
            model(text)
    assert expected.logits.abs().max() > 1
    np.testing.assert_allclose(logits.numpy(), expected.logits.numpy(), atol=1e-5, rtol=1e-5)
    assert len(captured) == len(expected.attentions) == 3
    for ours, other in zip(captured, expected.attentions, strict=True):
        assert other.max() > 0.9  # far from flat
        np.testing.assert_allclose(ours.numpy(), other.numpy(), atol=1e-5)
