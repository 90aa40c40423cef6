"""Plotly figures: one accent for each rung, the same on every page, from the theme's colours in rung order.

Figures carry no background and no colours of their own for rungs, so that light and dark both fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import plotly.graph_objects as go
from streamlit.elements.lib import streamlit_plotly_theme as theme

from app.analysis.ladder import Ladder, RungResult
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.statistics import Interval
from app.views.answers import answers_sentence, verdict_of
from app.views.effects import span, times
from app.views.wording import literal

PLAIN: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}
SHADE = "rgba(128,138,150,0.22)"
# Placeholders that the browser replaces by the theme's own colours, so that a figure fits light and dark.
TEXT, LINE = theme.GRAY_90, theme.GRAY_70
BASELINES = (theme.CATEGORY_7, theme.CATEGORY_8)
ACCENTS = (
    theme.CATEGORY_0, theme.CATEGORY_1, theme.CATEGORY_2, theme.CATEGORY_3, theme.CATEGORY_4, theme.CATEGORY_5,
    theme.CATEGORY_6,
)  # fmt: skip


DASHES = ("solid", "dot", "solid", "dash", "dashdot", "longdash", "longdashdot")


def accent(rung: int) -> str:
    """Greys for the baseline and for the second measurement of it, a hue for every rung after them."""
    return BASELINES[rung] if rung < len(BASELINES) else ACCENTS[(rung - len(BASELINES)) % len(ACCENTS)]


def accents_of(keys: Sequence[str]) -> list[str]:
    """Of sides with keys as in `3.2`, the baseline first: that of the rung where all are rungs of one experiment, so
    that it keeps its colour; else by place."""
    experiments = {key.partition(".")[0] for key in keys}
    numbers = [key.partition(".")[2] for key in keys]
    if len(experiments) == 1 and all(number.isdecimal() for number in numbers):
        return [accent(int(number)) for number in numbers]
    return [accent(place + 1 if place else 0) for place in range(len(keys))]


def cost_bars(ladder: Ladder) -> go.Figure:
    """The compact form for Home: one horizontal bar a rung, beside it its cost and the verdict on its step."""
    figure = go.Figure()
    shown = [rung for rung in ladder.rungs if rung.cost is not None]
    figure.add_bar(
        x=[rung.cost for rung in shown],
        y=[literal(rung.label) for rung in shown],
        orientation="h",
        width=0.6,
        marker={"color": [accent(rung.rung) for rung in shown], "line": {"width": 0}},
        text=[f"<b>{times(rung.cost)}</b>" + ("" if rung.rung == 0 else f"  {_verdict_lines(rung)}") for rung in shown],
        textposition="outside",
        constraintext="none",
        textfont={"size": 14, "color": TEXT},
        cliponaxis=False,
        hovertemplate=[hover_of(rung) for rung in shown],
        showlegend=False,
    )
    highest = max([rung.cost or 0.0 for rung in shown] + [1.0])
    figure.update_layout(
        **frame(44 * max(len(shown), 1) + 24),
        xaxis={"visible": False, "range": [0, highest * 1.75], "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True, "tickfont": {"size": 13, "color": TEXT}, "automargin": True,
               "showgrid": False, "ticklabelstandoff": 8},
    )  # fmt: skip
    return figure


class TimeLine(Protocol):
    """What `batch_over_time` draws of a run."""

    @property
    def rung(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def seconds(self) -> tuple[float, ...]: ...
    @property
    def running(self) -> tuple[float, ...]: ...


def batch_over_time(lines: Sequence[TimeLine]) -> go.Figure:
    """Each run's batch size as steps over its own time, in its rung's accent; dashes tell lines apart as well."""
    figure = go.Figure()
    for line in lines:
        figure.add_scatter(
            x=line.seconds,
            y=line.running,
            mode="lines",
            name=literal(line.label),
            line={"color": accent(line.rung), "width": 2, "shape": "hv", "dash": DASHES[line.rung % len(DASHES)]},
            hovertemplate=f"<b>{literal(line.label)}</b><br>%{{x:.1f}} s: %{{y:.0f}} running<extra></extra>",
        )
    figure.update_layout(
        **frame(320),
        xaxis=axis("Seconds into the run"),
        yaxis=axis("Requests running"),
    )
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}, showlegend=True)
    return figure


def _verdict_lines(rung: RungResult) -> str:
    """A verdict on cost and one on answers stand under one another."""
    return verdict_of(rung).replace(", ", ",<br>")


def description(ladder: Ladder) -> str:
    """The figure in words, for those who cannot see it."""
    rungs = [
        f"{rung.label} {times(rung.cost)}" + (f", {right_of(rung)}" if right_of(rung) else "")
        for rung in ladder.rungs
        if rung.cost is not None
    ]
    return f"Relative cost by rung, lower is better: {'; '.join(rungs) or MISSING}."


def right_of(rung: RungResult) -> str:
    """`97.7 % right`, and whether that clearly is a change from the rung before; empty where nothing was expected."""
    share = rung.metrics["quality"]
    if share is None:
        return ""
    change = rung.quality_change.verdict if rung.quality_change else ""
    return f"{BY_TAG['quality'].format(share)} right" + (f", {change}" if change in ("better", "worse") else "")


def frame(height: int) -> dict[str, Any]:
    """The layout that all figures share: the page shows through, and nothing drags or zooms."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top", "font": {"size": 13}},
    }


def axis(title: str) -> dict[str, Any]:
    """A titled axis that cannot be dragged and begins at 0."""
    return {"title": {"text": title, "font": {"size": 13}}, "fixedrange": True, "rangemode": "tozero"}


def error_bars(
    value: float | None, interval: Interval | None, thickness: float = 1.5, width: int = 6
) -> dict[str, Any] | None:
    """Of one figure; `thickness` and `width`, that of the caps, in pixels. None where there is no interval."""
    return None if value is None or interval is None else bars_of([value], [interval], thickness, width)


def bars_of(
    values: Sequence[float], intervals: Sequence[Interval], thickness: float = 1.5, width: int = 6
) -> dict[str, Any]:
    """Of several figures that all have an interval."""
    pairs = list(zip(values, intervals, strict=True))
    return {
        "type": "data", "array": [max(interval.high - value, 0) for value, interval in pairs],
        "arrayminus": [max(value - interval.low, 0) for value, interval in pairs],
        "color": TEXT, "thickness": thickness, "width": width,
    }  # fmt: skip


def top_of(rung: RungResult) -> float:
    high = rung.cost_interval.high if rung.cost_interval else 0.0
    return max(rung.cost or 0.0, high)


def hover_of(rung: RungResult) -> str:
    step = "" if rung.step is None or rung.is_again else f"<br>step {times(rung.step)}: {verdict_of(rung)}"
    answers = answers_sentence(rung)
    told = f"<br>{answers}" if answers else ""
    return f"<b>{literal(rung.label)}</b><br>{times(rung.cost)} ({span(rung.cost_interval)}){step}{told}<extra></extra>"
