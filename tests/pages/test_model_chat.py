"""An engine of one's own and one prompt to it, as the Models page shows them: worker, engine process and client are
real, the engine is the fake one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from streamlit.testing.v1 import AppTest

from app.background.chat import KIND
from app.background.jobs import all_jobs, cancel
from app.worker import Worker, working
from store.settings import Settings
from store.store import Store
from tests.app.background.waiting import ended
from tests.app.experimenting import shorten_waits
from tests.pages.conftest import Open, label_of, labelled, says, shown, words

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("starter")


@pytest.fixture
def worker(store: Store, settings: Settings, fake_vllm: Behave, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serves in a thread of its own until the test has ended; engines that it starts are stopped with it."""
    shorten_waits(monkeypatch)
    fake_vllm()
    with working(store, settings) as found:
        loop = asyncio.new_event_loop()
        serving = threading.Thread(target=serve, args=(loop, found))
        serving.start()
        yield
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        serving.join()


def serve(loop: asyncio.AbstractEventLoop, worker: Worker) -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(worker.serve())
    loop.close()


@pytest.fixture(autouse=True)
def _nothing_is_left(settings: Settings) -> Iterator[None]:
    yield
    for job in all_jobs(settings, KIND):
        cancel(settings, job.id)
        ended(settings, job.id)


def start_engine(at: AppTest) -> AppTest:
    return at.button[label_of(at, "Start engine")].click().run()


def can_ask(at: AppTest) -> bool:
    return any(box.label == "Prompt" for box in at.text_area)


def ask(at: AppTest, text: str = "Say something", tokens: int = 16) -> AppTest:
    labelled(at.text_area, "Prompt").set_value(text)
    labelled(at.number_input, "Longest answer (tokens)").set_value(tokens)
    return at.button[label_of(at, "Send")].click().run()


def answer(at: AppTest) -> str:
    """The last code block is the answer, the log's end is before it."""
    return str(at.code[-1].value) if "Answer" in [each.value for each in at.caption] else ""


def figures(at: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in at.metric}


def test_without_an_engine_the_page_says_what_to_do(open_page: Open) -> None:
    at = open_page("models")
    assert "Start an engine, and send it a prompt here." in words(at)
    assert not can_ask(at)


@pytest.mark.usefixtures("worker")
def test_an_engine_starts_and_its_answer_has_timings(open_page: Open, fake_vllm: Behave) -> None:
    fake_vllm(fault="slow_start", start_s=2.0, ttft_ms=200, itl_ms=10)
    at = shown(start_engine(open_page("models")), says("starting"))
    assert not can_ask(at)
    shown(at, can_ask)
    assert "ready" in words(at)
    ask(at)
    shown(at, lambda at: bool(at.metric))
    found = figures(at)
    assert 200 <= milliseconds(found["TTFT"]) < 2000
    assert 5 <= milliseconds(found["TPOT"]) < 200
    assert found["Tokens out"] == "16"
    assert int(found["Tokens in"]) > 0
    assert "One prompt is no measurement" in words(at)
    assert answer(at)


def milliseconds(shown: str) -> float:
    return float(shown.replace(",", "").removesuffix(" ms"))


@pytest.mark.usefixtures("worker")
def test_the_answer_grows_while_it_comes_and_can_be_stopped(open_page: Open, fake_vllm: Behave) -> None:
    fake_vllm(ttft_ms=500, itl_ms=100, tokens=300)
    at = shown(start_engine(open_page("models")), can_ask)
    ask(at, tokens=300)
    shown(at, says("Waiting for the first token"))
    shown(at, says("Writing"))
    first = answer(at)
    shown(at, lambda at: len(answer(at)) > len(first) > 0)
    assert answer(at).startswith(first)
    assert not at.metric
    at.button[label_of(at, "Stop")].click().run()
    shown(at, says("Stopped before its end: there are no timings."))
    assert answer(at).startswith(first)
    assert can_ask(at)


@pytest.mark.usefixtures("worker")
def test_an_answer_cut_at_its_longest_says_so(open_page: Open, fake_vllm: Behave) -> None:
    fake_vllm(tokens=64)
    at = shown(start_engine(open_page("models")), can_ask)
    shown(ask(at, tokens=8), lambda at: bool(at.metric))
    assert figures(at)["Tokens out"] == "8"
    assert "It was cut at the longest answer allowed." in words(at)


@pytest.mark.usefixtures("worker")
def test_an_engine_that_does_not_start_says_why_and_takes_no_prompt(open_page: Open, fake_vllm: Behave) -> None:
    fake_vllm(fault="early_exit", exit_log="core")
    at = shown(start_engine(open_page("models")), lambda at: bool(at.error))
    (line,) = at.error
    assert "To serve at least one request" in line.value
    assert "failed" in words(at)
    assert not can_ask(at)
    assert "Start an engine, and send it a prompt here." in words(at)


@pytest.mark.usefixtures("worker")
def test_an_engine_that_dies_in_the_middle_fails_the_answer_and_is_told(open_page: Open, fake_vllm: Behave) -> None:
    fake_vllm(fault="die_midway", die_after=0, fault_after_tokens=3, itl_ms=20)
    at = shown(start_engine(open_page("models")), can_ask)
    shown(ask(at), says("the engine stopped answering"))
    shown(at, says("the engine ended"))
    assert "start it again and send the prompt once more" in words(at)
    assert "The engine that answered runs no more." in words(at)
    assert not can_ask(at)
    assert not at.metric


@pytest.mark.usefixtures("worker")
def test_what_the_engine_refuses_is_told_in_its_words(open_page: Open, fake_vllm: Behave) -> None:
    fake_vllm(fault="http_400")
    at = shown(start_engine(open_page("models")), can_ask)
    shown(ask(at), lambda at: bool(at.error))
    assert "HTTP 400" in words(at)
    assert can_ask(at)


@pytest.mark.usefixtures("worker")
def test_an_empty_prompt_is_refused_in_one_line(open_page: Open, settings: Settings) -> None:
    at = shown(start_engine(open_page("models")), can_ask)
    ask(at, text=" ")
    assert "there is nothing to send; type a prompt" in words(at)
    assert all_jobs(settings, KIND) == []


@pytest.mark.usefixtures("worker")
def test_the_answer_is_a_link(open_page: Open, fake_vllm: Behave) -> None:
    at = shown(start_engine(open_page("models")), can_ask)
    shown(ask(at), lambda at: bool(at.metric))
    job = str(at.query_params["chat"])
    other = open_page("models", chat=job)
    assert (answer(other), figures(other)) == (answer(at), figures(at))


@pytest.mark.parametrize("link", ["chat-00000000", "quantize-00000000", "../../etc"])
def test_an_answer_that_is_not_kept_is_told(open_page: Open, link: str) -> None:
    assert "That answer is no longer kept here." in words(open_page("models", chat=link))
