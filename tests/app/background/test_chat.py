"""One prompt to the fake engine: what comes while it comes, its figures, and engines that do not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.background.chat import Question, Shown, start_chat, why, work
from app.background.jobs import cancel
from app.background.run import Report
from app.replay.record import Exchange
from optimizers.errors import InputError
from store.settings import Settings
from tests.app.background.waiting import ended, seen
from tests.app.serving import fake_vllm_server
from tests.fakes.launch import fake_engine


def question(url: str, **other: Any) -> Question:
    fields = {"model": "fake", "chat": True, "text": "Say something", "max_tokens": 16, "temperature": 0.0}
    return Question(url, **{**fields, **other})


def test_an_answer_with_its_figures(settings: Settings) -> None:
    with fake_engine(ttft_ms=30, itl_ms=5) as url:
        job = ended(settings, start_chat(settings, question(url)))
    assert (job.status, job.error) == ("done", None)
    found = job.result
    assert found["text"]
    assert (found["output_tokens"], found["cached_tokens"]) == (16, 0)
    assert found["prompt_tokens"] > 0
    assert found["ttft_ms"] >= 30
    assert found["tpot_ms"] >= 4
    assert found["output_tokens_per_s"] == pytest.approx(16 / (found["e2e_ms"] / 1000))


async def test_the_text_is_there_while_it_comes(settings: Settings, tmp_path: Path) -> None:
    seen: list[str] = []

    class Watched(Report):
        def runs(self, what: str, *counts: Any, **result: Any) -> None:
            seen.append(result.get("text", ""))
            super().runs(what, *counts, **result)

    async with fake_vllm_server(itl_ms=40.0, tokens=12) as (url, _):
        found = await work(vars(question(url)), settings, Watched(tmp_path))
    assert len(set(seen)) > 2
    assert all(found["text"].startswith(text) for text in seen)


async def test_a_model_without_a_template_gets_the_text_as_it_is(settings: Settings, tmp_path: Path) -> None:
    async with fake_vllm_server(log=tmp_path / "log") as (url, _):
        await work(vars(question(url, chat=False)), settings, Report(tmp_path))
    assert "/v1/completions" in (tmp_path / "log").read_text()


def test_cancelled_it_keeps_what_came(settings: Settings) -> None:
    with fake_engine(itl_ms=100, tokens=200) as url:
        job = start_chat(settings, question(url, max_tokens=200))
        seen(settings, job, lambda job: bool(job.result.get("text")))
        cancel(settings, job)
        found = ended(settings, job)
    assert found.status == "cancelled"
    assert found.result["text"]


def test_an_engine_that_dies_in_the_middle_is_one_line(settings: Settings) -> None:
    with fake_engine(fault="die_midway", die_after=0, fault_after_tokens=3, itl_ms=20) as url:
        job = ended(settings, start_chat(settings, question(url)))
    assert job.status == "failed"
    assert str(job.error).startswith("the engine stopped answering (the connection was lost")
    assert "start it again" in str(job.error)


def test_an_engine_that_is_not_there(settings: Settings) -> None:
    job = ended(settings, start_chat(settings, question("http://127.0.0.1:9")))
    assert "could not connect" in str(job.error)


def test_what_the_engine_refuses_is_told(settings: Settings) -> None:
    with fake_engine(fault="http_400") as url:
        job = ended(settings, start_chat(settings, question(url)))
    assert "HTTP 400" in str(job.error)
    assert "the engine stopped" not in str(job.error)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"text": " \n"}, "nothing to send"),
        ({"text": "x" * 100_001}, "100,000 are the most"),
        ({"max_tokens": 0}, "at least 1 token"),
        ({"temperature": 3.0}, "a temperature from 0 to 2"),
    ],
)
def test_what_cannot_be_sent(settings: Settings, other: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        start_chat(settings, question("http://127.0.0.1:9", **other))


def test_events_cut_anywhere_are_shown_once() -> None:
    event = b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n'
    body = event % b"one " + event % b"two " + event % b"three"
    for cut in range(1, len(body)):
        exchange, shown = Exchange(0, 0, status=200), Shown()
        for piece in (body[:cut], body[cut:]):
            exchange.chunks.append((0, piece))
            shown.look(exchange)
        assert shown.text == "one two three"


def test_an_error_page_is_no_text() -> None:
    shown = Shown()
    shown.look(Exchange(0, 0, status=500, chunks=[(0, b"data: x\n\n")]))
    assert (shown.text, shown.what) == ("", "waiting for the first token")


def test_only_a_lost_engine_is_to_be_started_again() -> None:
    assert "start it again" in why("could not connect: Connection refused")
    assert why("HTTP 400: too long") == "HTTP 400: too long"
