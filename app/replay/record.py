"""What is kept of one request: raw stamps and bytes while the clock runs, a parsed record afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Exchange:
    """One request on the wire, filled in by the client while the clock runs and parsed later.

    All times are `time.monotonic_ns`. `chunks` holds every piece of the body with the time it was read,
    stamped before anything looked inside.
    """

    position: int
    scheduled_ns: int
    sent_ns: int = 0
    first_byte_ns: int = 0
    end_ns: int = 0
    status: int = 0
    error: str | None = None
    chunks: list[tuple[int, bytes]] = field(default_factory=list)
    retry_after: str | None = None
    """What a server that is too busy says of when to come again; Rung does not, for that would hide the overload."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One prompt sent once. Times are nanoseconds of the worker's monotonic clock, None when never reached.

    `scheduled_ns` is when the request should have left; `first_token_ns` is the first non-empty content or
    reasoning; `token_ns` the arrival of every chunk with content. `chunks` counts those. Token counts are the
    server's; `client_*` are counted by Rung with the model's tokenizer. `error` is None for a whole answer.
    `prepared_ns` is what was spent on the prompt before it was due: compressing, summarising.
    """

    position: int
    scheduled_ns: int
    sent_ns: int | None
    first_byte_ns: int | None
    first_token_ns: int | None
    last_token_ns: int | None
    end_ns: int
    status: int
    text: str
    reasoning: str
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    token_ns: tuple[int, ...]
    error: str | None
    client_prompt_tokens: int | None = None
    client_completion_tokens: int | None = None
    prepared_ns: int = 0

    @property
    def ok(self) -> bool:
        return self.error is None
