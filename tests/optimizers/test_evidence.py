"""What each technique takes for proof that it was in effect, and its own launch flags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizers.errors import InputError
from optimizers.registry import techniques
from optimizers.technique import Evidence, Observation, Technique

DRAFTED = {
    "vllm:spec_decode_num_drafts_total": 100.0,
    "vllm:spec_decode_num_draft_tokens_total": 400.0,
    "vllm:spec_decode_num_accepted_tokens_total": 150.0,
    'vllm:spec_decode_num_accepted_tokens_per_pos_total{position="0"}': 90.0,
    'vllm:spec_decode_num_accepted_tokens_per_pos_total{position="1"}': 60.0,
}


def evidence(key: str, seen: Observation) -> Evidence:
    technique = techniques().get(key)
    return technique.evidence(technique.check({}), seen)


def test_what_leaves_the_model_alone_claims_identical_output() -> None:
    claiming = {technique.key for technique in techniques().all() if technique.claims_identical_output}
    assert claiming >= {"prefix_caching", "continuous_batching", "speculative_decoding"}
    assert not Technique.claims_identical_output


def test_prefix_caching_counts_hits() -> None:
    delta = {"vllm:prefix_cache_queries_total": 2000.0, "vllm:prefix_cache_hits_total": 1500.0}
    found = evidence("prefix_caching", Observation(delta))
    assert found.took_effect is True
    assert found.figures == {"queries": 2000, "hits": 1500, "hit_rate": 0.75}
    assert "1,500 of 2,000 prompt tokens" in found.detail


@pytest.mark.parametrize(
    ("delta", "says"),
    [({}, "looked no token up"), ({"vllm:prefix_cache_queries_total": 500.0}, "no hit in 500 prompt tokens")],
)
def test_prefix_caching_without_hits_took_no_effect(delta: dict[str, float], says: str) -> None:
    found = evidence("prefix_caching", Observation(delta))
    assert found.took_effect is False
    assert says in found.detail


def test_continuous_batching_counts_what_runs_together() -> None:
    delta = {
        "vllm:iteration_tokens_total_count": 10.0,
        "vllm:iteration_tokens_total_sum": 35.0,
        "vllm:request_inference_time_seconds_sum": 12.0,
    }
    found = evidence("continuous_batching", Observation(delta, running=(4.0, 8.0) * 4, peak_in_flight=8, seconds=3.0))
    assert found.took_effect is True
    assert found.figures["mean_running"] == pytest.approx(4.0)
    assert found.figures["tokens_per_step"] == pytest.approx(3.5)
    assert (found.figures["peak_running_seen"], found.figures["mean_running_seen"]) == (8, 6)
    assert found.detail.endswith("; 8 looks at the running batch saw 6.0 on average and 8 at most")
    assert found.detail.startswith("4.0 requests running together on average, of up to 8 in flight")


def test_a_few_looks_at_the_batch_are_no_sentence() -> None:
    delta = {"vllm:request_inference_time_seconds_sum": 12.0}
    found = evidence("continuous_batching", Observation(delta, running=(1.0, 0.0), peak_in_flight=8, seconds=3.0))
    assert "looks" not in found.detail
    assert found.figures["mean_running_seen"] == 0.5


def test_continuous_batching_took_no_effect_where_one_request_followed_another() -> None:
    delta = {"vllm:request_inference_time_seconds_sum": 2.9}
    assert evidence("continuous_batching", Observation(delta, peak_in_flight=1, seconds=3.0)).took_effect is False


@pytest.mark.parametrize("delta", [None, {}, {"vllm:iteration_tokens_total_count": 10.0}])
def test_continuous_batching_claims_nothing_that_was_not_seen(delta: dict[str, float] | None) -> None:
    found = evidence("continuous_batching", Observation(delta, peak_in_flight=8, seconds=3.0))
    assert found.took_effect is None
    assert "mean_running" not in found.figures


def test_speculative_decoding_counts_accepted_tokens_by_position() -> None:
    found = evidence("speculative_decoding", Observation(DRAFTED))
    assert found.took_effect is True
    assert found.figures["acceptance_rate"] == pytest.approx(0.375)
    assert found.figures["acceptance_length"] == pytest.approx(2.5)
    assert (found.figures["accepted_at_0"], found.figures["accepted_at_1"]) == (90, 60)


def test_speculative_decoding_that_drafted_nothing_took_no_effect() -> None:
    assert evidence("speculative_decoding", Observation({})).took_effect is False


@pytest.mark.parametrize("key", techniques().keys())
def test_no_metrics_is_neither_yes_nor_no(key: str) -> None:
    assert evidence(key, Observation(None)).took_effect is None


def test_ngram_config_on_the_command_line() -> None:
    technique = techniques().get("speculative_decoding")
    assert technique.engine_flags(None) == {}
    text = technique.engine_flags(technique.check({"num_speculative_tokens": 3}))["--speculative-config"]
    assert text is not None
    expected = {"method": "ngram", "prompt_lookup_min": 2, "prompt_lookup_max": 4, "num_speculative_tokens": 3}
    assert json.loads(text) == expected


def test_draft_model_config_on_the_command_line() -> None:
    technique = techniques().get("speculative_decoding")
    text = technique.engine_flags(technique.check({"method": "draft_model", "draft_model": "small"}))
    config = json.loads(text["--speculative-config"] or "")
    assert config == {"method": "draft_model", "model": "small", "num_speculative_tokens": 4}


def test_a_draft_models_evidence_says_who_drafted() -> None:
    technique = techniques().get("speculative_decoding")
    for name, shown in (
        ("starter-draft", "starter-draft"),
        ("maker/small", "maker/small"),
        ("/a/folder/small", "small"),
    ):
        settings = technique.check({"method": "draft_model", "draft_model": name})
        detail = technique.evidence(settings, Observation(DRAFTED)).detail
        assert detail.startswith(f"150 of 400 tokens drafted by {shown} were accepted (37.5%)")
        assert technique.variant(settings) == f"with the draft model {shown}"
    assert technique.variant(technique.check({"draft_model": "starter-draft"})) == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt_lookup_min": 5}, "prompt_lookup_min is 5, above prompt_lookup_max 4"),
        ({"method": "draft_model"}, "draft_model is empty"),
        ({"method": "medusa"}, "must be one of: ngram, draft_model, eagle, eagle3, mtp"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        techniques().get("speculative_decoding").check(settings)
