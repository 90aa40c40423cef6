"""What the Ladder page says and tabulates, from the pure ladder model. Pure; figures are in waterfall.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from app.analysis.compare import MIN_EFFECT
from app.analysis.ladder import Ladder, Reference, RungResult
from app.analysis.metric import BY_TAG, MISSING
from app.views.answers import CLEAR, are_worse, points, quality_span, rung_sentence, verdict_of
from app.views.card import Card
from app.views.effects import span, times
from app.views.wording import count_of, in_sentence, listed, without_folders
from app.words import title_of
from optimizers.registry import techniques
from optimizers.technique import Technique

COST, QUALITY = BY_TAG["relative_cost"], "quality"
SHOWN = (
    ("ttft_ms", "p50"), ("ttft_ms", "p95"), ("tpot_ms", "p50"), ("requests_per_s", ""), ("sent_prompt_tokens", ""),
    ("cached_tokens", ""), ("output_tokens", ""), ("quality", ""), ("same_output", ""), ("similarity", ""),
    ("step_same_output", ""), ("refusals", ""), ("empty_answers", ""),
)  # fmt: skip
ARTICLE = "How to Optimize LLM Tokens (and Cut Costs 40-75%)"
"""Whose figures stand beside the measured ones; no source of them was found."""
PRICED = ("usd_per_1000_requests", "usd_per_million_tokens")
VERDICTS = ("Step's verdict", "Verdict")
CARDS = (
    ("relative_cost", ""), ("usd_per_1000_requests", ""), ("quality", ""), ("ttft_ms", "p50"), ("tpot_ms", "p50"),
    ("requests_per_s", ""),
)  # fmt: skip


def technique_of(key: str) -> Technique | None:
    """None for one that was measured with and is no longer installed."""
    return next((technique for technique in techniques().all() if technique.key == key), None)


def measured(ladder: Ladder) -> list[RungResult]:
    return [rung for rung in ladder.rungs if rung.cost is not None]


def climbed(ladder: Ladder) -> list[RungResult]:
    """Those that are held against another; not the baseline's repetition."""
    return [rung for rung in measured(ladder) if rung.against is not None and not rung.is_again]


def top_rung(ladder: Ladder) -> RungResult | None:
    """The measured rung with most techniques on, and of several such the cheapest; not the baseline's repetition."""
    return max(climbed(ladder), key=lambda rung: (len(rung.techniques), -(rung.cost or 0.0)), default=None)


def fair_rungs(ladder: Ladder) -> list[RungResult]:
    """Those whose answers are not clearly worse than the baseline's."""
    return [rung for rung in climbed(ladder) if not are_worse(rung.quality)]


def best_rung(ladder: Ladder) -> RungResult | None:
    """The cheapest rung whose answers are not clearly worse than the baseline's; None where none is cheaper than it."""
    best = min(fair_rungs(ladder), key=lambda rung: rung.cost or 0.0, default=None)
    return best if best is not None and best.comparison.verdict == "better" else None


def lead_rung(ladder: Ladder) -> RungResult | None:
    """The one that is told first: the top rung, or the best one where the top rung's answers are clearly worse."""
    top = top_rung(ladder)
    return (best_rung(ladder) or top) if top is not None and are_worse(top.quality) else top


def headline(ladder: Ladder) -> str:
    """What the techniques of the leading rung are worth together, in one sentence."""
    lead = lead_rung(ladder)
    if lead is None or lead.cost is None:
        if not measured(ladder):
            return "No rung has been measured yet."
        if len(ladder.rungs) == 1:
            return "One recipe was measured, with none to compare it with."
        return "There is nothing to hold against the baseline."
    techniques_used = listed([in_sentence(title_of(key)) for key in lead.techniques]) or f"“{lead.label}”"
    interval = f"95 % interval {span(lead.cost_interval)}" if lead.cost_interval else "too few prompts for an interval"
    verdicts = {
        "better": f"{1 - lead.cost:.0%} less",
        "worse": f"{lead.cost - 1:.0%} more",
        "no clear change": "no clear change",
    }
    outcome = verdicts.get(lead.comparison.verdict, f"{lead.comparison.verdict}, {lead.comparison.reason}")
    return (
        f"With {techniques_used}, an answered request costs {times(lead.cost)} the baseline's ({interval}): {outcome}"
        f"{_answers_too(lead) or ('' if lead is top_rung(ladder) else ', and its answers are not clearly worse')}."
    )


def _answers_too(top: RungResult) -> str:
    """Where the answers clearly changed since the baseline, a saving is not told without them."""
    change = top.quality
    if change is None or change.delta is None or change.verdict not in CLEAR:
        return ""
    return f", and {abs(change.delta):.1f} points {'more' if change.delta > 0 else 'fewer'} of the answers are right"


