"""Taking a saved model out of the lists, on the Models page."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.engine.fit_words import amount
from app.experiment.forgetting import forget, forgettable
from app.studio.parts import TEXT_WIDTH, folded
from app.studio.session import attempt, look_at
from app.views.wording import count_of, plain
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store


def forget_form(store: Store, settings: Settings) -> None:
    """Nothing where people have saved no model."""
    names = [row.name for row in store.models.all()]
    if names:
        folded("Remove a model", ":material/delete:", "forget_box", partial(_form, store, settings, names))


def _form(store: Store, settings: Settings, names: list[str]) -> None:
    name = st.selectbox("Model to remove", names, key="forget_name", width=320)
    try:
        found = forgettable(store, settings, name)
    except InputError as error:
        st.caption(f":material/block: {plain(str(error))}.", width=TEXT_WIDTH)
        return
    files = False
    if found.made_here is None:
        st.caption("Only the name goes; the files stay where they are.")
    else:
        files = st.checkbox(f"Delete its files too, {amount(found.bytes)}", key=f"forget_files_{name}")
    if found.experiments:
        st.caption(
            f"{count_of(found.experiments, 'experiment')} with this model stay as they are; to repeat one, the model "
            "has to be added again."
        )
    button = st.button("Remove", icon=":material/delete:", key="forget_button")
    if button and attempt(partial(forget, store, settings, name, files)):
        look_at.clear()
        st.rerun()
