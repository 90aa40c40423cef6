"""What Compare begins with where a link does not say: a baseline, and candidates that are worth looking at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.studio.session import leading_keys
from app.views.wording import in_opening_order
from store.store import Store

FIRST = 3


def first_baseline(store: Store, keys: Sequence[str]) -> str:
    """The first rung of the experiment that pages open by themselves; of one too old to be looked at, the newest."""
    for row in in_opening_order(store.experiments.recent()):
        found = next((key for key in keys if key.startswith(f"{row.id}.")), None)
        if found is not None:
            return found
    return keys[0]


def first_candidates(store: Store, baseline: str, others: Sequence[str]) -> list[str]:
    """Of the baseline's experiment, the rung that it leads with first. Not looked for where the link names some."""
    if set(st.query_params.get("with", "").split(",")) & set(others):
        return []
    experiment = baseline.partition(".")[0]
    own = [*leading_keys(store, int(experiment)), *(key for key in others if key.startswith(f"{experiment}."))]
    return [key for key in dict.fromkeys(own) if key in others][:FIRST] or list(others[:1])
