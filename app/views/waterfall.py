"""The waterfall of a ladder: a bar for each rung, what each step saved, and the article's figures beside them. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise

import plotly.graph_objects as go

from app.analysis.ladder import Ladder, RungResult
from app.views.charts import LINE, SHADE, TEXT, accent, bars_of, frame, hover_of, right_of, top_of
from app.views.effects import times
from app.views.wording import literal

WIDTH = 0.56
"""Of a bar; rungs are 1 apart."""
MANY = 5
"""With more rungs, a bar's name has room for 12 letters in a line."""


def waterfall(ladder: Ladder) -> go.Figure:
    """Each rung's relative cost, above it in grey what the step from the rung before saved, below it its quality.

    What looks alike is one trace: a browser takes as long for a trace of one bar as for one of eight."""
    figure = go.Figure()
    shown = [rung for rung in ladder.rungs if rung.cost is not None]
    _add_savings(figure, ladder, shown)
    for has_interval in (True, False):
        _add_rungs(figure, [rung for rung in shown if (rung.cost_interval is not None) == has_interval])
    figure.add_scatter(
        x=[rung.rung for rung in shown],
        y=[top_of(rung) for rung in shown],
        mode="markers+text",
        # Not seen, it keeps the text off the bar.
        marker={"opacity": 0, "size": 9},
        text=[f"<b>{times(rung.cost)}</b>" for rung in shown],
        textposition="top center",
        textfont={"size": 15, "color": TEXT},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    _add_article(figure, ladder)
    highest, narrow = max([top_of(rung) for rung in shown] + [1.0]), len(ladder.rungs) > MANY
    names = {rung.rung: _under_bar(rung, narrow) for rung in ladder.rungs}
    figure.update_layout(
        **frame(420 + 20 * max((names[rung.rung].count("<br>") for rung in shown), default=0)),
        barmode="overlay",
        xaxis={
            "tickvals": list(names),
            "ticktext": list(names.values()),
            "tickangle": 0,
            "tickfont": {"size": 13, "color": TEXT},
            "automargin": True,
            "range": [-0.6, len(ladder.rungs) - 0.4],
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={
            "title": {"text": "Relative cost (baseline = 1.00x)", "font": {"size": 13}},
            "range": [0, highest * 1.16],
            "fixedrange": True,
            "tickformat": ".1f",
            "ticksuffix": "x",
            "rangemode": "tozero",
        },
    )
    return figure


def _add_rungs(figure: go.Figure, rungs: Sequence[RungResult]) -> None:
    """Their bars; either all have an interval, or none has."""
    if not rungs:
        return
    costs = [rung.cost or 0.0 for rung in rungs]
    intervals = [rung.cost_interval for rung in rungs if rung.cost_interval is not None]
    figure.add_bar(
        x=[rung.rung for rung in rungs],
        y=costs,
        width=WIDTH,
        marker={"color": [accent(rung.rung) for rung in rungs], "line": {"width": 0}},
        error_y=bars_of(costs, intervals) if intervals else None,
        hovertemplate=[hover_of(rung) for rung in rungs],
        showlegend=False,
    )


def _add_savings(figure: go.Figure, ladder: Ladder, shown: Sequence[RungResult]) -> None:
    """In grey from each rung's cost up to that of the rung before, and dots from bar to bar."""
    climbed = [rung for rung in shown if not rung.is_again]
    steps = [(rung, before.cost or 0.0) for before, rung in pairwise(climbed)]
    if not steps:
        return
    costs = [rung.cost or 0.0 for rung, _ in steps]
    figure.add_bar(
        x=[rung.rung for rung, _ in steps],
        y=[max(before - cost, 0) for (_, before), cost in zip(steps, costs, strict=True)],
        base=costs,
        width=WIDTH,
        marker={"color": SHADE, "line": {"width": 0}},
        hoverinfo="skip",
        showlegend=False,
    )
    ends: list[float | None] = []
    heights: list[float | None] = []
    for rung, before in steps:
        if ladder.rungs[rung.rung - 1].cost is not None:
            ends += [rung.rung - 1 + WIDTH / 2, rung.rung - WIDTH / 2, None]
            heights += [before, before, None]
    figure.add_scatter(
        x=ends,
        y=heights,
        mode="lines",
        line={"color": LINE, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )


def _add_article(figure: go.Figure, ladder: Ladder) -> None:
    claimed = [rung for rung in ladder.rungs if rung.claim is not None]
    if not claimed:
        return
    figure.add_scatter(
        x=[rung.rung + 0.5 for rung in claimed],
        y=[rung.claim.cumulative for rung in claimed if rung.claim],
        mode="markers+text",
        marker={"symbol": "diamond-open", "size": 11, "color": LINE, "line": {"width": 2}},
        text=[times(rung.claim.cumulative) for rung in claimed if rung.claim],
        textposition="top center",
        textfont={"size": 12, "color": TEXT},
        hovertemplate="Article: %{y:.2f}x of its own baseline, AWQ included<extra></extra>",
        name="Article's cumulative figure",
        cliponaxis=False,
    )


def _under_bar(rung: RungResult, narrow: bool) -> str:
    width = 12 if narrow else 16
    # The plus stays with its word, and no word is broken.
    label = textwrap.wrap(rung.label.replace("+ ", "+\N{NO-BREAK SPACE}"), width, break_long_words=False)
    return "<br>".join(map(literal, [*label, *textwrap.wrap(right_of(rung), width)]))
