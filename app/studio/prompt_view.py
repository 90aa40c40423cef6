"""Prompt sets as the Prompts page tabulates, imports and exports them. Prompts are strangers' text: never Markdown."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath
from typing import Any

from app.analysis.metric import MISSING
from app.analysis.scoring import RULES
from app.analysis.shared_prefix import SharedPrefix
from app.experiment.prompt_stats import PromptStats
from app.prompts.files import read_prompts, slug, write_jsonl
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set, save_prompt_set
from optimizers.prompt import Prompt
from store.store import Store
from store.tables import PromptSetRow

FIRST_WORDS = 110


@dataclass(frozen=True)
class Imported:
    name: str
    prompts: int
    new: bool

    @property
    def sentence(self) -> str:
        if self.new:
            return f"Imported {self.prompts:,} prompts as “{self.name}”."
        return f"These {self.prompts:,} prompts are already there as “{self.name}”."


def import_upload(store: Store, data: bytes, filename: str, name: str, score: str | None = None) -> Imported:
    """Reads the whole file before anything is written; raises InputError that names the row at fault."""
    path = PurePath(filename)
    chosen = slug(name.strip() or path.stem)
    prompt_set = read_prompts(io.BytesIO(data), path.name, path.suffix.lower(), chosen, score)
    row, new = save_prompt_set(store, prompt_set, path.name)
    return Imported(row.name, row.size, new)


def export_jsonl(store: Store, prompt_set_id: int) -> str:
    text = io.StringIO()
    write_jsonl(load_prompt_set(store, prompt_set_id), text)
    return text.getvalue()


@dataclass(frozen=True)
class SetView:
    """A set and what the page tabulates of it. `shared` is how many characters all its prompts begin with."""

    prompts: dict[str, Prompt]
    rows: list[dict[str, Any]]
    mean_characters: int
    expected: int
    shared: int


def view_of(prompt_set: PromptSet) -> SetView:
    shared = shared_beginning(prompt_set)
    rows = [prompt_row(prompt, shared) for prompt in prompt_set.prompts]
    return SetView(
        prompts={prompt.id: prompt for prompt in prompt_set.prompts},
        rows=rows,
        mean_characters=round(sum(row["Characters"] for row in rows) / len(rows)),
        expected=sum(prompt.expected is not None for prompt in prompt_set.prompts),
        shared=shared,
    )


def set_row(row: PromptSetRow, view: SetView) -> dict[str, Any]:
    return {
        "Set": row.name,
        "Prompts": row.size,
        "Mean length (characters)": view.mean_characters,
        "Expected answers": view.expected,
        "Score": row.score,
        "Content": row.content_hash[:12],
        "Source": row.source,
    }


def score_sentence(row: PromptSetRow) -> str:
    """The rule that tells a right answer, in words."""
    known = RULES.get(row.score)
    return f"scored by {row.score}: right when {known.help}" if known else f"scored by {row.score}"


def score_option(rule: str) -> str:
    return f"{rule}: {RULES[rule].help}"


def shared_beginning(prompt_set: PromptSet) -> int:
    """Characters with which every prompt of the set begins: what a prefix cache can hold on to."""
    texts = [prompt.plain_text() for prompt in prompt_set.prompts]
    if len(texts) < 2:
        return 0
    pairs = zip(min(texts), max(texts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def prompt_row(prompt: Prompt, shared: int) -> dict[str, Any]:
    return {
        "Prompt": prompt.id,
        "First words": first_words(prompt, shared),
        "Expected": prompt.expected or "–",
        "Max tokens": "–" if prompt.max_tokens is None else f"{prompt.max_tokens:,}",
        "Messages": len(prompt.messages) or 1,
        "Characters": len(prompt.plain_text()),
    }


def first_words(prompt: Prompt, shared: int = 0) -> str:
    """Of what follows the beginning that the whole set shares, from the start of its word; else rows look alike."""
    text = prompt.plain_text()
    begin = max(text.rfind(" ", 0, shared), text.rfind("\n", 0, shared)) + 1 if shared else 0
    words = " ".join(text[begin : begin + 4 * FIRST_WORDS].split())
    cut = words if len(words) <= FIRST_WORDS else f"{words[:FIRST_WORDS].rstrip()} …"
    return f"… {cut}" if begin else cut


def parts(prompt: Prompt) -> list[tuple[str, str]]:
    """(role, text) of everything that is sent, in order."""
    if prompt.text is not None:
        return [("prompt", prompt.text)]
    return [(message["role"], message["content"]) for message in prompt.rendered_messages()]


BLOCK_USERS = {16: "a GPU", 128: "a CPU"}


def prediction_rows(found: Sequence[SharedPrefix]) -> list[dict[str, str]]:
    """What a prefix cache would serve of a set, for each size of block."""
    return [
        {
            "Block": f"{shared.block_size} tokens ({BLOCK_USERS.get(shared.block_size, 'as set')})",
            "Predicted hit rate": MISSING if shared.hit_rate is None else f"{shared.hit_rate:.1%}",
            "Prompt tokens": f"{shared.hits:,} of {shared.tokens:,}",
            "Beginning that most share": shared_by(shared),
        }
        for shared in found
    ]


def shared_by(found: SharedPrefix) -> str:
    """The beginning that most prompts share."""
    if not found.groups:
        return MISSING
    most = found.groups[0]
    return f"{most.tokens:,} tokens, by {most.prompts:,} prompts"


def tokens_sentence(stats: PromptStats) -> str:
    """How long the prompts are, and what the prediction rests on."""
    counts = stats.tokens
    also = f"; {stats.tiktoken.total:,} by tiktoken's {stats.tiktoken.tokenizer}" if stats.tiktoken else ""
    return (
        f"{counts.total:,} prompt tokens{also}; a prompt has {counts.mean:,.0f} on average and {counts.max:,} at most. "
        "Predicted for prompts sent in this order to an empty cache that is large enough. Only whole blocks are "
        "reused, and the last token of a prompt is always computed."
    )
