"""What the Ladder page says and tabulates, from the pure ladder model. Pure; figures are in charts.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.compare import MIN_EFFECT
from app.analysis.ladder import Ladder, RungResult
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.statistics import Interval
from app.reports.answers import points, quality_span, step_sentence, verdict_of
from app.studio.wording import count_of, in_sentence, listed, without_folders
from optimizers.registry import techniques
from optimizers.technique import Technique

COST = BY_TAG["relative_cost"]
SHOWN = (
    ("ttft_ms", "p50"), ("ttft_ms", "p95"), ("tpot_ms", "p50"), ("requests_per_s", ""), ("sent_prompt_tokens", ""),
    ("cached_tokens", ""), ("output_tokens", ""), ("quality", ""), ("same_output", ""), ("similarity", ""),
    ("step_same_output", ""), ("refusals", ""), ("empty_answers", ""),
)  # fmt: skip
CARDS = (("relative_cost", ""), ("ttft_ms", "p50"), ("tpot_ms", "p50"), ("requests_per_s", ""))


@dataclass(frozen=True)
class Card:
    """One headline figure: the last measured rung beside the baseline. `good` is None where it hardly changed."""

    title: str
    value: str
    change: str | None
    good: bool | None
    lower_is_better: bool
    help: str


def technique_of(key: str) -> Technique | None:
    """None for one that was measured with and is no longer installed."""
    return next((technique for technique in techniques().all() if technique.key == key), None)


def title_of(key: str) -> str:
    found = technique_of(key)
    return found.title if found else key


def times(value: float | None) -> str:
    """A multiple, written as people say it: 0.55x."""
    return MISSING if value is None else COST.format(value, unit=False) + COST.unit


def span(interval: Interval | None) -> str:
    return MISSING if interval is None else f"{times(interval.low)} to {times(interval.high)}"


def measured(ladder: Ladder) -> list[RungResult]:
    return [rung for rung in ladder.rungs if rung.cost is not None]


def top_rung(ladder: Ladder) -> RungResult | None:
    """The last rung that was measured, the baseline and its repetition left out."""
    climbed = [rung for rung in measured(ladder)[1:] if not rung.is_again]
    return climbed[-1] if climbed else None


def headline(ladder: Ladder) -> str:
    """What all techniques together are worth, in one sentence."""
    top = top_rung(ladder)
    if top is None or top.cost is None:
        alone = len(ladder.rungs) == 1 and measured(ladder)
        return (
            "One recipe was measured, with none to compare it with."
            if alone
            else "No rung has been measured beside the baseline yet."
        )
    added = [title_of(rung.adds) for rung in ladder.rungs if rung.adds and rung.rung <= top.rung]
    techniques_used = listed([in_sentence(title) for title in added]) or f"“{top.label}”"
    interval = f"95 % interval {span(top.cost_interval)}" if top.cost_interval else "too few prompts for an interval"
    verdicts = {
        "better": f"{1 - top.cost:.0%} less",
        "worse": f"{top.cost - 1:.0%} more",
        "no clear change": "no clear change",
    }
    outcome = verdicts.get(top.comparison.verdict, f"{top.comparison.verdict}, {top.comparison.reason}")
    return (
        f"With {techniques_used}, an answered request costs {times(top.cost)} the baseline's ({interval}): {outcome}"
        f"{_answers_too(top)}."
    )


def _answers_too(top: RungResult) -> str:
    """Where the answers clearly changed since the baseline, a saving is not told without them."""
    change = top.quality
    if change is None or change.delta is None or change.verdict not in ("better", "worse"):
        return ""
    return f", and {abs(change.delta):.1f} points {'more' if change.delta > 0 else 'fewer'} of the answers are right"


def cheapest(ladder: Ladder) -> str | None:
    """Names the best rung where climbing further did not pay."""
    top, rungs = top_rung(ladder), [rung for rung in measured(ladder) if not rung.is_again]
    best = min(rungs, key=lambda rung: rung.cost or 0.0, default=None)
    if top is None or best is None or best is top or top.step_verdict != "worse":
        return None
    return f"The cheapest rung is “{best.label}” at {times(best.cost)}; the last one did not pay."


def basis(manifest: Mapping[str, Any], repeats: int) -> str:
    """What the figures were measured on."""
    model = manifest.get("model", {}).get("name") or MISSING
    prompts = manifest.get("prompt_set", {})
    where = manifest.get("hardware", {}).get("title") or MISSING
    sets = f"{prompts.get('name', MISSING)} ({count_of(prompts.get('prompts', 0), 'prompt')})"
    return f"Measured on {without_folders(model)}, {sets}, {where}, {count_of(repeats, 'repeat')} of each rung."


def cards(ladder: Ladder) -> list[Card]:
    top = top_rung(ladder)
    if top is None:
        return []
    baseline = ladder.rungs[0]
    found = []
    for tag, part in CARDS:
        metric = BY_TAG[tag]
        before, after = (_value(rung, tag, part) for rung in (baseline, top))
        delta = after / before - 1 if before and after is not None else None
        change = None if delta is None else f"{delta:+.0%}"
        clear = delta is not None and abs(delta) > max(MIN_EFFECT, ladder.noise.get(tag, 0.0))
        good = (delta < 0) == (metric.better == "lower") if delta is not None and clear else None
        title = f"{metric.title} {part}".strip()
        value = times(after) if metric is COST else metric.format(after)
        found.append(Card(title, value, change, good, metric.better == "lower", metric.help))
    return found


def cost_rows(ladder: Ladder) -> list[dict[str, str]]:
    return [
        {
            "Rung": rung.label,
            "Relative cost": times(rung.cost),
            "95 % interval": span(rung.cost_interval),
            "Step": MISSING if rung.is_again else times(rung.step),
            "Article's step": times(rung.claim.step if rung.claim else None),
            "Quality (%)": _text(rung, "quality", ""),
            "Quality's 95 %": quality_span(rung),
            "Points from the baseline": points(rung.quality),
            "Step's verdict": verdict_of(rung),
            "In flight": rung.schedule or MISSING,
            "Errors": f"{rung.errors:,} of {rung.requests:,}" if rung.requests else MISSING,
        }
        for rung in ladder.rungs
    ]


def detail_rows(ladder: Ladder) -> list[dict[str, str]]:
    return [
        {"Rung": rung.label} | {column_title(tag, part): _text(rung, tag, part) for tag, part in SHOWN}
        for rung in ladder.rungs
    ]


def step_sentences(ladder: Ladder) -> list[str]:
    """What each step did to cost and answers, one plain sentence for each measured rung."""
    return [said for rung in ladder.rungs if (said := step_sentence(rung))]


def column_title(tag: str, part: str) -> str:
    metric = BY_TAG[tag]
    title = f"{metric.title} {part}".strip()
    return f"{title} ({metric.unit})" if metric.unit else title


def _value(rung: RungResult, tag: str, part: str) -> float | None:
    found = rung.metrics.get(tag)
    return (found or {}).get(part) if part else found


def _text(rung: RungResult, tag: str, part: str) -> str:
    return BY_TAG[tag].format(_value(rung, tag, part), unit=False)


def numeric_columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Columns that hold figures and so align to the right."""
    words = ("Rung", "Step's verdict", "In flight")
    return [name for name in (rows[0] if rows else ()) if name not in words]
