"""Struck-out words in Markdown, whatever a stranger's prompt holds."""

from __future__ import annotations

from dataclasses import replace

from streamlit.testing.v1 import AppTest

from app.analysis.explain import ApiPrice
from app.analysis.kept_words import Span
from app.prompts.preview import Preview, Tokens
from app.studio.preview_view import HARD_SPACE, WORD_JOINER, price_metric, spans_markdown


def test_dropped_words_are_struck_out_with_their_space_outside() -> None:
    spans = (Span("The", "dropped"), Span(" valve", "kept"), Span(" was  ", "dropped"), Span("new", "added"))
    assert spans_markdown(spans) == "~~The~~ valve ~~was~~  **new**"


def test_lines_stay_lines_and_are_struck_out_one_by_one() -> None:
    assert spans_markdown((Span("one\n two\n", "dropped"),)) == f"~~one~~  \n{HARD_SPACE}~~two~~  \n"


def test_signs_around_punctuation_stay_signs_beside_a_letter() -> None:
    """Without the joiner Markdown would show the tildes."""
    spans = (Span("post", "kept"), Span(".", "dropped"), Span(" (now)", "added"), Span("end", "kept"))
    assert spans_markdown(spans) == rf"post~~{WORD_JOINER}\.{WORD_JOINER}~~ **{WORD_JOINER}\(now\){WORD_JOINER}**end"


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


def test_a_price_is_of_a_thousand_prompts_and_says_where_it_is_from() -> None:
    found = Preview("p", "prompt_compression", (), Tokens(2000, 500), Tokens(1000, 250), 0.5)
    price = ApiPrice("gpt", "prices 1.0", input=2.0, cached=None, output=8.0)
    label, value, change, about = price_metric(found, "small", price)
    assert (label, value, change) == ("1,000 prompts at gpt", r"\$0.5", r"-75% of \$2")
    assert r"\$2 per 1M tokens (prices 1\.0), tokens as tiktoken counts them" in about
    uncounted = price_metric(replace(found, tiktoken=None), "small", price)
    assert uncounted[1:3] == (r"\$1", r"-75% of \$4")
    assert "tokens as small counts them" in uncounted[3]
