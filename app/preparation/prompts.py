"""A recipe's prompts made ready: each technique's change after the other, with what it took and did.

Techniques that ask the served model have to wait for its engine; those before them need not. Does not send anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.preparation.counting import Counter
from app.preparation.kept import KeptChanges
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe, TechniqueUse
from optimizers.registry import techniques
from optimizers.technique import Technique
from optimizers.transform import Change, PromptFigures, Tools


@dataclass(frozen=True)
class Prepared:
    """Prompts on their way: `seconds` is charged to each of them so far, `left` is still to be done."""

    prompts: tuple[Prompt, ...]
    seconds: tuple[float, ...]
    left: tuple[TechniqueUse, ...] = ()
    figures: Mapping[str, PromptFigures] = field(default_factory=dict)
    """By technique, in the order of the work."""

    @property
    def saved_tokens(self) -> int | None:
        """Tokens of the prompts as they were saved; None where no technique changed them."""
        return next((found.tokens_before for found in self.figures.values()), None)

    @property
    def waits_for_engine(self) -> bool:
        return bool(self.left)

    @staticmethod
    def begin(prompts: Sequence[Prompt], recipe: Recipe) -> Prepared:
        """Raises InputError for a technique that has nothing to do on these prompts."""
        uses = recipe.prompt_uses()
        for use in uses:
            refuse_idle(use, prompts)
        return Prepared(tuple(prompts), (0.0,) * len(prompts), uses)


def refuse_idle(use: TechniqueUse, prompts: Sequence[Prompt]) -> None:
    reason = techniques().get(use.key).idle_on(use.settings, prompts)
    if reason:
        raise InputError(f"{use.key} has nothing to do here: {reason}; leave it out, or choose other prompts")


def launched_engine(plan_key: str | None) -> dict[str, Any]:
    """What tells an engine of Rung's own from others, for work that asks it."""
    return {"plan": plan_key}


def attached_engine(base_url: str) -> dict[str, Any]:
    return {"attached": base_url}


def kept_changes(
    folder: Path,
    use: TechniqueUse,
    models: Mapping[str, Any],
    counted_by: Mapping[str, Any],
    engine: Mapping[str, Any] | None,
) -> KeptChanges:
    """What the technique made of prompts before, under all that its work depends on besides them.

    `counted_by` is a counter's identity; `models` and `engine` are as for `prepare`.
    """
    own = {name: model for name, model in models.items() if name.startswith(f"{use.key}.")}
    key = {"technique": use.key, "settings": use.settings, "models": own, **counted_by}
    if techniques().get(use.key).asks_the_model:
        key["engine"] = engine
    return KeptChanges(folder, key)


async def prepare(
    prepared: Prepared,
    tools: Tools,
    counter: Counter,
    folder: Path,
    models: Mapping[str, Any],
    engine: Mapping[str, Any] | None = None,
) -> Prepared:
    """Goes as far as it can: to the end with an engine, else up to the first technique that asks the model.

    `models` tells the models that the settings name from others of the same name; `engine` does so for the engine that
    is asked, None when there is none yet. Raises InputError where tokens cannot be counted.
    """
    while prepared.left:
        use, *left = prepared.left
        technique = techniques().get(use.key)
        if technique.asks_the_model and engine is None:
            return prepared
        kept = kept_changes(folder, use, models, counter.identity, engine)
        before = await _tokens(use, prepared.prompts, counter)
        changes = await _changes(technique, use, prepared.prompts, tools, kept)
        after = await _tokens(use, [change.prompt for change in changes], counter)
        figures = _figures(prepared.prompts, changes, kept.facts, (before, after))
        prepared = Prepared(
            prompts=tuple(change.prompt for change in changes),
            seconds=tuple(s + change.seconds for s, change in zip(prepared.seconds, changes, strict=True)),
            left=tuple(left),
            figures={**prepared.figures, use.key: figures},
        )
    return prepared


async def _changes(
    technique: Technique, use: TechniqueUse, prompts: Sequence[Prompt], tools: Tools, kept: KeptChanges
) -> list[Change]:
    found = [kept.get(prompt) for prompt in prompts]
    missing = [at for at, change in enumerate(found) if change is None]
    if missing:
        made = await technique.transform(use.settings, [prompts[at] for at in missing], tools)
        if len(made.changes) != len(missing):
            raise ValueError(f"{use.key} gave {len(made.changes)} prompts back for {len(missing)}")
        kept.add_facts(made.facts)
        for at, change in zip(missing, made.changes, strict=True):
            kept.put(prompts[at], change)
            found[at] = change
    return [change for change in found if change is not None]


async def _tokens(use: TechniqueUse, prompts: Sequence[Prompt], counter: Counter) -> int:
    found = [tokens for tokens in await counter.prompts(prompts) if tokens is not None]
    if len(found) < len(prompts):
        raise InputError(f"{use.key} cannot be used here: the tokens of the prompts cannot be counted")
    return sum(found)


def _figures(
    before: Sequence[Prompt], changes: Sequence[Change], facts: Mapping[str, float], tokens: tuple[int, int]
) -> PromptFigures:
    sums: dict[str, float] = {}
    for change in changes:
        for name, value in change.figures.items():
            sums[name] = sums.get(name, 0.0) + value
    return PromptFigures(
        prompts=len(changes),
        changed=sum(old != change.prompt for old, change in zip(before, changes, strict=True)),
        tokens_before=tokens[0],
        tokens_after=tokens[1],
        seconds=sum(change.seconds for change in changes),
        figures={**facts, **sums},
    )
