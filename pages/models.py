"""Models: what is here and whether it fits, getting more of them, and an engine of one's own to load and to ask."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.engine.builtin import ABOUT
from app.studio import model_view as view
from app.studio import parts
from app.studio.access import may_change, told
from app.studio.lab_notes import sentence
from app.studio.model_add import add_form, quantize_form
from app.studio.model_chat import chat
from app.studio.model_fit_form import fit_form
from app.studio.model_forget import forget_form
from app.studio.model_jobs import jobs_now, show_jobs
from app.studio.session import POLL_S, attempt, hardware, look_at, open_studio, worker_notice
from app.views.wording import plain
from optimizers.technique import Surroundings
from store.tables import EngineRow

store, settings = open_studio()
changes = may_change()


def show_models(places: tuple[tuple[str, str], ...], models: list[view.KnownModel]) -> None:
    st.header("Models", anchor=False)
    st.dataframe(
        [view.model_row(model, shared=not changes) for model in models], hide_index=True, height="content",
        key="models", alt="Models on this machine",
    )  # fmt: skip
    st.caption(ABOUT, width=parts.TEXT_WIDTH)
    cards = view.model_cards(places)
    if cards:
        with st.expander("About the starter models", icon=":material/info:"):
            for name, card in cards:
                st.markdown(f"**{plain(name)}**: {card}", width=parts.TEXT_WIDTH)


def show_start(models: list[view.KnownModel], row: EngineRow | None, fitted: str | None) -> None:
    usable = [model.name for model in models if model.checkpoint is not None]
    if not usable:
        st.info("There is no usable model yet: add one above.", icon=":material/memory:")
        return
    offered = {t.key: t.title for t in view.engine_techniques(Surroundings(hardware().device))}
    with st.form("start_engine", border=False):
        with st.container(horizontal=True):
            model = st.selectbox("Model to load", usable, usable.index(fitted) if fitted in usable else 0, width=320)
            recipe = st.multiselect("Techniques", list(offered), format_func=offered.__getitem__, width=420)
        label = "Start another engine in its place" if is_alive(row) else "Start engine"
        sent = st.form_submit_button(label, icon=":material/play_arrow:", type="primary")
    if sent and attempt(lambda: store.engines.request({"model": model, "recipe": recipe})):
        st.rerun()


def is_alive(row: EngineRow | None) -> bool:
    return row is not None and view.is_live(view.engine_state(row, store.workers.alive()))


def show_engine(row: EngineRow) -> None:
    state = view.engine_state(row, store.workers.alive())

    @st.fragment(run_every=POLL_S if view.is_live(state) else None)
    def watch() -> None:
        current = store.engines.latest("person")
        if current is None or view.engine_state(current, store.workers.alive()) != state or current.id != row.id:
            st.rerun()
        facts = [f"{parts.state_sign(state).badge} **{plain(current.spec.get('model', ''))}**"]
        if current.base_url and view.is_live(state) and changes:
            facts.append(f"`{current.base_url}/v1`")
        if current.ready_at is not None:
            facts.append(f"{'up' if view.is_live(state) else 'was up'} {view.uptime(current)}")
        st.markdown(" · ".join(facts))
        for note in (current.plan or {}).get("notes", ()):
            st.caption(f":material/info: {plain(told(sentence(note)))}", width=parts.TEXT_WIDTH)
        if current.error:
            reason = plain(told(current.error))
            if current.status == "failed":
                st.error(reason, icon=":material/error:")
            else:
                st.info(f"Stopped: {reason}", icon=":material/info:")
        text = view.log_tail(current) if changes else ""
        if text:
            with st.expander("The end of its log", icon=":material/article:", expanded=state != "ready"):
                parts.log_box(text)

    watch()
    if view.is_live(state) and changes:
        parts.action_button(
            "Stop engine",
            partial(store.engines.request_stop, row.id),
            icon=":material/stop:",
            disabled=state == "stopping",
        )


parts.page_title("Models", "The models on this machine, whether they fit, and an engine of your own to ask.")
worker_notice(store)
jobs = jobs_now(settings) if changes else []
model_places = view.model_places(store, settings)
known = look_at(model_places)
engine = store.engines.latest("person")
show_models(model_places, known)
if changes:
    add_form(store, settings)
    quantize_form(store, settings, known, is_alive(engine))
    forget_form(store, settings)
    show_jobs(settings, jobs)
st.header("Memory fit", anchor=False)
chosen = fit_form(known)
st.header("Engine", anchor=False)
st.markdown(
    "One engine at a time, outside any experiment. An experiment takes the machine for itself and stops this engine; "
    "one asked for meanwhile starts when the experiment has ended.",
    width=parts.TEXT_WIDTH,
)
if changes:
    show_start(known, engine, chosen)
if engine is not None:
    show_engine(engine)
elif not changes:
    st.caption("No engine has been started here.")
if changes:
    st.header("One prompt", anchor=False)
    is_ready = engine is not None and view.engine_state(engine, store.workers.alive()) == "ready"
    chat(settings, engine if is_ready else None, view.has_chat_template(known, engine))
st.header("This machine", anchor=False)
# No second table: Streamlit gives all that may scroll the same label, and regions of a page need labels of their own.
st.markdown("\n".join(f"- {name}: {plain(text)}" for name, text in view.hardware_facts(hardware())))
