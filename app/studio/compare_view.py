"""What the Compare page says and draws of a baseline and its candidates. Pure, figures included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from app.analysis.compare import Comparison, Difference, RungData
from app.analysis.environment import Changed
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.per_prompt import PromptPair
from app.analysis.statistics import ecdf
from app.analysis.summary import e2e_ms, ttft_ms
from app.reports.answers import with_answers
from app.studio.charts import ACCENTS, BASELINES, DASHES, frame
from app.studio.wording import without_folders

FILTERS = ("All", "Different", "Regressed", "Won")
TIMES = {"ttft_ms": ttft_ms, "e2e_ms": e2e_ms}


@dataclass(frozen=True)
class Side:
    """A rung with all of its finished repeats. `name` tells it from the others on the page."""

    name: str
    data: RungData
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Pairing:
    """A candidate beside the baseline."""

    side: Side
    found: Comparison
    pairs: Sequence[PromptPair]
    changed: Sequence[Changed]

    @property
    def sentence(self) -> str:
        verdict = with_answers(self.found.verdict, self.found.differences.get("quality"))
        return f"{self.side.name}: {verdict}; {self.found.reason}."


def summary_rows(pairings: Sequence[Pairing]) -> list[dict[str, str]]:
    """A row for each metric, with each candidate's change, its interval and verdict."""
    tags = dict.fromkeys(tag for pairing in pairings for tag in pairing.found.differences)
    return [
        {"Metric": _title(tag), "Baseline": _baseline(tag, pairings)}
        | {pairing.side.name: _change(pairing.found.differences.get(tag)) for pairing in pairings}
        for tag in tags
    ]


def _title(tag: str) -> str:
    if tag == "relative_cost":
        return "Hardware time for a request (s)"
    metric = BY_TAG[tag]
    return f"{metric.title} {metric.headline}".strip() + (f" ({metric.unit})" if metric.unit else "")


def _baseline(tag: str, pairings: Sequence[Pairing]) -> str:
    found = next((p.found.differences[tag].baseline for p in pairings if tag in p.found.differences), None)
    digits = 4 if tag == "relative_cost" else BY_TAG[tag].digits
    return MISSING if found is None else f"{found:,.{digits}f}"


def _change(item: Difference | None) -> str:
    if item is None or item.delta is None:
        return MISSING
    span = "" if item.interval is None else f" ({item.format_span(item.interval)})"
    return f"{item.format(item.delta)}{span}: {item.verdict}"


def prompt_rows(pairs: Sequence[PromptPair], chosen: str) -> list[dict[str, str]]:
    """Prompts by their place in the set, from 1; the worst regression first."""
    keeps: Mapping[str, Callable[[PromptPair], bool]] = {
        "All": lambda pair: True,
        "Different": lambda pair: pair.same is False,
        "Regressed": lambda pair: pair.lost,
        "Won": lambda pair: pair.won,
    }
    return [
        {
            "Prompt": str(pair.position + 1),
            "Right before": _percent(pair.right_before),
            "Right after": _percent(pair.right_after),
            "Answer": {True: "same", False: "differs", None: MISSING}[pair.same],
            "Before (ms)": _ms(pair.before_ms),
            "After (ms)": _ms(pair.after_ms),
            "Factor": MISSING if pair.factor is None else f"{pair.factor:.2f}x",
        }
        for pair in pairs
        if keeps[chosen](pair)
    ]


def changed_rows(changed: Sequence[Changed]) -> list[dict[str, str]]:
    return [
        {
            "Fact": each.fact,
            "Baseline": MISSING if each.baseline is None else without_folders(str(each.baseline)),
            "Candidate": MISSING if each.candidate is None else without_folders(str(each.candidate)),
        }
        for each in changed
    ]


def distributions(sides: Sequence[Side], tag: str) -> go.Figure:
    """The empirical distribution of a latency on each side, the baseline first; dashes tell lines apart as well."""
    figure = go.Figure()
    for number, side in enumerate(sides):
        points = ecdf(times_of(side.data, tag))
        figure.add_scatter(
            x=[x for x, _ in points], y=[100 * y for _, y in points], mode="lines", name=side.name,
            line={"color": colour(number), "width": 2, "shape": "hv", "dash": DASHES[number % len(DASHES)]},
            hovertemplate=f"<b>{side.name}</b><br>%{{y:.0f}} % within %{{x:,.0f}} ms<extra></extra>",
        )  # fmt: skip
    shared = {"fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        **frame(360),
        xaxis={**shared, "title": {"text": f"{BY_TAG[tag].title} (ms)"}},
        yaxis={**shared, "title": {"text": "Requests within (%)"}},
    )
    figure.update_layout(legend={"x": 1, "xanchor": "right", "y": 0.02, "yanchor": "bottom"})
    return figure


def colour(number: int) -> str:
    return BASELINES[0] if number == 0 else ACCENTS[(number - 1) % len(ACCENTS)]


def times_of(data: RungData, tag: str) -> list[float]:
    found = (TIMES[tag](record) for repeat in data.repeats for _, record in repeat if record.ok)
    return [value for value in found if value is not None]


def words(sides: Sequence[Side], tag: str) -> str:
    """The figure for those who cannot see it."""
    medians = []
    for side in sides:
        times = sorted(times_of(side.data, tag))
        medians.append(f"{side.name} {times[len(times) // 2]:,.0f} ms" if times else f"{side.name} {MISSING}")
    return f"{BY_TAG[tag].title} of half of the requests at most: {'; '.join(medians)}."


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{100 * share:.0f} %"


def _ms(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.0f}"
