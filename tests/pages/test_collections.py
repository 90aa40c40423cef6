"""What is loaded stays out of the garbage collection that Streamlit does after every run of a page."""

from __future__ import annotations

import gc

from tests.pages.conftest import Open


def test_a_page_leaves_what_is_loaded_out(open_page: Open) -> None:
    gc.unfreeze()
    open_page("home")
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())
