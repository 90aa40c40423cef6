"""The one door: who may register, what an unknown key says, how conflicts are found, how strangers come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from optimizers import registry as registry_module
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import BUILT_IN, ENTRY_POINT_GROUP, Registry, techniques
from optimizers.technique import Evidence, Observation, Surroundings, Technique, Value


class Stranger(Technique):
    key = "stranger"
    title = "A stranger"
    attacks = "recomputation"
    summary = "Comes from another package."
    claim = "none"
    off_means = "it stays away"
    conflicts: ClassVar[Mapping[str, str]] = {"prefix_caching": "both want the cache for themselves"}

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        return {} if settings is None else {"--stranger": "1"}

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        return Evidence(self.key, None, "nothing was looked at")


@pytest.fixture
def with_stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The registry as it is when a package names Stranger in its entry points."""
    entry = EntryPoint("stranger", f"{__name__}:Stranger", ENTRY_POINT_GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Stranger)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [entry] if group == ENTRY_POINT_GROUP else [])
    techniques.cache_clear()
    yield techniques()
    techniques.cache_clear()


def test_built_ins_come_in_the_order_of_the_ladder() -> None:
    assert techniques().keys()[:4] == (
        "quantization",
        "prefix_caching",
        "continuous_batching",
        "speculative_decoding",
    )


def test_every_technique_declares_what_a_form_needs() -> None:
    for technique in techniques().all():
        assert technique.title
        assert technique.summary
        assert technique.off_means
        assert technique.attacks in ("tokens sent", "cost per token", "recomputation")
        for setting in technique.settings:
            assert setting.help, f"{technique.key}.{setting.name}"
            assert setting.kind != "choice" or setting.choices, f"{technique.key}.{setting.name}"


def test_registering_a_key_twice_raises() -> None:
    registry = Registry()
    registry.register(Stranger)
    with pytest.raises(ValueError, match="'stranger' is already registered"):
        registry.register(Stranger())


def test_an_unknown_key_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="no technique 'prefix_cachign'; known techniques: quantization, ") as caught:
        techniques().get("prefix_cachign")
    for built_in in BUILT_IN:
        assert built_in.key in str(caught.value)


@pytest.mark.parametrize("order", [("stranger", "prefix_caching"), ("prefix_caching", "stranger")])
def test_a_conflict_that_one_side_declares_holds_in_either_order(
    with_stranger: Registry, order: tuple[str, str]
) -> None:
    reason = "stranger and prefix_caching cannot be used together: both want the cache for themselves"
    assert with_stranger.conflict(order) == reason
    with pytest.raises(InputError, match="cannot be used together"):
        Recipe.of((key, {}) for key in order)


def test_no_conflict_among_others(with_stranger: Registry) -> None:
    assert with_stranger.conflict(["stranger", "continuous_batching"]) is None
    assert with_stranger.conflict([]) is None


def test_a_third_party_comes_in_by_its_entry_point(with_stranger: Registry) -> None:
    assert with_stranger.keys()[-1] == "stranger"
    recipe = Recipe.of([("stranger", {})])
    assert recipe.title == "A stranger"
    assert recipe.engine_flags()["--stranger"] == "1"


def test_launch_flags_are_out_of_reach_at_somebody_elses_endpoint() -> None:
    attached = Surroundings(launches_engine=False)
    for technique in techniques().all():
        assert (technique.unavailable(attached) is not None) == technique.changes_engine
        assert technique.unavailable(Surroundings()) is None
