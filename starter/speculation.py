"""Which of a draft model's proposals a target would accept, worked out without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starter.answering import Answerer


@dataclass(frozen=True)
class Acceptance:
    """Counts over all verified steps, as vLLM counts them; `by_position` of the accepted ones."""

    drafts: int
    drafted: int
    accepted: int
    by_position: tuple[int, ...]

    @property
    def rate(self) -> float | None:
        return self.accepted / self.drafted if self.drafted else None

    def plus(self, other: Acceptance) -> Acceptance:
        summed = tuple(a + b for a, b in zip(self.by_position, other.by_position, strict=True))
        return Acceptance(
            self.drafts + other.drafts, self.drafted + other.drafted, self.accepted + other.accepted, summed
        )


def accepted(answer: Sequence[int], proposals: Sequence[int], width: int) -> Acceptance:
    """`proposals[i]` is the draft's choice for place i when all before it is the target's.

    Under greedy decoding, a proposal is accepted exactly if it is the target's token and all before it in the step
    were; what follows a refused one is drafted in vain. The first token comes from the prompt's own pass.
    """
    by_position = [0] * width
    drafts = 0
    at = 1
    while at < len(answer):
        drafts += 1
        run = 0
        while run < width and at + run < len(answer) and answer[at + run] == proposals[at + run]:
            by_position[run] += 1
            run += 1
        at += run + 1
    return Acceptance(drafts, drafts * width, sum(by_position), tuple(by_position))


def acceptance(
    draft: Answerer, prompts: Sequence[list[int]], answers: Sequence[list[int]], width: int = 3
) -> Acceptance:
    total = Acceptance(0, 0, 0, (0,) * width)
    for prompt, answer in zip(prompts, answers, strict=True):
        if answer:
            proposals = draft.next_tokens([*prompt, *answer], len(prompt))
            total = total.plus(accepted(answer, proposals, width))
    return total
