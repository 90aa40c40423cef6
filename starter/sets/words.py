"""The vocabulary of the fictional world in the starter prompts, and the filling of `{slot}` templates from it."""

import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_WORDS: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
FIRST_NAMES = _WORDS["first_names"]
LAST_NAMES = _WORDS["last_names"]
ITEMS = _WORDS["items"]
MONTHS = _WORDS["months"]


def person(rng: random.Random) -> str:
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def date(rng: random.Random) -> str:
    return f"{rng.randint(1, 28)} {rng.choice(MONTHS)}"


def clock(rng: random.Random) -> str:
    return f"{rng.randint(7, 19)}:{rng.choice(('05', '10', '20', '30', '40', '50'))}"


def euros(rng: random.Random) -> str:
    return f"{rng.randint(6, 180)}.{rng.choice(('00', '20', '40', '50', '80', '90'))} EUR"


def number(rng: random.Random) -> str:
    return str(rng.randint(12, 980))


def order_number(rng: random.Random) -> str:
    return str(rng.randint(1000, 9999))


def code(rng: random.Random) -> str:
    return f"{rng.choice('ABCDEFGHKLMNPRSTUVW')}{rng.randint(100, 999)}"


def an_item(rng: random.Random) -> str:
    item = rng.choice(ITEMS)
    return f"an {item}" if item[0] in "aeiou" else f"a {item}"


_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "person": person,
    "date": date,
    "time": clock,
    "euros": euros,
    "number": number,
    "code": code,
    "item": lambda rng: rng.choice(ITEMS),
    "an_item": an_item,
    "place": lambda rng: rng.choice(_WORDS["places"]),
    "street": lambda rng: rng.choice(_WORDS["streets"]),
    "weekday": lambda rng: rng.choice(_WORDS["weekdays"]),
    "few": lambda rng: rng.choice(("two", "three", "four", "five", "six", "seven")),
}
_SLOT = re.compile(r"\{(\w+?)(\d?)\}")


def draw(kind: str, rng: random.Random) -> str:
    return _MAKERS[kind](rng)


@dataclass
class Filler:
    """Fills slots. `{person}` is drawn anew each time; `{person1}` keeps its value for the whole text."""

    rng: random.Random
    bound: dict[str, str] = field(default_factory=dict)

    def fill(self, template: str) -> str:
        return _SLOT.sub(self._value, template)

    def _value(self, match: re.Match[str]) -> str:
        kind, index = match.groups()
        if not index:
            return draw(kind, self.rng)
        if match[0] not in self.bound:
            taken = set(self.bound.values())
            self.bound[match[0]] = draw_unlike(kind, taken, self.rng)
        return self.bound[match[0]]


def draw_unlike(kind: str, taken: set[str], rng: random.Random) -> str:
    """Neither holds the other: "3 June" inside "13 June" would make a wrong answer look right."""
    value = draw(kind, rng)
    while any(value in other or other in value for other in taken):
        value = draw(kind, rng)
    return value


def facts(patterns: list[dict[str, str]], rng: random.Random) -> list[tuple[str, str, str]]:
    """(sentence, question, value) of each pattern, no two values alike."""
    taken: set[str] = set()
    told = []
    for pattern in patterns:
        value = draw_unlike(pattern["kind"], taken, rng)
        taken.add(value)
        told.append((pattern["say"].replace("{v}", value), pattern["ask"], value))
    return told
