"""Practice on what a prompt compressor leaves: records and sentences with words missing.

A compressor drops what it takes for granted first: labels, numbers said before, small words. A model that never saw a
text like that takes it for one without an answer. What was dropped for good is not asked for.
"""

from dataclasses import dataclass

from starter.sets.records import Record
from starter.sets.words import Words


@dataclass(frozen=True)
class Thinned:
    text: str
    left: tuple[str, ...]
    """The attributes whose value and whose record's number are still there."""


@dataclass(frozen=True)
class Habit:
    """How readily one compressor keeps labels, a record's number and values; shares from 0 to 1."""

    labels: float
    numbers: float
    values: float
    lines: bool
    """Whether line ends survive."""


def any_habit(words: Words) -> Habit:
    rng = words.rng
    labels = rng.choice((0.0, 0.1, 0.4, 0.8))
    return Habit(labels, rng.choice((0.3, 0.7, 1.0)), rng.choice((0.85, 0.95, 1.0)), rng.random() < 0.4)


def thin_text(text: str, share: float, words: Words) -> str:
    """About `share` of the words, in runs as a compressor leaves them."""
    kept: list[str] = []
    keeping = True
    for word in text.split():
        if words.rng.random() < 0.6:
            keeping = words.rng.random() < share
        if keeping:
            kept.append(word)
    return " ".join(kept)


def thin_record(record: Record, habit: Habit, words: Words) -> Thinned:
    rng = words.rng
    lines: list[str] = []
    whole: list[str] = []
    numbered = False
    for attribute, value in record.values.items():
        label = [word for word in (record.kind.capitalize(),) if rng.random() < habit.labels]
        number = [record.number] if rng.random() < habit.numbers else []
        label_after = [word for word in f"{attribute}:".split() if rng.random() < habit.labels]
        kept = [word for word in value.split() if rng.random() < habit.values]
        numbered = numbered or bool(number)
        if kept == value.split():
            whole.append(attribute)
        lines.append(" ".join([*label, *number, *label_after, *kept]))
    text = ("\n" if habit.lines else " ").join(line for line in lines if line)
    return Thinned(text, tuple(whole) if numbered else ())
