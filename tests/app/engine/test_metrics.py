"""Reading vLLM's metrics: samples by name, growth between two readings, and endpoints without any."""

from __future__ import annotations

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.metrics import (
    KV_USAGE,
    RUNNING,
    WAITING,
    CacheFacts,
    cache_facts,
    delta,
    parse_metrics,
    read_named,
    scrape,
    scrape_named,
)  # fmt: skip
from tests.app.serving import fake_vllm_server, server

TEXT = """# HELP python_info Python platform information
# TYPE python_info gauge
python_info{version="3.11"} 1.0
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 100.0
vllm:prompt_tokens_total{engine="1",model_name="m"} 20.0
vllm:prompt_tokens_created{engine="0",model_name="m"} 1.7e+09
# HELP vllm:spec_decode_num_accepted_tokens_per_pos_total Accepted tokens per draft position.
# TYPE vllm:spec_decode_num_accepted_tokens_per_pos_total counter
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="0"} 7.0
# HELP vllm:iteration_tokens_total Histogram of number of tokens per engine_step.
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="m"} 3.0
vllm:iteration_tokens_total_bucket{engine="0",le="+Inf",model_name="m"} 5.0
vllm:iteration_tokens_total_count{engine="0",model_name="m"} 5.0
vllm:iteration_tokens_total_sum{engine="0",model_name="m"} 40.0
"""


def test_samples_are_summed_over_engines_and_keep_other_labels() -> None:
    assert parse_metrics(TEXT) == {
        "vllm:prompt_tokens_total": 120.0,
        'vllm:spec_decode_num_accepted_tokens_per_pos_total{position="0"}': 7.0,
        "vllm:iteration_tokens_total_count": 5.0,
        "vllm:iteration_tokens_total_sum": 40.0,
    }


def test_growth_leaves_out_what_stood_still_and_counts_what_is_new() -> None:
    before, after = {"a": 1.0, "b": 2.0}, {"a": 4.0, "b": 2.0, "new": 5.0}
    assert delta(before, after) == {"a": 3.0, "new": 5.0}
    assert delta(None, after) is None
    assert delta(before, None) is None
    assert delta({}, {}) == {}


READINGS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 1000).map(float), max_size=4)


@given(READINGS, READINGS)
def test_the_former_reading_and_the_growth_add_up_to_the_latter(
    before: dict[str, float], grown: dict[str, float]
) -> None:
    after = {name: before.get(name, 0.0) + grown.get(name, 0.0) for name in before.keys() | grown.keys()}
    assert delta(before, after) == {name: value for name, value in grown.items() if value}


async def test_the_fake_engines_metrics_are_read() -> None:
    async with fake_vllm_server() as (url, _), aiohttp.ClientSession() as session:
        reading = await scrape(session, url)
    assert reading is not None
    assert reading["vllm:prompt_tokens_total"] == 0.0
    assert "vllm:num_requests_running" in reading


@pytest.mark.parametrize("body", ["", "<html>nothing here</html>", "other_total 1.0\n", "vllm:x{", "# TYPE"])
async def test_a_page_that_is_no_metrics_counts_as_none(body: str) -> None:
    async with server({"/metrics": body}) as url, aiohttp.ClientSession() as session:
        assert await scrape(session, url) is None


async def test_no_such_page_and_no_such_server_count_as_none() -> None:
    async with aiohttp.ClientSession() as session:
        async with server({}) as url:
            assert await scrape(session, url) is None
        assert await scrape(session, url) is None


GAUGES = """# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b"} 3.0
vllm:num_requests_running{engine="1",model_name="a b"} 2.0
vllm:num_requests_running_by_user{engine="0"} 9.0
vllm:kv_cache_usage_perc 0.25
"""


def test_sampled_gauges_are_read_without_the_rest() -> None:
    assert read_named(GAUGES) == {RUNNING: 5.0, KV_USAGE: 0.25}
    assert read_named(TEXT) is None
    assert read_named("vllm:num_requests_running{} many") is None


async def test_a_sample_agrees_with_a_whole_reading() -> None:
    async with fake_vllm_server() as (url, _), aiohttp.ClientSession() as session:
        whole, sample = await scrape(session, url), await scrape_named(session, url)
    assert whole is not None
    assert sample == {name: whole[name] for name in (RUNNING, WAITING, KV_USAGE)}


def info(**labels: object) -> dict[str, float]:
    text = ",".join(f'{name}="{value}"' for name, value in {**labels, "engine": 0}.items())
    return parse_metrics(f"# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{{{text}}} 1.0\n")


@pytest.mark.parametrize(
    ("labels", "facts"),
    [
        ({"block_size": 128, "num_gpu_blocks": 64}, CacheFacts(128, 8192)),
        ({"block_size": 16, "num_gpu_blocks": 64, "kv_cache_size_tokens": 1000}, CacheFacts(16, 1000)),
        ({"block_size": 1024, "cache_hit_alignment_tokens": 32, "num_gpu_blocks": "None"}, CacheFacts(32, None)),
        ({"user_specified_block_size": False, "mamba_block_size": "None"}, CacheFacts()),
    ],
)
def test_the_engine_says_how_large_its_blocks_and_its_cache_are(labels: dict[str, object], facts: CacheFacts) -> None:
    assert cache_facts(info(**labels)) == facts


def test_an_engine_that_says_nothing_leaves_it_unknown() -> None:
    assert cache_facts({}) == cache_facts(None) == CacheFacts()
