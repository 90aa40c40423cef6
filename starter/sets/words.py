"""The vocabulary of the fictional world in the starter prompts, and the filling of `{slot}` templates from it.

There are two sides. The held-out side is what the saved prompts and the evaluation say; the other is what practice
says. Names, things, numbers, dates, amounts and codes of one side never occur on the other.
"""

import random
import re
import tomllib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from starter.sets import names

_WORDS: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
ITEMS = _WORDS["items"]
MONTHS = _WORDS["months"]
_HELD_OUT_ONE_IN = 5
_HALVES, _HALF_AGAIN = 3, 0.6
# The saved prompts leave these out too: practice reads them in the support handbook.
_IN_HANDBOOK = ("150.00 EUR", "2075")


def is_held_out(value: str) -> bool:
    """One number, date, amount or code in five, by its text: the same on every machine and in every year."""
    return zlib.crc32(value.encode()) % _HELD_OUT_ONE_IN == 0


@dataclass
class Words:
    """Draws words of one side."""

    rng: random.Random
    held_out: bool
    alike: bool = False
    """Whether names, amounts and numbers share halves with one another more often than chance would have it."""
    _halves: dict[str, list[str]] = field(default_factory=dict)

    def draw(self, kind: str) -> str:
        return _MAKERS[kind](self)

    def of_side(self, make: Callable[[], str]) -> str:
        while True:
            value = make()
            if is_held_out(value) == self.held_out and value not in _IN_HANDBOOK:
                return value

    def choice(self, options: Sequence[str]) -> str:
        return self.rng.choice(options)

    def half(self, kind: str, make: Callable[[], str]) -> str:
        """A part of a value. Where values are to be alike, mostly one of the first three that were made."""
        made = self._halves.setdefault(kind, [])
        if self.alike and len(made) == _HALVES and self.rng.random() < _HALF_AGAIN:
            return self.rng.choice(made)
        part = make()
        if len(made) < _HALVES:
            made.append(part)
        return part

    def person(self) -> str:
        first = self.half("first", lambda: names.first_name(self.rng, self.held_out))
        return f"{first} {self.half('last', lambda: names.last_name(self.rng, self.held_out))}"

    def item(self) -> str:
        if self.held_out:
            return self.rng.choice(ITEMS)
        while True:
            made = f"{self.rng.choice(_WORDS['item_kinds'])} {self.rng.choice(_WORDS['item_things'])}"
            if made not in ITEMS:
                return made


def _an_item(words: Words) -> str:
    item = words.item()
    return f"an {item}" if item[0] in "aeiou" else f"a {item}"


def _street(words: Words) -> str:
    if words.held_out:
        return words.choice(_WORDS["streets"])
    name = names.last_name(words.rng, False)
    return f"{name} {words.choice(('Lane', 'Road', 'Street', 'Row', 'Way', 'Close', 'Walk'))}"


def _amount(words: Words) -> str:
    if not words.alike:
        return f"{words.rng.randint(6, 180)}.{words.rng.randint(0, 99):02d} EUR"
    whole = words.half("euros", lambda: str(words.rng.randint(6, 180)))
    return f"{whole}.{words.half('cents', lambda: f'{words.rng.randint(0, 99):02d}')} EUR"


def _order(words: Words) -> str:
    if not words.alike:
        return str(words.rng.randint(1000, 9999))
    front = words.half("order", lambda: str(words.rng.randint(10, 99)))
    return front + words.half("number", lambda: f"{words.rng.randint(0, 99):02d}")


_MAKERS: dict[str, Callable[[Words], str]] = {
    "person": Words.person,
    "first": lambda w: names.first_name(w.rng, w.held_out),
    "place": lambda w: names.place(w.rng, w.held_out),
    "item": Words.item,
    "an_item": _an_item,
    "street": _street,
    "date": lambda w: w.of_side(lambda: f"{w.rng.randint(1, 28)} {w.choice(MONTHS)}"),
    "time": lambda w: w.of_side(lambda: f"{w.rng.randint(6, 21)}:{w.rng.randrange(0, 60, 5):02d}"),
    "euros": lambda w: w.of_side(partial(_amount, w)),
    "number": lambda w: w.of_side(lambda: str(w.rng.randint(12, 980))),
    "code": lambda w: w.of_side(lambda: f"{w.choice('ABCDEFGHKLMNPRSTUVW')}{w.rng.randint(100, 999)}"),
    "order": lambda w: w.of_side(partial(_order, w)),
    "weekday": lambda w: w.choice(_WORDS["weekdays"]),
    "few": lambda w: w.choice(("two", "three", "four", "five", "six", "seven")),
}
_SLOT = re.compile(r"\{(\w+?)(\d?)\}")


@dataclass
class Filler:
    """Fills slots. `{person}` is drawn anew each time; `{person1}` keeps its value for the whole text."""

    words: Words
    bound: dict[str, str] = field(default_factory=dict)

    def fill(self, template: str) -> str:
        return _SLOT.sub(self._value, template)

    def _value(self, match: re.Match[str]) -> str:
        kind, index = match.groups()
        if not index:
            return self.words.draw(kind)
        if match[0] not in self.bound:
            self.bound[match[0]] = draw_unlike(kind, set(self.bound.values()), self.words)
        return self.bound[match[0]]


def draw_unlike(kind: str, taken: set[str], words: Words) -> str:
    """Neither holds the other: "3 June" inside "13 June" would make a wrong answer look right."""
    value = words.draw(kind)
    while any(value in other or other in value for other in taken):
        value = words.draw(kind)
    return value


def shuffled_again_and_again(options: Sequence[str], words: Words) -> Iterator[str]:
    """All options in a random order, then all in another: none comes again before its time."""
    while True:
        yield from words.rng.sample(options, len(options))


@dataclass(frozen=True)
class Fact:
    """A sentence of the context, the value in it, and the two forms in which it is asked for."""

    sentence: str
    value: str
    ask: str
    indirect: str


def tell(patterns: list[dict[str, str]], words: Words) -> list[Fact]:
    """The facts of the patterns, no two values alike."""
    taken: set[str] = set()
    told = []
    for pattern in patterns:
        value = draw_unlike(pattern["kind"], taken, words)
        taken.add(value)
        told.append(Fact(pattern["say"].replace("{v}", value), value, pattern["ask"], pattern["indirect"]))
    return told
