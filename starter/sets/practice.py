"""What the starter models practise on: chats with the answers that they should give.

`size` says how much context a practice chat may bring, in characters; each set keeps to it roughly. Several questions
follow one context, because each answer is a lesson and a context is dear.
"""

from dataclasses import dataclass

from starter.sets.words import Words


@dataclass(frozen=True)
class Chat:
    """(what the user writes, what the model should answer) turn by turn."""

    turns: tuple[tuple[str, str], ...]
    system: str = ""


def padding(sentences: list[str], size: int, words: Words) -> list[str]:
    """Sentences in random order, of `size` characters together or less, for a fact to hide among."""
    chosen: list[str] = []
    left = size
    for sentence in words.rng.sample(sentences, len(sentences)):
        if len(sentence) > left:
            break
        chosen.append(sentence)
        left -= len(sentence) + 1
    return chosen
