"""Request bodies: chat or plain text, limits, usage, salt."""

from __future__ import annotations

import json
from typing import Any

from app.replay.body import Sampling, wire_request
from optimizers.prompt import Document, Message, Prompt

CHAT = Prompt("a", (Message("system", "Be brief.\n{{documents}}"), Message("user", "Why?")))
PLAIN = Prompt("b", text="Once upon", max_tokens=5)


def body(prompt: Prompt, chat: bool = True, **options: Any) -> tuple[str, dict[str, Any]]:
    request = wire_request(prompt, 3, "tiny", Sampling(max_tokens=32, temperature=0.5, seed=9), chat, **options)
    assert request.position == 3
    return request.path, json.loads(request.body)


def test_a_chat_prompt_goes_to_the_chat_endpoint() -> None:
    path, sent = body(CHAT)
    assert path == "/v1/chat/completions"
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert (sent["model"], sent["max_tokens"], sent["temperature"], sent["seed"]) == ("tiny", 32, 0.5, 9)
    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True}
    assert "cache_salt" not in sent


def test_without_a_chat_template_it_goes_as_text() -> None:
    path, sent = body(CHAT, chat=False)
    assert path == "/v1/completions"
    assert sent["prompt"] == "system: Be brief.\n\n\nuser: Why?\n\nassistant:"
    assert "messages" not in sent


def test_a_plain_prompt_is_a_completion_with_its_own_limit() -> None:
    path, sent = body(PLAIN)
    assert path == "/v1/completions"
    assert (sent["prompt"], sent["max_tokens"]) == ("Once upon", 5)


def test_documents_stand_in_their_place() -> None:
    prompt = Prompt("a", CHAT.messages, documents=(Document("d1", "one"), Document("d2", "two")))
    _, sent = body(prompt)
    assert sent["messages"][0]["content"] == "Be brief.\none\n\ntwo"


def test_a_salt_goes_along_and_text_stays_readable() -> None:
    prompt = Prompt("a", text="naïve ☃")
    request = wire_request(prompt, 0, "tiny", Sampling(), True, cache_salt="s")
    assert json.loads(request.body)["cache_salt"] == "s"
    assert "naïve ☃".encode() in request.body
