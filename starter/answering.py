"""Greedy answers of a model in memory, without a serving engine: what the evaluation asks and what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BATCH_TOKENS = 24_000


class Answerer:
    """A checkpoint folder with its tokenizer and chat template, in bfloat16 as it is served."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        return str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    @torch.no_grad()
    def answer(self, prompts: Sequence[list[int]], max_tokens: int) -> list[list[int]]:
        """The new tokens of each prompt, its end token included where it wrote one."""
        order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
        answers: list[list[int]] = [[] for _ in prompts]
        while order:
            longest = len(prompts[order[-1]])
            taken, order = order[-max(1, BATCH_TOKENS // longest) :], order[: -max(1, BATCH_TOKENS // longest)]
            width = max(len(prompts[at]) for at in taken)
            pad, end = self.tokenizer.pad_token_id, self.tokenizer.eos_token_id
            ids = torch.tensor([[pad] * (width - len(prompts[at])) + prompts[at] for at in taken])
            mask = torch.tensor([[0] * (width - len(prompts[at])) + [1] * len(prompts[at]) for at in taken])
            written = self.model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False, pad_token_id=pad
            )
            for at, row in zip(taken, written[:, width:].tolist(), strict=True):
                stop = row.index(end) + 1 if end in row else len(row)
                answers[at] = row[:stop]
        return answers

    def text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    @torch.no_grad()
    def next_tokens(self, ids: Sequence[int], start: int) -> list[int]:
        """The most likely token at every place from `start` on, given what really stands before it."""
        logits = self.model(input_ids=torch.tensor([list(ids[:-1])]), use_cache=False).logits[0, start - 1 :]
        return [int(token) for token in logits.argmax(-1)]
