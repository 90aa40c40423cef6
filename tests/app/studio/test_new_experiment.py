"""The Lab behind its widgets: what can be chosen, and what the choice becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from app.analysis.sweep import Slo
from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB
from app.experiment.spec import ExperimentSpec
from app.prompts.saved import save_starter_sets
from app.replay.load import LoadProfile
from app.studio.new_experiment import Choice, There, first_choice, offered, put_together, start
from optimizers.errors import InputError
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store

MACHINE = Hardware("a CPU", 2, 8 * GIB)
ALL = ("continuous_batching", "prefix_caching", "speculative_decoding")
CHOICE = Choice("starter", "support-desk", "leave_one_out", ALL, repeats=2, limit=16, concurrency=4)
pytestmark = pytest.mark.usefixtures("starter")


@pytest.fixture(autouse=True)
def sets(store: Store) -> None:
    save_starter_sets(store)


def test_what_is_chosen_is_what_is_queued(store: Store, settings: Settings) -> None:
    new = put_together(store, settings, MACHINE, CHOICE)
    assert [rung.label for rung in new.spec.rungs][2:4] == ["Everything", "Without continuous batching"]
    assert [use.key for use in new.spec.rungs[2].recipe.uses] == list(ALL)
    assert (new.preview.runs, new.preview.requests) == (12, 192)
    experiment = store.experiments.get(start(store, new))
    assert (experiment.kind, experiment.title) == ("leave_one_out", "Leave one out: starter on support-desk")
    assert ExperimentSpec.from_json(experiment.spec) == new.spec
    assert new.spec.load.concurrency == 4
    assert store.experiments.progress(experiment.id).planned == 192


def test_what_comes_with_the_model_is_used_and_said(store: Store, settings: Settings) -> None:
    new = put_together(store, settings, MACHINE, CHOICE)
    used = new.spec.rungs[2].recipe.settings_of("speculative_decoding") or {}
    assert used["draft_model"] == "starter-draft"
    assert new.variants == ("Speculative decoding with the draft model starter-draft.",)
    without = put_together(store, settings, MACHINE, replace(CHOICE, techniques=ALL[:2]))
    assert without.variants == ()


def test_all_prompts_are_no_limit(store: Store, settings: Settings) -> None:
    assert put_together(store, settings, MACHINE, replace(CHOICE, limit=128)).spec.prompt_limit is None
    assert put_together(store, settings, MACHINE, replace(CHOICE, limit=127)).spec.prompt_limit == 127


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"techniques": ()}, "needs at least 2 techniques"),
        ({"kind": "ladder", "techniques": ()}, "needs at least one technique"),
        ({"model": "nothing"}, "no such folder, and no saved model"),
        ({"prompts": "nothing"}, "no prompt set or file 'nothing'"),
        ({"repeats": 0}, "0 repeats were asked for"),
        ({"concurrency": 0}, "the concurrency is 0"),
        ({"load": "poisson"}, "the rate is None"),
        ({"load": "as_recorded"}, "has no recorded time"),
    ],
)
def test_what_cannot_be_measured_is_told(
    store: Store, settings: Settings, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        put_together(store, settings, MACHINE, replace(CHOICE, **change))  # type: ignore[arg-type]


def test_a_rate_makes_an_open_loop(store: Store, settings: Settings) -> None:
    spec = put_together(store, settings, MACHINE, replace(CHOICE, load="poisson", rate=3.0)).spec
    assert spec.load == LoadProfile("poisson", 4, "one_by_one", rate=3.0)
    closed = put_together(store, settings, MACHINE, replace(CHOICE, rate=3.0)).spec
    assert closed.load == LoadProfile("closed_loop", 4, "one_by_one")


def test_what_cannot_be_used_here_is_named_with_its_reason(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(techniques().get("prefix_caching"))
    monkeypatch.setattr(kind, "unavailable", lambda self, surroundings: f"no cache on a {surroundings.device}")
    offer = offered(store, settings, MACHINE, "starter", "support-desk")
    assert "prefix_caching" not in offer.usable
    assert offer.usable["continuous_batching"] == "Continuous batching"
    assert ("Prefix caching", "no cache on a cpu") in offer.left_out


def test_what_has_nothing_to_do_on_the_prompts_can_be_chosen_but_is_not_at_first(
    store: Store, settings: Settings
) -> None:
    desk, chats = (offered(store, settings, MACHINE, "starter", name) for name in ("support-desk", "long-chat"))
    assert "context_selection" in desk.chosen
    assert "history_summary" not in desk.chosen
    assert ("context_selection" in chats.chosen, "history_summary" in chats.chosen) == (False, True)
    assert "history_summary" in desk.usable
    assert "no prompt has turns before its question" in dict(desk.left_out)["History summary"]
    with pytest.raises(InputError, match="history_summary has nothing to do here"):
        put_together(store, settings, MACHINE, replace(CHOICE, techniques=("prefix_caching", "history_summary")))


def test_settings_that_a_person_was_shown_are_taken_as_they_are(store: Store, settings: Settings) -> None:
    shown = {"speculative_decoding": {"method": "ngram", "num_speculative_tokens": 6}}
    new = put_together(store, settings, MACHINE, replace(CHOICE, settings=shown, unbatched="static"))
    used = new.spec.rungs[2].recipe.settings_of("speculative_decoding") or {}
    assert (used["method"], used["num_speculative_tokens"]) == ("ngram", 6)
    assert new.spec.load.unbatched == "static"
    assert new.variants == ()


def test_what_to_know_before_is_said(store: Store, settings: Settings) -> None:
    chosen = ("prefix_caching", "prompt_compression")
    new = put_together(store, settings, MACHINE, replace(CHOICE, techniques=chosen))
    assert any("prefix" in text for text in new.cautions)


class TestOneRecipe:
    ONE = replace(CHOICE, kind="run", techniques=("prefix_caching", "continuous_batching"))

    def test_it_is_measured_as_it_is_with_the_baseline_beside_it(self, store: Store, settings: Settings) -> None:
        new = put_together(store, settings, MACHINE, self.ONE)
        assert [rung.label for rung in new.spec.rungs] == ["Baseline", "Prefix caching + Continuous batching"]
        assert new.title == "Run: Prefix caching + Continuous batching, starter on support-desk"
        assert store.experiments.get(start(store, new)).kind == "run"

    def test_or_without(self, store: Store, settings: Settings) -> None:
        new = put_together(store, settings, MACHINE, replace(self.ONE, baseline=False, repeats=1))
        assert [rung.label for rung in new.spec.rungs] == ["Prefix caching + Continuous batching"]
        assert (new.preview.runs, new.preview.requests) == (1, 16)

    def test_nothing_on_is_the_baseline_once(self, store: Store, settings: Settings) -> None:
        new = put_together(store, settings, MACHINE, replace(self.ONE, techniques=()))
        assert [(rung.label, rung.recipe.uses) for rung in new.spec.rungs] == [("Baseline", ())]


class TestSweep:
    GROWING = replace(CHOICE, kind="sweep", techniques=("continuous_batching",), loads="4, 1, 2", repeats=1)

    def test_each_load_is_measured_with_the_same_recipe(self, store: Store, settings: Settings) -> None:
        new = put_together(store, settings, MACHINE, self.GROWING)
        assert [rung.label for rung in new.spec.rungs] == ["one by one", "2 in flight", "4 in flight"]
        assert {rung.recipe.title for rung in new.spec.rungs} == {"Continuous batching"}
        assert new.spec.load == LoadProfile("closed_loop", 1)
        assert new.title == "Load sweep: Continuous batching, starter on support-desk"
        assert (new.preview.engine_starts, new.preview.requests) == (1, 48)
        assert ExperimentSpec.from_json(store.experiments.get(start(store, new)).spec) == new.spec

    def test_rates_make_open_loops(self, store: Store, settings: Settings) -> None:
        spec = put_together(store, settings, MACHINE, replace(self.GROWING, varied="poisson", loads="0.5,2")).spec
        assert [rung.load for rung in spec.rungs] == [LoadProfile("poisson", rate=rate) for rate in (0.5, 2.0)]

    def test_its_limits_are_kept_with_it(self, store: Store, settings: Settings) -> None:
        spec = put_together(store, settings, MACHINE, replace(self.GROWING, slo="ttft_ms=500, tpot_ms = 50")).spec
        assert ExperimentSpec.from_json(spec.to_json()).slo == Slo({"ttft_ms": 500, "tpot_ms": 50})
        assert put_together(store, settings, MACHINE, self.GROWING).spec.slo is None
        with pytest.raises(InputError, match="Limits speed=3: there is no limit on 'speed'"):
            put_together(store, settings, MACHINE, replace(self.GROWING, slo="speed=3"))

    def test_loads_that_are_none_are_told(self, store: Store, settings: Settings) -> None:
        with pytest.raises(InputError, match="Loads 1,x: give numbers with commas between them"):
            put_together(store, settings, MACHINE, replace(self.GROWING, loads="1,x"))


class TestFirst:
    SIZES: Mapping[str, int] = {"long-chat": 8, "support-desk": 128}

    def test_it_can_be_measured_at_once_and_prepares_nothing(self, store: Store, settings: Settings) -> None:
        first = first_choice(store, settings, MACHINE, There(("other", "starter"), self.SIZES))
        assert (first.model, first.prompts, first.techniques) == ("starter", "support-desk", ("prefix_caching",))
        new = put_together(store, settings, MACHINE, first)
        assert (new.preview.prompts, len(new.preview.rungs)) == (16, 3)

    def test_without_the_usual_it_takes_what_there_is(self, store: Store, settings: Settings, model: Path) -> None:
        store.models.add("mine", str(model))
        first = first_choice(store, settings, MACHINE, There(("mine",), {"long-chat": 8}))
        assert (first.model, first.prompts, first.limit) == ("mine", "long-chat", 8)
