"""Draws one prompt on Compare: what was asked, and each candidate's answer beside the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.experiment.comparing import Side
from app.prompts.prompt_set import PromptSet
from app.studio.compare_prompts import beside, html_of, sent_spans, whole
from app.views.wording import plain
from optimizers.prompt import Prompt

Sent = Callable[[Side, Prompt], Prompt | None]
"""The prompt as a side sent it, None where that is not known any more."""


def show_answers(
    before: Side, others: Sequence[Side], position: int, repeat: int, prompts: PromptSet | None, sent: Sent
) -> None:
    """`position` and `repeat` count from 0."""
    prompt = prompts.prompts[position] if prompts and position < len(prompts.prompts) else None
    st.header(plain(f"Prompt {position + 1}" + (f" · {prompt.id}" if prompt else "")), anchor=False)
    if prompt is not None:
        if prompt.expected is not None:
            st.markdown(f"Expected: {plain(prompt.expected)}")
        with st.expander("The prompt as it is saved", icon=":material/chat:"):
            st.html(html_of([whole(prompt.plain_text())]))
    for side in others:
        st.markdown(f"**{plain(side.name)}**")
        _pair(before, side, position, repeat)
        if prompt is not None and side.recipe.prompt_uses():
            with st.expander("The prompt as it was sent", icon=":material/compress:"):
                _sent(prompt, sent(side, prompt))


def _pair(before: Side, after: Side, position: int, repeat: int) -> None:
    found = beside(before, after, position, repeat)
    if found.same:
        with st.container(border=True):
            st.caption(plain(f"{found.note} {found.before.name}: {found.before.words}. Here: {found.after.words}."))
            st.html(html_of(found.spans[0]))
        return
    if found.note:
        st.caption(found.note)
    for column, answer, spans in zip(st.columns(2, border=True), (found.before, found.after), found.spans, strict=True):
        column.caption(plain(f"{answer.name}: {answer.words}"))
        column.html(html_of(spans))


def _sent(saved: Prompt, sent: Prompt | None) -> None:
    if sent is None:
        st.caption("What was made of it is not on this machine any more.")
    else:
        st.caption("Struck out: not sent. Underlined: written anew.")
        st.html(html_of(sent_spans(saved, sent)))
