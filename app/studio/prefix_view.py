"""The map of shared beginnings, drawn to scale: tokens to the right, prompts downwards, shared stretches coloured."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from streamlit.elements.lib import streamlit_plotly_theme as theme

from app.analysis.prefix_map import PrefixMap
from app.experiment.shared_beginnings import Beginning, SharedBeginnings
from app.views.charts import SHADE, frame

DRAWN_NODES = 200
OUTLINE_ROWS = 256
LEAST_ROWS, LABEL_TOKENS, LABEL_ROWS = 0.004, 0.12, 0.09
"""Shares of the figure below which a stretch is not seen, and above which it has room for its numbers."""
MOST_GRID_LINES = 40
STRONGEST, WEAKER, WEAKEST = 0.95, 0.17, 0.4


def map_figure(found: SharedBeginnings) -> go.Figure:
    """Areas are tokens x prompts, so what a cache could serve is seen at once."""
    figure = go.Figure()
    prompts, widest = len(found.map.order), max(found.map.lengths, default=1)
    _outline(figure, found.map)
    drawn = _drawn(found.map)
    starts = {at: _start(found.map, drawn, at) for at in drawn}
    nodes = [found.map.nodes[at] for at in drawn]
    figure.add_bar(
        orientation="h",
        base=[starts[at] for at in drawn],
        x=[found.map.nodes[at].tokens - starts[at] for at in drawn],
        y=[node.row + node.prompts / 2 for node in nodes],
        width=[node.prompts for node in nodes],
        marker={
            "color": theme.CATEGORY_0,
            "opacity": [max(WEAKEST, STRONGEST - WEAKER * _depth(found.map, at)) for at in drawn],
            "line": {"width": 1, "color": SHADE},
        },
        customdata=[[node.prompts, node.tokens // found.block_size * found.block_size, node.tokens] for node in nodes],
        hovertemplate="%{customdata[2]:,} tokens, shared by %{customdata[0]:,} prompts<br>"
        "%{customdata[1]:,} of them in whole blocks<extra></extra>",
        name="Shared with other prompts",
    )
    for at in drawn:
        node = found.map.nodes[at]
        wide, high = (node.tokens - starts[at]) / widest, node.prompts / max(prompts, 1)
        if wide >= LABEL_TOKENS and high >= LABEL_ROWS:
            figure.add_annotation(
                x=(starts[at] + node.tokens) / 2, y=node.row + node.prompts / 2, showarrow=False,
                text=f"<b>{node.tokens:,} tokens</b><br>{node.prompts:,} prompts",
                font={"size": 13, "color": "#ffffff"}, bgcolor="rgba(16,24,36,0.78)", borderpad=3,
            )  # fmt: skip
    grid = found.block_size * -(-widest // (MOST_GRID_LINES * found.block_size))
    step = "" if grid == found.block_size else f", every {grid // found.block_size}th"
    title = f"Tokens into the prompt (lines: blocks of {found.block_size}{step})"
    figure.update_layout(
        **frame(max(220, min(420, 60 + 4 * prompts))),
        barmode="overlay",
        bargap=0,
        xaxis={
            "title": {
                "text": title,
                "font": {"size": 13},
            },
            "range": [0, widest],
            "dtick": grid,
            "showgrid": True,
            "fixedrange": True,
            "tickformat": ",",
            "tickangle": 0,
            "nticks": 8,
            "ticklabelstep": max(1, -(-widest // (8 * grid))),
            "zeroline": False,
        },
        yaxis={
            "title": {"text": "Prompts, alike side by side", "font": {"size": 13}},
            "range": [prompts, 0],
            "showgrid": False,
            "showticklabels": False,
            "fixedrange": True,
            "zeroline": False,
        },
    )
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}, showlegend=True)
    return figure


def map_sentence(found: SharedBeginnings) -> str:
    """The figure in words."""
    if not found.map.nodes:
        return "No two prompts begin alike."
    first = found.map.largest(1)[0]
    share = found.map.repeated / found.map.tokens
    return (
        f"{found.map.repeated:,} of {found.map.tokens:,} prompt tokens ({share:.0%}) repeat a beginning of another "
        f"prompt, counted token by token. The largest: {first.tokens:,} tokens, shared by {first.prompts:,} prompts."
    )


def beginning_rows(largest: Sequence[Beginning], block_size: int) -> list[dict[str, object]]:
    """For a dataframe, whose cells are plain text."""
    return [
        {
            "Tokens": each.tokens,
            f"In blocks of {block_size}": each.whole_block_tokens,
            "Prompts": each.prompts,
            "Tokens repeated": each.repeated_tokens,
            "First words of its own part": each.words,
            "For example": each.prompt,
        }
        for each in largest
    ]


def _outline(figure: go.Figure, found: PrefixMap) -> None:
    """Every prompt's length; of many prompts neighbours are drawn as one, at their mean length."""
    prompts = len(found.lengths)
    size = max(1, -(-prompts // OUTLINE_ROWS))
    groups = [found.lengths[at : at + size] for at in range(0, prompts, size)]
    figure.add_bar(
        orientation="h",
        x=[sum(group) / len(group) for group in groups],
        y=[at * size + len(group) / 2 for at, group in enumerate(groups)],
        width=[len(group) for group in groups],
        marker={"color": SHADE, "line": {"width": 0}},
        hoverinfo="skip",
        name="In one prompt only",
    )


def _drawn(found: PrefixMap) -> list[int]:
    """Positions of the nodes that can be seen, parents first."""
    least = max(2, LEAST_ROWS * len(found.order))
    places = {node: at for at, node in enumerate(found.nodes)}
    return sorted(places[node] for node in found.largest(DRAWN_NODES) if node.prompts >= least)


def _start(found: PrefixMap, drawn: Sequence[int], at: int) -> int:
    """Where a stretch begins: at the end of the next longer one around it that is drawn."""
    parent = found.nodes[at].parent
    while parent is not None and parent not in drawn:
        parent = found.nodes[parent].parent
    return 0 if parent is None else found.nodes[parent].tokens


def _depth(found: PrefixMap, at: int) -> int:
    depth, node = 0, found.nodes[at]
    while node.parent is not None:
        depth, node = depth + 1, found.nodes[node.parent]
    return depth
