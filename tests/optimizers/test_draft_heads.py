"""Drafting heads: what a config tells, and what is refused before an engine loads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizers.draft_heads import is_head, mtp_layers
from optimizers.errors import InputError
from optimizers.registry import techniques
from optimizers.technique import ModelFacts, Observation, Surroundings

SPECULATING = techniques().get("speculative_decoding")
MODEL: dict[str, Any] = {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 32, "hidden_size": 4096}
SERVED = ModelFacts("served", MODEL)
EAGLE: dict[str, Any] = {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1, "hidden_size": 4096}
EAGLE3: dict[str, Any] = {"architectures": ["LlamaForCausalLMEagle3"], "hidden_size": 4096, "draft_vocab_size": 32000}


def refusal(method: str, head: dict[str, Any], name: str = "head") -> str | None:
    settings = SPECULATING.check({"method": method, "draft_model": name})
    return SPECULATING.refuse(settings, SERVED, {"draft_model": ModelFacts(name, head)})


@pytest.mark.parametrize(("method", "head"), [("eagle", EAGLE), ("eagle3", EAGLE3)])
def test_a_head_of_the_right_size_is_taken(method: str, head: dict[str, Any]) -> None:
    assert is_head(head)
    assert refusal(method, head) is None


@pytest.mark.parametrize(
    ("method", "head", "says"),
    [
        ("eagle", MODEL, "head is a model of 32 layers and no EAGLE head; name a head made for served, or use"),
        ("eagle3", MODEL | {"num_hidden_layers": 2}, "head is a model of 2 layers"),
        ("eagle", EAGLE3, "head is an EAGLE-3 head; use method eagle3"),
        ("eagle3", EAGLE | {"architectures": ["EagleLlamaForCausalLM"]}, "head is an EAGLE head; use method eagle"),
        ("eagle", EAGLE | {"hidden_size": 2048}, "was made for a hidden size of 2,048, served has 4,096"),
        ("eagle3", EAGLE3 | {"target_hidden_size": 5120}, "was made for a hidden size of 5,120"),
    ],
)
def test_what_is_no_head_for_this_model_is_refused_in_one_line(method: str, head: dict[str, Any], says: str) -> None:
    reason = refusal(method, head)
    assert reason is not None
    assert says in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        ({"model_type": "deepseek_v3", "num_nextn_predict_layers": 1}, 1),
        ({"model_type": "qwen3_5", "text_config": {"mtp_num_hidden_layers": 2}}, 2),
        ({"model_type": "longcat_flash"}, 1),
        ({"model_type": "llama", "num_hidden_layers": 32}, 0),
        ({"model_type": "deepseek_v3", "num_nextn_predict_layers": 0}, 0),
    ],
)
def test_mtp_layers_are_read_from_the_served_models_config(config: dict[str, Any], layers: int) -> None:
    assert mtp_layers(config) == layers


def test_mtp_is_refused_where_the_model_has_no_such_layers() -> None:
    settings = SPECULATING.check({"method": "mtp", "num_speculative_tokens": 3})
    reason = SPECULATING.unusable(settings, Surroundings(model_config=SERVED.config))
    assert reason == "the model has no MTP layers to draft with; choose another method, as ngram, which needs none"
    two = Surroundings(model_config={"num_nextn_predict_layers": 2})
    assert "must be a multiple of the model's 2 MTP layers" in (SPECULATING.unusable(settings, two) or "")
    assert SPECULATING.unusable(settings, Surroundings(model_config={"num_nextn_predict_layers": 1})) is None
    assert SPECULATING.unusable(settings, Surroundings()) is None


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({"method": "mtp"}, {"method": "mtp", "num_speculative_tokens": 4}),
        ({"method": "eagle3", "draft_model": "h"}, {"method": "eagle3", "model": "h", "num_speculative_tokens": 4}),
    ],
)
def test_heads_on_the_command_line(settings: dict[str, Any], config: dict[str, Any]) -> None:
    flags = SPECULATING.engine_flags(SPECULATING.check(settings))
    assert json.loads(flags["--speculative-config"] or "") == config


def test_a_head_needs_a_name_and_mtp_none() -> None:
    with pytest.raises(InputError, match="draft_model is empty; name the EAGLE head"):
        SPECULATING.check({"method": "eagle"})
    mtp = SPECULATING.check({"method": "mtp", "draft_model": "idle"})
    assert SPECULATING.named_models(mtp) == {}
    assert SPECULATING.variant(mtp) == "with the model's own MTP layers"
    assert SPECULATING.variant(SPECULATING.check({"method": "eagle", "draft_model": "h"})) == "with the head h"


def test_heads_make_the_engine_compute_a_cached_block_anew() -> None:
    again = {
        method: SPECULATING.recomputed_blocks(SPECULATING.check({"method": method, "draft_model": "h"}))
        for method in ("ngram", "draft_model", "eagle", "eagle3", "mtp")
    }
    assert again == {"ngram": 0, "draft_model": 0, "eagle": 1, "eagle3": 1, "mtp": 1}


def test_evidence_tells_positions_in_their_order() -> None:
    name = "vllm:spec_decode_num_accepted_tokens_per_pos_total"
    delta = {f'{name}{{position="{at}"}}': 100.0 - 9 * at for at in (10, 2, 0, 1)}
    delta |= {"vllm:spec_decode_num_drafts_total": 100.0, "vllm:spec_decode_num_draft_tokens_total": 400.0}
    delta["vllm:spec_decode_num_accepted_tokens_total"] = 283.0
    found = SPECULATING.evidence(SPECULATING.check({"method": "mtp"}), Observation(delta))
    assert "tokens drafted by the model's MTP layers were accepted" in found.detail
    assert found.detail.endswith("; by position: 100%, 91%, 82%, 10%")
