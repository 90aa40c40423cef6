"""The loads of a sweep: numbers as people list them become profiles by growing load."""

from __future__ import annotations

import pytest

from app.experiment.sweep_loads import MANY, Varied, sweep_loads, sweep_rungs
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.recipe import Recipe


def test_loads_are_sorted_and_named_once() -> None:
    found = sweep_loads("closed_loop", "8, 1,2 ,8", "loads")
    assert found == tuple(LoadProfile("closed_loop", width) for width in (1, 2, 8))
    rated = sweep_loads("poisson", "2,0.5", "loads", "saved", 3)
    assert rated == tuple(LoadProfile("poisson", rate=rate, history="saved", seed=3) for rate in (0.5, 2.0))


def test_each_load_is_a_rung_of_the_same_recipe() -> None:
    recipe = Recipe.of([("continuous_batching", {})])
    rungs = sweep_rungs(recipe, sweep_loads("closed_loop", "1,4", "loads"), ())
    assert [rung.label for rung in rungs] == ["one by one", "4 in flight"]
    assert {rung.recipe for rung in rungs} == {recipe}


@pytest.mark.parametrize(
    ("varied", "listed", "message"),
    [
        ("closed_loop", "1,x", "^loads 1,x: give numbers with commas between them"),
        ("closed_loop", "", "give one to 50 numbers"),
        ("closed_loop", ",".join(map(str, range(1, MANY + 2))), "give one to 50 numbers"),
        ("poisson", "1,inf", "give one to 50 numbers"),
        ("closed_loop", "1.5", "loads 1.5: give whole numbers"),
        ("closed_loop", "0", "the concurrency is 0"),
        ("constant_rate", "-1", "the rate is -1"),
    ],
)
def test_what_is_no_load_is_told(varied: Varied, listed: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep_loads(varied, listed, "loads")
