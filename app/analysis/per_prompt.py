"""Two rungs prompt by prompt: which answers were won and lost, which differ, and how much longer each took. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.analysis.compare import RungData
from app.analysis.summary import e2e_ms


@dataclass(frozen=True)
class PromptPair:
    """One prompt on both sides, over all repeats. `right_before` and `right_after` are shares from 0 to 1, None where
    no answer is expected; `same` is whether the first repeats' answers are equal, None where one is missing; times are
    medians in milliseconds, None where no repeat was answered; `failed_before` and `failed_after` count the repeats
    whose request failed."""

    position: int
    right_before: float | None
    right_after: float | None
    same: bool | None
    before_ms: float | None
    after_ms: float | None
    failed_before: int = 0
    failed_after: int = 0

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
    def failed(self) -> bool:
        return self.failed_before > 0 or self.failed_after > 0

    @property
    def rank(self) -> tuple[float, bool, float, int]:
        """Sorts the worst regression first: by the share of right answers that was lost, then answers that differ, and
        within both what took longest beside the baseline."""
        lost = (self.right_before or 0.0) - (self.right_after or 0.0) if self.lost else 0.0
        return -lost, self.same is not False, -(self.factor or 0.0), self.position

    @property
    def _known(self) -> bool:
        return self.right_before is not None and self.right_after is not None


@dataclass(frozen=True)
class ComparedPrompt:
    """One prompt on the baseline and on each candidate; None where one did not send it or cannot be compared."""

    position: int
    pairs: tuple[PromptPair | None, ...]

    @property
    def known(self) -> tuple[PromptPair, ...]:
        return tuple(pair for pair in self.pairs if pair is not None)

    @property
    def different(self) -> bool:
        return any(pair.same is False for pair in self.known)

    @property
    def regressed(self) -> bool:
        return any(pair.lost for pair in self.known)

    @property
    def won(self) -> bool:
        return any(pair.won for pair in self.known)

    @property
    def failed(self) -> bool:
        return any(pair.failed for pair in self.known)


def prompt_pairs(baseline: RungData, candidate: RungData) -> list[PromptPair]:
    """The prompts that both sides sent, the worst regression first."""
    before_ms, after_ms = _medians_ms(baseline), _medians_ms(candidate)
    failed_before, failed_after = _failures(baseline), _failures(candidate)
    shared = sorted({*baseline.positions} & {*candidate.positions})
    pairs = [
        PromptPair(
            position=at,
            right_before=_share([scores.get(at) for scores in baseline.scores]),
            right_after=_share([scores.get(at) for scores in candidate.scores]),
            same=_same(baseline, candidate, at),
            before_ms=before_ms.get(at),
            after_ms=after_ms.get(at),
            failed_before=failed_before.get(at, 0),
            failed_after=failed_after.get(at, 0),
        )
        for at in shared
    ]
    return sorted(pairs, key=lambda pair: pair.rank)


def prompt_matrix(candidates: Sequence[Sequence[PromptPair]]) -> list[ComparedPrompt]:
    """A row for each prompt with a pair of every candidate, ordered by the worst of its pairs."""
    by_position = [{pair.position: pair for pair in pairs} for pairs in candidates]
    rows = [
        ComparedPrompt(at, tuple(pairs.get(at) for pairs in by_position))
        for at in sorted({at for pairs in by_position for at in pairs})
    ]
    return sorted(rows, key=lambda row: min(pair.rank for pair in row.known))


def _share(found: Sequence[bool | None]) -> float | None:
    known = [right for right in found if right is not None]
    return sum(known) / len(known) if known else None


def _same(baseline: RungData, candidate: RungData, at: int) -> bool | None:
    if not baseline.texts or not candidate.texts:
        return None
    before, after = baseline.texts[0].get(at), candidate.texts[0].get(at)
    return None if before is None or after is None else before == after


def _failures(side: RungData) -> Counter[int]:
    return Counter(record.position for repeat in side.repeats for _, record in repeat if not record.ok)


def _medians_ms(side: RungData) -> dict[int, float]:
    times: defaultdict[int, list[float]] = defaultdict(list)
    for repeat in side.repeats:
        for _, record in repeat:
            if record.ok:
                times[record.position].append(e2e_ms(record))
    return {at: found[0] if len(found) == 1 else median(found) for at, found in times.items()}
