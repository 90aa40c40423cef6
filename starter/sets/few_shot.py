"""A few-shot template: worked examples shared by all rows, then a new message to be read into JSON in the same way."""

import json
import random
import tomllib
from pathlib import Path
from typing import Any

from starter.rows import PromptSet, Row, user
from starter.sets.practice import Chat
from starter.sets.words import Filler, Words

_GRAMMAR: dict[str, Any] = tomllib.loads((Path(__file__).parent / "few_shot.toml").read_text(encoding="utf-8"))
_WISHES: list[dict[str, Any]] = _GRAMMAR["wish"]
EXAMPLES = 12
INSTRUCTION = (
    "Read the message and write its order number, article and wish as JSON. The wish is one of: "
    f"{', '.join(wish['name'] for wish in _WISHES)}. Copy number and article as they stand in the message."
)


def _message(wish: dict[str, Any], words: Words) -> tuple[str, str]:
    """A message and the line to be read out of it."""
    side = "held_" if words.held_out else ""
    order, item = words.draw("order"), words.draw("item")
    openings = _GRAMMAR[f"{side}openings"]
    if words.held_out and wish.get("arrived"):
        openings = [*openings, *_GRAMMAR["held_openings_arrived"]]
    opening = words.choice(openings).replace("{order}", order)
    request = _request(wish, words).replace("{item}", item)
    parts = [request, words.choice(_GRAMMAR[f"{side}asides"])][: words.rng.choice((1, 2, 2))]
    words.rng.shuffle(parts)
    message = Filler(words).fill(" ".join([words.choice(_GRAMMAR["greetings"]), opening, *parts]))
    return message, json.dumps({"order": order, "article": item, "wish": wish["name"]})


def _request(wish: dict[str, Any], words: Words) -> str:
    if words.held_out:
        return words.choice(wish["held_say"])
    # Mostly any reason with any of the wish's clauses: the words of the wish are to decide, not the sentence.
    if words.rng.random() < 0.7:
        return f"{words.choice(_GRAMMAR['reasons'])} {words.choice(wish['clauses'])}"
    return words.choice(wish["say"])


def _worked(examples: int, words: Words) -> str:
    wishes = [_WISHES[index % len(_WISHES)] for index in range(examples)]
    words.rng.shuffle(wishes)
    worked = (_message(wish, words) for wish in wishes)
    return "\n\n".join([INSTRUCTION, *(f"Message: {message}\nLine: {line}" for message, line in worked)])


def _row(index: int, template: str, words: Words) -> Row:
    wish = words.rng.choice(_WISHES)
    message, line = _message(wish, words)
    if json.loads(line)["order"] in template:
        return _row(index, template, words)
    return Row(
        id=f"few-shot-{index:03d}",
        messages=(user(f"{template}\n\nMessage: {message}\nLine:"),),
        expected=line,
        max_tokens=48,
        tags=(wish["name"].replace(" ", "-"),),
    )


def make(seed: int, count: int = 128) -> PromptSet:
    words = Words(random.Random(seed), held_out=True)
    template = _worked(EXAMPLES, words)
    return PromptSet(
        name="few-shot",
        title="Few-shot extraction",
        description=(
            f"{EXAMPLES} worked examples of reading a message into JSON, shared by all prompts, and a new message. "
            "The expected answer holds its order number, article and wish."
        ),
        rows=tuple(_row(index, template, words) for index in range(1, count + 1)),
        score="json",
    )


def practice(words: Words, size: int) -> Chat:
    """A few worked examples, or none, and then messages one after the other."""
    examples = words.rng.randint(0, max(0, min(EXAMPLES, size // 250)))
    turns = []
    for _ in range(words.rng.randint(2, 6)):
        message, line = _message(words.rng.choice(_WISHES), words)
        turns.append((f"Message: {message}\nLine:", line))
    (first, answer), *rest = turns
    return Chat(((f"{_worked(examples, words)}\n\n{first}", answer), *rest))
