"""The support desk: one long shared handbook, a few retrieved records, one question that one record answers."""

import random
from pathlib import Path

from starter.rows import DOCUMENTS_MARKER, Document, PromptSet, Row, system, user
from starter.sets import records
from starter.sets.practice import Chat, padding
from starter.sets.thinned import any_habit, thin_record, thin_text
from starter.sets.words import Filler, Words, draw_unlike

HANDBOOK = (Path(__file__).parent / "support_handbook.md").read_text(encoding="utf-8").strip()
_PARAGRAPHS = [part for part in HANDBOOK.split("\n\n") if not part.startswith("#")]
_SENTENCES = [f"{sentence}." for part in _PARAGRAPHS for sentence in part.removesuffix(".").split(". ")]
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
# No note names an article: a note about something else than the record says would only puzzle its reader.
_CALLS_HELD_OUT = (
    "The customer writes from {place}.",
    "The caller is at work and speaks softly.",
    "{person} took the call at {time}.",
    "The line is bad, so keep it short.",
    "This is the second call since {weekday}.",
    "The caller has the parcel slip at hand.",
    "The customer will call back at {time}.",
    "{person} calls for a friend, who agrees.",
    "The customer moved from {place} to {place}.",
    "This came by letter on {weekday}.",
    "The caller is friendly and in no hurry.",
    "{person} needs this for the shift book.",
    "The customer asks for the first time.",
    "The reply goes to {street} in {place}.",
    "The caller has waited for ten minutes.",
    "The customer reads the number from a screen.",
)
_ABSENT_ONE_IN = 14
_THINNED = 0.3
_ROOM_FOR_ALL = 0.5


def _row(index: int, words: Words) -> Row:
    orders = records.make_records("order", words.rng.choice((3, 4)), words)
    asked = words.rng.choice(orders)
    attribute = words.choice(tuple(asked.values))
    # A note where there is room for one: with its answer, a prompt has to fit a context of 2,048 tokens.
    note = f"Note: {Filler(words).fill(words.choice(_CALLS_HELD_OUT))}\n" if len(orders) == 3 else ""
    question = records.ask(asked.kind, asked.number, attribute, words)
    if asked.values[attribute] in note:
        return _row(index, words)
    return Row(
        id=f"support-desk-{index:03d}",
        messages=(
            system(HANDBOOK),
            user(f"Records:\n\n{DOCUMENTS_MARKER}\n\n{note}Question: {question}"),
        ),
        documents=tuple(Document(id=f"order-{order.number}", text=order.text()) for order in orders),
        answer_document=f"order-{asked.number}",
        expected=asked.values[attribute],
        max_tokens=32,
        tags=(attribute.replace(" ", "-"),),
    )


def make(seed: int, count: int = 128) -> PromptSet:
    words = Words(random.Random(seed), held_out=True)
    return PromptSet(
        name="support-desk",
        title="Support desk over retrieved records",
        description=(
            "A shop's support handbook of about 1,700 tokens as the shared system prompt, three or four order "
            "records and one question. The expected answer stands in exactly one record."
        ),
        rows=tuple(_row(index, words) for index in range(1, count + 1)),
    )


def _some_handbook(size: int, words: Words) -> str:
    """Nothing, sentences of it, or where there is room mostly all of it, as the saved prompts have it."""
    if words.rng.random() > 0.6:
        return ""
    whole = size > _ROOM_FOR_ALL * len(HANDBOOK) and words.rng.random() < 0.7
    return HANDBOOK if whole else " ".join(padding(_SENTENCES, size, words))


def practice(words: Words, size: int) -> Chat:
    """Records of any kind, sometimes behind a part of the handbook, and many of their lines asked for. Some are as a
    compressor would leave them."""
    kind = words.choice(records.KINDS)
    count = words.rng.randint(1, max(1, min(10, size // 180)))
    found = records.make_records(kind, count, words, words.rng.choice((None, None, 3, 4)))
    text = "\n\n".join(record.text() for record in found)
    handbook = _some_handbook(size - len(text), words)
    lines = [(record, attribute) for record in found for attribute in record.values]
    if words.rng.random() < _THINNED:
        habit = any_habit(words)
        thinned = [thin_record(record, habit, words) for record in found]
        text = "\n\n".join(part.text for part in thinned)
        handbook = thin_text(handbook, 0.5, words)
        lines = [(record, attribute) for record, part in zip(found, thinned, strict=True) for attribute in part.left]
    asked_for = lines or [(found[0], next(iter(found[0].values)))]
    turns = []
    for record, attribute in words.rng.sample(asked_for, min(len(asked_for), words.rng.randint(4, 12))):
        if words.rng.randrange(_ABSENT_ONE_IN) == 0 or not lines:
            number = draw_unlike("order", {record.number for record in found}, words)
            turns.append((records.ask(kind, number, attribute, words), records.ABSENT))
        else:
            turns.append((records.ask(kind, record.number, attribute, words), record.line(attribute)))
    if words.rng.random() < 0.5:
        turns = [(f"Question: {asked}", answer) for asked, answer in turns]
    (first, answer), *rest = turns
    note = f"Note: {Filler(words).fill(words.choice(_CALLS))}\n" if words.rng.random() < 0.5 else ""
    return Chat(((f"Records:\n\n{text}\n\n{note}{first}", answer), *rest), handbook)
