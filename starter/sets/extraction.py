"""Answers that repeat the prompt: a page of records, one of which is to be copied word for word.

Here a drafter that looks its proposals up in the prompt should win.
"""

import random

from starter.rows import PromptSet, Row, user
from starter.sets import records
from starter.sets.practice import Chat
from starter.sets.words import Words, draw_unlike

_HEADINGS = (
    "Records of the week", "Open cases", "Extract from the register", "Today's list", "Page from the desk book",
)  # fmt: skip


def _row(index: int, sheet: str, words: Words) -> Row:
    kind = records.KINDS[index % len(records.KINDS)]
    found = records.make_records(kind, words.rng.randint(6, 9), words)
    asked = words.rng.choice(found)
    # The sheet comes first, so that the rows share no prefix worth caching.
    heading = f"Sheet {sheet}: {words.choice(_HEADINGS)}, {words.draw('place')}, {words.draw('date')}"
    text = "\n\n".join(record.text() for record in found)
    return Row(
        id=f"extraction-{index:03d}",
        messages=(user(f"{heading}\n\n{text}\n\n{records.ask_for_copy(asked, words)}"),),
        expected=asked.text(),
        max_tokens=96,
        tags=(kind,),
    )


def make(seed: int, count: int = 128) -> PromptSet:
    words = Words(random.Random(seed), held_out=True)
    sheets: list[str] = []
    while len(sheets) < count:
        sheets.append(draw_unlike("code", set(sheets), words))
    return PromptSet(
        name="extraction",
        title="Copy a record",
        description=(
            "A page of six to nine records and the request to copy one of them. The whole answer stands in the "
            "prompt, word for word, so drafts that are looked up in the prompt should be accepted."
        ),
        rows=tuple(_row(index, sheet, words) for index, sheet in enumerate(sheets, start=1)),
        score="exact",
    )


def practice(words: Words, size: int) -> Chat:
    kind = words.choice(records.KINDS)
    count = words.rng.randint(1, max(1, min(9, size // 180)))
    found = records.make_records(kind, count, words, words.rng.choice((None, 3, 4)))
    heading = f"{words.choice(_HEADINGS)}, {words.draw('place')}, {words.draw('date')}, sheet {words.draw('code')}"
    text = "\n\n".join(record.text() for record in found)
    turns = [
        (records.ask_for_copy(record, words), record.text())
        for record in words.rng.sample(found, min(len(found), words.rng.randint(1, 3)))
    ]
    (first, answer), *rest = turns
    return Chat(((f"{heading}\n\n{text}\n\n{first}", answer), *rest))
