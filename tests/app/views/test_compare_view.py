"""Which candidate Compare tells first, what it counts, and what it says of a link that names nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.analysis.compare import Comparison, Difference
from app.experiment.comparing import Pairing, find_pairings
from app.prompts.saved import save_starter_sets
from app.views import compare_view as view
from store.store import Store
from tests.pages import factory


@pytest.fixture
def pairing(store: Store) -> Pairing:
    save_starter_sets(store)
    number = factory.finished(store)
    return find_pairings(store, [f"{number}.0", f"{number}.2"])[1][0]


def with_cost(pairing: Pairing, delta: float, answers: str, more: Mapping[str, Difference] | None = None) -> Pairing:
    quality = Difference("quality", 98.0, 9.0, -89.0, None, answers, "points")  # type: ignore[arg-type]
    cost = Difference("relative_cost", 1.0, 1 + delta, delta, None, "better")
    found = Comparison("better", "cheaper", {"relative_cost": cost, "quality": quality, **(more or {})})
    return replace(pairing, found=found)


def test_a_candidate_that_spoils_the_answers_is_not_told_first(pairing: Pairing) -> None:
    fair, spoilt = with_cost(pairing, -0.72, "no clear change"), with_cost(pairing, -0.74, "worse")
    assert view.told_first([spoilt, fair]) is fair
    assert view.told_first([spoilt]) is spoilt
    assert view.told_first([]) is None
    assert view.told_first([replace(pairing, found=Comparison("failed", "nothing"))]) is None


def test_only_what_has_a_better_and_a_worse_is_counted(pairing: Pairing) -> None:
    tokens = Difference("output_tokens", 10.0, 2.0, -0.8, None, "no clear change")
    unknown = Difference("ttft_ms", None, None, None, None, "no clear change")
    found = with_cost(pairing, -0.5, "worse", {"output_tokens": tokens, "ttft_ms": unknown})
    assert view.counts_sentence(found).endswith("Of 2 metrics: 1 better and 1 worse.")
    assert [card.title for card in view.cards(found)] == ["Relative cost", "Expected answers"]


def test_what_a_link_names_in_vain() -> None:
    known = ["1.0", "1.1", "1.2", "1.3"]
    assert view.link_problems(None, "", known, 2) == view.link_problems("1.0", "1.1,1.1,1.2", known, 2) == []
    assert view.link_problems("9.9", "8.1,8.2,1.1", known, 2) == [
        "The link's baseline, 9.9, is not measured here; another is shown.",
        "8.1 and 8.2 of the link are not measured here and left out.",
    ]
    assert view.link_problems("1.0", "1.1,1.2,1.3", known, 2) == [
        "The link names more than 2 candidates; the first 2 are shown."
    ]
