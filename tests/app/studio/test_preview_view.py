"""Struck-out words in Markdown, whatever a stranger's prompt holds."""

from __future__ import annotations

from app.analysis.kept_words import Span
from app.studio.preview_view import HARD_SPACE, spans_markdown


def test_dropped_words_are_struck_out_with_their_space_outside() -> None:
    spans = (Span("The", "dropped"), Span(" valve", "kept"), Span(" was  ", "dropped"), Span("new", "added"))
    assert spans_markdown(spans) == "~~The~~ valve ~~was~~  **new**"


def test_lines_stay_lines_and_are_struck_out_one_by_one() -> None:
    assert spans_markdown((Span("one\n two\n", "dropped"),)) == f"~~one~~  \n{HARD_SPACE}~~two~~  \n"


def test_markdown_in_a_prompt_is_text() -> None:
    assert spans_markdown((Span("**a** <b> $x$ :red[c]", "kept"),)) == r"\*\*a\*\* \<b\> \$x\$ \:red\[c\]"
    assert spans_markdown((Span("    code", "kept"),)) == f"{HARD_SPACE * 4}code"
