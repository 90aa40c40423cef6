"""Struck-out words in Markdown, whatever a stranger's prompt holds."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

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


def preview_page() -> None:
    from app.analysis.kept_words import Span
    from app.prompts.preview import PartPreview, Preview, Tokens
    from app.studio.preview_view import draw_preview

    spans = (Span("The", "dropped"), Span(" *valve*", "kept"))
    parts = (PartPreview("document a", spans, moved_to=2), PartPreview("user", spans))
    draw_preview(Preview("p", "prompt_compression", parts, Tokens(200, 100), None, 0.5), "small_model")


def test_a_preview_has_its_counts_and_its_parts() -> None:
    page = AppTest.from_function(preview_page).run()
    assert not page.exception
    assert [(metric.label, metric.value) for metric in page.metric] == [
        (r"Tokens by small\_model", "100"),
        (r"Tokens by tiktoken\, o200k\_base", "–"),
        ("Time", "0.50 s"),
    ]
    assert page.metric[0].delta == "-50% of 200"
    assert [part.label for part in page.expander] == ["document a\\, now document 2", "user"]
    assert [text.value for text in page.markdown] == [r"~~The~~ \*valve\*"] * 2
