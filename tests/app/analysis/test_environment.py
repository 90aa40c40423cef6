"""What manifests say differently, and nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.analysis.environment import Changed, beyond_recipe, environment_differences

MANIFEST: dict[str, Any] = {
    "versions": {"vllm": "0.11", "torch": None},
    "engine": {"key": "a", "argv": ["--x", "1"]},
    "sampling": {"seed": 0},
    "started_at": 1.0,
}
FACTS = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
)


def test_only_what_differs_is_named_by_its_place() -> None:
    other = MANIFEST | {
        "versions": {"vllm": "0.12", "torch": None},
        "engine": {"key": "b", "argv": ["--x", "2"]},
        "started_at": 2.0,
        "warm_up": 2,
    }
    assert environment_differences(MANIFEST, other) == (
        Changed("versions.vllm", "0.11", "0.12"),
        Changed("engine.argv", ["--x", "1"], ["--x", "2"]),
        Changed("warm_up", None, 2),
    )


def test_the_moment_of_a_run_is_no_difference() -> None:
    assert environment_differences(MANIFEST, MANIFEST | {"started_at": 9.0, "engine_id": 4}) == ()
    assert environment_differences({}, {}) == ()


def test_what_was_asked_of_the_engine_is_in_its_flags() -> None:
    assert environment_differences(MANIFEST, MANIFEST | {"options": {"dtype": "auto"}}) == ()


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), FACTS, max_size=4))
def test_a_manifest_does_not_differ_from_itself(manifest: dict[str, Any]) -> None:
    assert environment_differences(manifest, manifest) == ()


def test_what_a_recipe_changes_is_no_other_cause() -> None:
    other = MANIFEST | {"engine": {"key": "b", "argv": ["--x", "2"]}, "recipe": [{"technique": "t"}]}
    assert beyond_recipe(MANIFEST, other) == ()
    assert beyond_recipe(MANIFEST, other | {"sampling": {"seed": 1}}) == (Changed("sampling.seed", 0, 1),)


def test_what_was_asked_of_the_engine_is_another_cause() -> None:
    asked = [MANIFEST | {"options": {"max_model_len": length}} for length in (1024, 2048)]
    assert beyond_recipe(*asked) == (Changed("options.max_model_len", 1024, 2048),)
    assert beyond_recipe(MANIFEST, asked[0]) == ()


def test_a_data_type_that_was_left_open_is_the_one_that_came_of_it() -> None:
    def manifest(asked: str, *argv: str) -> dict[str, Any]:
        return {"options": {"dtype": asked}, "engine": {"argv": list(argv)}}

    old, new = manifest("auto", "--dtype", "auto"), manifest("auto", "--dtype", "float32")
    assert beyond_recipe(old, new) == (Changed("options.dtype", "auto", "float32"),)
    assert beyond_recipe(new, manifest("float32", "--dtype", "float32")) == ()
