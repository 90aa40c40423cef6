"""What a summary is scored by, on texts written here; the models are asked in the evaluation."""

from __future__ import annotations

import pytest

from starter.prompt_sets import make_all
from starter.rows import assistant, system, user
from starter.summaries import SETS, Named, chats, named, together

CHAT = (
    system("You plan trips."),
    user("The train leaves at 8:20. The boat costs 43.80 EUR. When does the train leave?"),
    assistant("The train leaves at 8:20."),
    user("The way back is on 9 June. When is it?"),
    assistant("The way back is on 9 June."),
    user("When was that?"),
    assistant("The way back is on 9 June."),
)
WHOLE = "The train leaves at 8:20.\nThe way back is on 9 June."


@pytest.mark.parametrize(
    ("summary", "expected", "counts"),
    [
        (WHOLE, "8:20", (2, 2, 2, 2, 1)),
        (WHOLE, "43.80 EUR", (2, 2, 2, 2, 0)),
        ("the  train leaves at 8:20", "8:20", (2, 1, 1, 1, 1)),
        ("The train leaves at 18:20.", "8:20", (2, 0, 1, 0, 0)),
        ("The train leaves at 8:25.\nThe boat costs 43.80 EUR.", "43.80 EUR", (2, 0, 2, 1, 1)),
        ("", "8:20", (2, 0, 0, 0, 0)),
    ],
)
def test_facts_and_lines_are_counted(summary: str, expected: str, counts: tuple[int, ...]) -> None:
    found = named(summary, CHAT, expected)
    assert (found.facts, found.named, found.lines, found.true_lines, found.held) == counts


def test_counts_add_up_and_nothing_has_no_share() -> None:
    both = together([named(WHOLE, CHAT, "8:20"), named("Nothing.", CHAT, "8:20")]).to_json()
    assert (both["chats"], both["share"], both["held_share"]) == (2, 0.5, 0.5)
    assert both["true_share"] == pytest.approx(2 / 3)
    assert Named().to_json()["share"] is None


def test_each_saved_chat_is_scored_once_and_at_its_longest() -> None:
    sets = {made.name: made for made in make_all()}
    assert {*SETS} <= {*sets}
    multi = chats(sets["multi-turn"])
    assert len({row.conversation for row in multi}) == len(multi) == 32
    assert {len(row.messages) for row in multi} == {8}
    assert {len(row.messages) for row in chats(sets["long-chat"])} == {24}
    assert chats(sets["unique"]) == []
