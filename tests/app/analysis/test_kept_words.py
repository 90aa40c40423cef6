"""What a preview marks: what is kept and dropped is the original, what is new is said to be new."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.analysis.kept_words import Span, compared


def test_words_that_are_left_out_are_dropped() -> None:
    assert compared("The valve was closed at 7:05.", "valve closed 7:05.") == (
        Span("The", "dropped"),
        Span(" valve", "kept"),
        Span(" was", "dropped"),
        Span(" closed", "kept"),
        Span(" at", "dropped"),
        Span(" 7:05.", "kept"),
    )


def test_letters_that_are_left_of_a_word_are_kept() -> None:
    assert compared("Twice this month", "Twice this m") == (Span("Twice this m", "kept"), Span("onth", "dropped"))


def test_words_that_were_not_there_are_added() -> None:
    assert compared("We met in May.", "In short: they met.")[-1] == Span(".", "kept")
    kinds = {span.kind for span in compared("one two three", "a summary")}
    assert kinds == {"dropped", "added"}


def test_the_same_text_is_one_span_and_nothing_is_all_dropped() -> None:
    assert compared("as it was\n", "as it was\n") == (Span("as it was\n", "kept"),)
    assert compared("all of it", "") == (Span("all of it", "dropped"),)
    assert compared("", "") == ()


@given(st.text(alphabet="ab .\n1", max_size=30), st.text(alphabet="ab .\n1", max_size=30))
def test_kept_and_dropped_together_are_the_original(original: str, changed: str) -> None:
    spans = compared(original, changed)
    assert "".join(span.text for span in spans if span.kind != "added") == original
    left = "".join(span.text for span in spans if span.kind != "dropped")
    assert "".join(left.split()) == "".join(changed.split())
