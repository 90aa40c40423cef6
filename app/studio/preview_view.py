"""A preview of a changed prompt as the studio draws it. Prompts are strangers' text: every letter is escaped."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from app.analysis.explain import ApiPrice
from app.analysis.kept_words import Span
from app.analysis.metric import MISSING
from app.prompts.preview import Preview, Tokens
from app.prompts.tiktoken_count import DEFAULT_ENCODING, WHY_NONE
from app.views.wording import plain

HARD_SPACE, WORD_JOINER = "\N{NO-BREAK SPACE}", "\N{WORD JOINER}"
SIGNS = {"kept": "", "dropped": "~~", "added": "**"}


def spans_markdown(spans: Iterable[Span]) -> str:
    """Dropped words struck out, added ones bold; line breaks and leading space as they were."""
    text = "".join(_marked(piece, SIGNS[span.kind]) for span in spans for piece in _lines(span.text))
    return "\n".join(_with_hard_spaces(line) for line in text.split("\n")).replace("\n", "  \n")


def draw_preview(found: Preview, model: str, price: ApiPrice | None = None) -> None:
    """Token counts first, with a `price` what they cost, then each message and document with what was dropped struck
    out."""
    unchanged = all(span.kind == "kept" for part in found.parts for span in part.spans)
    if found.idle:
        begin = "Nothing was changed" if unchanged else "Not all had something to do"
        st.info(plain(f"{begin}: {found.idle}."), icon=":material/info:")
    by_model, by_tiktoken, *money, time = st.columns(3 if price is None else 4)
    _metric(by_model, f"Tokens by {model}", found.model_tokens)
    _metric(by_tiktoken, f"Tokens by tiktoken, {DEFAULT_ENCODING}", found.tiktoken, WHY_NONE)
    if price is not None:
        label, value, change, about = price_metric(found, model, price)
        money[0].metric(plain(label), value, change, delta_color="inverse", help=about)
    time.metric("Time", MISSING if found.idle and unchanged else f"{found.seconds:.2f} s")
    for part in found.parts:
        moved = "" if part.moved_to is None else f", now document {part.moved_to}"
        with st.expander(plain(f"{part.title}{moved}"), expanded=True):
            st.markdown(spans_markdown(part.spans))
    st.caption("Struck-out words are dropped; bold ones are new.")


def price_metric(found: Preview, model: str, price: ApiPrice) -> tuple[str, str, str, str]:
    """Label, value, change and source of what a thousand such prompts would cost at an API, answers not counted."""
    tokens, counted = (found.tiktoken, "tiktoken") if found.tiktoken else (found.model_tokens, model)
    before, after = (count * price.input / 1000 for count in (tokens.before, tokens.after))
    about = (
        f"Input at \\${price.input:g} per 1M tokens ({plain(price.source)}), tokens as {plain(counted)} counts them; "
        "answers and cached input are not in it."
    )
    return f"1,000 prompts at {price.model}", f"\\${after:,.3g}", f"{tokens.kept - 1:+.0%} of \\${before:,.3g}", about


def _metric(column: st.delta_generator.DeltaGenerator, label: str, tokens: Tokens | None, why: str = "") -> None:
    if tokens is None:
        column.metric(plain(label), MISSING, help=why)
        return
    change = f"{tokens.kept - 1:+.0%} of {tokens.before:,}"
    column.metric(plain(label), f"{tokens.after:,}", change, delta_color="inverse")


def _lines(text: str) -> list[str]:
    return [
        piece for line in text.splitlines(keepends=True) for piece in (line.rstrip("\n"), "\n"[: line.endswith("\n")])
    ]


def _marked(text: str, sign: str) -> str:
    """Markdown wants its signs next to letters, so the space around them stays outside."""
    inner = text.strip()
    if not inner or not sign:
        return text if not inner else text.replace(inner, plain(inner), 1)
    begin = text.find(inner)
    marked = f"{_guard(inner[0])}{plain(inner)}{_guard(inner[-1])}"
    return f"{text[:begin]}{sign}{marked}{sign}{text[begin + len(inner) :]}"


def _guard(character: str) -> str:
    """Beside a letter outside, a sign before or after punctuation would be taken for a mere character."""
    return "" if character.isalnum() else WORD_JOINER


def _with_hard_spaces(line: str) -> str:
    """Four plain spaces at a line's start would make it code."""
    inner = line.lstrip(" \t")
    return HARD_SPACE * (len(line) - len(inner)) + inner
