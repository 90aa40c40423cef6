"""Prefix caching: block sizes, the prediction beside what was measured, and the reason where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from optimizers.errors import InputError
from optimizers.kv_blocks import block_tokens
from optimizers.registry import techniques
from optimizers.technique import Beside, Evidence, Observation, Surroundings

PREDICTED = {
    "queries": 1000.0, "hits": 800.0, "unlimited_hits": 800.0, "distinct": 300.0, "longest": 100.0,
    "block_size": 16.0, "cache_tokens": 5000.0,
}  # fmt: skip
CACHING = techniques().get("prefix_caching")


def evidence(hits: float, queries: float = 1000.0, in_flight: int = 1, **prediction: float) -> Evidence:
    delta = {"vllm:prefix_cache_queries_total": queries, "vllm:prefix_cache_hits_total": hits}
    delta["vllm:num_preemptions_total"] = prediction.pop("preemptions", 0.0)
    seen = Observation(delta, peak_in_flight=in_flight, prediction=PREDICTED | prediction)
    return CACHING.evidence({}, seen)


def test_the_prediction_stands_beside_the_measured_rate() -> None:
    found = evidence(790)
    assert found.detail == (
        "790 of 1,000 prompt tokens came from the prefix cache (79.0%); predicted from the prompts: 80.0%"
    )
    assert found.figures["predicted_hit_rate"] == pytest.approx(0.8)
    assert found.figures["block_size"] == 16


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"hits": 700, "queries": 1200}, "the engine looked 1,200 tokens up and the prompts have 1,000"),
        ({"hits": 700, "preemptions": 3}, "requests were preempted 3 times"),
        ({"hits": 700, "distinct": 9000}, "evicted: the cache holds 5,000 tokens, the prompts 9,000"),
        ({"hits": 700, "in_flight": 60}, "up to 60 prompts in flight hold up to 6,000 of the cache's 5,000 tokens"),
        ({"hits": 700, "in_flight": 2}, "2 prompts were in flight before the first had filled the cache"),
        ({"hits": 300, "in_flight": 2}, "something that the engine's readings do not show"),
        ({"hits": 700}, "something that the engine's readings do not show"),
        ({"hits": 950, "repeated_hits": 960}, "later prompts repeat them, which allows up to 96.0%"),
        ({"hits": 950}, "the cache held blocks that no prompt of this run had put there"),
    ],
)
def test_a_difference_of_more_than_five_points_is_explained(given: dict[str, Any], says: str) -> None:
    detail = evidence(**given).detail
    assert f"points {'more' if given['hits'] > 800 else 'less'} was measured because " in detail
    assert says in detail


def test_no_hit_names_the_size_of_a_block() -> None:
    delta = {"vllm:prefix_cache_queries_total": 500.0}
    seen = Observation(delta, prediction=PREDICTED | {"queries": 500.0, "hits": 0.0, "block_size": 128.0})
    said = CACHING.evidence({}, seen)
    assert said.took_effect is False
    assert "share no prefix of a whole block of 128 tokens; predicted from the prompts: 0.0%" in said.detail


def test_a_block_size_is_a_launch_flag_of_its_own() -> None:
    assert CACHING.engine_flags(CACHING.check({})) == {"--enable-prefix-caching": None}
    assert CACHING.engine_flags(CACHING.check({"block_size": 32}))["--block-size"] == "32"
    assert CACHING.engine_flags(None) == {"--no-enable-prefix-caching": None}
    with pytest.raises(InputError, match="block_size is 24, but must be a multiple of 16"):
        CACHING.check({"block_size": 24})


def test_a_cpu_takes_multiples_of_its_own() -> None:
    settings = CACHING.check({"block_size": 16})
    assert CACHING.unusable(settings, Surroundings("cuda")) is None
    assert CACHING.unusable(settings, Surroundings("cpu")) == "block_size is 16, and a cpu engine takes multiples of 32"
    assert CACHING.unusable(CACHING.check({"block_size": 64}), Surroundings("cpu")) is None
    assert "launch flag" in (CACHING.unusable(settings, Surroundings("cuda", launches_engine=False)) or "")
    assert (block_tokens("cpu"), block_tokens("cuda"), block_tokens("cpu", 32)) == (128, 16, 32)


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        (
            Beside(settings={"prompt_compression": {}}, saved_hit_rate=0.8, sent_hit_rate=0.1),
            "80.0% of the prompts' tokens as saved and 10.0% as sent (compression drops",
        ),
        (Beside(settings={"history_summary": {}}), "a summary takes the place"),
        (Beside(saved_hit_rate=0.0), "nothing to reuse"),
    ],
)
def test_what_shortens_the_shared_beginning_is_said_beforehand(beside: Beside, says: str) -> None:
    (caution,) = CACHING.cautions({}, beside)
    assert says in caution


def test_there_is_nothing_to_say_of_prompts_that_share() -> None:
    others: Mapping[str, Any] = {"continuous_batching": {}}
    assert list(CACHING.cautions({}, Beside(settings=others, saved_hit_rate=0.8))) == []
