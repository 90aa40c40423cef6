"""The part of the Models page that says whether a model fits, before anything is loaded. Its inputs are the link."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.engine.fit_words import fit_rows, layout_text, planned_text, refusals, verdict
from app.engine.hardware import free_memory
from app.engine.memory_fit import AS_SERVED, DEFAULT_CONTEXT, DEFAULT_REQUESTS, KV_FORMS, Load, fit_checkpoint
from app.studio import model_fit as view
from app.studio import parts
from app.studio.access import told
from app.studio.linked import dead_link, linked_choice
from app.studio.model_view import KnownModel
from app.studio.session import hardware
from app.views.charts import PLAIN
from app.views.wording import plain, plain_rows
from optimizers.errors import InputError

SIGNS = {
    True: ":green[:material/check_circle:]", False: ":red[:material/cancel:]", None: ":gray[:material/help:]"
}  # fmt: skip


def fit_form(models: Sequence[KnownModel]) -> str | None:
    """Draws the fit of one of the usable models; its name."""
    known = {model.name: model for model in models if model.checkpoint is not None}
    if not known:
        st.caption("There is no usable model yet: the fit of one is shown here before it is loaded.")
        return None
    dead_link("fit_model", known, "model")
    with st.container(horizontal=True):
        with st.container(width=240):
            name = linked_choice("Model", {name: name for name in known}, "fit_model", next(iter(known)))
        model = known[name]
        checkpoint = model.checkpoint
        assert checkpoint is not None
        longest = checkpoint.max_length
        context = st.number_input(
            "Context (tokens)", 1, None, min(DEFAULT_CONTEXT, longest or DEFAULT_CONTEXT), step=512,
            key="fit_context", bind="query-params", width=170,
            help="Of the longest request, prompt and answer together.",
        )  # fmt: skip
        requests = st.number_input(
            "Requests at once", 1, None, DEFAULT_REQUESTS, key="fit_requests", bind="query-params", width=150
        )
        forms = view.forms_of(checkpoint)
        with st.container(width=230):
            form = linked_choice("Weights", forms, "fit_weights", AS_SERVED)
        with st.container(width=210):
            kv = linked_choice("Keys and values", {kind: view.KV_TITLES[kind] for kind in KV_FORMS}, "fit_kv", "auto")
    try:
        fit = fit_checkpoint(checkpoint, model.weights, free_memory(), Load(context, requests), form, kv)
    except InputError as error:
        st.error(plain(told(str(error))), icon=":material/error:")
        return name
    refused = refusals(checkpoint, form, kv, hardware())
    # What fits and would be refused has no green sign.
    st.markdown(f"{SIGNS[None if fit.fits and refused else fit.fits]} **{plain(verdict(fit))}**")
    for text in refused:
        st.markdown(f":red[:material/block:] {plain(text)}", width=parts.TEXT_WIDTH)
    st.plotly_chart(view.fit_figure(fit), config=PLAIN, key="fit_bar", alt=view.description(fit))
    st.table(
        plain_rows(fit_rows(fit)),
        border="horizontal", hide_index=True, width=parts.TEXT_WIDTH, alt="Memory by part",
    )  # fmt: skip
    st.caption(
        plain(f"{layout_text(checkpoint)} {planned_text(checkpoint, hardware(), context)}"),
        width=parts.TEXT_WIDTH,
    )
    return name
