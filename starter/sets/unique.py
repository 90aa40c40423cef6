"""The control: letters and reports that share no beginning, on which prefix caching must show no gain.

There is no system prompt, and each saved text begins with another word. Sentences do recur further on, which no prefix
cache can use.
"""

import random
import tomllib
from pathlib import Path
from typing import Any

from starter.rows import PromptSet, Row, user
from starter.sets.asking import question
from starter.sets.practice import Chat, padding
from starter.sets.words import Filler, Words, tell

_GRAMMAR: dict[str, Any] = tomllib.loads((Path(__file__).parent / "unique.toml").read_text(encoding="utf-8"))


def _row(index: int, opening: str, words: Words) -> Row:
    subject = _GRAMMAR["subject"][(index - 1) % len(_GRAMMAR["subject"])]
    filler = Filler(words)
    first, *own = subject["sentences"]
    # Not every letter tells everything, so letters on one subject differ in more than their names.
    left_out = set(words.rng.sample(own, words.rng.randint(1, 3)))
    body = [sentence for sentence in own if sentence not in left_out]
    facts = tell(subject["facts"], words)
    remarks = words.rng.sample([*_GRAMMAR["remarks"], *_GRAMMAR["held_remarks"]], words.rng.randint(12, 15))
    # Facts and remarks are strewn in, while the subject's own sentences keep their order.
    for sentence in [fact.sentence for fact in facts] + remarks:
        body.insert(words.rng.randint(0, len(body)), sentence)
    asked = words.rng.choice(facts)
    text = filler.fill(f"{opening}, {first} {' '.join(body)}")
    if text.count(asked.value) != 1:
        return _row(index, opening, words)
    return Row(
        id=f"unique-{index:03d}",
        messages=(user(f"{text}\n\nQuestion: {question(asked, words)}"),),
        expected=asked.value,
        max_tokens=32,
        tags=(subject["name"],),
    )


def make(seed: int, count: int = 128) -> PromptSet:
    words = Words(random.Random(seed), held_out=True)
    openings = words.rng.sample(_GRAMMAR["openings"], count)
    return PromptSet(
        name="unique",
        title="Unique letters and reports",
        description=(
            "Letters and reports of 500 to 700 tokens that share no beginning: the control on which prefix caching "
            "must show no gain. The expected answer stands once in the text."
        ),
        rows=tuple(_row(index, openings[index - 1], words) for index in range(1, count + 1)),
    )


def practice(words: Words, size: int) -> Chat:
    """A letter with the facts of one to four subjects, and most of them asked for."""
    count = words.rng.randint(1, max(1, size // 350))
    subjects = words.rng.sample(_GRAMMAR["subject"], min(len(_GRAMMAR["subject"]), count))
    facts = tell([pattern for subject in subjects for pattern in subject["facts"]], words)
    own = [sentence for subject in subjects for sentence in subject["sentences"][1:]]
    room = size - sum(len(fact.sentence) for fact in facts)
    body = padding([*own, *_GRAMMAR["remarks"]], max(0, room), words) if words.rng.random() < 0.8 else []
    for fact in facts:
        body.insert(words.rng.randint(0, len(body)), fact.sentence)
    text = Filler(words).fill(" ".join(body))
    turns = [(question(fact, words), fact.sentence) for fact in words.rng.sample(facts, len(facts))]
    if words.rng.random() < 0.5:
        turns = [(f"Question: {asked}", answer) for asked, answer in turns]
    (first, answer), *rest = turns
    return Chat(((f"{text}\n\n{first}", answer), *rest))
