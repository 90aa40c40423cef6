"""The short chats that the starter model practises on: (what the user writes, what it should answer) turn by turn."""

Chat = list[tuple[str, str]]


def opened(context: str, turns: Chat) -> Chat:
    """The context stands before the first question only."""
    (question, answer), *rest = turns
    return [(f"{context}{question}", answer), *rest]
