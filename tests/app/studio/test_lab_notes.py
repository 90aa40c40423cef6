"""How techniques stand in the Lab: barred, off for a reason, or in each other's way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.checkpoint import read_checkpoint
from app.studio.lab_notes import ATTACKS, Standing, grouped, sentence, standings
from app.studio.new_experiment import Choice
from optimizers.continuous_batching import ContinuousBatching
from optimizers.prefix_caching import PrefixCaching
from optimizers.prompt import Prompt
from optimizers.registry import techniques
from optimizers.technique import Surroundings

Look = Callable[..., dict[str, Standing]]
CHOICE = Choice("tiny-model", "few", "ladder", ("prefix_caching", "continuous_batching"), 3, 16, 8)
PROMPTS = (Prompt(id="a", text="One question?"),)


@pytest.fixture
def look(model: Path) -> Look:
    checkpoint = read_checkpoint(model)

    def looked(choice: Choice, refused: str = "", launches: bool = True) -> dict[str, Standing]:
        surroundings = Surroundings("cpu", launches_engine=launches)
        return dict(standings(choice, surroundings, checkpoint, PROMPTS, refused))

    return looked


def test_every_technique_is_in_the_group_of_its_attack() -> None:
    assert [attack for attack, _ in grouped()] == list(ATTACKS)
    assert sorted(each.key for _, found in grouped() for each in found) == sorted(techniques().keys())


def test_nothing_is_in_the_way_of_what_works(look: Look) -> None:
    found = look(CHOICE)
    assert not any(standing.problems or standing.barred for standing in found.values())
    assert found["context_selection"].hint == "no prompt carries documents"
    assert found["speculative_decoding"].hint is None


def test_what_the_surroundings_do_not_have_is_barred(look: Look) -> None:
    found = look(replace(CHOICE, techniques=()), launches=False)
    assert "started by someone else" in (found["prefix_caching"].barred or "")
    assert found["continuous_batching"].barred is None


def test_a_conflict_is_told_at_both_with_the_way_out(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PrefixCaching, "conflicts", {"continuous_batching": "they both want the moon"})
    for kind in ("ladder", "run"):
        found = look(replace(CHOICE, kind=kind))
        for key, other in (("prefix_caching", "Continuous batching"), ("continuous_batching", "Prefix caching")):
            (said,) = found[key].problems
            assert said == (
                f"It cannot be on together with {other}: they both want the moon. Turn one of the two off, or measure "
                "them one at a time."
            )
    assert not look(replace(CHOICE, kind="one_at_a_time"))["prefix_caching"].problems
    assert not look(replace(CHOICE, techniques=("prefix_caching",)))["prefix_caching"].problems


def test_settings_that_cannot_be_are_told_where_they_are(look: Look) -> None:
    wrong = {"max_num_seqs": 64, "max_num_batched_tokens": 8}
    found = look(replace(CHOICE, settings={"continuous_batching": wrong}))
    assert found["continuous_batching"].problems[0].startswith("continuous_batching.max_num_batched_tokens is 8")
    assert not found["prefix_caching"].problems


def test_what_has_nothing_to_do_is_told(look: Look) -> None:
    (said,) = look(replace(CHOICE, techniques=("context_selection",)))["context_selection"].problems
    assert said.startswith("It has nothing to do here: ")
    assert said.endswith("Turn it off, or choose other prompts.")


def test_what_refuses_the_whole_is_told_where_it_belongs(look: Look) -> None:
    found = look(CHOICE, "prefix_caching.block_size: no such block")
    assert found["prefix_caching"].problems == ("prefix_caching.block_size: no such block.",)
    assert not found["continuous_batching"].problems
    assert not any(standing.problems for standing in look(CHOICE, "a ladder needs more").values())


def test_one_that_cannot_be_used_says_so(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ContinuousBatching, "unavailable", lambda self, surroundings: "it rains")
    (said,) = look(CHOICE)["continuous_batching"].problems
    assert said == "It cannot be used here: it rains. Set it otherwise, or turn it off."


def test_a_sentence_begins_large_unless_it_begins_with_a_key() -> None:
    assert sentence("a ladder needs more") == "A ladder needs more."
    assert sentence("quantization.bits is 3") == "quantization.bits is 3."
    assert sentence("Why?") == "Why?"
