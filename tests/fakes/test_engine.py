"""The healthy fake engine: endpoints, the shapes on the wire, counters, and what it records."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.client import chat, chunks, lines, metrics, send
from tests.fakes.launch import eventually, fake_engine

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}
LONG = " ".join(f"word{index}" for index in range(40))
LABELS = '{engine="0",model_name="name"}'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with fake_engine("--model", "folder", "--served-model-name", "name", "--max-model-len", "64") as url:
        yield url


def test_health_version_and_models(url: str) -> None:
    assert send(url, "/health").status == 200
    assert send(url, "/version").json == {"version": "0.32.0"}
    (card,) = send(url, "/v1/models").json["data"]
    assert (card["id"], card["root"], card["max_model_len"]) == ("name", "folder", 64)


def test_tokenize_counts_words_of_a_prompt_and_of_messages(url: str) -> None:
    answer = send(url, "/tokenize", {"prompt": "one two one"}).json
    assert (answer["count"], answer["max_model_len"]) == (3, 64)
    assert answer["tokens"][0] == answer["tokens"][2] != answer["tokens"][1]
    assert send(url, "/tokenize", chat("one")).json["count"] == 3


def test_chat_stream_is_role_then_tokens_then_usage(url: str) -> None:
    role, *tokens, usage = chunks(url, CHAT, chat(max_tokens=3, **USAGE))
    assert role["object"] == "chat.completion.chunk"
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["finish_reason"] for chunk in tokens] == [None, None, "length"]
    assert all(chunk["choices"][0]["delta"]["content"].strip() for chunk in tokens)
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 3
    assert usage["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}


def test_chat_stream_without_usage_asked_for_has_none(url: str) -> None:
    assert all("usage" not in chunk for chunk in chunks(url, CHAT, chat()))


def test_completion_stream_has_text_and_no_role(url: str) -> None:
    *tokens, usage = chunks(url, TEXT, {"prompt": "one two", "max_tokens": 2, **USAGE})
    assert tokens[0]["object"] == "text_completion"
    assert all(chunk["choices"][0]["text"] for chunk in tokens)
    assert usage["usage"]["prompt_tokens"] == 2


def test_whole_answers_say_what_the_streams_say(url: str) -> None:
    streamed = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks(url, CHAT, chat()))
    answer = send(url, CHAT, chat(stream=False)).json
    assert answer["choices"][0]["message"]["content"] == streamed
    assert answer["usage"]["completion_tokens"] == 16
    assert send(url, TEXT, {"prompt": "x", "max_tokens": 1}).json["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (chat(model="other"), 404, "NotFoundError"),
        (chat("word " * 64), 400, "BadRequestError"),
        (b"{", 400, "Bad Request"),
        (b"[]", 400, "Bad Request"),
    ],
)
def test_bad_requests_get_an_error_body(url: str, body: dict[str, object] | bytes, status: int, kind: str) -> None:
    reply = send(url, CHAT, body)
    assert (reply.status, reply.json["error"]["type"]) == (status, kind)


def test_reasoning_comes_first_under_either_name() -> None:
    with fake_engine(reasoning=2, reasoning_key="reasoning_content", tokens=4) as url:
        _, *tokens, usage = chunks(url, CHAT, chat(**USAGE))
        deltas = [set(chunk["choices"][0]["delta"]) for chunk in tokens]
        assert deltas == [{"reasoning_content"}, {"reasoning_content"}, {"content"}, {"content"}]
        assert usage["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    with fake_engine(reasoning=1, role_chunk=False, tokens=2) as url:
        deltas = [set(chunk["choices"][0]["delta"]) for chunk in chunks(url, CHAT, chat())]
        assert deltas == [{"reasoning"}, {"content"}]


def test_prefix_cache_hits_show_in_usage_and_metrics_until_the_reset() -> None:
    with fake_engine("--served-model-name", "name", "--enable-prefix-caching") as url:
        cached = []
        for content in (f"{LONG} first", f"{LONG} second"):
            usage = chunks(url, CHAT, chat(content, **USAGE))[-1]["usage"]
            cached.append(usage["prompt_tokens_details"]["cached_tokens"])
        assert cached == [0, 32]
        seen = metrics(url)
        assert seen[f"vllm:prefix_cache_queries_total{LABELS}"] == 86
        assert seen[f"vllm:prefix_cache_hits_total{LABELS}"] == 32
        assert seen[f"vllm:prompt_tokens_cached_total{LABELS}"] == 32
        assert send(url, "/reset_prefix_cache", b"").json == {"success": True}
        usage = chunks(url, CHAT, chat(f"{LONG} third", **USAGE))[-1]["usage"]
        assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_without_prefix_caching_nothing_is_even_looked_up() -> None:
    with fake_engine("--served-model-name", "name", "--no-enable-prefix-caching") as url:
        for _ in range(2):
            chunks(url, CHAT, chat(LONG))
        seen = metrics(url)
        assert seen[f"vllm:prefix_cache_queries_total{LABELS}"] == 0
        assert seen[f"vllm:prefix_cache_hits_total{LABELS}"] == 0
        assert seen[f"vllm:prompt_tokens_total{LABELS}"] == 84
        assert not any("spec_decode" in name for name in seen)


def test_speculation_counts_drafts_and_accepted_tokens_by_position() -> None:
    config = '{"method": "ngram", "num_speculative_tokens": 3}'
    with fake_engine("--served-model-name", "name", "--speculative-config", config, tokens=7) as url:
        chunks(url, TEXT, {"prompt": "one two three"})
        seen = metrics(url)
    assert seen[f"vllm:spec_decode_num_drafts_total{LABELS}"] == 2
    assert seen[f"vllm:spec_decode_num_draft_tokens_total{LABELS}"] == 6
    assert seen[f"vllm:spec_decode_num_accepted_tokens_total{LABELS}"] == 4
    per_position = 'vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="name",position="%d"}'
    assert [seen[per_position % position] for position in range(3)] == [2, 2, 0]
    assert seen[f"vllm:generation_tokens_total{LABELS}"] == 7
    assert seen[f"vllm:iteration_tokens_total_count{LABELS}"] == 3
    assert seen[f"vllm:iteration_tokens_total_sum{LABELS}"] == 10


def test_reset_is_refused_while_a_request_runs_and_missing_without_dev_mode() -> None:
    with fake_engine(fault="stall") as url:
        held = lines(url, CHAT, chat())
        next(held)
        assert send(url, "/reset_prefix_cache", b"").json == {"success": False}
        held.close()
    with fake_engine(VLLM_SERVER_DEV_MODE="0") as url:
        assert send(url, "/reset_prefix_cache", b"").status == 404


def test_log_records_bodies_and_how_many_requests_were_in_flight(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with fake_engine(fault="stall", log=log) as url, contextlib.ExitStack() as held:
        for content in ("first", "second", "third"):
            stream = lines(url, CHAT, chat(content))
            held.callback(stream.close)
            next(stream)
        seen = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["in_flight"] for line in seen] == [1, 2, 3]
    assert [line["body"]["messages"][0]["content"] for line in seen] == ["first", "second", "third"]
    assert {line["path"] for line in seen} == {CHAT}
    assert sorted(line["t"] for line in seen) == [line["t"] for line in seen]


def test_requests_beyond_the_slots_wait_and_a_hung_up_client_frees_its_slot() -> None:
    running, waiting = (f"vllm:num_requests_{state}{LABELS}" for state in ("running", "waiting"))
    with fake_engine("--served-model-name", "name", fault="stall", fault_every=2, slots=1) as url:
        chunks(url, CHAT, chat())
        stalled = lines(url, CHAT, chat())
        next(stalled)
        second = threading.Thread(target=chunks, args=(url, CHAT, chat()))
        second.start()
        eventually(lambda: metrics(url)[waiting] == 1, "one request waits")
        assert metrics(url)[running] == 1
        stalled.close()
        second.join()
        eventually(lambda: metrics(url)[running] == 0, "nothing runs")
        assert metrics(url)[f"vllm:request_queue_time_seconds_count{LABELS}"] == 3
