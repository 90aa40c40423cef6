"""Two rungs prompt by prompt: which answers were won and lost, which differ, and how much longer each took. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.analysis.compare import RungData
from app.analysis.summary import e2e_ms


@dataclass(frozen=True)
class PromptPair:
    """One prompt on both sides, over all repeats. `right_before` and `right_after` are shares from 0 to 1, None where
    no answer is expected; `same` is whether the first repeats' answers are equal, None where one is missing; times are
    medians in milliseconds, None where no repeat was answered."""

    position: int
    right_before: float | None
    right_after: float | None
    same: bool | None
    before_ms: float | None
    after_ms: float | None

    @property
    def factor(self) -> float | None:
        return self.after_ms / self.before_ms if self.before_ms and self.after_ms is not None else None

    @property
    def lost(self) -> bool:
        return self._known and (self.right_after or 0.0) < (self.right_before or 0.0)

    @property
    def won(self) -> bool:
        return self._known and (self.right_after or 0.0) > (self.right_before or 0.0)

    @property
    def _known(self) -> bool:
        return self.right_before is not None and self.right_after is not None


def prompt_pairs(baseline: RungData, candidate: RungData) -> list[PromptPair]:
    """The prompts that both sides sent, the worst regression first: answers that were lost, then answers that differ,
    and within both what took longest beside the baseline."""
    before_ms, after_ms = _medians_ms(baseline), _medians_ms(candidate)
    shared = sorted({*baseline.positions} & {*candidate.positions})
    pairs = [
        PromptPair(
            position=at,
            right_before=_share([scores.get(at) for scores in baseline.scores]),
            right_after=_share([scores.get(at) for scores in candidate.scores]),
            same=_same(baseline, candidate, at),
            before_ms=before_ms.get(at),
            after_ms=after_ms.get(at),
        )
        for at in shared
    ]
    return sorted(pairs, key=lambda pair: (not pair.lost, pair.same is not False, -(pair.factor or 0.0), pair.position))


def _share(found: Sequence[bool | None]) -> float | None:
    known = [right for right in found if right is not None]
    return sum(known) / len(known) if known else None


def _same(baseline: RungData, candidate: RungData, at: int) -> bool | None:
    if not baseline.texts or not candidate.texts:
        return None
    before, after = baseline.texts[0].get(at), candidate.texts[0].get(at)
    return None if before is None or after is None else before == after


def _medians_ms(side: RungData) -> dict[int, float]:
    times: defaultdict[int, list[float]] = defaultdict(list)
    for repeat in side.repeats:
        for _, record in repeat:
            if record.ok:
                times[record.position].append(e2e_ms(record))
    return {at: median(found) for at, found in times.items()}
