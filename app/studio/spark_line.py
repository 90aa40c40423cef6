"""A figure's last two minutes as a small line in SVG: of all ways to draw it the one that costs a browser least.

Time runs to the right edge, which is now, and values from 0 at the bottom, so that noise is not drawn as a landscape.
"""

from __future__ import annotations

from app.experiment.live_file import EVERY_S, READINGS
from app.studio.live_view import Figure

WIDTH, HEIGHT = 240.0, 40.0
"""The drawing's own units; it is shown as wide as its card."""
EDGE = 1.5


def spark_line(figure: Figure, color: str) -> str:
    """A whole SVG, `color` as in SVG. A line without points keeps its place empty."""
    points = _points(figure)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},{HEIGHT:.1f} {line} {WIDTH:.1f},{HEIGHT:.1f}" if points else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}">'
        f'<path d="M0 {HEIGHT - EDGE / 2}H{WIDTH:.0f}" stroke="{color}" stroke-opacity="0.25"/>'
        f'<polygon points="{area}" fill="{color}" fill-opacity="0.14"/>'
        f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2" stroke-linejoin="round"/></svg>'
    )


def in_words(figure: Figure) -> str:
    """For those who cannot see the line; empty where there is none."""
    if not figure.trail:
        return ""
    reach = figure.trail[-1][0] - figure.trail[0][0]
    return f"{figure.label} over the last {reach:.0f} s: now {figure.value}, at most {figure.peak}"


def _points(figure: Figure) -> list[tuple[float, float]]:
    if len(figure.trail) < 2:
        return []
    now = figure.trail[-1][0]
    top = figure.top or max(value for _, value in figure.trail) or 1.0
    across, up = WIDTH / (READINGS * EVERY_S), (HEIGHT - 2 * EDGE) / top
    return [(max(WIDTH - (now - at) * across, 0.0), HEIGHT - EDGE - value * up) for at, value in figure.trail]
