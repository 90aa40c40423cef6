"""What the What-if page says of a baseline and a candidate: headline, cards, rows, notes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, log10

from app.analysis.break_even import BreakEven
from app.analysis.load_curve import LoadCurve
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.scenario import REPLICAS, Scenario
from app.analysis.statistics import Interval
from app.analysis.summary import LATENCIES
from app.analysis.what_if import Answer
from app.views.wording import in_sentence, without_folders
from app.words import listed

ROLES = ("Baseline", "Candidate")


@dataclass(frozen=True)
class Side:
    """The baseline or the candidate: its curve, what came of it, or why nothing did. `scenario` is what was asked of
    it, with the price that its own hardware has."""

    role: str
    curve: LoadCurve
    answer: Answer | None
    refusal: str = ""
    api: BreakEven | None = None
    scenario: Scenario = Scenario()  # noqa: RUF009 - frozen

    @property
    def name(self) -> str:
        """A rung of a cumulative ladder is called by what it adds, and is more than that."""
        label = without_folders(self.curve.title).partition(" · ")[2].partition(" · ")[0]
        return f"everything up to {in_sentence(label[2:])}" if label.startswith("+ ") else label


@dataclass(frozen=True)
class Card:
    title: str
    value: str
    change: str | None
    help: str


def default_limit(curves: Sequence[LoadCurve]) -> float | None:
    """A TTFT limit to begin with: the next of 1, 2, 5, 10, ... ms above the slowest p95 at any curve's lightest load,
    so that the first screen has an answer; a person sets their own."""
    tails = [run.latency.get(("ttft_ms", "p95")) for curve in curves for run in curve.lightest]
    known = [value for value in tails if value is not None]
    if not known:
        return None
    whole = 10 ** floor(log10(max(known)))
    return float(next(step * whole for step in (1, 2, 5, 10) if step * whole >= max(known)))


def headline(sides: Sequence[Side]) -> str:
    """What a month costs, and the candidate's difference."""
    answered = [side for side in sides if side.answer is not None]
    if not answered:
        return "What was measured does not answer this"
    last = answered[-1]
    assert last.answer is not None
    text = f"{monthly(last.answer)} a month with {last.name}"
    if len(answered) == 2 and answered[0].answer is not None:
        change = relative(last.answer.monthly, answered[0].answer.monthly)
        text += f", {change} {monthly(answered[0].answer)} with {answered[0].name}"
        differing = differing_facts(sides)
        text += f"; not comparable, as the {listed(differing)} differ" if differing else ""
    return text


def differing_facts(sides: Sequence[Side]) -> list[str]:
    """What besides the technique differs between the two sides; empty for one side."""
    if len(sides) != 2:
        return []
    before, after = (side.curve for side in sides)
    facts = (
        ("machines", before.machine, after.machine),
        ("models", before.model, after.model),
        ("prompt sets", before.prompt_hash, after.prompt_hash),
        ("kinds of load", before.is_open, after.is_open),
    )
    return [word for word, one, other in facts if one != other]


def prices_of(scenario: Scenario, curves: Sequence[LoadCurve]) -> list[float | None]:
    """Dollars an hour of each curve's hardware: what the scenario says, for all of them; else what the curve was
    measured with, or what another one of the same machine was. All None where one is not known: dollars beside hours
    compare nothing."""
    if scenario.usd_per_hour is not None:
        return [scenario.usd_per_hour] * len(curves)
    of_machine = {
        curve.machine: curve.price_per_hour for curve in curves if curve.machine and curve.price_per_hour is not None
    }
    found = [
        of_machine.get(curve.machine) if curve.price_per_hour is None else curve.price_per_hour for curve in curves
    ]
    return found if all(price is not None for price in found) else [None] * len(curves)


def price_words(prices: Sequence[float | None]) -> str:
    """`$2.00/h`, or `$0.50/h and $4.00/h`; empty where none is known."""
    return listed(list(dict.fromkeys(f"${price:,.2f}/h" for price in prices if price is not None)))


def relative(after: float, before: float) -> str:
    """`40 % less than`, `5 % more than` or `the same as`."""
    if not before or abs(after / before - 1) < 0.005:
        return "the same as"
    share = after / before - 1
    return f"{abs(share):.0%} {'more' if share > 0 else 'less'} than"


def monthly(answer: Answer) -> str:
    usd = answer.chosen.usd
    return f"{answer.chosen.hours:,.0f} hours of hardware" if usd is None else money(usd)


def money(usd: float | None) -> str:
    if usd is None:
        return MISSING
    if usd == inf:
        return "no bound"
    return f"${usd:,.0f}" if usd >= 100 or usd == 0 else f"${usd:,.2f}" if usd >= 1 else f"${usd:.3g}"


