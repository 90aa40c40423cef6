"""Names of people and places, in two worlds that never meet.

The saved prompts use the names in words.toml. Practice makes up names from syllables, so that a model has to copy
what stands in its context, letter group by letter group: no name that it is asked for has it ever seen.
"""

import random
import re
import tomllib
from pathlib import Path

_WORDS: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
FIRST_NAMES = _WORDS["first_names"]
LAST_NAMES = _WORDS["last_names"]
PLACES = _WORDS["places"]
# Practice reads two of the places in the support handbook, so the saved prompts do without them.
_PLACES_TO_SAVE = [name for name in PLACES if name not in ("Dunmore", "Kelby")]
_SAVED = {name.lower() for name in (*FIRST_NAMES, *LAST_NAMES, *PLACES)}

_ONSETS = (
    "", "b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kw", "l", "m", "n", "p", "pr",
    "qu", "r", "s", "sh", "st", "t", "th", "tr", "v", "w", "wh", "y", "z", "sn", "sul", "ash", "lind", "ok",
)  # fmt: skip
_NUCLEI = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "ae", "ai", "ea", "ee", "ie", "oa", "ou", "ia", "eo", "y")
_CODAS = (
    "", "", "", "l", "m", "n", "r", "s", "t", "nd", "nt", "rt", "st", "ck", "ng", "th", "x", "ss", "ll", "v", "lm",
    "rg", "k", "qv", "dt", "sk", "b", "p", "d", "g",
)  # fmt: skip
# A third of a name's syllables come from common words: without them, some tokens that a saved name has ("ave" in Pavel)
# were never practised, and a model cannot say what it has never said.
_PIECES = 0.35
_TOLD = ("support_handbook.md", "unique.toml", "multi_turn.toml", "few_shot.toml", "words.toml")
_TEXT = " ".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in _TOLD)
_COMMON = sorted(set(re.findall(r"\b[a-z]{4,}\b", _TEXT)) - _SAVED)
_PLACE_ENDS = (
    "ford", "ton", "by", "wick", "mere", "well", "ham", "haven", "gate", "ley", "stead", "combe", "low", "bridge",
)  # fmt: skip


def _syllable(rng: random.Random) -> str:
    return rng.choice(_ONSETS) + rng.choice(_NUCLEI) + rng.choice(_CODAS)


def _piece(rng: random.Random) -> str:
    """Two to four letters of a common word, often its last: what a tokenizer of such words has a token for."""
    word = rng.choice(_COMMON)
    length = rng.randint(2, 4)
    start = len(word) - length if rng.random() < 0.5 else rng.randint(0, len(word) - length)
    return word[start : start + length]


def _made_up(rng: random.Random, syllables: int, end: str = "") -> str:
    while True:
        parts = [_piece(rng) if rng.random() < _PIECES else _syllable(rng) for _ in range(syllables)]
        name = "".join(parts) + end
        if 3 <= len(name) <= 11 and name not in _SAVED:
            return name.capitalize()


def first_name(rng: random.Random, held_out: bool) -> str:
    return rng.choice(FIRST_NAMES) if held_out else _made_up(rng, rng.choice((1, 2, 2)))


def last_name(rng: random.Random, held_out: bool) -> str:
    return rng.choice(LAST_NAMES) if held_out else _made_up(rng, 2)


def place(rng: random.Random, held_out: bool) -> str:
    return rng.choice(_PLACES_TO_SAVE) if held_out else _made_up(rng, 1, rng.choice(_PLACE_ENDS))
