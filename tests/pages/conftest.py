"""Opens a page in Streamlit's own in-process harness, on the test's own store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic, sleep
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.prompts.saved import save_starter_sets
from store.store import Store
from tests.fakes.launch import ROOT

Open = Callable[..., AppTest]
PATIENCE_S = 60.0


@pytest.fixture
def open_page(store: Store) -> Iterator[Open]:
    """`open_page("ladder", experiment="1")`; fails the test when the page raises."""
    save_starter_sets(store)

    def opened(name: str, **query: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60).run()
        if name != "home":
            at.switch_page(f"../pages/{name}.py")
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        assert not at.exception, at.exception[0].value
        return at

    yield opened
    st.cache_resource.clear()
    st.cache_data.clear()


def words(at: AppTest) -> str:
    """Everything that the page says, Markdown's escapes taken out."""
    elements = [
        *at.title,
        *at.header,
        *at.markdown,
        *at.caption,
        *at.info,
        *at.warning,
        *at.error,
        *at.success,
        *at.text,
    ]
    said = [str(element.value) for element in elements] + [bar.proto.text for bar in at.get("progress")]
    return "\n".join(said).replace("\\", "")


def shown(at: AppTest, condition: Callable[[AppTest], bool]) -> AppTest:
    """Draws the page anew, as its polling does, until it is so."""
    deadline = monotonic() + PATIENCE_S
    while not condition(at):
        assert monotonic() < deadline, words(at)
        sleep(0.05)
        at.run()
        assert not at.exception, at.exception[0].value
    return at


def says(text: str) -> Callable[[AppTest], bool]:
    return lambda at: text in words(at)


def labelled(elements: Iterable[Any], label: str) -> Any:
    """The widget or metric with that label."""
    return next(element for element in elements if element.label == label)


def label_of(at: AppTest, label: str) -> int:
    """The index of the button with that label; fails when there is none."""
    return [button.label for button in at.button].index(label)


def unfolded(at: AppTest, key: str) -> AppTest:
    """The page once somebody has opened that expander."""
    at.session_state[key] = True
    return at.run()
