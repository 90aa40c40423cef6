"""Prompt sets as the Prompts page tabulates and exports them. Draws nothing; prompts are strangers' text."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from app.analysis.metric import MISSING
from app.analysis.scoring import RULES
from app.analysis.shared_prefix import SharedPrefix
from app.experiment.prompt_stats import PromptStats
from app.experiment.tokenizers import Counted
from app.prompts.files import slug
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set
from app.views.wording import plain, without_folders
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from store.store import Store
from store.tables import PromptSetRow

FIRST_WORDS = 110
PAGE_ROWS = 100


def export(store: Store, prompt_set_id: int, write: Callable[[PromptSet, io.TextIOBase], None]) -> bytes:
    """UTF-8, by one of files.py's writers."""
    text = io.StringIO(newline="")
    write(load_prompt_set(store, prompt_set_id), text)
    return text.getvalue().encode()


@dataclass(frozen=True)
class SetFacts:
    """What the list of sets says of one."""

    mean_characters: int
    expected: int


@dataclass(frozen=True)
class SetView:
    """A set and what the page tabulates of it. `shared` is how many characters all its prompts begin with; `places` has
    the prompts' positions by id."""

    prompt_set: PromptSet
    places: dict[str, int]
    facts: SetFacts
    shared: int

    @property
    def pages(self) -> int:
        return -(-len(self.places) // PAGE_ROWS)

    def page_of(self, prompt_id: str) -> int:
        """Counted from 1; the first for a prompt that is not there."""
        return self.places.get(prompt_id, 0) // PAGE_ROWS + 1

    def page(self, number: int) -> tuple[Prompt, ...]:
        return self.prompt_set.prompts[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]


def view_of(prompt_set: PromptSet) -> SetView:
    prompts = prompt_set.prompts
    lengths = [len(prompt.plain_text()) for prompt in prompts]
    expected = sum(prompt.expected is not None for prompt in prompts)
    return SetView(
        prompt_set=prompt_set,
        places={prompt.id: at for at, prompt in enumerate(prompts)},
        facts=SetFacts(round(sum(lengths) / len(lengths)), expected),
        shared=shared_beginning(prompt_set),
    )


def set_row(row: PromptSetRow, facts: SetFacts) -> dict[str, Any]:
    return {
        "Set": row.name,
        "Tags": row.tags,
        "Prompts": row.size,
        "Mean length (characters)": facts.mean_characters,
        "Expected answers": facts.expected,
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


def tokenizer_rows(counted: Sequence[Counted]) -> list[dict[str, str]]:
    """Cells are Markdown, so names and reasons are escaped."""
    return [
        {
            "Tokenizer": plain(", ".join(each.names)),
            **(
                dict.fromkeys(("Total", "Mean", "p95", "Longest"), MISSING)
                if each.counts is None
                else {
                    "Total": f"{each.counts.total:,}",
                    "Mean": f"{each.counts.mean:,.0f}",
                    "p95": f"{each.counts.p95:,.0f}",
                    "Longest": f"{each.counts.max:,}",
                }
            ),
            "Note": plain(without_folders(each.why)),
        }
        for each in counted
    ]


def tokens_sentence(stats: PromptStats) -> str:
    """How long the prompts are, and what the prediction rests on."""
    counts = stats.tokens
    also = f"; {stats.tiktoken.total:,} by tiktoken's {stats.tiktoken.tokenizer}" if stats.tiktoken else ""
    return (
        f"{counts.total:,} prompt tokens{also}; a prompt has {counts.mean:,.0f} on average and {counts.max:,} at most. "
        "Predicted for prompts sent in this order to an empty cache that is large enough. Only whole blocks are "
        "reused, and the last token of a prompt is always computed."
    )


def name_of(stem: str) -> str:
    """A name for the set in a file; a stem without a Latin letter or digit gives none."""
    try:
        return slug(stem)
    except InputError:
        return "prompts"


def free_name(store: Store, name: str) -> str:
    """The name with the first number from 2 on that no set has."""
    taken = {row.name for row in store.prompt_sets.all()}
    return next(found for at in count(2) if (found := f"{name[:70]}-{at}") not in taken)


def name_problem(store: Store, name: str, content_hash: str) -> str | None:
    """Why a set cannot be saved under this name, told before it is tried."""
    for row in store.prompt_sets.all():
        if row.content_hash == content_hash:
            return f"These prompts are already there as “{row.name}”."
    if store.prompt_sets.find(name) is None:
        return None
    return f"A set named “{name}” exists with other prompts; choose another name, such as {free_name(store, name)}."
