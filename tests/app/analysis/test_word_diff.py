"""Word by word: what is marked, and that nothing of either text is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.analysis.word_diff import side_by_side, text_of


def kinds(before: str, after: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    found = side_by_side(before, after)
    return [(s.text, s.kind) for s in found.before], [(s.text, s.kind) for s in found.after]


def test_changed_words_are_marked_on_their_side() -> None:
    left, right = kinds("It costs 48.20 EUR.", "It costs 48.90 EUR today.")
    assert left == [("It costs", "kept"), (" 48.20", "dropped"), (" EUR.", "kept")]
    assert right == [
        ("It costs", "kept"), (" 48.90", "added"), (" EUR", "kept"), (" today", "added"), (".", "kept"),
    ]  # fmt: skip


def test_half_a_number_is_no_match() -> None:
    left, right = kinds("110.81", "110")
    assert left == [("110.81", "dropped")]
    assert right == [("110", "added")]


def test_one_side_can_be_empty() -> None:
    assert kinds("", "new words") == ([], [("new words", "added")])
    assert kinds("old", "") == ([("old", "dropped")], [])


def test_a_difference_of_spacing_alone_is_known_as_such() -> None:
    assert side_by_side("a  b", "a b").spacing_only
    assert not side_by_side("a b", "a b").spacing_only
    assert not side_by_side("a b", "a c").spacing_only


@given(st.text(), st.text())
def test_both_texts_are_whole(before: str, after: str) -> None:
    found = side_by_side(before, after)
    assert text_of(found.before) == before
    assert text_of(found.after) == after


@given(st.text(alphabet="ab \n."))
def test_equal_texts_have_no_mark(text: str) -> None:
    found = side_by_side(text, text)
    assert {span.kind for span in (*found.before, *found.after)} <= {"kept"}
