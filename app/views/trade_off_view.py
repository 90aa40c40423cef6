"""Cost against quality and against latency: points with intervals, the front, limits, and sentences. Pure, figures
included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.analysis.metric import BY_TAG, MISSING
from app.analysis.summary import LATENCIES
from app.analysis.trade_off import QUALITY, Better, Figure, Limits, Point, front
from app.views.charts import LINE, TEXT, accents_of, error_bars, frame
from app.views.effects import times
from app.views.wording import listed, literal

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
COST: Mapping[str, Better] = {"cost": "lower"}
TITLES = {"cost": "Cost (baseline = 1.00x)", QUALITY: "Expected answers (%)"} | {
    tag: f"{BY_TAG[tag].title} p95 (ms)" for tag in LATENCIES
}
FRONT_NAME = "Front: nothing is better on both"


def axes_of(tag: str) -> Mapping[str, Better]:
    """The axes of a chart whose x is `tag` and whose y is cost."""
    return {tag: "higher" if tag == QUALITY else "lower", **COST}


def drawable(points: Sequence[Point], tag: str) -> list[Point]:
    return [point for point in points if tag in point.figures and "cost" in point.figures]


def trade_off(points: Sequence[Point], tag: str, limits: Limits) -> go.Figure:
    """Filled marks are on the front, which a line joins; a dashed line is a limit."""
    figure, kept = go.Figure(), front(points, axes_of(tag))
    figure.add_scatter(
        x=[point.figures[tag].value for point in kept], y=[point.figures["cost"].value for point in kept],
        mode="lines", name=FRONT_NAME, line={"color": LINE, "width": 1.5}, hoverinfo="skip",
    )  # fmt: skip
    for number, (point, color) in enumerate(zip(points, accents_of([point.key for point in points]), strict=True)):
        if point not in drawable([point], tag):
            continue
        x, y, on = point.figures[tag], point.figures["cost"], point in kept
        symbol = SYMBOLS[number % len(SYMBOLS)]
        figure.add_scatter(
            x=[x.value], y=[y.value], mode="markers", name=literal(point.name),
            error_x=error_bars(x.value, x.interval), error_y=error_bars(y.value, y.interval),
            marker={"color": color, "size": 12, "symbol": symbol if on else f"{symbol}-open",
                    "line": {"width": 2, "color": color}},
            hovertemplate=f"<b>{literal(point.name)}</b><br>{TITLES[tag]}: {text_of(tag, x)}<br>"
            f"cost {text_of('cost', y)}<br>{'on the front' if on else 'not on the front'}<extra></extra>",
        )  # fmt: skip
    limit = limits.least_quality if tag == QUALITY else limits.most.get(tag)
    if limit is not None:
        word = "at least" if tag == QUALITY else "at most"
        figure.add_vline(
            limit, line={"color": TEXT, "width": 1.5, "dash": "dash"}, annotation_text=f"{word} {limit:,.15g}",
            annotation_position="top", annotation_font={"size": 12, "color": TEXT},
        )  # fmt: skip
    figure.update_layout(
        **frame(380),
        xaxis={"fixedrange": True, "title": {"text": TITLES[tag]}},
        yaxis={"fixedrange": True, "rangemode": "tozero", "title": {"text": TITLES["cost"]}, "ticksuffix": "x"},
        showlegend=True,
    )
    legend = {"x": 0, "xanchor": "left", "y": 1.06, "yanchor": "bottom", "orientation": "h"}
    figure.update_layout(legend=legend, margin={"t": 24})
    return figure


def limits_words(limits: Limits) -> str:
    """`TTFT p95 at most 500 ms and expected answers at least 90 %`."""
    said = [f"{BY_TAG[tag].title} p95 at most {limit:,.15g} ms" for tag, limit in limits.most.items()]
    if limits.least_quality is not None:
        said.append(f"expected answers at least {limits.least_quality:.15g} %")
    return listed(said)


def front_sentence(points: Sequence[Point], tag: str) -> str:
    """Who is on the front of cost and one other figure; why there is none."""
    shown = drawable(points, tag)
    what = _what(tag)
    if len(shown) < 2:
        return f"Cost and {what} are known of too few recipes to weigh one against the other."
    kept = front(points, axes_of(tag))
    names = listed([point.name for point in kept])
    verb = "is" if len(kept) == 1 else "are"
    return f"On the front of cost and {what} {verb} {names}: nothing else here is better on both."


def limits_sentence(points: Sequence[Point], limits: Limits) -> str | None:
    """Which recipes are within the limits and on any front of cost and another figure; None without limits."""
    if not limits.any:
        return None
    on = list(dict.fromkeys(point.name for tag in (QUALITY, *LATENCIES) for point in front(points, axes_of(tag))))
    fronted = [point for point in points if point.name in on]
    within = [point for point in fronted if not limits.broken_by(point)]
    if not within:
        others = [point.name for point in points if not limits.broken_by(point)]
        rest = f"; within them, though off the front, {_are(others)}" if others else ""
        return f"No recipe on a front is within the limits{rest}."
    said = f"On a front and within the limits {_are([point.name for point in within])}."
    unsure = [point.name for point in within if limits.unsure_of(point)]
    doubt = f" Of {listed(unsure)} an interval reaches beyond a limit: more requests could tell otherwise."
    return said + (doubt if unsure else "")


def rows_of(points: Sequence[Point], tags: Sequence[str], limits: Limits) -> list[dict[str, str]]:
    """The figures of the charts in words."""
    fronts = {tag: front(points, axes_of(tag)) for tag in tags}
    shown = ("cost", QUALITY, *LATENCIES)
    return [
        {"Recipe": point.name}
        | {f"Front with {_what(tag)}": _on(point, tag, fronts[tag]) for tag in tags}
        | ({"Limits": _kept(point, limits)} if limits.any else {})
        | {TITLES[tag]: text_of(tag, point.figures.get(tag)) for tag in shown}
        for point in points
    ]


def words(points: Sequence[Point], tag: str) -> str:
    """The figure for those who cannot see it."""
    told = [
        f"{point.name} costs {text_of('cost', point.figures['cost'])} at {text_of(tag, point.figures[tag])}"
        for point in drawable(points, tag)
    ]
    return f"Cost against {_what(tag)}: {'; '.join(told) or MISSING}. {front_sentence(points, tag)}"


def text_of(tag: str, figure: Figure | None) -> str:
    if figure is None:
        return MISSING
    if tag == "cost":
        span = figure.interval
        return times(figure.value) + ("" if span is None else f" ({times(span.low)} to {times(span.high)})")
    metric = BY_TAG[tag]
    span = figure.interval
    beyond = (
        "" if span is None else f" ({metric.format(span.low, unit=False)} to {metric.format(span.high, unit=False)})"
    )
    return metric.format(figure.value) + beyond


def _what(tag: str) -> str:
    return "expected answers" if tag == QUALITY else f"{BY_TAG[tag].title} p95"


def _are(names: Sequence[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {listed(list(names))}"


def _on(point: Point, tag: str, kept: Sequence[Point]) -> str:
    if not drawable([point], tag):
        return MISSING
    return "on it" if point in kept else "no"


def _kept(point: Point, limits: Limits) -> str:
    broken = limits.broken_by(point)
    if broken:
        return "breaks " + listed([_what(tag) for tag in broken])
    return "within, but close" if limits.unsure_of(point) else "within"
