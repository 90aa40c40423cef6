"""A few-shot template: twelve worked examples shared by all rows, then a new message to be read in the same way."""

import random
from pathlib import Path

from starter.rows import PromptSet, Row, user
from starter.sets import words
from starter.sets.practice import Chat

TEMPLATE = (Path(__file__).parent / "few_shot_template.md").read_text(encoding="utf-8").strip()

_GREETINGS = (
    "Hello,",
    "Good morning,",
    "Dear team,",
    "Hi there,",
    "To the shop:",
    "Good afternoon,",
    "Hello again,",
)
_OPENINGS = (
    "I am writing about order {order}.",
    "this concerns my order {order}.",
    "the number of my order is {order}.",
    "you will find me under order {order}.",
    "order {order} arrived on {weekday}.",
)
_ASIDES = (
    "I have been a customer of yours since you opened in {place}.",
    "My neighbour {person} told me to write to you.",
    "The parcel was brought by a very kind driver.",
    "I tried to call on {weekday}, but the line was busy.",
    "We moved to {street} in the meantime.",
    "I am sorry to bother you again.",
    "You can reach me at work until {time}.",
    "It is for my mother, who lives in {place}.",
)
_WISHES = {
    "refund": (
        "The {item} is not what I hoped for and I want my money back.",
        "I am sending the {item} back and ask you to return what I paid.",
        "The {item} was broken, and I do not want a new one but the amount I paid.",
    ),
    "replacement": (
        "The {item} has a dent in it, so please send me another.",
        "The {item} came in the wrong colour and I ask you to exchange it.",
        "The {item} is cracked and I should like a whole one instead.",
    ),
    "repair": (
        "The {item} has come loose and I hope that your workshop can mend it.",
        "The {item} stopped working, and I would like to have it put right, not exchanged.",
        "Could somebody fix the {item}? I am fond of it.",
    ),
    "cancel": (
        "Please take the {item} off the list, I no longer need it and it has not been sent.",
        "I ordered the {item} by mistake, so stop it before it leaves.",
        "We do not want the {item} after all; please call the order off.",
    ),
    "new date": (
        "The {item} cannot be brought this week, so please choose a later day.",
        "We shall be away when the {item} comes; could it be on another day?",
        "The {item} should arrive after {date}, not before.",
    ),
}


def _message(rng: random.Random) -> tuple[str, str, str]:
    """A message, the line to be read out of it, and its wish."""
    wish = rng.choice(tuple(_WISHES))
    order, item = words.order_number(rng), rng.choice(words.ITEMS)
    opening = rng.choice(_OPENINGS).replace("{order}", order)
    request = rng.choice(_WISHES[wish]).replace("{item}", item)
    aside = rng.choice(_ASIDES)
    middle = (request, aside) if rng.random() < 0.5 else (aside, request)
    message = words.Filler(rng).fill(" ".join([rng.choice(_GREETINGS), opening, *middle]))
    return message, f"order {order}; article {item}; wish {wish}", wish


def _row(index: int, rng: random.Random) -> Row:
    message, line, wish = _message(rng)
    return Row(
        id=f"few-shot-{index:03d}",
        messages=(user(f"{TEMPLATE}\n\nMessage: {message}\nLine:"),),
        expected=line,
        max_tokens=24,
        tags=(wish.replace(" ", "-"),),
    )


def make(seed: int, count: int = 64) -> PromptSet:
    rng = random.Random(seed)
    return PromptSet(
        name="few-shot",
        title="Few-shot extraction",
        description=(
            "Twelve worked examples of reading a message, shared by all prompts (about 600 tokens), and a new "
            "message. The expected answer is the line with its order number, article and wish."
        ),
        rows=tuple(_row(index, rng) for index in range(1, count + 1)),
    )


def practice(seed: int, count: int) -> list[Chat]:
    """The new message alone."""
    rng = random.Random(seed)
    messages = (_message(rng) for _ in range(count))
    return [[(f"Message: {message}\nLine:", line)] for message, line, _ in messages]
