"""First words that tell prompts apart."""

from __future__ import annotations

from app.prompts.prompt_set import PromptSet
from app.studio.prompt_view import first_words, prompt_row, shared_beginning, view_of
from optimizers.prompt import Message, Prompt

HANDBOOK = Message("system", "You answer from the handbook. " * 20)


def prompts(*questions: str) -> PromptSet:
    return PromptSet(
        "set", tuple(Prompt(str(at), (HANDBOOK, Message("user", text))) for at, text in enumerate(questions))
    )


def test_what_all_prompts_share_is_skipped() -> None:
    seen = view_of(prompts("Where is order 17?", "When was order 21 paid?"))
    assert [prompt_row(prompt, seen.shared)["First words"] for prompt in seen.page(1)] == [
        "… Where is order 17? assistant:",
        "… When was order 21 paid? assistant:",
    ]


def test_prompts_without_a_common_beginning_start_at_the_start() -> None:
    plain = PromptSet("set", (Prompt("1", text="alpha"), Prompt("2", text="beta")))
    assert shared_beginning(plain) == 0
    assert first_words(plain.prompts[0]) == "alpha"


def test_one_prompt_shares_nothing() -> None:
    assert shared_beginning(prompts("Only one?")) == 0


def test_long_prompts_are_cut() -> None:
    words = first_words(Prompt("1", text="word " * 100))
    assert words.endswith(" …")
    assert len(words) < 120
