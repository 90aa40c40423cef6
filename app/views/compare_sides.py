"""What Compare says of each side by itself: figures without a verdict, what shows that techniques took effect, and what
to read with care. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.analysis.metric import BY_TAG, MISSING
from app.experiment.comparing import Pairing, Side
from app.views.ladder_view import column_title
from app.views.wording import EFFECTS
from app.words import title_of

FIGURES = (
    "requests_per_s", "output_tokens_per_s", "sent_prompt_tokens", "cached_tokens", "prefix_hit_percent",
    "acceptance_percent", "acceptance_length", "running_batch", "queue_time_ms", "kv_usage_peak_percent",
    "preparation_share", "power_w", "energy_j_per_request", "usd_per_1000_requests", "usd_per_million_tokens",
    "refusals", "empty_answers",
)  # fmt: skip
"""Those that are not among the compared ones; a row where no side has it is left out."""


def figure_rows(before: Side, pairings: Sequence[Pairing]) -> list[dict[str, str]]:
    """Means over repeats, a row for each metric and a column for each side, the baseline first."""
    sides = [before, *(pairing.side for pairing in pairings)]
    found = {
        column_title(tag, ""): [BY_TAG[tag].format(side.metrics.get(tag), unit=False) for side in sides]
        for tag in FIGURES
    }
    # Answers to other prompts are not held against each other.
    shares = [same_share(before, pairing.side) if pairing.found.differences else None for pairing in pairings]
    found[column_title("same_output", "")] = [MISSING, *map(_percent, shares)]
    found["Failed requests"] = [f"{side.errors:,} of {side.requests:,}" for side in sides]
    names = ["Baseline", *(pairing.side.name for pairing in pairings)]
    return [
        {"Figure": title, **dict(zip(names, texts, strict=True))}
        for title, texts in found.items()
        if any(text != MISSING for text in texts)
    ]


def same_share(before: Side, after: Side) -> float | None:
    """The share of prompts, from 0 to 1, that the first repeats answered to the letter alike; None where no prompt was
    answered on both sides, or a side has no texts."""
    if not before.data.texts or not after.data.texts:
        return None
    one, other = before.data.texts[0], after.data.texts[0]
    # Some clients keep no answers.
    if not any(one.values()) or not any(other.values()):
        return None
    shared = one.keys() & other.keys()
    return sum(one[at] == other[at] for at in shared) / len(shared) if shared else None


def _percent(share: float | None) -> str:
    return BY_TAG["same_output"].format(None if share is None else 100 * share, unit=False)


def evidence_rows(sides: Sequence[Side]) -> list[dict[str, str]]:
    """Each technique of each side, and what of its effect was observed."""
    return [
        {
            "Recipe": side.name,
            "Technique": title_of(item["technique"]),
            "Took effect": EFFECTS[item["took_effect"]].word,
            "Evidence": item["detail"],
        }
        for side in sides
        for item in side.evidence
    ]


def doubts(sides: Sequence[Side], pairings: Sequence[Pairing]) -> list[str]:
    """Why figures are to be read with care, one sentence each."""
    small = dict.fromkeys(reason for pairing in pairings for reason in pairing.found.small_sample)
    return [
        *(f"{side.name}: {reason}." for side in sides for reason in side.suspect),
        *(f"Small sample: {reason}." for reason in small),
    ]
