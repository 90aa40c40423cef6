"""Draws the Demo page's slides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.analysis.ladder import Ladder
from app.studio import demo, large
from app.studio.demo_chart import against_article, climb
from app.views.charts import PLAIN, description
from app.views.wording import EFFECTS

RIGHT = {True: "✓ right", False: "✗ wrong", None: ""}
OTHER_LOADS = (
    "They were sent under different loads, so these times cannot be held against each other: a batch answers each "
    "request a little later, and all of them sooner."
)


def show_slide(
    slide: demo.Slide,
    ladder: Ladder,
    prompt: demo.OnePrompt | None,
    manifest: Mapping[str, Any],
    spec: Mapping[str, Any],
) -> None:
    if slide.kind == "summary":
        _summary(slide, ladder)
    elif slide.kind == "rung" and slide.rung is not None:
        _rung(ladder, slide.rung)
    elif slide.kind == "article":
        _article(slide, ladder)
    elif slide.kind == "prompt" and prompt is not None:
        _prompt(slide, prompt)
    else:
        st.html(large.heading(slide.title))
        st.html(large.facts(demo.basis_facts(ladder, manifest, spec)))


def _summary(slide: demo.Slide, ladder: Ladder) -> None:
    st.html(large.heading(slide.title))
    left, right = st.columns([5, 6], gap="large")
    with left:
        for at, figure in enumerate(demo.summary_figures(ladder)):
            size = large.SECOND if at else large.FIGURE
            st.html(large.figure(figure.value, figure.caption, figure.note, size))
    with right:
        _climb(ladder, "whole")


def _rung(ladder: Ladder, number: int) -> None:
    card = demo.rung_card(ladder, number)
    st.html(large.heading(card.title))
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.html(large.figure(card.figure.value, card.figure.caption, card.figure.note))
        st.html(large.line(card.verdict, style="font-weight:600;"))
        st.html(large.facts(card.facts))
        if card.evidence:
            word = EFFECTS[card.effect].word
            st.html(large.line(f"{word[:1].upper()}{word[1:]}: {card.evidence}", large.SMALL, large.QUIET))
    with right:
        _climb(ladder, "climb", number)


def _climb(ladder: Ladder, key: str, until: int | None = None) -> None:
    st.plotly_chart(climb(ladder, until, until), config=PLAIN, key=f"demo_{key}", alt=description(ladder))
    st.html(
        large.line("Cost of an answered request; the baseline is 1.00x. Lower is better.", large.SMALL, large.QUIET)
    )


def _article(slide: demo.Slide, ladder: Ladder) -> None:
    st.html(large.heading(slide.title))
    st.html(large.line(demo.article_sentence(ladder)))
    st.plotly_chart(against_article(ladder), config=PLAIN, key="demo_article", alt=demo.article_words(ladder))


def _prompt(slide: demo.Slide, prompt: demo.OnePrompt) -> None:
    st.html(large.heading(slide.title))
    st.html(large.quote(prompt.question))
    if prompt.expected is not None:
        st.html(large.line(f"Expected: {prompt.expected}", style=large.QUIET))
    alike = len({side.load for side in prompt.sides}) == 1
    for place, side in zip(st.columns(len(prompt.sides), gap="large"), prompt.sides, strict=True):
        with place.container(border=True):
            st.html(large.line(side.name, style="font-weight:600;"))
            st.html(large.quote(side.text or "(no answer)"))
            taken = "" if side.ms is None else f"{side.ms:,.0f} ms"
            said = RIGHT[side.right]
            if alike or not said:
                st.html(large.figure(taken, said, side.load, large.SECOND))
            else:
                st.html(large.figure(said, f"{taken}, {side.load}", "", large.SECOND))
    if not alike:
        st.html(large.line(OTHER_LOADS, large.SMALL, large.QUIET))
