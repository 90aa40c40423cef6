"""What a rung did to the answers, in words that pages and terminal tables share. Pure."""

from __future__ import annotations

from app.analysis.compare import Difference
from app.analysis.ladder import Ladder, RungResult
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.quality import MIN_BASELINE
from app.views.effects import span, times

QUALITY = BY_TAG["quality"]
CLEAR = ("better", "worse")


def with_answers(verdict: str, quality: Difference | None) -> str:
    """A verdict on cost, and beside it one on answers where they clearly changed."""
    if quality is None or quality.verdict not in CLEAR:
        return verdict
    if verdict == quality.verdict:
        return f"{verdict} on cost and on answers"
    return f"{verdict} on cost, {quality.verdict} on answers"


def are_worse(quality: Difference | None) -> bool:
    """Whether the answers clearly are worse; not where none were expected."""
    return quality is not None and quality.verdict == "worse"


def verdict_of(rung: RungResult) -> str:
    """The word for a rung beside the one it is held against, or how far it is while there is none."""
    return with_answers(rung.verdict, rung.quality_change) if rung.status == "done" else rung.status


def quality_span(rung: RungResult) -> str:
    """The 95 % interval of the share of right answers."""
    found = rung.quality_interval
    return MISSING if found is None else f"{found.low:.1f}-{found.high:.1f}"


def points(change: Difference | None) -> str:
    """A change of right answers in percentage points with its interval: `-1.6 (-4.7 to +0.8)`."""
    if change is None or change.delta is None:
        return MISSING
    if change.interval is None:
        return f"{change.delta:+.1f}"
    return f"{change.delta:+.1f} ({change.interval.low:+.1f} to {change.interval.high:+.1f})"


def answers_sentence(rung: RungResult) -> str | None:
    """What became of the answers since the rung that this one is held against; None where no answer was expected or
    nothing was measured."""
    share = rung.metrics["quality"]
    if share is None:
        return None
    said = f"answers: {QUALITY.format(share)} right"
    change = rung.quality_change
    if change is None or change.delta is None:
        return said
    word = "more" if change.delta > 0 else "fewer"
    moved = f"{abs(change.delta):.1f} points {word}" if change.delta else "as many as before"
    if change.interval is None:
        return f"{said}, {moved}: {change.verdict}"
    return f"{said}, {moved} ({change.interval.low:+.1f} to {change.interval.high:+.1f}): {change.verdict}"


def since_baseline(rung: RungResult) -> str | None:
    """What has become of the answers since the baseline, where that is clear and the rung's own change does not show
    it."""
    whole, step = rung.quality, rung.quality_change
    if whole is None or step is None or whole.delta is None or whole.verdict not in CLEAR or whole == step:
        return None
    word = "more" if whole.delta > 0 else "fewer"
    return f"{abs(whole.delta):.1f} points {word} of the answers are right than on the baseline: {whole.verdict}"


def rung_sentence(rung: RungResult) -> str | None:
    """A rung in one plain sentence: its cost, with its interval, and its answers beside the rung that it is held
    against; None while it is not measured."""
    if rung.cost is None:
        return None
    held = rung.against
    cost = None
    if held is not None and held.factor is not None:
        sure = "" if held.interval is None else f" ({span(held.interval)})"
        cost = f"costs {times(held.factor)} {held.name}{sure}: {verdict_of(rung)}"
    parts = [part for part in (cost, answers_sentence(rung), since_baseline(rung)) if part]
    return f"{rung.label}: {'; '.join(parts)}." if parts else None


def low_quality_note(ladder: Ladder) -> str | None:
    """Says so when the baseline is so often wrong that a technique has little to spoil."""
    share = ladder.rungs[0].metrics["quality"] if ladder.rungs else None
    if share is None or share >= MIN_BASELINE:
        return None
    return (
        f"The baseline gives only {QUALITY.format(share)} of the expected answers: what a technique does to quality "
        "cannot be judged on this model."
    )
