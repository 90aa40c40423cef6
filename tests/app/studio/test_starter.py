"""The starter ladder's plan: counted before it is queued, and left to what works here."""

from __future__ import annotations

import pytest

from app.engine.hardware import GIB, Hardware
from app.studio.starter import LIMIT_VARIABLE, plan_starter, rung_lines, start
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store
from tests.building import checkpoint_folder

MACHINE = Hardware("a CPU", 2, 8 * GIB)


def test_without_the_model_it_says_so(store: Store, settings: Settings) -> None:
    with pytest.raises(InputError, match="starter model is not there"):
        plan_starter(store, settings, MACHINE)


def test_the_plan_counts_what_will_be_done(store: Store, settings: Settings) -> None:
    checkpoint_folder(settings.starter_model)
    plan = plan_starter(store, settings, MACHINE)
    assert [rung.label for rung in plan.spec.rungs][:2] == ["Baseline", "Baseline again"]
    assert (plan.runs, plan.prompts, plan.requests, plan.engine_starts) == (15, 64, 960, 3)
    experiment = start(store, plan)
    assert store.experiments.progress(experiment).planned == plan.requests


def test_each_rung_is_explained(store: Store, settings: Settings) -> None:
    checkpoint_folder(settings.starter_model)
    lines = rung_lines(plan_starter(store, settings, MACHINE))
    assert [line.article for line in lines][:2] == ["–", "–"]
    assert lines[0].adds == "Every technique off."
    assert all(line.adds and line.article for line in lines)


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_no_number_is_refused(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    checkpoint_folder(settings.starter_model)
    monkeypatch.setenv(LIMIT_VARIABLE, given)
    with pytest.raises(InputError, match=f"{LIMIT_VARIABLE} is"):
        plan_starter(store, settings, MACHINE)


def test_a_limit_above_the_set_is_the_whole_set(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint_folder(settings.starter_model)
    monkeypatch.setenv(LIMIT_VARIABLE, "1000")
    assert plan_starter(store, settings, MACHINE).prompts == 64
