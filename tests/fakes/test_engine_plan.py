"""When the fake engine sends what: the plan itself, so that no test has to look at a clock."""

from __future__ import annotations

import pytest

from tests.fakes.engine_metrics import BLOCK_TOKENS, PrefixCache
from tests.fakes.engine_plan import Step, output_length, output_words, prompt_words, steps
from tests.fakes.engine_settings import Behaviour, parse_behaviour, parse_flags


def test_a_token_per_chunk_at_fixed_distances() -> None:
    plan = steps(Behaviour(ttft_ms=50, itl_ms=10), total=3, uncached_tokens=0, spec_tokens=0, role=False)
    assert plan == [Step(50, 0, 1), Step(60, 1, 2), Step(70, 2, 3)]


def test_the_role_chunk_leads_and_leaves_the_first_token_where_it_was() -> None:
    behaviour = Behaviour(ttft_ms=50, role_lead_ms=20)
    plan = steps(behaviour, total=1, uncached_tokens=0, spec_tokens=0, role=True)
    assert plan == [Step(30, 0, 0), Step(50, 0, 1)]


def test_no_role_chunk_when_switched_off() -> None:
    plan = steps(Behaviour(role_chunk=False), total=1, uncached_tokens=0, spec_tokens=0, role=True)
    assert plan == [Step(0, 0, 1)]


def test_only_uncached_prompt_tokens_cost_prefill() -> None:
    plan = steps(Behaviour(ttft_ms=5, prefill_us=1000), total=1, uncached_tokens=7, spec_tokens=0, role=False)
    assert plan == [Step(12, 0, 1)]


def test_several_tokens_per_chunk_with_a_short_last_one() -> None:
    plan = steps(Behaviour(tokens_per_chunk=4), total=10, uncached_tokens=0, spec_tokens=0, role=False)
    assert [(step.start, step.stop) for step in plan] == [(0, 4), (4, 8), (8, 10)]


def test_speculation_sends_accepted_tokens_together_after_the_first() -> None:
    plan = steps(Behaviour(spec_accept=2), total=6, uncached_tokens=0, spec_tokens=5, role=False)
    assert [(step.start, step.stop) for step in plan] == [(0, 1), (1, 4), (4, 6)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (16, "stop")),
        ({"max_tokens": 4}, (4, "length")),
        ({"max_completion_tokens": 5, "max_tokens": 9}, (5, "length")),
        ({"max_tokens": 99}, (16, "stop")),
    ],
)
def test_output_is_cut_by_max_tokens(body: dict[str, int], expected: tuple[int, str]) -> None:
    assert output_length(body, Behaviour()) == expected


def test_the_same_prompt_always_gets_the_same_words() -> None:
    assert output_words(["a", "b"], 8) == output_words(["a", "b"], 8) != output_words(["a", "c"], 8)


def test_a_next_turn_extends_the_prefix_of_the_last_one() -> None:
    user = {"role": "user", "content": [{"type": "text", "text": "one two"}]}
    first = prompt_words({"messages": [user]})
    answered = [user, {"role": "assistant", "content": "three"}, {"role": "user", "content": "four"}]
    assert prompt_words({"messages": answered})[: len(first) + 1] == [*first, "three"]


def test_prefix_cache_hits_whole_blocks_of_the_shared_part_and_never_the_last_token() -> None:
    cache = PrefixCache()
    shared = [f"w{index}" for index in range(2 * BLOCK_TOKENS)]
    cache.store([*shared, "mine"], "")
    assert cache.hit_tokens([*shared, "yours"], "") == 2 * BLOCK_TOKENS
    assert cache.hit_tokens(shared, "") == BLOCK_TOKENS
    assert cache.hit_tokens([*shared, "yours"], "salt") == 0
    assert cache.hit_tokens(["other", *shared], "") == 0
    cache.clear()
    assert cache.hit_tokens([*shared, "yours"], "") == 0


def test_flags_vllm_knows_and_flags_nobody_knows() -> None:
    flags = parse_flags(
        [
            *("--model", "folder", "--served-model-name", "name", "alias", "--port", "1234", "--bogus"),
            *("--max-num-seqs=8", "--kv-cache-dtype", "fp8", "--no-enable-prefix-caching"),
            *("--speculative-config", '{"method": "ngram", "num_speculative_tokens": 4}'),
        ]
    )
    assert (flags.served_name, flags.port, flags.prefix_caching, flags.spec_tokens) == (
        "name",
        1234,
        False,
        4,
    )
    assert parse_flags([]).prefix_caching


def test_faults_combine_and_unknown_ones_are_named() -> None:
    faults = parse_behaviour({"FAKE_ENGINE_FAULT": "slow_start,stall"}).faults
    assert faults == {"slow_start", "stall"}
    with pytest.raises(ValueError, match="unknown bogus; known: none, die_midway"):
        parse_behaviour({"FAKE_ENGINE_FAULT": "bogus"})
