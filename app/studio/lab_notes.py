"""How each technique stands in the Lab: whether it can be turned on, and what is in the way while it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.engine.checkpoint import Checkpoint
from app.engine.named_models import refusal
from app.experiment.companions import companion_settings
from app.experiment.kinds import KINDS
from app.experiment.usable import why_not
from app.studio.new_experiment import Choice, NewExperiment
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.registry import techniques
from optimizers.technique import Surroundings, Technique

ATTACKS = ("tokens sent", "cost per token", "recomputation")
AWAY = "Turn one of the two off, or measure them one at a time."


@dataclass(frozen=True)
class Standing:
    """`barred` says why it cannot be turned on at all; `hint` why one that is off is not on by default;
    `problems` are in the way of measuring while it is on, each with the way out."""

    technique: Technique
    barred: str | None = None
    hint: str | None = None
    problems: tuple[str, ...] = ()


def sentence(text: str) -> str:
    """With a capital and a full stop; a key like `quantization.bits` and a name like vLLM stay as people type them."""
    first = text.split(" ", 1)[0]
    begin = text[:1] if "." in first or "_" in first or first[1:] != first[1:].lower() else text[:1].upper()
    return begin + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def grouped() -> tuple[tuple[str, tuple[Technique, ...]], ...]:
    """Techniques by the cost that they attack, groups and techniques in their usual order."""
    known = techniques().all()
    attacks = dict.fromkeys([*ATTACKS, *(technique.attacks for technique in known)])
    groups = ((attack, tuple(each for each in known if each.attacks == attack)) for attack in attacks)
    return tuple((attack, found) for attack, found in groups if found)


def standings(
    choice: Choice, surroundings: Surroundings, checkpoint: Checkpoint, prompts: Sequence[Prompt], refused: str = ""
) -> Mapping[str, Standing]:
    """By technique. `prompts` are those that would be sent; `refused` says why the whole cannot be measured, which is
    told where it belongs if nothing else is told there."""
    brought, found, at = companion_settings(choice.model), {}, _blamed(refused, choice)
    for technique in techniques().all():
        key, barred = technique.key, technique.unavailable(surroundings)
        if key in choice.techniques:
            problems = (*_conflicts(choice, key), *_own_problems(choice, technique, surroundings, checkpoint, prompts))
            if key == at and not problems:
                problems = (sentence(refused),)
            found[key] = Standing(technique, barred, problems=problems)
        else:
            hint = None if barred else why_not(key, brought.get(key, {}), surroundings, checkpoint, prompts)
            found[key] = Standing(technique, barred, hint)
    return found


def by_technique(new: NewExperiment | None) -> Mapping[str, Sequence[str]]:
    """Technique -> what to know before it is measured."""
    found: dict[str, list[str]] = {technique.key: [] for technique in techniques().all()}
    for text in new.cautions if new else ():
        key, _, said = text.partition(": ")
        if key in found:
            found[key].append(said)
    return found


def of_none(cautions: Sequence[str]) -> list[str]:
    """Those that are no technique's own, as sentences."""
    known = techniques().keys()
    told = (text for text in cautions if text.partition(": ")[0] not in known)
    return [sentence(text) for text in told]


def _blamed(problem: str, choice: Choice) -> str | None:
    """The technique that a refusal of the whole experiment is about, where it names one first."""
    return next((key for key in choice.techniques if problem.startswith((f"{key} ", f"{key}.", f"{key}:"))), None)


def _conflicts(choice: Choice, key: str) -> list[str]:
    """With each other technique that is on. Kinds that never have both on at once know no conflict."""
    if choice.kind in KINDS and not KINDS[choice.kind].together:
        return []
    said = []
    for other in choice.techniques:
        here, there = techniques().get(key), techniques().get(other)
        reason = here.conflicts.get(other) or there.conflicts.get(key)
        if other != key and reason:
            said.append(f"It cannot be on together with {there.title}: {reason}. {AWAY}")
    return said


def _own_problems(
    choice: Choice, technique: Technique, surroundings: Surroundings, checkpoint: Checkpoint, prompts: Sequence[Prompt]
) -> list[str]:
    try:
        checked = technique.check(choice.settings_of(technique.key))
    except InputError as error:
        return [sentence(str(error))]
    reason = technique.unusable(checked, surroundings) or refusal(technique.key, checked, checkpoint)
    if reason:
        return [f"It cannot be used here: {reason}. Set it otherwise, or turn it off."]
    idle = technique.idle_on(checked, prompts)
    return [f"It has nothing to do here: {idle}. Turn it off, or choose other prompts."] if idle else []
