"""What is kept by name: each kind for itself, nothing is lost unasked, bad names are refused."""

from __future__ import annotations

import pytest

from optimizers.errors import InputError
from store.store import Store


def test_each_kind_has_names_of_its_own(store: Store) -> None:
    store.saved.keep("recipe", " cheap ", {"a": 1})
    store.saved.keep("scenario", "cheap", {"b": 2})
    assert store.saved.all("recipe") == {"cheap": {"a": 1}}
    store.saved.forget("recipe", "cheap")
    assert store.saved.all("recipe") == {}
    assert store.saved.all("scenario") == {"cheap": {"b": 2}}


def test_a_taken_name_is_replaced_only_where_that_is_said(store: Store) -> None:
    store.saved.keep("recipe", "cheap", {"a": 1})
    with pytest.raises(InputError, match="there is a recipe called cheap already"):
        store.saved.keep("recipe", " cheap", {"a": 2})
    assert store.saved.all("recipe") == {"cheap": {"a": 1}}
    store.saved.keep("recipe", "cheap", {"a": 2}, in_place=True)
    assert store.saved.all("recipe") == {"cheap": {"a": 2}}


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb"])
def test_bad_names_are_refused(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="1 to 80 printable characters"):
        store.saved.keep("recipe", name, {})
    assert store.saved.all("recipe") == {}
