"""What the What-if page says of a baseline and a candidate: headline, cards, rows, notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10

from app.analysis.break_even import BreakEven
from app.analysis.load_curve import LoadCurve, small_tails
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.scenario import REPLICAS, Scenario
from app.analysis.statistics import Interval
from app.analysis.what_if import CLOSED_LOOP_LOAD, MIX_CURVE, MIX_POINT, Answer
from app.studio.wording import without_folders
from app.words import count_of, listed

ROLES = ("Baseline", "Candidate")
RULES = (
    "A replica is never planned beyond the highest load that was measured on it, and nothing is said of lighter loads "
    "than the lightest; between two loads latency is taken as a straight line.",
    f"Token counts may be up to {MIX_CURVE:g}x the measured ones either way, {MIX_POINT:g}x where only one load was "
    "measured.",
    f"Where users waited for one another (a closed loop), at most {CLOSED_LOOP_LOAD:.0%} of the measured load is "
    "planned.",
    "Replicas are taken to share the traffic evenly and to be as fast as the one that was measured; within an hour, "
    "requests are taken to come as evenly as they came in the run.",
    "A month has 730 hours.",
)


@dataclass(frozen=True)
class Side:
    """The baseline or the candidate: its curve, what came of it, or why nothing did."""

    role: str
    curve: LoadCurve
    answer: Answer | None
    refusal: str = ""
    api: BreakEven | None = None

    @property
    def name(self) -> str:
        return without_folders(self.curve.title).partition(" · ")[2].partition(" · ")[0]


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
    return text


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
    return f"${usd:,.0f}" if usd >= 100 or usd == 0 else f"${usd:,.2f}" if usd >= 0.1 else f"${usd:.2g}"


def cards(sides: Sequence[Side]) -> list[Card]:
    """The candidate's, or the baseline's where it is alone, each with its change from the baseline."""
    answered = [side.answer for side in sides if side.answer is not None]
    if not answered:
        return []
    now, before = answered[-1], answered[0] if len(answered) == 2 else None
    priced = now.chosen.usd is not None
    found = [
        Card(
            "Cost a month" if priced else "Hardware a month", money(now.chosen.usd) if priced else hours(now.chosen.hours),
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
            f"From {shown(span.low)} up: at the end of its 95 % interval even the lightest measured load may be over the "
            "limits."
        )
    return f"{shown(span.low)} to {shown(span.high)}, by the 95 % interval of the highest load."


def hours(value: float) -> str:
    return "no bound" if value == inf else f"{value:,.0f} h"


def rows(sides: Sequence[Side], scenario: Scenario) -> list[dict[str, str]]:
    """Every figure of each side; a side that is not answered has dashes."""
    table: Mapping[str, list[str]] = {
        f"Cost a month, {REPLICAS['follow'].lower()}": [money(_usd(side, False)) for side in sides],
        f"Cost a month, {REPLICAS['fixed'].lower()}": [money(_usd(side, True)) for side in sides],
        "Range of the chosen one": [_range(side) for side in sides],
        "Cost per 1M tokens": [_of(side, lambda a: money(a.usd_per_million_tokens)) for side in sides],
        "Replicas, quietest to busiest hour": [
            _of(side, lambda a: f"{a.follow.replicas.min():,.0f} to {a.follow.replicas.max():,.0f}") for side in sides
        ],
        "Hardware a month, as chosen": [_of(side, lambda a: hours(a.chosen.hours)) for side in sides],
        "Utilisation, as chosen": [_of(side, lambda a: f"{a.chosen.utilisation:.0%}") for side in sides],
        "Highest load of a replica": [_of(side, _capacity) for side in sides],
        "Planned for a replica": [_of(side, lambda a: f"{a.planned:.3g} requests/s") for side in sides],
        **{
            f"{BY_TAG[tag].title} {scenario.percentile} at the busiest hour": [
                _of(side, lambda a, tag=tag: BY_TAG[tag].format(a.peak_latency[tag])) for side in sides
            ]
            for tag in ("ttft_ms", "tpot_ms", "e2e_ms")
        },
    }  # fmt: skip
    return [{"Figure": name, **{side.role: text for side, text in zip(sides, texts, strict=True)}} for name, texts in table.items()]


def limit_sentence(scenario: Scenario) -> str:
    kept = [f"{BY_TAG[tag].title} {scenario.percentile} ≤ {limit:,.4g} ms" for tag, limit in scenario.limits.items()]
    return listed(kept) if kept else "no limit on latency: the highest measured load counts, however slow"


def break_even_sentences(side: Side, model: str) -> list[str]:
    found = side.api
    if found is None or side.answer is None:
        return []
    cached = ", cached input at its own price" if found.cached_is_priced else ""
    said = [f"The same tokens at {model} cost {money(found.usd)} a month ({money(1000 * found.usd_per_request)} for 1,000 requests{cached})."]
    if found.requests_per_day is None:
        said.append(
            f"{side.name} does not get there at any volume: a request on a replica that is always full costs "
            f"{money(1000 * found.least_usd_per_request)} for 1,000."
        )
    elif found.requests_per_day < 1:
        said.append(f"{side.name} costs less at any volume.")
    else:
        said.append(
            f"{side.name} costs no more from {_about(found.requests_per_day)} requests a day; just behind the points "
            "where one more replica is needed it may cost more again."
        )
    return said


def cautions(sides: Sequence[Side], scenario: Scenario) -> list[str]:
    """What an answer rests on weakly."""
    found = []
    if len(sides) == 2:
        before, after = (side.curve for side in sides)
        differing = [
            word
            for word, one, other in (
                ("machines", before.machine, after.machine),
                ("models", before.model, after.model),
                ("prompt sets", before.prompt_hash, after.prompt_hash),
                ("kinds of load", before.is_open, after.is_open),
            )
            if one != other
        ]
        if differing:
            found.append(f"Not comparable: the {listed(differing)} differ, so the difference is not the technique's alone")
    for side in sides:
        found += [f"{side.role}: {text}" for text in _weak(side, scenario)]
    return found


def basis_rows(sides: Sequence[Side]) -> list[dict[str, str]]:
    """What each side rests on, but its runs, which the page links."""
    table = {
        "Measured": [side.curve.title for side in sides],
        "Loads": [_loads(side.curve) for side in sides],
        "Machine": [side.curve.machine or MISSING for side in sides],
        "Model": [without_folders(side.curve.model) or MISSING for side in sides],
        "Prompts": [side.curve.prompt_set or MISSING for side in sides],
        "Tokens of a request": [_tokens(side.curve) for side in sides],
        "Requests in a run": [f"{min(r.requests for r in side.curve.runs):,} or more" for side in sides],
        "Run numbers": [", ".join(str(run.run_id) for level in side.curve.levels for run in level) for side in sides],
    }
    return [{"Fact": name, **{side.role: text for side, text in zip(sides, texts, strict=True)}} for name, texts in table.items()]


def _weak(side: Side, scenario: Scenario) -> list[str]:
    curve, answer = side.curve, side.answer
    found = list(answer.estimates) if answer else []
    if curve.is_point:
        found.append("only one load was measured: that a lighter one is no slower is assumed")
    if answer is not None and answer.capacity.at_least:
        found.append(
            f"every measured load is within the limits: a replica may answer more than {answer.capacity.rate:.3g} "
            "requests/s; measure higher loads"
        )
    if small_tails(curve, scenario.percentile):
        fewest = min(run.requests for run in curve.runs)
        found.append(f"a {scenario.percentile} of {fewest} requests rests on few; measure 100 or more a run")
    suspect = [run.run_id for run in curve.runs if run.suspect]
    if suspect:
        found.append(f"{len(suspect)} of {count_of(len(curve.runs), 'run')} {'is' if len(suspect) == 1 else 'are'} suspect")
    return found


def _loads(curve: LoadCurve) -> str:
    rates = [run.requests_per_s for run in curve.runs]
    kind = "sent by the clock" if curve.is_open else "users who wait for one another"
    if curve.is_point:
        return f"one load, {min(rates):.3g} to {max(rates):.3g} requests/s answered, {kind}"
    return f"{len(curve.levels)} loads, {min(rates):.3g} to {max(rates):.3g} requests/s answered, {kind}"


def _tokens(curve: LoadCurve) -> str:
    sent, written = curve.mean("prompt_tokens"), curve.mean("output_tokens")
    shown = [MISSING if value is None else f"{value:,.0f}" for value in (sent, written)]
    return f"{shown[0]} prompt, {shown[1]} output"


def _capacity(answer: Answer) -> str:
    found = answer.capacity
    text = f"{'at least ' if found.at_least else ''}{found.rate:.3g} requests/s"
    return text if found.interval is None else f"{text} ({_span(found.interval)})"


def _span(interval: Interval) -> str:
    return f"{interval.low:.3g} to {interval.high:.3g}"


def _range(side: Side) -> str:
    if side.answer is None or side.answer.range is None:
        return MISSING
    shown = money if side.answer.chosen.usd is not None else hours
    return f"{shown(side.answer.range.low)} to {shown(side.answer.range.high)}"


def _of(side: Side, text: object) -> str:
    return MISSING if side.answer is None else str(text(side.answer))  # type: ignore[operator]


def _usd(side: Side, fixed: bool) -> float | None:
    if side.answer is None:
        return None
    return (side.answer.fixed if fixed else side.answer.follow).usd


def _percent(after: float | None, before: float | None) -> str | None:
    return None if after is None or not before else f"{after / before - 1:+.0%}"


def _about(value: float) -> str:
    """Two significant digits: it is an estimate."""
    digits = 10 ** max(0, floor(log10(value)) - 1)
    return f"{ceil(value / digits) * digits:,.0f}"
