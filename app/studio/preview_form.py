"""The preview of a technique on one prompt: choose it, set it, look at what it keeps and drops."""

from __future__ import annotations

import streamlit as st

from app.engine.builtin import BUILTIN_TOOLS, STARTER
from app.experiment.companions import companion_settings
from app.preparation.previewing import preview_with
from app.prompts.preview import Preview, previewable
from app.studio.access import NO_PREVIEW, may_change
from app.studio.linked import linked_choice
from app.studio.model_view import model_places
from app.studio.preview_view import draw_preview
from app.studio.session import attempt, look_at
from app.studio.technique_form import technique_form
from optimizers.prompt import Prompt
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store


@st.fragment
def preview_form(store: Store, settings: Settings, prompt: Prompt) -> None:
    """A fragment, so that only this part waits while a compressor is loaded."""
    if not may_change():
        st.caption(NO_PREVIEW)
        return
    keys = [key for key in previewable() if not techniques().get(key).asks_the_model]
    models = [model.name for model in look_at(model_places(store, settings)) if model.checkpoint]
    if not models:
        st.info("Add a model on the Models page first: tokens are counted by it.", icon=":material/memory:")
        return
    with st.container(horizontal=True):
        first = STARTER if STARTER in models else models[0]
        with st.container(width=260):
            key = linked_choice("Technique", {key: techniques().get(key).title for key in keys}, "technique", keys[0])
        with st.container(width=260):
            model = linked_choice("Tokens as counted by", dict(zip(models, models, strict=True)), "counted_by", first)
    with st.expander("Settings", icon=":material/tune:"):
        values = companion_settings(model).get(key, {})
        given = technique_form(techniques().get(key), values, [*models, *BUILTIN_TOOLS], f"preview_{model}")
    if st.button("Preview", icon=":material/visibility:", key="preview_button"):
        found: list[tuple[Preview, str]] = []
        with st.spinner("Changing the prompt"):
            attempt(lambda: found.append(preview_with(store, settings, model, key, given, prompt)))
        if found:
            draw_preview(*found[0])
