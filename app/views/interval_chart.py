"""Horizontal bars with their intervals and their figures in words, one for each technique."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.views.bar import Bar
from app.views.charts import LINE, TEXT, accent, error_bars, frame
from app.views.wording import literal

FIRST_TECHNIQUE = 2
"""The baseline and its repetition have the first two accents on a ladder."""


def interval_bars(bars: Sequence[Bar], line: float | None = None) -> go.Figure:
    """`line` is the value that stands for "no effect" and is drawn as a dotted line."""
    figure = go.Figure()
    highest = max([*(_high(bar) for bar in bars), line or 0.0])
    for number, bar in enumerate(bars):
        figure.add_bar(
            x=[bar.value],
            y=[literal(bar.label)],
            orientation="h",
            width=0.5,
            marker={"color": accent(number + FIRST_TECHNIQUE), "line": {"width": 0}},
            error_x=error_bars(bar.value, bar.interval),
            hovertemplate=f"<b>{literal(bar.label)}</b><br>{bar.text}<extra></extra>",
            showlegend=False,
        )
        figure.add_annotation(
            x=highest, y=literal(bar.label), text=_in_lines(bar.text), showarrow=False, xanchor="left", xshift=8,
            align="left", font={"size": 13, "color": TEXT},
        )  # fmt: skip
    if line is not None:
        figure.add_vline(x=line, line={"color": LINE, "width": 1, "dash": "dot"})
    lowest = min([*(_low(bar) for bar in bars), 0.0])
    figure.update_layout(
        **frame(56 * max(len(bars), 1) + 24),
        xaxis={"visible": False, "range": [lowest * 1.1, highest * 1.7], "fixedrange": True, "zeroline": True},
        yaxis={"autorange": "reversed", "fixedrange": True, "tickfont": {"size": 13, "color": TEXT}, "automargin": True,
               "showgrid": False, "ticklabelstandoff": 8},
    )  # fmt: skip
    return figure


def _in_lines(text: str) -> str:
    """A comma ends a line: beside a bar on a narrow page there is little room."""
    return "<br>".join(text.rsplit(", ", 1))


def _high(bar: Bar) -> float:
    return max(bar.value, bar.interval.high if bar.interval else bar.value)


def _low(bar: Bar) -> float:
    return min(bar.value, bar.interval.low if bar.interval else bar.value)
