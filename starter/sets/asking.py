"""How people ask for a fact: frames round a question, in the two forms that a fact offers.

Practice and the saved prompts never share a frame, so the wording of a saved question has never been practised.
"""

from starter.sets.words import Fact, Words

# {q} is the direct question, {i} the indirect one: "when the train leaves".
_PRACTISED = (
    "{q}", "{q}", "{q}", "Quick question: {q}", "One more thing: {q}", "Now this: {q}", "Please answer: {q}",
    "I need one fact. {q}", "{q} Thank you.", "{q} Quote the line.", "Hello, {q}", "Next question: {q}",
    "A customer wants to know this: {q}", "Sorry, {q}", "{q} I need it for a letter.", "Please tell me {i}.",
    "I forgot {i}.", "Do you know {i}?", "I would like to know {i}.", "Tell me {i}.", "Can you say {i}?",
    "Please find out {i}.", "We have to know {i}.", "Say {i}.", "It is not clear to me {i}.",
    "Please check {i} and tell me.", "They ask {i}.", "Write down {i}.",
)  # fmt: skip
_HELD_OUT = (
    "Could you look up {i}?", "Remind me {i}, please.", "Let me know {i}.", "Somebody on the phone asks {i}.",
    "Might I ask {i}?", "I was asked {i}.", "What I still need to learn is {i}.", "For the file: {q}",
    "Here is what I need: {q}", "Before we go on: {q}", "{q} Take your time.", "A short one: {q}",
    "{q} One line is enough.", "If you have a moment: {q}",
)  # fmt: skip


def framed(ask: str, indirect: str, words: Words) -> str:
    frame = words.choice(_HELD_OUT if words.held_out else _PRACTISED)
    return frame.replace("{q}", ask).replace("{i}", indirect)


def question(fact: Fact, words: Words) -> str:
    return framed(fact.ask, fact.indirect, words)
