"""Practised ways to ask for any attribute of any record, or for all of it, made by putting parts together.

With a handful of fixed questions a model learns the questions. With thousands it has to learn that the attribute's own
word decides. None of these says what a saved prompt says.
"""

from starter.sets.words import Words

_VERBS = (
    "goes with", "is on file for", "do we have for", "is shown for", "was entered for", "was set for", "is kept for",
    "did they put down for", "is listed for", "appears for", "can you see for", "was taken down for", "is recorded for",
    "was fixed for", "comes with", "was sent with", "was taken with", "was ordered for", "is meant for", "was found in",
    "is in", "was chosen for", "did we give for", "applies to",
)  # fmt: skip
_DIRECT = (
    "Which {a} {v} {w}?", "What {a} {v} {w}?", "Which is the {a} for {w}?", "The {a} of {w}, please.",
    "What about the {a} of {w}?", "For {w}, what is the {a}?", "Is there a {a} for {w}?", "{w}, {a}?",
    "About {w}: the {a}?", "Who or what is the {a} in {w}?", "Under which {a} do we have {w}?",
    "With which {a} is {w} kept?", "To which {a} was {w} set?", "At which {a} was {w} left?",
    "On which {a} is {w}?", "For which {a} is {w}?",
    "Who is the {a} for {w}?", "Who is entered as the {a} of {w}?", "Who is listed as {a} in {w}?",
    "When is the {a} for {w}?", "How much is the {a} for {w}?", "What does {w} have as {a}?",
    "Where do I find the {a} of {w}?",
)  # fmt: skip
_INDIRECT = (
    "which {a} {v} {w}", "what {a} {v} {w}", "what the {a} for {w} is", "the {a} of {w}", "which {a} {w} was given",
    "who is listed as {a} in {w}", "who is entered as the {a} of {w}", "under which {a} {w} is kept", "the {a} for {w}",
    "to which {a} {w} was set", "what {w} has as {a}", "what to write as the {a} of {w}",
)  # fmt: skip
_COPY = (
    "Copy", "Write out", "Give me", "Repeat", "Show", "Print", "Read me", "Send me", "List", "Spell out", "I need",
    "I want", "Let us see", "We need", "Please copy", "Can you write out", "Now", "They want", "I am looking for",
    "Please quote", "Would you show", "Hand me",
)  # fmt: skip
_WHOLE = (
    "the record of {w}", "the whole record of {w}", "all lines of {w}", "everything about {w}", "the full entry of {w}",
    "what stands under {w}", "each line of {w}", "the complete entry for {w}", "all we know of {w}", "the lines on {w}",
    "the entire record of {w}", "the record {w}", "{w} with all its lines", "{w} as a whole", "every line of {w}",
)  # fmt: skip
_TAILS = (
    "", "", ", please", " now", " line by line", " as it stands", " without leaving anything out", " exactly",
    " from the first line on", " from top to bottom", ", nothing left out", " for the file", " once more",
)  # fmt: skip


def any_copy_wording(who: str, words: Words) -> str:
    """A request for a whole record."""
    return f"{words.choice(_COPY)} {words.choice(_WHOLE).replace('{w}', who)}{words.choice(_TAILS)}."


def any_wording(attribute: str, who: str, words: Words) -> tuple[str, str]:
    """A direct question and an indirect one."""
    direct, indirect = (
        words.choice(forms).replace("{v}", words.choice(_VERBS)).replace("{a}", attribute).replace("{w}", who)
        for forms in (_DIRECT, _INDIRECT)
    )
    return direct[0].upper() + direct[1:], indirect
