"""A prompt set, identified by a content hash. Does not cover one prompt (optimizers/prompt.py), files or storage."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from app.analysis.scoring import DEFAULT_RULE
from optimizers.prompt import Prompt


@dataclass(frozen=True)
class PromptSet:
    """`score` names the rule by which an answer is the expected one."""

    name: str
    prompts: tuple[Prompt, ...]
    title: str = ""
    description: str = ""
    score: str = DEFAULT_RULE

    @property
    def expected(self) -> dict[int, str]:
        """The expected answers by position."""
        return {at: prompt.expected for at, prompt in enumerate(self.prompts) if prompt.expected is not None}

    @property
    def content_hash(self) -> str:
        """SHA-256 over the prompts in order; the name, title and description do not enter.

        Another rule than the default one enters: the same prompts under it are another measurement. The default
        does not, so that sets saved before there were rules keep their identity.
        """
        digest = hashlib.sha256()
        if self.score != DEFAULT_RULE:
            digest.update(json.dumps({"score": self.score}).encode() + b"\n")
        for prompt in self.prompts:
            digest.update(json.dumps(prompt.to_json(), sort_keys=True, ensure_ascii=False).encode())
            digest.update(b"\n")
        return digest.hexdigest()

    def limited(self, limit: int | None) -> PromptSet:
        """The first `limit` prompts as a set of their own, or all of them."""
        if limit is None or limit >= len(self.prompts):
            return self
        return replace(self, prompts=self.prompts[:limit])
