"""What an experiment is asked to do: rungs, limits, and the JSON that the store keeps."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.engine.plan import EngineOptions
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung, ladder_rungs
from app.prompts.saved import save_prompt_set
from app.replay.body import Sampling
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from store.store import Store
from tests.building import chat_prompts


def spec(**options: Any) -> ExperimentSpec:
    defaults: dict[str, Any] = {"kind": "ladder", "prompt_set_id": 1, "rungs": ladder_rungs(["prefix_caching"])}
    return ExperimentSpec(**{**defaults, "model": "tiny", **options})


def test_json_round_trip() -> None:
    whole = spec(
        rungs=ladder_rungs(),
        endpoint="http://host",
        prompt_limit=4,
        load=LoadProfile("static_batches", 4, "static"),
        sampling=Sampling(9, 0.5, 3),
        engine=EngineOptions(1024, 0.5, "float32", True, ("--seed", "1")),
        repeats=2,
        warm_up=0,
        price_per_hour=1.5,
        idle_timeout_s=9.0,
    )
    assert ExperimentSpec.from_json(whole.to_json()) == whole
    assert ExperimentSpec.from_json(spec().to_json()) == spec()


def test_the_ladder_is_cumulative_with_the_baseline_twice() -> None:
    rungs = ladder_rungs(["continuous_batching", "prefix_caching"])
    assert [rung.label for rung in rungs] == [
        "Baseline",
        "Baseline again",
        "+ Continuous batching",
        "+ Prefix caching",
    ]
    assert [[use.key for use in rung.recipe.uses] for rung in rungs] == [
        [],
        [],
        ["continuous_batching"],
        ["continuous_batching", "prefix_caching"],
    ]
    assert len(ladder_rungs(["prefix_caching"], again=False)) == 2
    assert len(ladder_rungs()) == len(techniques().keys()) + 2


def test_a_ladder_takes_settings_for_what_is_on_it() -> None:
    settings = {"continuous_batching": {"max_num_seqs": 8}, "speculative_decoding": {"num_speculative_tokens": 3}}
    last = ladder_rungs(["prefix_caching", "continuous_batching"], settings=settings)[-1].recipe
    assert (last.settings_of("continuous_batching") or {})["max_num_seqs"] == 8
    assert last.settings_of("speculative_decoding") is None
    with pytest.raises(InputError, match="continuous_batching has no setting 'size'"):
        ladder_rungs(["continuous_batching"], settings={"continuous_batching": {"size": 1}})


@pytest.mark.parametrize(
    ("keys", "message"),
    [([], "at least one technique"), (["nothing"], "no technique 'nothing'"), (["prefix_caching"] * 2, "twice")],
)
def test_a_ladder_that_cannot_be_climbed(keys: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ladder_rungs(keys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, "0 repeats were asked for; give a whole number from 1 to 100"),
        ({"repeats": 101}, "101 repeats"),
        ({"model": None}, "give --model or --endpoint"),
        ({"price_per_hour": -1.0}, "the price is -1.0 dollars an hour; give 0 or more"),
        ({"price_per_hour": math.nan}, "the price is nan"),
        ({"idle_timeout_s": 0.0}, "the idle time-out is 0.0 s; give more than 0"),
        ({"idle_timeout_s": math.nan}, "the idle time-out is nan"),
    ],
)
def test_numbers_out_of_bounds_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        spec(**options)


class TestQueueing:
    def test_every_rung_is_queued_with_its_repeats(self, store: Store) -> None:
        row, _ = save_prompt_set(store, chat_prompts(5), "here")
        asked = spec(prompt_set_id=row.id, repeats=2, prompt_limit=3)
        experiment = store.experiments.get(enqueue(store, asked, "title"))
        assert ExperimentSpec.from_json(experiment.spec) == asked
        runs = store.runs.of_experiment(experiment.id)
        assert [(run.rung, run.repeat) for run in runs] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
        assert {run.planned_requests for run in runs} == {3}
        assert [Recipe.from_json(run.recipe).title for run in runs][-1] == "Prefix caching"

    def test_a_limit_above_the_size_plans_what_is_there(self, store: Store) -> None:
        row, _ = save_prompt_set(store, chat_prompts(5), "here")
        experiment = enqueue(store, spec(prompt_set_id=row.id, prompt_limit=99), "t")
        assert {run.planned_requests for run in store.runs.of_experiment(experiment)} == {5}

    def test_nothing_is_queued_for_what_is_not_there(self, store: Store) -> None:
        with pytest.raises(InputError, match="no prompt set with the number 9"):
            enqueue(store, spec(prompt_set_id=9), "t")
        row, _ = save_prompt_set(store, chat_prompts(5), "here")
        with pytest.raises(InputError, match="no recipe to measure"):
            enqueue(store, spec(prompt_set_id=row.id, rungs=()), "t")
        assert store.experiments.recent() == []


def test_a_rung_is_data() -> None:
    assert Rung("x", Recipe()) == Rung("x", Recipe())
