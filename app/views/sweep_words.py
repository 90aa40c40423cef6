"""A load sweep in sentences, rows and a figure: throughput and latency over the offered load. Pure."""

from __future__ import annotations

import plotly.graph_objects as go

from app.analysis.metric import BY_TAG, MISSING
from app.analysis.sweep import Slo, Sweep
from app.experiment.spec import ExperimentSpec
from app.views.charts import ACCENTS, LINE, axis, frame
from store.tables import ExperimentRow


def unit_of(experiment: ExperimentRow) -> str:
    return "requests/s" if ExperimentSpec.from_json(experiment.spec).load.is_open else "in flight"


def sentences(found: Sweep, slo: Slo | None, unit: str) -> list[str]:
    """What the sweep can tell, one plain sentence each."""
    said = []
    if found.knee is not None:
        said.append(f"The knee is at {found.knee:g} {unit}: beyond it latency grows faster than throughput.")
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


def sweep_chart(found: Sweep, unit: str, slo: Slo | None = None) -> go.Figure:
    """Throughput above, p95 latencies below with their limits, and the knee through both; dashes and marks tell the
    lines apart without colour."""
    offered = [point.offered for point in found.points]
    lines = (
        ("Throughput (req/s)", [point.requests_per_s for point in found.points], "y", "solid", "circle"),
        ("TTFT p95 (ms)", [point.ttft_ms["p95"] for point in found.points], "y2", "dash", "square"),
        ("End to end p95 (ms)", [point.e2e_ms["p95"] for point in found.points], "y2", "dot", "diamond"),
    )
    figure = go.Figure()
    for number, (name, values, below, dash, symbol) in enumerate(lines):
        figure.add_scatter(
            x=offered, y=values, name=name, yaxis=below, mode="lines+markers",
            line={"color": ACCENTS[number], "width": 2, "dash": dash}, marker={"symbol": symbol, "size": 9},
            hovertemplate=f"%{{x:g}} {unit}: %{{y:,.4g}}<extra>{name}</extra>",
        )  # fmt: skip
    figure.update_layout(
        **frame(460),
        xaxis={**axis(f"Offered load ({unit})"), "anchor": "y2"},
        yaxis={**axis("Requests/s"), "domain": [0.56, 1.0]},
        yaxis2={**axis("ms"), "domain": [0.0, 0.44]},
    )
    for tag, color in (("ttft_ms", ACCENTS[1]), ("e2e_ms", ACCENTS[2])):
        if slo is not None and tag in slo.limits:
            figure.add_shape(
                type="line", x0=0, x1=1, xref="x domain", y0=slo.limits[tag], y1=slo.limits[tag], yref="y2",
                line={"color": color, "width": 1, "dash": "dot"},
                label={
                    "text": f"{BY_TAG[tag].title} limit", "textposition": "start", "yanchor": "top",
                    "font": {"color": color, "size": 12},
                },
            )  # fmt: skip
    if found.knee is not None:
        figure.add_shape(
            type="line", x0=found.knee, x1=found.knee, y0=0, y1=1, yref="paper",
            line={"color": LINE, "width": 1, "dash": "dot"},
            label={"text": "knee", "textposition": "end", "textangle": 0, "font": {"size": 12, "color": LINE}},
        )  # fmt: skip
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
