"""The What-if page's figures: the day, the load curves, cost by volume, and what matters. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go

from app.analysis.break_even import own_usd
from app.analysis.daily_shape import HOURS
from app.analysis.load_curve import Unanswered, line
from app.analysis.metric import BY_TAG
from app.analysis.scenario import Scenario
from app.analysis.sensitivity import Effect
from app.analysis.what_if import DAYS
from app.studio.what_if_view import Side, money
from app.views.charts import ACCENTS, LINE, SHADE, TEXT, accent, axis, frame
from app.views.wording import literal

LEGEND = {"x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
SYMBOLS = ("circle", "diamond")
DASHED = ("solid", "dash")
LESS, MORE = ACCENTS[0], ACCENTS[1]


def color_of(side: Side) -> str:
    """A rung's accent, the same as on other pages; a sweep has the baseline's or the first technique's."""
    rung = side.curve.key.partition(".")[2]
    return accent(int(rung)) if rung else accent(2 if side.curve.recipe else 0)


def day_chart(sides: Sequence[Side]) -> go.Figure:
    """Replicas in use through the day as steps, over the traffic in grey."""
    figure = go.Figure()
    hours = list(range(HOURS + 1))
    answered = [side for side in sides if side.answer is not None]
    for side in answered[-1:]:
        assert side.answer is not None
        rates = [*side.answer.rates, side.answer.rates[-1]]
        figure.add_scatter(
            x=hours, y=rates, yaxis="y2", name="Traffic (requests/s)", mode="lines", fill="tozeroy", fillcolor=SHADE,
            line={"color": LINE, "width": 1, "shape": "hv"},
            hovertemplate="%{x}:00: %{y:,.3g} requests/s<extra></extra>",
        )  # fmt: skip
    for number, side in enumerate(answered):
        assert side.answer is not None
        replicas = [*side.answer.chosen.replicas, side.answer.chosen.replicas[-1]]
        figure.add_scatter(
            x=hours, y=replicas, name=f"{side.role}: replicas", mode="lines",
            line={"color": color_of(side), "width": 2.5, "shape": "hv", "dash": DASHED[number]},
            hovertemplate=f"%{{x}}:00: %{{y:,.0f}} replicas<extra>{side.role}</extra>",
        )  # fmt: skip
    figure.update_layout(
        **frame(330),
        xaxis={**axis("Hour of the day"), "tickvals": list(range(0, HOURS + 1, 3)), "range": [0, HOURS],
               "showgrid": False},
        yaxis=axis("Replicas"),
        yaxis2={**axis("Requests/s"), "overlaying": "y", "side": "right", "showgrid": False,
                "tickmode": "auto", "tickformat": "~g"},
    )  # fmt: skip
    return _with_legend(figure)


def curve_chart(sides: Sequence[Side], scenario: Scenario) -> go.Figure:
    """Measured latency over a replica's throughput, with the limit and what of it is planned."""
    tag = next(iter(scenario.limits), "ttft_ms")
    figure = go.Figure()
    widest = max(side.curve.highest_rate for side in sides)
    for number, side in enumerate(sides):
        try:
            found = line(side.curve, tag, scenario.percentile)
        except Unanswered:
            continue
        reach = found.reach
        shown = np.isfinite(found.values)
        error = None
        if reach is not None:
            error = {
                "type": "data", "array": found.values * (np.exp(reach) - 1),
                "arrayminus": found.values * (1 - np.exp(-reach)), "color": color_of(side), "thickness": 1.2,
                "width": 4,
            }  # fmt: skip
            error |= {name: np.where(shown, error[name], 0) for name in ("array", "arrayminus")}
        figure.add_scatter(
            x=found.rates, y=np.where(shown, found.values, np.nan), error_y=error, mode="lines+markers", name=side.role,
            line={"color": color_of(side), "width": 2, "dash": DASHED[number]},
            marker={"symbol": SYMBOLS[number], "size": 10},
            hovertemplate=f"%{{x:.3g}} requests/s: %{{y:,.4g}} ms<extra>{side.role}</extra>",
        )  # fmt: skip
        if side.answer is not None:
            figure.add_vline(
                x=side.answer.planned, line={"color": color_of(side), "width": 1.5, "dash": "dot"},
                annotation={"text": f"{side.role}: {side.answer.planned:.3g}/s planned", "yshift": -18 * number,
                            "font": {"size": 12, "color": TEXT}},
                annotation_position="top left" if side.answer.planned > widest / 2 else "top right",
            )  # fmt: skip
    limit = scenario.limits.get(tag)
    if limit is not None:
        figure.add_hline(y=limit, line={"color": LINE, "width": 1.5, "dash": "dash"})
        # On an axis by powers of ten a line stands at its value, and a note at the exponent.
        figure.add_annotation(
            x=0, xref="x domain", xanchor="left", y=log10(limit), yanchor="bottom", showarrow=False,
            text=f"limit {limit:,.4g} ms", font={"size": 12, "color": TEXT},
        )  # fmt: skip
    title = f"{BY_TAG[tag].title} {scenario.percentile} (ms)"
    figure.update_layout(
        **frame(360),
        xaxis=axis("Requests/s that a replica answers, as measured"),
        yaxis={**axis(title), "type": "log", "rangemode": "normal", "dtick": "D2", "tickformat": ","},
    )
    return _with_legend(figure)


