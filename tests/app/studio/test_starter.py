"""The starter ladder's plan: counted before it is queued, and left to what works here."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB
from app.studio.starter import LIMIT_VARIABLE, plan_starter, rung_lines, start
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

MACHINE = Hardware("a CPU", 2, 8 * GIB)


def test_without_the_model_it_says_so(store: Store, settings: Settings) -> None:
    with pytest.raises(InputError, match="starter is not whole: target is missing; restore it with"):
        plan_starter(store, settings, MACHINE)


@pytest.mark.usefixtures("starter")
def test_it_speculates_with_the_starters_own_draft_and_says_so(store: Store, settings: Settings) -> None:
    plan = plan_starter(store, settings, MACHINE)
    used = plan.spec.rungs[-1].recipe.settings_of("speculative_decoding") or {}
    assert (used["method"], used["draft_model"], used["num_speculative_tokens"]) == ("draft_model", "starter-draft", 3)
    line = next(line for line in rung_lines(plan) if line.label == "+ Speculative decoding")
    assert line.adds.endswith(" Here with the draft model starter-draft.")


def test_without_its_draft_the_ladder_says_so_before_anything_is_queued(
    store: Store, settings: Settings, starter: Path
) -> None:
    (starter.parent / "draft" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="speculative_decoding.draft_model: the built-in model starter-draft is not"):
        plan_starter(store, settings, MACHINE)


@pytest.mark.usefixtures("starter")
def test_the_plan_counts_what_will_be_done(store: Store, settings: Settings) -> None:
    plan = plan_starter(store, settings, MACHINE)
    assert [rung.label for rung in plan.spec.rungs][:2] == ["Baseline", "Baseline again"]
    planned = plan.preview
    assert (planned.runs, planned.prompts, planned.requests, planned.engine_starts) == (21, 128, 2688, 3)
    experiment = start(store, plan)
    assert store.experiments.progress(experiment).planned == planned.requests


@pytest.mark.usefixtures("starter")
def test_each_rung_is_explained(store: Store, settings: Settings) -> None:
    lines = rung_lines(plan_starter(store, settings, MACHINE))
    assert [line.article for line in lines][:2] == ["–", "–"]
    assert lines[0].adds == "Every technique off."
    assert all(line.adds and line.article for line in lines)


@pytest.mark.usefixtures("starter")
@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_no_number_is_refused(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, given)
    with pytest.raises(InputError, match=f"{LIMIT_VARIABLE} is"):
        plan_starter(store, settings, MACHINE)


@pytest.mark.usefixtures("starter")
def test_a_limit_above_the_set_is_the_whole_set(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "1000")
    assert plan_starter(store, settings, MACHINE).preview.prompts == 128
