"""The Live page's figures as one piece of HTML: drawn as elements of the page they cost a browser three times as much,
with every look. Everything is escaped. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from app.studio.live_view import Figure
from app.studio.spark_line import in_words, spark_line

GRID = "display:grid;grid-template-columns:repeat(auto-fit,minmax(max(125px,18%),1fr));gap:.5rem;margin:0;padding:0;"
"""Two rows of five down to windows of 800 pixels, fewer in a row below."""
CARD = "border:1px solid rgba(128,138,150,.35);border-radius:.5rem;padding:.6rem .7rem;margin:0;min-width:0;"
LABEL = "margin:0;font-size:.875rem;font-weight:400;"
VALUE = "margin:0;font-size:clamp(1.1rem,1.8vw,1.6rem);line-height:1.4;font-variant-numeric:tabular-nums;"
BELOW = "margin:0;font-size:.875rem;opacity:.78;"
SENTENCE = "margin:.6rem 0 0;font-size:.875rem;opacity:.78;"
IMAGE = "display:block;width:100%;margin-top:.35rem;"


def figure_grid(figures: Sequence[Figure], sentence: str, color: str) -> str:
    """`color` of the lines, as in SVG; the sentence stands below."""
    cards = "".join(_card(figure, color) for figure in figures)
    return f'<dl style="{GRID}">{cards}</dl><p style="{SENTENCE}">{escape(sentence)}</p>'


def _card(figure: Figure, color: str) -> str:
    parts = [f'<dt style="{LABEL}">{escape(figure.label)}</dt>', f'<dd style="{VALUE}">{escape(figure.value)}</dd>']
    if figure.below:
        parts.append(f'<dd style="{BELOW}">{escape(figure.below)}</dd>')
    else:
        line = quote(spark_line(figure, color))
        parts.append(
            f'<dd style="margin:0"><img src="data:image/svg+xml,{line}" alt="{escape(in_words(figure))}" '
            f'style="{IMAGE}"></dd>'
        )
    return f'<div style="{CARD}">{"".join(parts)}</div>'
