"""The ladder behind Home's one button: what it will do, said before it is done, and the order to the worker."""

from __future__ import annotations

import os
from dataclasses import dataclass

from app.analysis.article import SPOKEN
from app.analysis.metric import MISSING
from app.engine.builtin import STARTER
from app.engine.hardware import Hardware
from app.engine.hub import find_model
from app.experiment.companions import companion_settings
from app.experiment.preview import Preview, preview
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, ladder_rungs
from app.experiment.usable import why_not
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.recipe import TechniqueUse
from optimizers.registry import techniques
from optimizers.technique import Technique
from store.settings import Settings
from store.store import Store

PROMPT_SET = "support-desk"
LIMIT_VARIABLE = "RUNG_STARTER_PROMPTS"
"""Measures only the first N prompts, for trying things out; the page says how many there are."""


@dataclass(frozen=True)
class StarterPlan:
    """`left_out` pairs a technique's title with why it cannot be used here."""

    spec: ExperimentSpec
    title: str
    preview: Preview
    left_out: tuple[tuple[str, str], ...]


def plan_starter(store: Store, settings: Settings, hardware: Hardware) -> StarterPlan:
    """Raises InputError when it cannot be run here, saying why."""
    checkpoint = find_model(store, settings, STARTER)
    surroundings = hardware.surroundings(checkpoint.config)
    settings_of = companion_settings(STARTER)
    prompt_set = find_prompts(store, PROMPT_SET)
    limit = _limit()
    prompts = load_prompt_set(store, prompt_set.id, limit).prompts
    reasons = {
        key: why_not(key, settings_of.get(key, {}), surroundings, checkpoint, prompts)
        for key in (technique.key for technique in techniques().all())
    }
    usable = [key for key, reason in reasons.items() if reason is None]
    rungs = ladder_rungs(usable, settings=settings_of)
    spec = ExperimentSpec(
        kind="ladder",
        prompt_set_id=prompt_set.id,
        rungs=rungs,
        model=STARTER,
        prompt_limit=limit,
        load=LoadProfile("closed_loop", 8, "one_by_one"),
        repeats=3,
    )
    return StarterPlan(
        spec=spec,
        title=f"Ladder: {STARTER} on {prompt_set.name}",
        preview=preview(store, settings, spec, hardware, checkpoint),
        left_out=tuple((techniques().get(key).title, reason) for key, reason in reasons.items() if reason),
    )


@dataclass(frozen=True)
class RungLine:
    label: str
    adds: str
    article: str


def rung_lines(plan: StarterPlan) -> list[RungLine]:
    """What each rung of the plan adds, and what the article says of it."""
    lines: list[RungLine] = []
    seen: set[str] = set()
    for rung in plan.spec.rungs:
        new = [use for use in rung.recipe.uses if use.key not in seen]
        seen |= {use.key for use in new}
        if new:
            found = [techniques().get(use.key) for use in new]
            said = [SPOKEN.get(technique.key) or technique.claim for technique in found]
            adds = [_what_it_adds(technique, use) for technique, use in zip(found, new, strict=True)]
            lines.append(RungLine(rung.label, " ".join(adds), "; ".join(said)))
        elif lines:
            lines.append(RungLine(rung.label, "The same once more, to see how far equal measurements differ.", MISSING))
        else:
            lines.append(RungLine(rung.label, "Every technique off.", MISSING))
    return lines


def _what_it_adds(technique: Technique, use: TechniqueUse) -> str:
    variant = technique.variant(use.settings)
    return technique.summary + (f" Here {variant}." if variant else "")


def start(store: Store, plan: StarterPlan) -> int:
    return enqueue(store, plan.spec, plan.title)


def _limit() -> int | None:
    given = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not given:
        return None
    if not given.isdigit() or int(given) < 1:
        raise InputError(f"{LIMIT_VARIABLE} is {given!r}; give a whole number of at least 1, or unset it")
    return int(given)
