"""One run's figures, by hand: latencies from when a request was due, failures counted, reasons to distrust it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.analysis.metric import METRICS
from app.analysis.summary import (
    Observed,
    itl_ms,
    most_late_ms,
    run_seconds,
    send_delay_ms,
    summarise,
    token_itl_ms,
    tpot_ms,
    ttft_ms,
)
from app.replay.record import RequestRecord
from optimizers.prefix_caching import PrefixCaching
from optimizers.recipe import Recipe
from optimizers.technique import Evidence, Observation
from optimizers.transform import PromptFigures
from tests.building import record

HEALTHY = Observed({"vllm:prompt_tokens_total": 100.0}, peak_in_flight=2)


def summary(*records: RequestRecord, observed: Observed = HEALTHY, **options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"recipe": Recipe(), "expected": {}}
    return summarise([(0, each) for each in records], observed, **{**defaults, **options})


def test_latencies_count_from_when_a_request_was_due() -> None:
    late = record(due_ms=1000, ttft_ms=300, tpot_ms=20, tokens=6, send_delay_ms=250)
    assert ttft_ms(late) == pytest.approx(300)
    assert tpot_ms(late) == pytest.approx(20)
    assert itl_ms(late) == pytest.approx([20] * 5)
    assert send_delay_ms(late) == pytest.approx(250)


def test_time_per_token_goes_by_the_servers_count_and_not_by_chunks() -> None:
    # Five chunks of two tokens each: the server's ten tokens, nine gaps.
    chunked = replace(record(tokens=5, tpot_ms=90), completion_tokens=10)
    assert tpot_ms(chunked) == pytest.approx(4 * 90 / 9)
    assert tpot_ms(record(tokens=1)) is None
    assert tpot_ms(replace(record(), completion_tokens=None)) is None


def test_a_gap_is_a_tokens_only_where_chunks_hold_one_each() -> None:
    plain = record(tokens=3, tpot_ms=20)
    assert token_itl_ms(plain) == pytest.approx([20, 20])
    # An end token has no text, and only an answer that stopped has one.
    assert token_itl_ms(replace(plain, completion_tokens=4)) == pytest.approx([20, 20])
    assert token_itl_ms(replace(plain, completion_tokens=4, finish_reason="length")) == []
    for count in (5, None):
        chunked = replace(plain, completion_tokens=count)
        assert token_itl_ms(chunked) == []
        assert itl_ms(chunked) == pytest.approx([20, 20])


def test_both_counts_of_tokens_are_set_side_by_side() -> None:
    counted = replace(record(0, prompt_tokens=50, tokens=11), client_prompt_tokens=52, client_completion_tokens=10)
    metrics = summary(counted, record(1))["metrics"]
    assert (metrics["prompt_tokens_difference"], metrics["output_tokens_difference"]) == (2, -1)
    assert summary(record(1))["metrics"]["prompt_tokens_difference"] is None


def test_a_run_by_hand() -> None:
    found = summary(
        record(0, due_ms=0, ttft_ms=100, tpot_ms=10, tokens=11, prompt_tokens=50, cached_tokens=0),
        record(1, due_ms=200, ttft_ms=50, tpot_ms=15, tokens=11, prompt_tokens=50, cached_tokens=48),
        price_per_hour=3600.0,
    )
    metrics = found["metrics"]
    assert metrics["ttft_ms"]["p50"] == pytest.approx(75)
    assert metrics["tpot_ms"]["mean"] == pytest.approx(12.5)
    assert metrics["itl_ms"]["p50"] == pytest.approx(12.5)
    assert metrics["e2e_ms"]["mean"] == pytest.approx(200)
    # From the first due at 0 to the last end at 400 ms.
    assert found["seconds"] == pytest.approx(0.4)
    assert metrics["requests_per_s"] == pytest.approx(5.0)
    assert metrics["output_tokens_per_s"] == pytest.approx(55.0)
    assert (metrics["prompt_tokens"], metrics["cached_tokens"], metrics["output_tokens"]) == (100, 48, 22)
    assert metrics["usd_per_1000_requests"] == pytest.approx(200.0)
    assert metrics["usd_per_million_tokens"] == pytest.approx(0.4 / 122 * 1e6)
    assert (found["requests"], found["errors"], found["suspect"]) == (2, 0, [])
    assert metrics.keys() == {metric.tag for metric in METRICS}
    assert json.loads(json.dumps(found)) == found


def test_what_was_spent_on_prompts_is_charged_and_no_part_of_the_latency() -> None:
    compressed = PromptFigures(2, 2, 200, 100, 0.4, {})
    observed = replace(HEALTHY, prompts={"prompt_compression": compressed}, saved_prompt_tokens=200)
    found = summary(
        replace(record(0, due_ms=0, ttft_ms=100, tpot_ms=10, tokens=11, prompt_tokens=50), prepared_ns=300_000_000),
        replace(record(1, due_ms=200, ttft_ms=100, tpot_ms=10, tokens=11, prompt_tokens=50), prepared_ns=100_000_000),
        observed=observed,
        price_per_hour=3600.0,
    )
    metrics = found["metrics"]
    assert metrics["ttft_ms"]["p50"] == pytest.approx(100)
    assert metrics["preparation_ms"]["mean"] == pytest.approx(200)
    # The run took 0.4 s, and so did preparing.
    assert metrics["preparation_share"] == pytest.approx(50.0)
    assert metrics["usd_per_1000_requests"] == pytest.approx(400.0)
    assert (metrics["prompt_tokens"], metrics["sent_prompt_tokens"]) == (200, 100)


def test_where_no_technique_changes_prompts_there_is_no_preparation() -> None:
    metrics = summary(record(0))["metrics"]
    assert metrics["preparation_ms"]["mean"] is None
    assert metrics["preparation_share"] is None


def test_a_technique_sees_what_it_did_to_the_prompts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PromptFigures | None] = []

    def look(self: PrefixCaching, settings: object, observation: Observation) -> Evidence:
        seen.append(observation.prompts)
        return Evidence(self.key, None, "")

    monkeypatch.setattr(PrefixCaching, "evidence", look)
    figures = PromptFigures(1, 1, 9, 3, 0.1, {"documents_left_out": 2.0})
    recipe = Recipe.of([("prefix_caching", {})])
    for key in ("prefix_caching", "another"):
        stored = {"delta": {}, "prompts": {key: figures.to_json()}, "saved_prompt_tokens": 9}
        summary(record(0), observed=Observed.merge([stored]), recipe=recipe)
    assert seen == [figures, None]


def test_failed_requests_are_counted_and_have_no_latency() -> None:
    bad = record(1, due_ms=0, ttft_ms=9000, tokens=0, prompt_tokens=None, error="HTTP 500: no")
    found = summary(record(0), bad, record(2), expected={0: "answer", 1: "answer"}, price_per_hour=1.0)
    assert (found["requests"], found["errors"]) == (3, 1)
    assert found["error_examples"] == ["HTTP 500: no"]
    assert found["metrics"]["ttft_ms"]["p99"] == pytest.approx(100)
    assert found["metrics"]["quality"] == 50.0
    assert (found["metrics"]["refusals"], found["metrics"]["empty_answers"]) == (0, 0)
    # The failed one's nine seconds are part of the run and are paid by the two answers.
    assert found["seconds"] == pytest.approx(9.0)
    assert found["metrics"]["requests_per_s"] == pytest.approx(2 / 9)
    assert found["suspect"] == ["1 of 3 requests failed"]


def test_a_run_that_answered_nothing_has_no_figures_and_no_zeros() -> None:
    found = summary(record(0, error="b"), record(1, error="a"), record(2, error="b"), price_per_hour=1.0)
    assert found["errors"] == found["requests"] == 3
    assert found["error_examples"] == ["a", "b"]
    metrics = found["metrics"]
    for tag in (
        "requests_per_s",
        "output_tokens_per_s",
        "output_tokens",
        "prompt_tokens",
        "usd_per_1000_requests",
        "refusals",
        "empty_answers",
    ):
        assert metrics[tag] is None, tag
    assert set(metrics["ttft_ms"].values()) == {None}
    assert summary()["metrics"]["e2e_ms"]["p50"] is None


def test_what_the_server_does_not_count_is_unknown() -> None:
    silent = replace(record(), prompt_tokens=None, completion_tokens=None)
    metrics = summary(silent, observed=Observed(None), price_per_hour=1.0)["metrics"]
    for tag in ("prompt_tokens", "output_tokens", "cached_tokens", "usd_per_million_tokens", "quality"):
        assert metrics[tag] is None, tag
    assert metrics["usd_per_1000_requests"] is not None


def test_cached_tokens_fall_back_to_the_engines_own_count() -> None:
    observed = Observed({"vllm:prompt_tokens_cached_total": 32.0})
    assert summary(record(), observed=observed)["metrics"]["cached_tokens"] == 32
    assert summary(record(cached_tokens=16), observed=observed)["metrics"]["cached_tokens"] == 16
    assert summary(record(), observed=Observed({}))["metrics"]["cached_tokens"] == 0


def test_intervals_hold_the_medians() -> None:
    found = summary(*(record(at, due_ms=300 * at, ttft_ms=100 + at) for at in range(30)))
    low, high = found["intervals"]["ttft_ms"]
    assert low < found["metrics"]["ttft_ms"]["p50"] < high
    assert summary(record())["intervals"]["ttft_ms"] is None


def test_quality_goes_by_the_rule_and_has_an_interval_by_prompts() -> None:
    requests = [record(at, text="answer no. 12" if at < 15 else "I cannot say" if at < 18 else " ") for at in range(20)]
    expected = dict.fromkeys(range(20), "12.0")
    found = summary(*requests, expected=expected, score="numeric")
    assert (found["metrics"]["quality"], summary(*requests, expected=expected)["metrics"]["quality"]) == (75.0, 0.0)
    assert found["intervals"]["quality"] == pytest.approx([53.1, 88.8], abs=0.1)
    assert (found["metrics"]["refusals"], found["metrics"]["empty_answers"]) == (3, 2)
    assert summary(*requests)["intervals"]["quality"] is None


def test_clocks_of_segments_are_summed_and_never_mixed() -> None:
    before = [(0, record(at, due_ms=1_000_000 + 200 * at)) for at in range(2)]
    after_reboot = [(1, record(at, due_ms=200 * at)) for at in range(2, 5)]
    assert run_seconds([*before, *after_reboot]) == pytest.approx(0.4 + 0.6)
    assert run_seconds([]) == 0


class TestSuspicion:
    @pytest.mark.parametrize(
        ("observed", "reason"),
        [
            (Observed({}, cold_start="unknown"), "the prefix cache could not be emptied before it"),
            (Observed({}, segments=2), "it was interrupted and resumed (2 parts, each with a cold cache)"),
            (
                Observed({}, loop_lag_p99_ms=80.0),
                "the client's event loop lagged (p99 80 ms): tokens are stamped that much late",
            ),
        ],
    )
    def test_what_was_observed(self, observed: Observed, reason: str) -> None:
        assert summary(record(), observed=observed)["suspect"] == [reason]

    def test_salt_is_as_good_as_a_reset(self) -> None:
        assert summary(record(), observed=Observed({}, cold_start="salt"))["suspect"] == []

    def test_requests_that_left_late(self) -> None:
        assert summary(record(send_delay_ms=9))["suspect"] == []
        assert summary(record(send_delay_ms=60))["suspect"] == [
            "requests left late (p99 60 ms): the client was too busy"
        ]

    @pytest.mark.parametrize(
        ("ttft", "most"), [(None, 50.0), (10.0, 5.0), (100.0, 10.0), (265.0, 26.5), (2000.0, 50.0)]
    )
    def test_how_late_is_too_late_goes_by_the_latency(self, ttft: float | None, most: float) -> None:
        assert most_late_ms(ttft) == pytest.approx(most)

    @pytest.mark.parametrize(("lag", "suspect"), [(29.0, False), (31.0, True)])
    def test_a_lag_is_held_against_the_latency(self, lag: float, suspect: bool) -> None:
        found = summary(record(ttft_ms=300), observed=Observed({}, loop_lag_p99_ms=lag))["suspect"]
        assert bool(found) == suspect

    def test_token_counts_that_differ(self) -> None:
        close = record(0, prompt_tokens=1000, client_prompt_tokens=1009)
        off = record(1, prompt_tokens=1000, client_prompt_tokens=1011)
        assert summary(close, off)["suspect"] == [
            "Rung and the server count the prompt tokens of 1 requests differently"
        ]


class TestMerge:
    def part(self, **fields: Any) -> dict[str, Any]:
        whole = {"delta": {"a": 1.0}, "running": [2.0], "peak_in_flight": 4, "loop_lag_p99_ms": 3.0}
        return {**whole, "cold_start": "reset", **fields}

    def test_segments_add_up(self) -> None:
        found = Observed.merge([self.part(), self.part(delta={"a": 2.0, "b": 5.0}, running=[3.0], peak_in_flight=2)])
        assert found == Observed({"a": 3.0, "b": 5.0}, (2.0, 3.0), 4, 3.0, "reset", 2)

    def test_a_segment_that_was_cut_off_is_counted(self) -> None:
        assert Observed.merge([None, self.part()]) == Observed({"a": 1.0}, (2.0,), 4, 3.0, "reset", 2)
        assert Observed.merge([None]) == Observed(None, segments=1, cold_start="unknown")

    def test_one_cold_start_that_is_unknown_makes_all_so(self) -> None:
        assert Observed.merge([self.part(), self.part(cold_start="salt")]).cold_start == "unknown"

    def test_without_metrics_there_is_no_delta(self) -> None:
        assert Observed.merge([self.part(delta=None, loop_lag_p99_ms=None)]).delta is None
        assert Observed.merge([self.part(loop_lag_p99_ms=None)]).loop_lag_p99_ms is None


def test_each_technique_of_the_recipe_brings_its_evidence() -> None:
    delta = {
        "vllm:prefix_cache_queries_total": 100.0,
        "vllm:prefix_cache_hits_total": 80.0,
        "vllm:request_inference_time_seconds_sum": 0.8,
    }
    recipe = Recipe.from_json(["prefix_caching", "continuous_batching"])
    found = summary(record(), record(1), observed=Observed(delta, peak_in_flight=4), recipe=recipe)["evidence"]
    assert [(item["technique"], item["took_effect"]) for item in found] == [
        ("prefix_caching", True),
        ("continuous_batching", True),
    ]
    assert found[0]["figures"]["hit_rate"] == pytest.approx(0.8)
    # 0.8 s of running in a run of 0.2 s.
    assert found[1]["figures"]["mean_running"] == pytest.approx(4.0)
