"""The Live page's figures as HTML: values, lines and the same in words, and nothing unescaped."""

from __future__ import annotations

from urllib.parse import unquote

from app.studio.figure_grid import figure_grid
from app.studio.live_view import Figure


def test_a_figure_stands_with_its_line_and_the_line_in_words() -> None:
    html = figure_grid(
        [Figure("Output rate", "12 tok/s", "", ((0.0, 6.0), (8.0, 12.0)), peak="12 tok/s")], "", "#123456"
    )
    assert html.count("<dt") == html.count("<img") == 1
    assert 'alt="Output rate over the last 8 s: now 12 tok/s, at most 12 tok/s"' in html
    assert 'stroke="#123456"' in unquote(html)


def test_a_word_below_stands_instead_of_the_line() -> None:
    html = figure_grid([Figure("Cost so far", "$0.10", "", below="$3.60/h")], "", "red")
    assert "$3.60/h" in html
    assert "<img" not in html


def test_what_it_says_is_escaped() -> None:
    html = figure_grid([Figure("<b>", '"&<i>', "", ((0.0, 1.0), (1.0, 2.0)), peak='"><script>')], "<u>", "red")
    assert not any(tag in html for tag in ("<b>", "<i>", "<script>", "<u>"))
