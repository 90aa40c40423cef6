"""The form for a new experiment: what it will do is said before the button that queues it."""

from __future__ import annotations

import streamlit as st

from app.experiment.kinds import KINDS
from app.studio.model_view import model_places
from app.studio.new_experiment import Choice, NewExperiment, offered, put_together, start
from app.studio.parts import TEXT_WIDTH
from app.studio.session import attempt, hardware, look_at
from app.studio.wording import plain
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

FIRST_SET = "support-desk"
MEASURE = "Measure"


@st.fragment
def new_experiment_form(store: Store, settings: Settings) -> None:
    """A fragment: choosing here does not draw the results below anew."""
    choice = _choose(store, settings)
    if choice is None:
        return
    new, problem = _plan(store, settings, choice)
    if new is not None:
        st.markdown(f"**Planned:** {plain(new.preview.sentence)}.", width=TEXT_WIDTH)
        for said in new.variants:
            st.caption(plain(said))
    else:
        st.error(plain(problem), icon=":material/error:")
    pressed = st.button(MEASURE, type="primary", icon=":material/play_arrow:", disabled=new is None, key="new_measure")
    if new is not None and pressed:
        queued: list[int] = []
        if attempt(lambda: queued.append(start(store, new))):
            st.query_params["experiment"] = str(queued[0])
            st.rerun()


def _choose(store: Store, settings: Settings) -> Choice | None:
    """What is chosen; None while there is no model to choose."""
    models = {model.name: model.checkpoint for model in look_at(model_places(store, settings)) if model.checkpoint}
    sets = {row.name: row.size for row in store.prompt_sets.all()}
    if not models or not sets:
        st.info("There is no usable model yet: add one on the Models page.", icon=":material/memory:")
        return None
    with st.container(horizontal=True):
        model = st.selectbox("Model", list(models), width=260, key="new_model")
        first = list(sets).index(FIRST_SET) if FIRST_SET in sets else 0
        prompts = st.selectbox("Prompt set", list(sets), first, width=220, key="new_prompts")
        kind = st.selectbox(
            "Kind", list(KINDS), format_func=lambda key: KINDS[key].title, width=220, key="new_kind"
        )  # fmt: skip
    st.caption(KINDS[kind].help)
    offer = offered(models[model], hardware())
    techniques = st.multiselect(
        "Techniques, in the order that counts", list(offer.usable), list(offer.usable),
        format_func=offer.usable.__getitem__, key=f"new_techniques_{model}", width=TEXT_WIDTH,
    )  # fmt: skip
    for title, reason in offer.left_out:
        st.caption(plain(f"Not to be had here: {title}; {reason}."))
    with st.container(horizontal=True):
        repeats = st.number_input("Repeats", 1, 20, 3, width=140, key="new_repeats")
        limit = st.number_input(
            "Prompts of the set", 1, sets[prompts], sets[prompts], width=180, key=f"new_limit_{prompts}"
        )  # fmt: skip
        concurrency = st.number_input("Requests in flight", 1, 4096, 8, width=180, key="new_concurrency")
    return Choice(model, prompts, kind, tuple(techniques), repeats, limit, concurrency)


def _plan(store: Store, settings: Settings, choice: Choice) -> tuple[NewExperiment | None, str]:
    try:
        return put_together(store, settings, hardware(), choice), ""
    except InputError as error:
        return None, str(error)
