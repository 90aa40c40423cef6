"""Each fault of the fake engine does what its name says."""

from __future__ import annotations

import http.client
import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.fakes.client import chat, chunks, lines, send
from tests.fakes.launch import engine_process, eventually, fake_engine

CHAT = "/v1/chat/completions"
NETWORK_ERRORS = (http.client.HTTPException, ConnectionError)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def content_until_cut(url: str) -> list[str]:
    """The content chunks that came before the stream was cut, which it must be."""
    seen: list[str] = []
    with pytest.raises(NETWORK_ERRORS):
        for line in lines(url, CHAT, chat()):
            seen.append(json.loads(line)["choices"][0]["delta"]["content"])
    return [text for text in seen if text]


def test_slow_start_binds_later() -> None:
    with engine_process(fault="slow_start", start_s=0.5) as server:
        assert not server.bound()
        server.wait_until_bound()
        assert send(server.url, "/health").status == 200


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def test_early_exit_ends_with_the_cause() -> None:
    with engine_process("--max-model-len", "2048", fault="early_exit") as server:
        assert server.process.wait() == 1
        text = server.output.read_text()
    assert "Traceback (most recent call last):" in text
    assert last_line(text).startswith("ValueError: To serve at least one request with the model's max seq len (2048)")


def test_early_exit_as_vllm_logs_it_hides_the_cause_above() -> None:
    with engine_process(fault="early_exit", exit_log="core") as server:
        assert server.process.wait() == 1
        text = server.output.read_text()
    assert "resource_tracker" in last_line(text)
    assert text.index("ValueError: To serve") < text.index("RuntimeError: Engine core initialization failed")


def test_early_exit_for_a_folder_that_is_no_model() -> None:
    with engine_process("--model", "some/folder", fault="early_exit", exit_log="config") as server:
        assert server.process.wait() == 1
        text = server.output.read_text()
    assert "Value error, Unrecognized model in some/folder." in text
    assert last_line(text).lstrip().startswith("For further information")


def test_a_launch_that_fails_shows_the_log() -> None:
    with (
        pytest.raises(RuntimeError, match=r"exited with 1:\s.*FAULT: unknown bogus"),
        fake_engine(fault="bogus"),
    ):
        pass


def test_never_ready_binds_and_is_never_healthy() -> None:
    with fake_engine(fault="never_ready") as url:
        assert [send(url, "/health").status for _ in range(3)] == [503, 503, 503]


def test_hang_start_lives_and_never_binds() -> None:
    with engine_process(fault="hang_start") as server:
        eventually(lambda: "Starting to load model" in server.output.read_text(), "the model is loading")
        assert server.process.poll() is None
        assert not server.bound()


def test_garbage_is_a_stream_without_json() -> None:
    with fake_engine(fault="garbage") as url:
        *events, done = lines(url, CHAT, chat())
        assert done == b"[DONE]"
        assert len(events) == 3
        for event in events:
            with pytest.raises(ValueError):
                json.loads(event)
        with pytest.raises(ValueError):
            _ = send(url, CHAT, chat(stream=False)).json


def test_half_stream_cuts_every_nth_request() -> None:
    with fake_engine(fault="half_stream", fault_every=2, fault_after_tokens=3) as url:
        assert len(chunks(url, CHAT, chat())) == 17
        assert len(content_until_cut(url)) == 3
        assert len(chunks(url, CHAT, chat())) == 17
        with pytest.raises(NETWORK_ERRORS):
            send(url, CHAT, chat(stream=False))


def test_half_stream_strikes_answers_shorter_than_its_threshold() -> None:
    with fake_engine(fault="half_stream", tokens=1) as url:
        assert len(content_until_cut(url)) == 1


def test_http_500_strikes_every_nth_request() -> None:
    with fake_engine(fault="http_500", fault_every=3) as url:
        replies = [send(url, CHAT, chat()) for _ in range(6)]
    assert [reply.status for reply in replies] == [200, 200, 500, 200, 200, 500]
    assert replies[2].json["error"]["type"] == "InternalServerError"


def test_http_400_says_that_the_prompt_is_too_long() -> None:
    with fake_engine(fault="http_400") as url:
        reply = send(url, CHAT, chat())
    assert reply.status == 400
    assert reply.json["error"]["message"].startswith("This model's maximum context length is 4096 tokens.")
    assert reply.json["error"]["param"] == "input_tokens"


@pytest.mark.parametrize("stream", [True, False])
def test_stall_neither_goes_on_nor_ends(stream: bool) -> None:
    with fake_engine(fault="stall", fault_after_tokens=2) as url:
        seen = []
        with pytest.raises(TimeoutError):
            for line in lines(url, CHAT, chat(stream=stream), timeout=0.3):
                seen.append(line)
        assert len(seen) == (3 if stream else 0)


def test_die_midway_answers_some_requests_and_dies_in_the_next() -> None:
    with engine_process(fault="die_midway", die_after=2) as server:
        server.wait_until_bound()
        for _ in range(2):
            assert len(chunks(server.url, CHAT, chat())) == 17
        assert len(content_until_cut(server.url)) == 2
        assert server.process.wait() == -signal.SIGKILL


def test_a_healthy_engine_obeys_sigterm_and_ends_its_child(tmp_path: Path) -> None:
    pidfile = tmp_path / "child"
    with engine_process(child=True, child_pidfile=pidfile) as server:
        server.wait_until_bound()
        child = int(pidfile.read_text())
        assert alive(child)
        server.process.terminate()
        assert server.process.wait() == 0
        assert not alive(child)


def test_a_stalled_request_does_not_keep_the_engine_from_ending() -> None:
    with engine_process(fault="stall") as server:
        server.wait_until_bound()
        held = lines(server.url, CHAT, chat())
        next(held)
        server.process.terminate()
        assert server.process.wait() == 0
        held.close()


def test_ignore_sigterm_needs_sigkill_and_leaves_an_orphan_for_the_group_kill(tmp_path: Path) -> None:
    pidfile = tmp_path / "child"
    with engine_process(fault="ignore_sigterm", child=True, child_pidfile=pidfile) as server:
        server.wait_until_bound()
        child = int(pidfile.read_text())
        assert os.getpgid(child) == server.process.pid
        os.killpg(server.process.pid, signal.SIGTERM)
        assert send(server.url, "/health").status == 200
        server.process.kill()
        assert server.process.wait() == -signal.SIGKILL
        assert alive(child)
    eventually(lambda: not alive(child), "the child has ended")
