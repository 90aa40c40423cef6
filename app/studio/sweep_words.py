"""A load sweep in sentences, rows and a figure: throughput and latency over the offered load. Pure."""

from __future__ import annotations

import plotly.graph_objects as go

from app.analysis.metric import MISSING
from app.analysis.sweep import Slo, Sweep
from app.experiment.spec import ExperimentSpec
from app.studio.charts import ACCENTS, frame
from store.tables import ExperimentRow


def unit_of(experiment: ExperimentRow) -> str:
    return "requests/s" if ExperimentSpec.from_json(experiment.spec).load.is_open else "in flight"


def sentences(found: Sweep, slo: Slo | None, unit: str) -> list[str]:
    """What the sweep can tell, one plain sentence each."""
    said = []
    if found.knee is not None:
        said.append(f"The knee is at {found.knee:g} {unit}: behind it latency grows faster than throughput.")
    if slo is not None:
        highest = "No load is" if found.highest is None else f"The highest load is {found.highest:g} {unit},"
        reason = f" ({found.reason})" if found.reason else ""
        said.append(f"{highest} within these limits for {slo.share:.0%} of the requests{reason}.")
    return said


def sweep_rows(found: Sweep, unit: str) -> list[dict[str, str]]:
    def figure(value: float | None, digits: int = 0) -> str:
        return MISSING if value is None else f"{value:,.{digits}f}"

    return [
        {
            f"Offered ({unit})": f"{point.offered:g}",
            "Throughput (req/s)": figure(point.requests_per_s, 2),
            "TTFT p50 (ms)": figure(point.ttft_ms["p50"]),
            "TTFT p95 (ms)": figure(point.ttft_ms["p95"]),
            "TPOT p50 (ms)": figure(point.tpot_ms["p50"], 1),
            "End to end p95 (ms)": figure(point.e2e_ms["p95"]),
            "Goodput (req/s)": figure(point.goodput, 2),
            "Within limits": MISSING if point.good_share is None else f"{point.good_share:.1%}",
            "Errors": f"{point.errors:,} of {point.requests:,}",
        }
        for point in found.points
    ]


def sweep_chart(found: Sweep, unit: str) -> go.Figure:
    """Throughput on the left axis, p95 latencies on the right; dashes and marks tell them apart without colour."""
    offered = [point.offered for point in found.points]
    lines = (
        ("Throughput (req/s)", [point.requests_per_s for point in found.points], "y", "solid", "circle"),
        ("TTFT p95 (ms)", [point.ttft_ms["p95"] for point in found.points], "y2", "dash", "square"),
        ("End to end p95 (ms)", [point.e2e_ms["p95"] for point in found.points], "y2", "dot", "diamond"),
    )
    figure = go.Figure()
    for number, (name, values, axis, dash, symbol) in enumerate(lines):
        figure.add_scatter(
            x=offered, y=values, name=name, yaxis=axis, mode="lines+markers",
            line={"color": ACCENTS[number], "width": 2, "dash": dash}, marker={"symbol": symbol, "size": 9},
            hovertemplate=f"%{{x:g}} {unit}: %{{y:,.4g}}<extra>{name}</extra>",
        )  # fmt: skip
    shared = {"fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        **frame(380),
        xaxis={**shared, "title": {"text": f"Offered load ({unit})"}},
        yaxis={**shared, "title": {"text": "Requests/s"}},
        yaxis2={**shared, "title": {"text": "ms"}, "overlaying": "y", "side": "right", "showgrid": False},
    )
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}, margin={"t": 40})
    return figure


def words(found: Sweep, unit: str) -> str:
    """The figure for those who cannot see it."""
    points = [
        f"{point.offered:g} {unit}: {point.requests_per_s or 0:.2f} requests/s, "
        f"end to end p95 {point.e2e_ms['p95'] or 0:,.0f} ms"
        for point in found.points
    ]
    return f"Throughput and latency by load: {'; '.join(points)}."