def cheapest(ladder: Ladder) -> str | None:
    """What climbing further than the leading rung came to; names the best rung where the last one did not pay, or where
    combinations were free to be cheaper. No rung whose answers are clearly worse is called so."""
    top, lead = top_rung(ladder), lead_rung(ladder)
    best = min([ladder.rungs[0], *fair_rungs(ladder)], key=lambda rung: rung.cost or inf) if ladder.rungs else None
    if top is None or best is None or best is top:
        return None
    if lead is not top:
        further = f"Climbing on to “{top.label}” makes it" if top.is_step else f"“{top.label}” costs"
        return f"{further} {times(top.cost)}{_answers_too(top)}."
    if not top.is_step:
        known = any(rung.quality is not None for rung in ladder.rungs)
        return (
            f"The cheapest recipe{' whose answers are not clearly worse' if known else ''} is “{best.label}” at "
            f"{times(best.cost)}."
        )
    if top.verdict != "worse":
        return None
    spoilt = any((rung.cost or inf) < (best.cost or 0.0) for rung in measured(ladder) if not rung.is_again)
    fair = " whose answers are not clearly worse" if spoilt else ""
    return f"The cheapest rung{fair} is “{best.label}” at {times(best.cost)}; the last one did not pay."


def basis(manifest: Mapping[str, Any], repeats: int) -> str:
    """What the figures were measured on."""
    model = manifest.get("model", {}).get("name") or MISSING
    prompts = manifest.get("prompt_set", {})
    where = manifest.get("hardware", {}).get("title") or MISSING
    sets = f"{prompts.get('name', MISSING)} ({count_of(prompts.get('prompts', 0), 'prompt')})"
    return f"Measured on {without_folders(model)}, {sets}, {where}, {count_of(repeats, 'repeat')} of each rung."


def cards(ladder: Ladder) -> list[Card]:
    lead = lead_rung(ladder)
    if lead is None:
        return []
    baseline = ladder.rungs[0]
    found = []
    for tag, part in CARDS:
        if tag == QUALITY:
            found += _answers_card(lead)
            continue
        metric = BY_TAG[tag]
        before, after = (_value(rung, tag, part) for rung in (baseline, lead))
        if tag in PRICED and after is None:
            continue
        delta = after / before - 1 if before and after is not None else None
        change = None if delta is None else f"{delta:+.0%}"
        clear = delta is not None and abs(delta) > max(MIN_EFFECT, ladder.noise.get(tag, 0.0))
        good = (delta < 0) == (metric.better == "lower") if delta is not None and clear else None
        title = f"{metric.title} {part}".strip()
        value = times(after) if metric is COST else metric.format(after)
        found.append(Card(title, value, change, good, metric.better == "lower", metric.help))
    return found


def _answers_card(top: RungResult) -> list[Card]:
    """Empty where no answers were expected; the change in points, as shares are compared."""
    metric, share, change = BY_TAG[QUALITY], top.metrics[QUALITY], top.quality
    if share is None:
        return []
    moved = None if change is None or change.delta is None else f"{change.delta:+.1f} points"
    good = change.verdict == "better" if change is not None and change.verdict in CLEAR else None
    return [Card(metric.title, metric.format(share), moved, good, False, metric.help)]


def article_note(ladder: Ladder) -> str:
    """How the article's cumulative figures may be held against these rungs."""
    quantized = any(rung.adds == "quantization" for rung in ladder.rungs)
    other = "was on other hardware and prompts" if quantized else "includes AWQ, which is not measured here"
    return f"The article is “{ARTICLE}”: its cumulative ladder {other}, so compare steps, not totals."


def cost_rows(ladder: Ladder) -> list[dict[str, str]]:
    """A row for each rung; dollars where the hardware had a price."""
    priced = [tag for tag in PRICED if any(_value(rung, tag, "") is not None for rung in ladder.rungs)]
    return [
        {
            "Rung": rung.label,
            "Relative cost": times(rung.cost),
            "95 % interval": span(rung.cost_interval),
            **{column_title(tag, ""): _text(rung, tag, "") for tag in priced},
            **_beside(rung, ladder.reference),
            "Step's verdict" if rung.is_step else "Verdict": verdict_of(rung),
            "Quality (%)": _text(rung, "quality", ""),
            "Quality's 95 %": quality_span(rung),
            "Points from the baseline": points(rung.quality),
            "In flight": rung.schedule or MISSING,
            "Errors": f"{rung.errors:,} of {rung.requests:,}" if rung.requests else MISSING,
        }
        for rung in ladder.rungs
    ]


def _beside(rung: RungResult, reference: Reference) -> dict[str, str]:
    """The columns that hold a rung against another one than the baseline."""
    held = None if rung.is_again or rung.against is None else rung.against
    if reference == "rung before":
        return {
            "Step": times(rung.step if held else None),
            "Article's step": times(rung.claim.step if rung.claim else None),
        }
    if reference == "everything":
        known = held if held and held.name == "everything" else None
        return {
            "Against everything": times(known.factor if known else None),
            "Its 95 %": span(known.interval if known else None),
        }
    return {}


def detail_rows(ladder: Ladder) -> list[dict[str, str]]:
    return [
        {"Rung": rung.label}
        | {
            column_title(tag, part): _text(rung, tag, part)
            for tag, part in SHOWN
            if rung.is_step or tag != "step_same_output"
        }
        for rung in ladder.rungs
    ]


def rung_sentences(ladder: Ladder) -> list[str]:
    """What became of cost and answers, one plain sentence for each measured rung."""
    return [said for rung in ladder.rungs if (said := rung_sentence(rung))]


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
    words = ("Rung", *VERDICTS, "In flight")
    return [name for name in (rows[0] if rows else ()) if name not in words]