def cards(sides: Sequence[Side]) -> list[Card]:
    """The candidate's, or the baseline's where it is alone, each with its change from the baseline."""
    answered = [side.answer for side in sides if side.answer is not None]
    if not answered:
        return []
    now, before = answered[-1], answered[0] if len(answered) == 2 else None
    priced = now.chosen.usd is not None
    found = [
        Card(
            "Cost a month" if priced else "Hardware a month",
            money(now.chosen.usd) if priced else hours(now.chosen.hours),
            _percent(now.monthly, None if before is None else before.monthly), range_text(now),
        ),
        Card(
            "Replicas at the peak", f"{now.peak_replicas:,}",
            None if before is None else f"{now.peak_replicas - before.peak_replicas:+,}",
            f"The busiest hour has {now.rates.max():,.3g} requests/s.",
        ),
        Card(
            "Utilisation", f"{now.chosen.utilisation:.0%}",
            None if before is None else f"{100 * (now.chosen.utilisation - before.chosen.utilisation):+.0f} points",
            "The share of what all replicas could answer within the limits that is asked of them, over the day.",
        ),
        Card(
            "Cost per 1M tokens", money(now.usd_per_million_tokens),
            _percent(now.usd_per_million_tokens, None if before is None else before.usd_per_million_tokens),
            "Prompt tokens as saved and output tokens together.",
        ),
    ]  # fmt: skip
    return found if priced else found[:3]


def range_text(answer: Answer) -> str:
    """The range of the month's cost, in words."""
    span = answer.range
    if span is None:
        return "One repeat of each load: how much the cost may vary is not known."
    shown = money if answer.chosen.usd is not None else hours
    if span.high == inf:
        return (
            f"From {shown(span.low)} up: at the end of its 95 % interval even the lightest measured load may be over "
            "the limits."
        )
    low, high = shown(span.low), shown(span.high)
    if low == high:
        return f"{low} at both ends of the highest load's 95 % interval."
    return f"{low} to {high}, by the 95 % interval of the highest load."


def hours(value: float) -> str:
    return "no bound" if value == inf else f"{value:,.0f} h"


def rows(sides: Sequence[Side], scenario: Scenario) -> list[dict[str, str]]:
    """Every figure of each side; a side that is not answered has dashes."""
    table: Mapping[str, list[str]] = {
        f"Cost a month, {REPLICAS['follow'].lower()}": [money(_usd(side, False)) for side in sides],
        f"Cost a month, {REPLICAS['fixed'].lower()}": [money(_usd(side, True)) for side in sides],
        "95 % range of the cost, as chosen": [_range(side) for side in sides],
        "Cost per 1M tokens": [_of(side, lambda a: money(a.usd_per_million_tokens)) for side in sides],
        "Replicas, quietest to busiest hour": [
            _of(side, lambda a: f"{a.follow.replicas.min():,.0f} to {a.follow.replicas.max():,.0f}") for side in sides
        ],
        "Hardware a month, as chosen": [_of(side, lambda a: hours(a.chosen.hours)) for side in sides],
        "Utilisation, as chosen": [_of(side, lambda a: f"{a.chosen.utilisation:.0%}") for side in sides],
        "Highest load of a replica": [_of(side, _capacity) for side in sides],
        "Planned for a replica": [_of(side, lambda a: f"{a.planned:.3g} requests/s") for side in sides],
        **{
            f"{BY_TAG[tag].title} {scenario.percentile} at the busiest hour": [_latency(side, tag) for side in sides]
            for tag in LATENCIES
        },
    }  # fmt: skip
    return [
        {"Figure": name, **{side.role: text for side, text in zip(sides, texts, strict=True)}}
        for name, texts in table.items()
    ]


def limit_sentence(scenario: Scenario) -> str:
    kept = [f"{BY_TAG[tag].title} {scenario.percentile} ≤ {limit:,.4g} ms" for tag, limit in scenario.limits.items()]
    return listed(kept) if kept else "no limit on latency: the highest measured load counts, however slow"


def _capacity(answer: Answer) -> str:
    found = answer.capacity
    text = f"{'at least ' if found.at_least else ''}{found.rate:.3g} requests/s"
    return text if found.interval is None or found.at_least else f"{text} ({_span(found.interval)})"


def _span(interval: Interval) -> str:
    return f"{interval.low:.3g} to {interval.high:.3g}"


def _range(side: Side) -> str:
    if side.answer is None or side.answer.range is None:
        return MISSING
    shown = money if side.answer.chosen.usd is not None else hours
    return f"{shown(side.answer.range.low)} to {shown(side.answer.range.high)}"


def _of(side: Side, text: Callable[[Answer], str]) -> str:
    return MISSING if side.answer is None else text(side.answer)


def _latency(side: Side, tag: str) -> str:
    return BY_TAG[tag].format(None if side.answer is None else side.answer.peak_latency[tag])


def _usd(side: Side, fixed: bool) -> float | None:
    if side.answer is None:
        return None
    return (side.answer.fixed if fixed else side.answer.follow).usd


def _percent(after: float | None, before: float | None) -> str | None:
    return None if after is None or not before else f"{after / before - 1:+.0%}"
