"""Small tools for techniques that change prompts: words for tokens, and a model that answers as it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optimizers.technique import Technique
from optimizers.transform import Changed, PromptFigures, Reply, Worked

Asked = Sequence[Mapping[str, str]]


class SmallTools:
    """`answer` is the model; `job` does the work of a process. Keeps what was asked of them."""

    def __init__(
        self,
        answer: Callable[[Asked], str] | None = None,
        job: Callable[[str, Mapping[str, Any]], Any] | None = None,
    ) -> None:
        self._answer = answer
        self._job = job
        self.asked: list[list[Mapping[str, str]]] = []
        self.worked: list[tuple[str, Mapping[str, Any]]] = []
        self.told: list[tuple[int, int]] = []

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def work(self, module: str, task: Mapping[str, Any]) -> Worked:
        assert self._job is not None, "no work was expected"
        self.worked.append((module, task))
        return Worked(self._job(module, task), seconds=9.0, peak_memory_bytes=1000)

    async def ask(self, messages: Asked, max_tokens: int) -> Reply:
        assert self._answer is not None, "no question was expected"
        self.asked.append(list(messages))
        said = self._answer(messages).split()[:max_tokens]
        read = sum(len(message["content"].split()) for message in messages)
        return Reply(" ".join(said), read, len(said), seconds=0.5)

    def progress(self, done: int, total: int) -> None:
        self.told.append((done, total))


def figures_of(changed: Changed, tokens_before: int = 0, tokens_after: int = 0) -> PromptFigures:
    """What the evidence sees of a change, summed as Rung sums it."""
    sums: dict[str, float] = dict(changed.facts)
    for change in changed.changes:
        for name, value in change.figures.items():
            sums[name] = sums.get(name, 0.0) + value
    seconds = sum(change.seconds for change in changed.changes)
    count = len(changed.changes)
    return PromptFigures(count, count, tokens_before, tokens_after, seconds, sums)


def defaults(technique: Technique, **settings: Any) -> dict[str, Any]:
    return dict(technique.check(settings))
