"""Text as large as a wall needs, which Streamlit's own elements do not reach. Everything is escaped. Pure.

Sizes follow the window: a figure of `FIGURE` is 9 % of its width, so that a wall and a laptop show the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

FIGURE = "clamp(3.4rem, 9vw, 10rem)"
SECOND = "clamp(2.2rem, 5vw, 5.6rem)"
TITLE = "clamp(1.7rem, 3.2vw, 3.6rem)"
BODY = "clamp(1.15rem, 1.65vw, 2.1rem)"
SMALL = "clamp(1rem, 1.25vw, 1.5rem)"
NUMBERS = "font-variant-numeric:tabular-nums;"
QUIET = "opacity:.78;"


def heading(text: str) -> str:
    return _element("h1", text, TITLE, "font-weight:600;line-height:1.15;margin:0;padding:0;letter-spacing:-.01em;")


def line(text: str, size: str = BODY, style: str = "") -> str:
    return _element("p", text, size, f"line-height:1.35;margin:0;{style}")


def figure(value: str, caption: str, note: str = "", size: str = FIGURE) -> str:
    """A figure, what it is of, and in smaller letters how sure it is."""
    big = _element("span", value, size, f"display:block;font-weight:600;line-height:1;letter-spacing:-.03em;{NUMBERS}")
    parts = [big, _element("span", caption, BODY, "display:block;line-height:1.3;margin-top:.3rem;")]
    if note:
        parts.append(_element("span", note, SMALL, f"display:block;line-height:1.4;{QUIET}{NUMBERS}"))
    return f'<p style="margin:0">{"".join(parts)}</p>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values under one another."""
    row = "margin:0;display:flex;gap:1.2em;justify-content:space-between;align-items:baseline;padding:.45em 0;"
    rule = "border-top:1px solid rgba(128,138,150,.35);"
    name_style, value_style = (
        f"margin:0;font-weight:400;{QUIET}",
        f"margin:0;font-weight:600;text-align:right;{NUMBERS}",
    )
    rows = "".join(
        f'<div style="{row}{rule}">'
        f"{_element('dt', name, BODY, name_style)}{_element('dd', value, BODY, value_style)}</div>"
        for name, value in pairs
    )
    return f'<dl style="margin:0;padding:0">{rows}</dl>'


def quote(text: str) -> str:
    """A prompt's or a model's words, as they are."""
    style = "margin:0;white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.35;font-weight:500;"
    return _element("blockquote", text, BODY, style + "padding:0;border:0;")


def _element(tag: str, text: str, size: str, style: str) -> str:
    return f'<{tag} style="font-size:{size};{style}">{escape(text)}</{tag}>'
