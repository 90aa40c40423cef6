"""The JSON that vLLM 0.32 puts on the wire: stream chunks, whole answers, usage, errors, model cards.

Pure. Does not cover log probabilities, tool calls or several choices.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

FINGERPRINT = "vllm-0.32.0-00000000"
DONE = b"data: [DONE]\n\n"

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """All that one request will be told."""

    chat: bool
    model: str
    texts: list[str]
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int | None
    """None leaves prompt_tokens_details out, as vLLM does without --enable-prompt-tokens-details."""
    reasoning: int
    reasoning_key: str
    number: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        return f"{'chatcmpl' if self.chat else 'cmpl'}-{self.number}"


def sse(data: Json) -> bytes:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _chunk(answer: Answer, choices: list[Json], **more: Any) -> Json:
    kind = "chat.completion.chunk" if answer.chat else "text_completion"
    head = {"id": answer.id, "object": kind, "created": answer.created, "model": answer.model}
    return {**head, "choices": choices, **more}


def _parts(answer: Answer, start: int, stop: int) -> tuple[str, str]:
    border = min(max(answer.reasoning, start), stop) if answer.chat else start
    return "".join(answer.texts[start:border]), "".join(answer.texts[border:stop])


def _role_chunk(answer: Answer) -> Json:
    delta = {"role": "assistant", "content": ""}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return _chunk(answer, [choice], prompt_token_ids=None, prompt_text=None)


def step_chunk(answer: Answer, start: int, stop: int) -> Json:
    """The chunk for tokens start..stop; without tokens it is the role chunk."""
    if stop == 0:
        return _role_chunk(answer)
    last = stop == len(answer.texts)
    finish: Json = {"finish_reason": answer.finish_reason if last else None}
    reasoning, content = _parts(answer, start, stop)
    if not answer.chat:
        choice = {"index": 0, "text": content, "logprobs": None, **finish, "stop_reason": None}
        return _chunk(answer, [{**choice, "prompt_token_ids": None, "token_ids": None}])
    delta: Json = {answer.reasoning_key: reasoning} if reasoning else {}
    if content or not reasoning:
        delta["content"] = content
    if last:
        finish["stop_reason"] = None
    return _chunk(answer, [{"index": 0, "delta": delta, "logprobs": None, **finish, "token_ids": None}])


def usage(answer: Answer) -> Json:
    completion = len(answer.texts)
    counts: Json = {
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + completion,
        "completion_tokens": completion,
    }
    if answer.cached_tokens is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": answer.cached_tokens}
    if answer.chat and answer.reasoning:
        counts["completion_tokens_details"] = {"reasoning_tokens": min(answer.reasoning, completion)}
    return counts


def usage_chunk(answer: Answer) -> Json:
    return _chunk(answer, [], usage=usage(answer), system_fingerprint=FINGERPRINT)


def whole(answer: Answer) -> Json:
    reasoning, content = _parts(answer, 0, len(answer.texts))
    tail = {"logprobs": None, "finish_reason": answer.finish_reason, "stop_reason": None, "token_ids": None}
    if answer.chat:
        message = {"role": "assistant", "content": content, "refusal": None}
        message[answer.reasoning_key] = reasoning or None
        choice: Json = {"index": 0, "message": message, **tail}
    else:
        choice = {"index": 0, "text": content, **tail}
    kind = "chat.completion" if answer.chat else "text_completion"
    return {
        **_chunk(answer, [choice], system_fingerprint=FINGERPRINT),
        "object": kind,
        "usage": {"prompt_tokens_details": None, "completion_tokens_details": None, **usage(answer)},
    }


def model_list(name: str, root: str, max_model_len: int) -> Json:
    card: Json = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "vllm"}
    card |= {"root": root, "parent": None, "max_model_len": max_model_len, "permission": []}
    return {"object": "list", "data": [card]}


def error(code: int, kind: str, message: str, param: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def too_long(limit: int, tokens: int) -> Json:
    message = (
        f"This model's maximum context length is {limit} tokens. However, your prompt contains {tokens} "
        "input tokens, which exceeds this limit even without any output tokens. Please reduce the length of "
        f"the input prompt. (parameter=input_tokens, value={tokens})"
    )
    return error(400, "BadRequestError", message, "input_tokens")
