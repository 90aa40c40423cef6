"""What an experiment will do, counted before it is queued."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB
from app.engine.named_models import resolve_models
from app.engine.plan import EngineOptions
from app.experiment.kinds import KINDS
from app.experiment.preview import Preview, engine_keys, preview
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.saved import save_prompt_set
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store
from tests.building import LLAMA, chat_prompts, checkpoint_folder

MACHINE = Hardware("a CPU", 2, 8 * GIB)
ALL = ("prefix_caching", "continuous_batching", "speculative_decoding")


@pytest.fixture
def prompt_set(store: Store) -> int:
    return save_prompt_set(store, chat_prompts(10), "tests")[0].id


def spec(prompt_set: int, kind: str, model: Path | None, **options: Any) -> ExperimentSpec:
    return ExperimentSpec(kind, prompt_set, KINDS[kind].rungs(ALL), None if model is None else str(model), **options)


def plan(store: Store, settings: Settings, asked: ExperimentSpec) -> Preview:
    served = None if asked.model is None else read_checkpoint(Path(asked.model))
    return preview(store, settings, asked, MACHINE, served)


@pytest.mark.parametrize(
    ("kind", "rungs", "starts"),
    [
        # Continuous batching changes the schedule alone, so it shares its neighbour's engine.
        ("ladder", 5, 3),
        ("one_at_a_time", 5, 3),
        ("leave_one_out", 6, 4),
        ("factorial", 9, 4),
    ],
)
def test_runs_requests_and_engines_are_those_that_are_queued(
    store: Store, settings: Settings, model: Path, prompt_set: int, kind: str, rungs: int, starts: int
) -> None:
    asked = spec(prompt_set, kind, model, repeats=2, prompt_limit=4, warm_up=3)
    found = plan(store, settings, asked)
    assert (len(found.rungs), found.runs, found.requests, found.engine_starts) == (rungs, 2 * rungs, 8 * rungs, starts)
    assert {rung.engine for rung in found.rungs} == set(range(1, starts + 1))
    assert store.experiments.progress(enqueue(store, asked, "t")).planned == found.requests
    assert found.sentence == (
        f"{KINDS[kind].title.lower()}, {rungs} rungs × 2 repeats = {2 * rungs} runs of 4 prompts (the first 4 of 10): "
        f"{8 * rungs} requests and {6 * rungs} to warm up, {starts} engine starts; "
        "no estimate yet: nothing has been measured here"
    )


def test_rungs_that_share_an_engine_have_its_number(
    store: Store, settings: Settings, model: Path, prompt_set: int
) -> None:
    found = plan(store, settings, spec(prompt_set, "one_at_a_time", model))
    assert [(rung.label, rung.techniques, rung.engine) for rung in found.rungs] == [
        ("Baseline", (), 1),
        ("Baseline again", (), 1),
        ("Prefix caching", ("prefix_caching",), 2),
        ("Continuous batching", ("continuous_batching",), 1),
        ("Speculative decoding", ("speculative_decoding",), 3),
    ]


def test_an_endpoint_starts_no_engine(store: Store, settings: Settings, prompt_set: int) -> None:
    asked = spec(prompt_set, "ladder", None, endpoint="http://127.0.0.1:1", warm_up=0)
    found = plan(store, settings, asked)
    assert found.engine_starts == 0
    assert {rung.engine for rung in found.rungs} == {None}
    assert "150 requests, 0 engine starts; no estimate yet" in found.sentence


def test_what_could_not_be_launched_is_told(store: Store, settings: Settings, model: Path, prompt_set: int) -> None:
    with pytest.raises(InputError, match="the context length is 9999"):
        plan(store, settings, spec(prompt_set, "ladder", model, engine=EngineOptions(max_model_len=9999)))
    with pytest.raises(InputError, match="no prompt set with the number 99"):
        plan(store, settings, spec(99, "ladder", model))


def test_a_techniques_model_is_looked_at_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def counted(recipe: Any, *rest: Any) -> Any:
        looked.append(recipe.uses[0].key)
        return resolve_models(recipe, *rest)

    monkeypatch.setattr("app.experiment.preview.resolve_models", counted)
    rungs = KINDS["factorial"].rungs(ALL)
    keys = engine_keys(
        rungs, lambda name: read_checkpoint(Path(name)), read_checkpoint(model), MACHINE, EngineOptions()
    )
    assert len(keys) == 9
    assert sorted(looked) == sorted(ALL)


def test_a_named_checkpoint_that_cannot_run_here_is_refused_before_anything_is_queued(
    model: Path, tmp_path: Path
) -> None:
    packed = checkpoint_folder(
        tmp_path / "packed", {**LLAMA, "quantization_config": {"quant_method": "awq", "bits": 4}}
    )
    recipe = Recipe.of([("quantization", {"method": "checkpoint", "checkpoint": str(packed)})])

    def keys(*features: str) -> list[str]:
        hardware = replace(MACHINE, cpu_features=features)
        return engine_keys([Rung("r", recipe)], read_by_name, read_checkpoint(model), hardware, EngineOptions())

    assert len(keys("avx2", "avx512f")) == 1
    with pytest.raises(InputError, match="the weights of packed have 4 bits"):
        keys("avx2")


def test_a_draft_model_that_cannot_run_here_is_refused_too(model: Path, tmp_path: Path) -> None:
    packing = {"quantization_config": {"quant_method": "awq", "bits": 4}}
    packed = checkpoint_folder(tmp_path / "packed", LLAMA | packing)
    recipe = Recipe.of([("speculative_decoding", {"method": "draft_model", "draft_model": str(packed)})])
    hardware = replace(MACHINE, cpu_features=("avx2",))
    with pytest.raises(InputError, match="the weights of packed have 4 bits"):
        engine_keys([Rung("r", recipe)], read_by_name, read_checkpoint(model), hardware, EngineOptions())


def read_by_name(name: str) -> Checkpoint:
    return read_checkpoint(Path(name))
