"""The support desk: one long shared handbook, a few retrieved records, one question that one record answers."""

import random
from dataclasses import dataclass
from pathlib import Path

from starter.rows import DOCUMENTS_MARKER, Document, PromptSet, Row, system, user
from starter.sets import words
from starter.sets.practice import Chat, opened

HANDBOOK = (Path(__file__).parent / "support_handbook.md").read_text(encoding="utf-8").strip()

STATES = (
    "received",
    "being packed",
    "handed to the carrier",
    "in transit",
    "waiting at the depot",
    "delivered",
    "held for payment",
    "returned to us",
    "cancelled",
)
_FIELDS = ("status", "delivery date", "amount")
_ASK = {
    "status": ("What is the status of {who}?", "Which status does {who} have?", "How far is {who}?"),
    "delivery date": ("When will {who} be delivered?", "What is the delivery date of {who}?"),
    "amount": ("How much was paid for {who}?", "What is the amount of {who}?"),
}
_CALLS = (
    "{person} is on the line and cannot find the letter we sent.",
    "The caller ordered {an_item} and has moved house since.",
    "A neighbour of the caller saw a van this morning.",
    "The customer wrote twice this week and has had no reply.",
    "The caller is in a hurry and wants one fact only.",
    "This comes from the chat window; the customer is polite and a little worried.",
    "The customer opened the account in {place} and now lives in {place}.",
    "The caller bought {an_item} as a present and needs to plan the day.",
    "The shift lead wants this checked before the call is returned at {time}.",
    "The customer asked for {person} by name, who is away until {weekday}.",
)


def _values(field: str, count: int, rng: random.Random) -> list[str]:
    """Values that differ within a prompt, so that a fact from the wrong record is a wrong answer."""
    if field == "status":
        return rng.sample(STATES, count)
    taken: list[str] = []
    for _ in range(count):
        taken.append(words.draw_unlike("date" if field == "delivery date" else "euros", set(taken), rng))
    return taken


@dataclass(frozen=True)
class _Order:
    number: int
    buyer: str
    item: str
    facts: dict[str, str]

    def line(self, field: str) -> str:
        return f"Order {self.number} {field}: {self.facts[field]}"

    def record(self) -> str:
        head = f"Order {self.number} for {self.buyer}, {self.item}"
        return "\n".join([head, *(self.line(field) for field in _FIELDS)])


def _orders(rng: random.Random, count: int) -> list[_Order]:
    numbers = rng.sample(range(1000, 10000), count)
    firsts, lasts = rng.sample(words.FIRST_NAMES, count), rng.sample(words.LAST_NAMES, count)
    values = {field: _values(field, count, rng) for field in _FIELDS}
    return [
        _Order(
            number=numbers[index],
            buyer=f"{firsts[index]} {lasts[index]}",
            item=rng.choice(words.ITEMS),
            facts={field: values[field][index] for field in _FIELDS},
        )
        for index in range(count)
    ]


def _row(index: int, rng: random.Random) -> Row:
    orders = _orders(rng, rng.choice((3, 4)))
    asked, field = rng.choice(orders), rng.choice(_FIELDS)
    by_name = rng.random() < 0.2
    who = f"the order of {asked.buyer}" if by_name else f"order {asked.number}"
    call = words.Filler(rng).fill(rng.choice(_CALLS))
    question = rng.choice(_ASK[field]).format(who=who)
    return Row(
        id=f"support-desk-{index:03d}",
        messages=(
            system(HANDBOOK),
            user(f"Records:\n\n{DOCUMENTS_MARKER}\n\nNote: {call}\nQuestion: {question}"),
        ),
        documents=tuple(Document(id=f"order-{order.number}", text=order.record()) for order in orders),
        answer_document=f"order-{asked.number}",
        expected=asked.facts[field],
        max_tokens=24,
        tags=(field.replace(" ", "-"), "by-name" if by_name else "by-number"),
    )


def make(seed: int, count: int = 64) -> PromptSet:
    rng = random.Random(seed)
    return PromptSet(
        name="support-desk",
        title="Support desk over retrieved records",
        description=(
            "A shop's support handbook of about 1,600 tokens as the shared system prompt, three or four order "
            "records and one question. The expected answer stands in exactly one record."
        ),
        rows=tuple(_row(index, rng) for index in range(1, count + 1)),
    )


def practice(seed: int, count: int) -> list[Chat]:
    """One record without the handbook, and each of its facts asked for."""
    rng = random.Random(seed)
    chats = []
    for (order,) in (_orders(rng, 1) for _ in range(count)):
        turns = []
        for field in rng.sample(_FIELDS, len(_FIELDS)):
            question = rng.choice(_ASK[field]).format(who=f"order {order.number}")
            turns.append((f"Question: {question}", order.line(field)))
        chats.append(opened(f"Records:\n\n{order.record()}\n\n", turns))
    return chats
