"""A quick look at a model in training: how many held-out answers it would give to the last token.

An answer counts when every one of its tokens is the most likely one given the prompt and the answer so far; then
greedy decoding gives exactly this answer. The full evaluation, with a generating engine, is starter/evaluate.py.
"""

from __future__ import annotations

import random

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from starter.corpus import TASKS, encode
from starter.sets.practice import Chat
from starter.sets.words import Words

CHATS = 24


@torch.no_grad()
def probe(model: LlamaForCausalLM, tokenizer: Tokenizer, seed: int, size: int, chats: int = CHATS) -> dict[str, float]:
    """Share of answers right, by task; the first question of a context only, as in the saved prompts."""
    model.eval()
    shares = {}
    for task in TASKS:
        right = 0
        for number in range(chats):
            words = Words(random.Random(f"{seed}/probe/{number}"), held_out=True)
            chat = task(words, size)
            right += answers_exactly(model, tokenizer, Chat(chat.turns[:1], chat.system))
        shares[task.__module__.rpartition(".")[2]] = right / chats
    return shares


@torch.no_grad()
def answers_exactly(model: LlamaForCausalLM, tokenizer: Tokenizer, chat: Chat) -> bool:
    example = encode(chat, tokenizer)
    ids = torch.tensor([example.ids])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        best = model(input_ids=ids[:, :-1], use_cache=False).logits.argmax(-1)[0]
    asked = torch.tensor(example.is_answer)[1:]
    return bool((best[asked] == ids[0, 1:][asked]).all())
