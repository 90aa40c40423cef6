"""Typed settings: every kind, its bounds, and what a wrong value is told."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.errors import InputError
from optimizers.registry import techniques
from optimizers.technique import Setting

WHOLE = Setting("size", "int", 4, "", minimum=1, maximum=32)
SHARE = Setting("rate", "float", 0.5, "", minimum=0, maximum=1)
SWITCH = Setting("on", "bool", True, "")
CHOICE = Setting("method", "choice", "a", "", choices=("a", "b"))
TEXT = Setting("path", "text", "x", "")
MODEL = Setting("draft", "model", None, "")
OPTIONAL = Setting("limit", "int", None, "", minimum=1)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        (WHOLE, 1, 1),
        (WHOLE, 32, 32),
        (WHOLE, 8.0, 8),
        (SHARE, 1, 1.0),
        (SHARE, 0.25, 0.25),
        (SWITCH, False, False),
        (CHOICE, "b", "b"),
        (TEXT, "", ""),
        (MODEL, "starter-draft", "starter-draft"),
        (MODEL, None, None),
        (OPTIONAL, None, None),
        (OPTIONAL, 7, 7),
    ],
)
def test_allowed_values_come_back_in_their_type(setting: Setting, value: Any, expected: Any) -> None:
    checked = setting.check(value, "t")
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (WHOLE, 0, "t.size is 0, outside what is allowed (at least 1, at most 32)"),
        (WHOLE, 33, "outside what is allowed"),
        (WHOLE, 2.5, "must be a whole number"),
        (WHOLE, "4", "must be a number"),
        (WHOLE, True, "must be a number"),
        (WHOLE, None, "needs a value (at least 1, at most 32)"),
        (WHOLE, math.nan, "must be a number"),
        (SHARE, math.inf, "must be a number"),
        (SHARE, 10**400, "must be a number"),
        (SHARE, 1.01, "outside what is allowed (at least 0, at most 1)"),
        (SWITCH, 1, "must be true or false"),
        (SWITCH, "true", "must be true or false"),
        (CHOICE, "c", "must be one of: a, b"),
        (CHOICE, ["a"], "must be one of: a, b"),
        (TEXT, 3, "must be text"),
        (MODEL, ["m"], "must be text"),
        (OPTIONAL, 0, "outside what is allowed (at least 1)"),
    ],
)
def test_other_values_are_refused_by_name_and_with_what_is_allowed(setting: Setting, value: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        setting.check(value, "t")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"t.{setting.name} ")


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)


@given(st.sampled_from([WHOLE, SHARE, SWITCH, CHOICE, TEXT, MODEL, OPTIONAL]), ANYTHING)
def test_any_value_is_either_allowed_or_refused_in_words(setting: Setting, value: Any) -> None:
    try:
        checked = setting.check(value, "t")
    except InputError:
        return
    assert setting.check(checked, "t") == checked
    if isinstance(checked, float | int) and not isinstance(checked, bool):
        assert setting.minimum is None or checked >= setting.minimum
        assert setting.maximum is None or checked <= setting.maximum


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (WHOLE, "7", 7),
        (WHOLE, "7.0", 7.0),
        (WHOLE, "many", "many"),
        (SHARE, "0.25", 0.25),
        (SWITCH, "True", True),
        (SWITCH, "false", False),
        (SWITCH, "1", "1"),
        (CHOICE, "b", "b"),
        (TEXT, "12", "12"),
        (MODEL, "12", "12"),
        (MODEL, "", None),
        (OPTIONAL, "", None),
        (WHOLE, "", ""),
    ],
)
def test_text_is_read_as_the_kind_has_it(setting: Setting, text: str, value: Any) -> None:
    assert setting.read(text) == value
    assert type(setting.read(text)) is type(value)


@given(st.sampled_from([WHOLE, SHARE, SWITCH, CHOICE, TEXT, MODEL, OPTIONAL]), st.text(max_size=400))
def test_any_text_is_either_allowed_or_refused_in_words(setting: Setting, text: str) -> None:
    try:
        setting.check(setting.read(text), "t")
    except InputError:
        return


def test_every_default_passes_its_own_check() -> None:
    for technique in techniques().all():
        checked = technique.check({})
        assert checked == {setting.name: setting.default for setting in technique.settings}


def test_an_unknown_setting_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="continuous_batching has no setting 'batch'; it has: max_num_seqs, "):
        techniques().get("continuous_batching").check({"batch": 1})
    with pytest.raises(InputError, match="prefix_caching has no setting 'on'; it has: block_size"):
        techniques().get("prefix_caching").check({"on": True})


def test_a_step_has_room_for_a_token_of_each_sequence() -> None:
    check = techniques().get("continuous_batching").check
    with pytest.raises(InputError, match="max_num_batched_tokens is 64, below max_num_seqs 128"):
        check({"max_num_seqs": 128, "max_num_batched_tokens": 64})
    assert check({"max_num_seqs": 64, "max_num_batched_tokens": 64})["max_num_seqs"] == 64


def test_a_setting_may_go_with_several_values_of_another() -> None:
    settings = {setting.name: setting for setting in techniques().get("speculative_decoding").settings}
    idle = {
        method: [name for name, setting in settings.items() if setting.is_idle({"method": method})]
        for method in ("ngram", "eagle", "mtp")
    }
    looks_up = ["prompt_lookup_min", "prompt_lookup_max"]
    assert idle == {"ngram": ["draft_model"], "eagle": looks_up, "mtp": [*looks_up, "draft_model"]}
