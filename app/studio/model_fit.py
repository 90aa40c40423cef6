"""The memory fit as the Models page draws it: a stacked bar, and what it shows in words. Pure."""

from __future__ import annotations

import plotly.graph_objects as go
from streamlit.elements.lib import streamlit_plotly_theme as theme

from app.engine.checkpoint import Checkpoint
from app.engine.fit_words import amount, parts, verdict
from app.engine.memory_fit import AS_SERVED, FORMS, GIB, Fit
from app.views.charts import LINE, SHADE, TEXT, frame

COLORS = (theme.CATEGORY_0, theme.CATEGORY_1, theme.CATEGORY_7, theme.CATEGORY_8)
HATCHED = {"shape": "/", "solidity": 0.25}
ASSUMED = ("Activations", "Engine")
FORM_TITLES = {
    AS_SERVED: "as the engine holds them", "fp32": "FP32", "16-bit": "FP16 or BF16", "int8": "INT8 or FP8",
    "int4": "INT4, groups of 128",
}  # fmt: skip
KV_TITLES = {"auto": "as the engine holds them", "fp8": "FP8"}


def forms_of(checkpoint: Checkpoint) -> dict[str, str]:
    """The forms that weights of this checkpoint can be fitted in; a quantized one only as it is."""
    return {name: FORM_TITLES[name] for name in FORMS if name == AS_SERVED or not checkpoint.quantization}


def fit_figure(fit: Fit) -> go.Figure:
    """One bar of all parts and of what stays free, on a scale of what can be had. Assumed parts are hatched."""
    figure = go.Figure()
    shown = [(name, size or 0) for name, size, _ in parts(fit)]
    whole = max(fit.room.usable_bytes, sum(size for _, size in shown))
    for (name, size), color in zip(shown, COLORS, strict=True):
        assumed = name in ASSUMED
        figure.add_bar(
            name=f"{name} (assumed)" if assumed else name,
            x=[size / GIB], y=[""], orientation="h", width=0.6,
            marker={"color": color, "line": {"width": 0}, "pattern": HATCHED if assumed else {}},
            hovertemplate=f"{name}: {amount(size)}<extra></extra>",
        )  # fmt: skip
    free = fit.room.usable_bytes - sum(size for _, size in shown)
    if free > 0:
        figure.add_bar(
            name="Free", x=[free / GIB], y=[""], orientation="h", width=0.6,
            marker={"color": SHADE, "line": {"width": 0}}, hovertemplate=f"Free: {amount(free)}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=fit.room.usable_bytes / GIB, line={"color": LINE, "width": 2, "dash": "dot"})
    figure.update_layout(
        **frame(132),
        barmode="stack",
        xaxis={
            "range": [0, whole / GIB * 1.02], "fixedrange": True, "ticksuffix": " GiB", "zeroline": False,
            "tickfont": {"size": 13, "color": TEXT},
        },
        yaxis={"visible": False, "fixedrange": True},
    )  # fmt: skip
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": 1.1, "yanchor": "bottom", "traceorder": "normal"})
    figure.update_layout(margin={"t": 36})
    return figure


def description(fit: Fit) -> str:
    """What the bar shows, for those who do not see it."""
    sizes = ", ".join(f"{name} {amount(size)}" for name, size, _ in parts(fit))
    return f"Memory in parts: {sizes}; {amount(fit.room.usable_bytes)} of {fit.room.kind} to be had. {verdict(fit)}"
