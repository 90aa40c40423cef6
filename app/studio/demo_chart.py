"""The Demo page's figures: few, large, and the same accents as everywhere."""

from __future__ import annotations

import textwrap
from typing import Any

import plotly.graph_objects as go

from app.analysis.ladder import Ladder
from app.studio.demo import article_steps, name_of
from app.views.charts import LINE, SHADE, TEXT, accent, error_bars, frame
from app.views.effects import times
from app.views.ladder_view import measured
from app.views.wording import literal

LABEL_PX, VALUE_PX = 18, 20
VALUE_ROOM_PX = 88
"""What a value such as 10.25x takes beside its bar, however narrow the figure is."""
ROW_PX, TALLEST_PX = 56, 620
LABEL_CHARS = 19
"""A label takes two lines at most; where rows are too low for two, one."""
FADED = 0.3
BARS_PX = (2, 8)
"""Thickness and width of error bars."""


def climb(ladder: Ladder, until: int | None = None, focus: int | None = None) -> go.Figure:
    """One horizontal bar a rung, in grey what its step saved. Rungs after `until` are still to come; all but `focus`
    stand back."""
    figure = go.Figure()
    row_px = max(24, min(ROW_PX, TALLEST_PX // len(ladder.rungs)))
    before: float | None = None
    for rung in measured(ladder):
        if until is not None and rung.rung > until:
            break
        cost = rung.cost or 0.0
        figure.add_bar(
            y=[rung.rung], x=[cost], orientation="h", width=0.62,
            error_x=error_bars(rung.cost, rung.cost_interval, *BARS_PX),
            marker={"color": accent(rung.rung), "opacity": 1.0 if focus in (None, rung.rung) else FADED},
            hovertemplate=f"<b>{literal(rung.label)}</b><br>%{{x:.2f}}x the baseline<extra></extra>",
        )  # fmt: skip
        saved = rung.is_step and not rung.is_again and before is not None and before > cost
        if saved and before is not None:
            figure.add_bar(
                y=[rung.rung], x=[before - cost], base=[cost], orientation="h", width=0.62,
                marker={"color": SHADE}, hoverinfo="skip",
            )  # fmt: skip
        high = rung.cost_interval.high if rung.cost_interval else cost
        figure.add_annotation(
            y=rung.rung, x=max(high, before if saved and before is not None else 0.0),
            text=f"<b>{times(rung.cost)}</b>", showarrow=False, xanchor="left", xshift=10,
            font={"size": VALUE_PX, "color": TEXT},
        )  # fmt: skip
        if not rung.is_again:
            before = cost
    highest = max([rung.cost_interval.high if rung.cost_interval else rung.cost or 0.0 for rung in measured(ladder)])
    layout = frame(row_px * len(ladder.rungs) + 16)
    figure.update_layout(
        **layout | {"margin": {**layout["margin"], "r": VALUE_ROOM_PX}},
        barmode="overlay",
        showlegend=False,
        xaxis={"visible": False, "range": [0, highest * 1.02], "fixedrange": True},
        yaxis=_rows([(rung.rung, rung.label) for rung in ladder.rungs], focus, row_px),
    )
    return figure


def against_article(ladder: Ladder) -> go.Figure:
    """Each step as measured (filled, with its interval) and as the article has it (open diamond)."""
    figure = go.Figure()
    steps = article_steps(ladder)
    for row, rung in enumerate(steps):
        assert rung.claim is not None
        assert rung.step is not None
        figure.add_scatter(
            y=[row, row], x=[rung.claim.step, rung.step], mode="lines", line={"color": SHADE, "width": 8},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        # Of two figures that lie close together, the lower one is written below.
        above = abs(rung.claim.step - rung.step) > 0.25
        figure.add_scatter(
            y=[row], x=[rung.claim.step], mode="markers+text", text=[times(rung.claim.step)],
            textposition="top center" if above else "bottom center", textfont={"size": LABEL_PX, "color": TEXT},
            marker={"symbol": "diamond-open", "size": 18, "color": LINE, "line": {"width": 3}},
            name="The article", legendgroup="article", showlegend=row == 0, cliponaxis=False,
            hovertemplate="Article: %{x:.2f}x<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            y=[row], x=[rung.step], mode="markers+text", text=[f"<b>{times(rung.step)}</b>"],
            textposition="top center", textfont={"size": VALUE_PX, "color": TEXT},
            marker={"size": 20, "color": accent(rung.rung)}, name="Measured", legendgroup="measured",
            showlegend=row == 0, cliponaxis=False, error_x=error_bars(rung.step, rung.step_interval, *BARS_PX),
            hovertemplate=f"{literal(name_of(rung))}: %{{x:.2f}}x<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=1.0, line={"color": LINE, "width": 1, "dash": "dot"})
    figure.update_layout(
        **frame(104 * len(steps) + 70),
        xaxis={
            "title": {"text": "Cost as a multiple of the rung before", "font": {"size": LABEL_PX, "color": TEXT}},
            "tickfont": {"size": LABEL_PX, "color": TEXT}, "ticksuffix": "x", "fixedrange": True, "rangemode": "tozero",
        },
        yaxis=_rows([(row, name_of(rung)) for row, rung in enumerate(steps)]),
    )  # fmt: skip
    figure.update_layout(legend={"font": {"size": LABEL_PX}, "y": 1.02, "yanchor": "bottom", "itemclick": False})
    return figure


def _rows(labels: list[tuple[int, str]], focus: int | None = None, row_px: int = ROW_PX) -> dict[str, Any]:
    numbers = [number for number, _ in labels]
    wrapped = [
        (number, "<br>".join(map(literal, textwrap.wrap(text, LABEL_CHARS if row_px >= 2 * LABEL_PX else 80))))
        for number, text in labels
    ]
    return {
        "tickvals": numbers,
        "ticktext": [f"<b>{text}</b>" if number == focus else text for number, text in wrapped],
        "tickfont": {"size": LABEL_PX, "color": TEXT},
        "range": [max(numbers) + 0.6, min(numbers) - 0.6],
        "automargin": True,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "ticklabelstandoff": 10,
    }
