"""What the Compare page says of a baseline and its candidates, metric by metric, and their distributions. Pure, figures
included."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from app.analysis.compare import Difference, RungData
from app.analysis.environment import Changed
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.statistics import distribution, ecdf
from app.analysis.summary import LATENCIES, latencies_of
from app.experiment.comparing import Pairing, Side
from app.views.answers import CLEAR, are_worse, with_answers
from app.views.card import Card
from app.views.charts import DASHES, accents_of, frame
from app.views.effects import times
from app.views.wording import count_of, listed, literal, without_folders

CARDS = ("relative_cost", "quality", *LATENCIES)
PARTS = ("p50", "p95", "p99")
MOST_STEPS = 400
"""Of a distribution; more could not be told apart on a screen."""
FEW_WORDS = 3


def sentence(pairing: Pairing) -> str:
    found = pairing.found
    verdict = with_answers(found.verdict, found.differences.get("quality"))
    return f"{pairing.side.name}: {'; '.join([f'{verdict}; {found.reason}', *pairing.doubts])}."


def link_problems(baseline: str | None, candidates: str, known: Sequence[str], most: int) -> list[str]:
    """What a link names in vain: its baseline, and its candidates with commas between them."""
    found = []
    if baseline is not None and baseline not in known:
        found.append(f"The link's baseline, {baseline}, is not measured here; another is shown.")
    asked = list(dict.fromkeys(filter(None, candidates.split(","))))
    gone = [key for key in asked if key not in known]
    if gone:
        verb = "is" if len(gone) == 1 else "are"
        found.append(f"{listed(gone)} of the link {verb} not measured here and left out.")
    if len(asked) - len(gone) > most:
        found.append(f"The link names more than {most} candidates; the first {most} are shown.")
    return found


def told_first(pairings: Sequence[Pairing]) -> Pairing | None:
    """The candidate whose cards are shown: the cheapest of those that are better and whose answers are not clearly
    worse, else the first that can be held against the baseline."""
    known = [(each, cost) for each in pairings if (cost := _delta(each, "relative_cost")) is not None]
    fair = [
        (cost, each)
        for each, cost in known
        if each.found.verdict == "better" and not are_worse(each.found.differences.get("quality"))
    ]
    best = min(fair, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None else known[0][0] if known else None


def _delta(pairing: Pairing, tag: str) -> float | None:
    return pairing.found.differences[tag].delta if tag in pairing.found.differences else None


def cards(pairing: Pairing) -> list[Card]:
    """A candidate's figures and their changes from the baseline."""
    found = []
    for tag in CARDS:
        item, metric = pairing.found.differences.get(tag), BY_TAG[tag]
        if item is None or item.delta is None:
            continue
        cost = tag == "relative_cost"
        title = metric.title if cost else f"{metric.title} {metric.headline}".strip()
        value = times(item.factor) if cost else metric.format(item.candidate)
        good = item.verdict == "better" if item.verdict in CLEAR else None
        found.append(Card(title, value, item.format(item.delta), good, metric.better == "lower", metric.help))
    return found


def counts_sentence(pairing: Pairing) -> str:
    """How many of the metrics that have a better and a worse changed which way."""
    known = [item for tag, item in pairing.found.differences.items() if item.delta is not None and BY_TAG[tag].better]
    verdicts = [item.verdict for item in known]
    counts = Counter(word if word in CLEAR else "without a clear change" for word in verdicts)
    said = [f"{counts[word]} {word}" for word in (*CLEAR, "without a clear change") if counts[word]]
    metrics = count_of(len(verdicts), "metric")
    return f"“{pairing.side.name}” and its change from the baseline. Of {metrics}: {listed(said)}."


def not_comparable(pairings: Sequence[Pairing]) -> list[str]:
    """Which candidates have no verdict at all, and why."""
    return [
        f"{each.side.name} is {each.found.verdict}: {each.found.reason}."
        for each in pairings
        if each.found.verdict in ("not comparable", "failed")
    ]


def other_causes(pairings: Sequence[Pairing]) -> list[str]:
    """What else differs than techniques, and may be the cause of a difference as well."""
    said = []
    for each in pairings:
        if not each.other_causes or each.found.verdict in ("not comparable", "failed"):
            continue
        told = [_change_of(change) for change in each.other_causes[:FEW_WORDS]]
        more = len(each.other_causes) - len(told)
        told += [f"{count_of(more, 'other fact')} (see Configuration)"] if more else []
        said.append(f"{each.side.name} differs from the baseline in {listed(told)} as well.")
    return said


def _change_of(change: Changed) -> str:
    return f"{change.fact} ({value(change.candidate)}, not {value(change.baseline)})"


def value(found: object) -> str:
    """A fact of a manifest in words, without folders."""
    if found is None:
        return MISSING
    if isinstance(found, float):
        return f"{found:,.5g}"
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return without_folders(" ".join(found)) or MISSING
    if isinstance(found, (list, dict)):
        return without_folders(json.dumps(found, ensure_ascii=False))
    return without_folders(str(found))


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
    if not item.delta and item.interval is not None and item.interval.low == item.interval.high == 0:
        return "the same"
    span = "" if item.interval is None else f" ({item.format_span(item.interval)})"
    return f"{item.format(item.delta)}{span}: {item.verdict}"


def distributions(sides: Sequence[Side], tag: str) -> go.Figure:
    """The empirical distribution of a latency on each side, the baseline first; dashes tell lines apart as well."""
    figure = go.Figure()
    for number, (side, color) in enumerate(zip(sides, accents_of([side.key for side in sides]), strict=True)):
        points = thinned(ecdf(times_of(side.data, tag)))
        figure.add_scatter(
            x=[x for x, _ in points], y=[100 * y for _, y in points], mode="lines", name=literal(side.name),
            line={"color": color, "width": 2, "shape": "hv", "dash": DASHES[number % len(DASHES)]},
            hovertemplate=f"<b>{literal(side.name)}</b><br>%{{y:.0f}} % within %{{x:,.4g}} ms<extra></extra>",
        )  # fmt: skip
    shared = {"fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        **frame(360),
        xaxis={**shared, "title": {"text": f"{BY_TAG[tag].title} (ms)"}},
        yaxis={**shared, "title": {"text": "Requests within (%)"}},
    )
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "orientation": "h"})
    return figure


def thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most about MOST_STEPS of the points, both ends among them."""
    every = -(-len(points) // MOST_STEPS)
    return points if every <= 1 else [*points[:-1:every], points[-1]]


def percentile_rows(sides: Sequence[Side]) -> list[dict[str, str]]:
    rows = []
    for side in sides:
        cells = {"Recipe": side.name}
        for tag in LATENCIES:
            found, metric = distribution(times_of(side.data, tag)), BY_TAG[tag]
            cells |= {
                f"{metric.title} {part} ({metric.unit})": metric.format(found[part], unit=False) for part in PARTS
            }
        rows.append(cells)
    return rows


def times_of(data: RungData, tag: str) -> list[float]:
    return latencies_of((record for repeat in data.repeats for _, record in repeat), tag)


def words(sides: Sequence[Side], tag: str) -> str:
    """The figure for those who cannot see it."""
    metric = BY_TAG[tag]
    medians = [f"{side.name} {metric.format(distribution(times_of(side.data, tag))['p50'])}" for side in sides]
    return f"{metric.title} of half of the requests at most: {'; '.join(medians)}."
