"""The control: letters and reports that share no beginning, on which prefix caching must show no gain.

There is no system prompt, and each text begins with another word. Sentences do recur further on, which no prefix
cache can use.
"""

import random
import tomllib
from pathlib import Path
from typing import Any

from starter.rows import PromptSet, Row, user
from starter.sets import words
from starter.sets.practice import Chat, opened

_GRAMMAR: dict[str, Any] = tomllib.loads((Path(__file__).parent / "unique.toml").read_text(encoding="utf-8"))


def _row(index: int, opening: str, rng: random.Random) -> Row:
    subject = _GRAMMAR["subject"][(index - 1) % len(_GRAMMAR["subject"])]
    filler = words.Filler(rng)
    first, *body = subject["sentences"]
    facts = words.facts(subject["facts"], rng)
    remarks = rng.sample(_GRAMMAR["remarks"], rng.randint(11, 14))
    # Facts and remarks are strewn in, while the subject's own sentences keep their order.
    for sentence in [say for say, *_ in facts] + remarks:
        body.insert(rng.randint(0, len(body)), sentence)
    _, question, value = rng.choice(facts)
    text = filler.fill(f"{opening}, {first} {' '.join(body)}")
    if text.count(value) != 1:
        return _row(index, opening, rng)
    return Row(
        id=f"unique-{index:03d}",
        messages=(user(f"{text}\n\nQuestion: {question}"),),
        expected=value,
        max_tokens=24,
        tags=(subject["name"],),
    )


def make(seed: int, count: int = 64) -> PromptSet:
    rng = random.Random(seed)
    openings: list[str] = []
    while len(openings) < count:
        openings += rng.sample(_GRAMMAR["openings"], len(_GRAMMAR["openings"]))
    return PromptSet(
        name="unique",
        title="Unique letters and reports",
        description=(
            "Letters and reports of 500 to 700 tokens that share no beginning: the control on which prefix caching "
            "must show no gain. The expected answer stands once in the text."
        ),
        rows=tuple(_row(index, openings[index - 1], rng) for index in range(1, count + 1)),
    )


def practice(seed: int, count: int) -> list[Chat]:
    """The facts alone, and each of them asked for."""
    rng = random.Random(seed)
    chats = []
    for number in range(count):
        told = words.facts(_GRAMMAR["subject"][number % len(_GRAMMAR["subject"])]["facts"], rng)
        text = " ".join(sentence for sentence, *_ in told)
        turns = [(f"Question: {question}", sentence) for sentence, question, _ in rng.sample(told, len(told))]
        chats.append(opened(f"{text}\n\n", turns))
    return chats