def volume_chart(sides: Sequence[Side], scenario: Scenario, model: str) -> go.Figure:
    """Dollars a month over requests a day, beside the API's; both axes by powers of ten."""
    figure = go.Figure()
    volumes = volumes_of(sides, scenario)
    for number, side in enumerate(sides):
        if side.answer is None or side.answer.chosen.usd is None:
            continue
        figure.add_scatter(
            x=volumes, y=own_usd(volumes, side.scenario, side.answer), mode="lines", name=f"{side.role}: own replicas",
            line={"color": color_of(side), "width": 2.5, "dash": DASHED[number]},
            hovertemplate=f"%{{x:,.0f}} a day: $%{{y:,.0f}}<extra>{side.role}</extra>",
        )  # fmt: skip
    for each in dict.fromkeys(side.api.usd_per_request for side in sides if side.api is not None):
        figure.add_scatter(
            x=volumes, y=volumes * each * DAYS, mode="lines", name=literal(model),
            line={"color": LINE, "width": 2, "dash": "dot"},
            hovertemplate=f"%{{x:,.0f}} a day: $%{{y:,.0f}}<extra>{literal(model)}</extra>",
        )  # fmt: skip
    figure.add_vline(x=scenario.requests_per_day, line={"color": LINE, "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        x=log10(scenario.requests_per_day), xanchor="left", y=1, yref="y domain", yanchor="top", showarrow=False,
        text="now", font={"size": 12, "color": TEXT},
    )  # fmt: skip
    figure.update_layout(
        **frame(360),
        xaxis={**axis("Requests a day"), "type": "log", "rangemode": "normal", "dtick": 1, "tickformat": "~s"},
        yaxis={**axis("$ a month"), "type": "log", "rangemode": "normal", "tickprefix": "$", "tickformat": "~s",
               "dtick": 1},
    )  # fmt: skip
    return _with_legend(figure)


def volumes_of(sides: Sequence[Side], scenario: Scenario) -> np.ndarray:
    """Two powers of ten about the scenario's volume, wide enough for every break-even that is not far off."""
    middle = scenario.requests_per_day
    points = [middle / 20, middle * 20]
    for side in sides:
        if side.api is not None and side.api.requests_per_day and 1e-3 < side.api.requests_per_day / middle < 1e3:
            points += [side.api.requests_per_day / 3, side.api.requests_per_day * 3]
    return np.geomspace(min(points), max(points), 240)


def tornado(effects: Sequence[Effect]) -> go.Figure:
    """A month's change in cost when an input has 20 % less or more; signs and words stand at the bars."""
    figure = go.Figure()
    names = ["<br>".join(wrap(effect.title, 20)) for effect in effects]
    for label, color, values in (
        ("20 % less", LESS, [effect.less for effect in effects]),
        ("20 % more", MORE, [effect.more for effect in effects]),
    ):
        figure.add_bar(
            x=[None if value is None else 100 * value for value in values], y=names, orientation="h", name=label,
            width=0.36, offset=-0.37 if label == "20 % less" else 0.01,
            marker={"color": color, "line": {"width": 0}, "pattern": {"shape": "/" if label == "20 % less" else ""}},
            text=["" if value is None else f"{label[-4:]} {100 * value:+.0f} %" for value in values],
            textposition="outside", textfont={"size": 12, "color": TEXT}, cliponaxis=False,
            hovertemplate=f"{label} of %{{y}}: %{{x:+.1f}} %<extra></extra>",
        )  # fmt: skip
    widest = 100 * max([effect.size for effect in effects] + [0.05])
    figure.update_layout(
        **frame(46 * max(1, len(effects)) + 70),
        barmode="overlay",
        xaxis={**axis("Change of the month's cost (%)"), "range": [-1.8 * widest, 1.8 * widest], "zeroline": True,
               "rangemode": "normal"},
        yaxis={"autorange": "reversed", "fixedrange": True, "automargin": True, "showgrid": False,
               "tickfont": {"size": 13, "color": TEXT}},
    )  # fmt: skip
    return _with_legend(figure)


def day_words(sides: Sequence[Side]) -> str:
    counts = [(side.role, side.answer.chosen.replicas) for side in sides if side.answer is not None]
    said = [f"{role} from {replicas.min():,.0f} to {replicas.max():,.0f} replicas" for role, replicas in counts]
    return f"Replicas through the day: {'; '.join(said)}."


def curve_words(sides: Sequence[Side], scenario: Scenario) -> str:
    said = []
    tag = next(iter(scenario.limits), "ttft_ms")
    for side in sides:
        points = [
            f"{run.requests_per_s:.3g} requests/s {run.latency[tag, scenario.percentile]:,.0f} ms"
            for level in side.curve.levels
            for run in level
            if (tag, scenario.percentile) in run.latency
        ]
        said.append(f"{side.role}: {', '.join(points)}")
    return f"{BY_TAG[tag].title} {scenario.percentile} over throughput. {'; '.join(said)}."


def volume_words(sides: Sequence[Side]) -> str:
    said = [f"{side.role} {money(side.answer.chosen.usd)}" for side in sides if side.answer is not None]
    return f"Dollars a month over requests a day; now: {', '.join(said)}."


def _with_legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(legend=LEGEND, showlegend=True, margin={"t": 44})
    return figure
