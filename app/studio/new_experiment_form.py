"""The form for a new experiment: what it will do is said before the button that queues it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.engine.builtin import BUILTIN_TOOLS, companion_settings
from app.experiment.kinds import KINDS
from app.replay.load import MAX_RATE, RATED, Kind, Unbatched
from app.studio.model_view import model_places
from app.studio.new_experiment import Choice, NewExperiment, offered, put_together, start
from app.studio.parts import TEXT_WIDTH
from app.studio.session import attempt, hardware, look_at
from app.studio.technique_form import technique_form
from app.studio.wording import plain
from optimizers.errors import InputError
from optimizers.registry import techniques as registry
from optimizers.technique import Value
from store.settings import Settings
from store.store import Store

FIRST_SET = "support-desk"
LOADS: dict[Kind, str] = {
    "closed_loop": "Closed loop: so many in flight",
    "poisson": "Open loop: a rate, random gaps",
    "constant_rate": "Open loop: a rate, equal gaps",
    "as_recorded": "As recorded",
    "static_batches": "Static batches of that many",
}
LOAD_HELP = (
    "A closed loop sends when an answer has come, so a slow engine is asked less. An open loop sends by the clock, as "
    "users do who know nothing of one another: it shows the queue that a slow engine builds up. Latency counts from "
    "when a request was due. There the rate decides the hardware time of a request: compare latency, not cost."
)
UNBATCHED: dict[Unbatched, str] = {
    "one_by_one": "One by one",
    "static": "Static batches of that many",
    "as_sent": "As many in flight",
}
UNBATCHED_HELP = (
    "vLLM always batches what it is given, so what continuous batching is worth depends on what it is held "
    "against. One by one: a request is sent when the last has finished. Static batches: a wave is sent when the "
    "whole former wave has finished, and waits for its slowest. As many in flight: nothing is held back, so the "
    "technique adds no more than its own settings do."
)
MEASURE = "Measure"
FORETELL = "Foretell what the prefix cache will serve of the changed prompts"
FORETELL_HELP = "Changes the prompts now, which can take as long as the techniques do; the experiment finds them done."


@st.fragment
def new_experiment_form(store: Store, settings: Settings) -> None:
    """A fragment: choosing here does not draw the results below anew."""
    choice = _choose(store, settings)
    if choice is None:
        return
    new, problem = _plan(store, settings, choice)
    if new is not None and new.can_foretell and st.checkbox(FORETELL, key="new_foretell", help=FORETELL_HELP):
        with st.spinner("Changing the prompts"):
            new, problem = _plan(store, settings, choice, foretell=True)
    if new is not None:
        st.markdown(f"**Planned:** {plain(new.preview.sentence)}.", width=TEXT_WIDTH)
        for said in (*new.variants, *new.cautions):
            st.caption(f":material/info: {plain(said)}", width=TEXT_WIDTH)
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
    offer = offered(store, settings, hardware(), model, prompts)
    techniques = st.multiselect(
        "Techniques, in the order that counts", list(offer.usable), list(offer.chosen),
        format_func=offer.usable.__getitem__, key=f"new_techniques_{model}_{prompts}", width=TEXT_WIDTH,
    )  # fmt: skip
    for title, reason in offer.left_out:
        st.caption(plain(f"Left out at first: {title}; {reason}."))
    chosen = _settings(techniques, model, list(models))
    with st.container(horizontal=True):
        repeats = st.number_input("Repeats", 1, 20, 3, width=140, key="new_repeats")
        limit = st.number_input(
            "Prompts of the set", 1, sets[prompts], sets[prompts], width=180, key=f"new_limit_{prompts}"
        )  # fmt: skip
    with st.container(horizontal=True):
        load = st.selectbox(
            "Load", list(LOADS), format_func=LOADS.__getitem__, width=260, key="new_load", help=LOAD_HELP
        )
        rate = (
            st.number_input("Requests a second", 0.01, MAX_RATE, 2.0, width=180, key="new_rate")
            if load in RATED
            else None
        )
        concurrency = st.number_input("Requests in flight", 1, 4096, 8, width=180, key="new_concurrency")
        unbatched = st.selectbox(
            "Without continuous batching", list(UNBATCHED), format_func=UNBATCHED.__getitem__, width=260,
            key="new_unbatched", help=UNBATCHED_HELP,
        )  # fmt: skip
    return Choice(model, prompts, kind, tuple(techniques), repeats, limit, concurrency, chosen, unbatched, load, rate)


def _settings(techniques: Sequence[str], model: str, models: Sequence[str]) -> Mapping[str, Mapping[str, Value]]:
    """A form for each chosen technique that has settings, grouped by what it attacks; with what the model brings."""
    brought = companion_settings(model)
    chosen: dict[str, Mapping[str, Value]] = {}
    for technique in sorted(map(registry().get, techniques), key=lambda found: found.attacks):
        if not technique.settings:
            chosen[technique.key] = {}
            continue
        with st.expander(f"{technique.title}: {technique.attacks}", icon=":material/tune:"):
            st.caption(f"{plain(technique.summary)} Off: {plain(technique.off_means)}.", width=TEXT_WIDTH)
            values = brought.get(technique.key, {})
            chosen[technique.key] = technique_form(technique, values, [*models, *BUILTIN_TOOLS], f"new_{model}")
    return chosen


def _plan(store: Store, settings: Settings, choice: Choice, foretell: bool = False) -> tuple[NewExperiment | None, str]:
    try:
        return put_together(store, settings, hardware(), choice, foretell), ""
    except InputError as error:
        return None, str(error)
