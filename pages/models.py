"""Models: this machine, the models on it, and an engine of one's own to start, watch and stop."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.engine.builtin import ABOUT
from app.studio import model_view as view
from app.studio import parts
from app.studio.session import POLL_S, attempt, hardware, look_at, open_studio, worker_notice
from app.studio.wording import plain
from optimizers.technique import Surroundings
from store.tables import EngineRow

store, settings = open_studio()


def show_hardware() -> None:
    st.header("This machine", anchor=False)
    st.table(
        [{"Fact": name, "Value": plain(text)} for name, text in view.hardware_facts(hardware())],
        border="horizontal", hide_index=True, hide_header=True, width=parts.TEXT_WIDTH, alt="Hardware",
    )  # fmt: skip


def show_models(places: tuple[tuple[str, str], ...], models: list[view.KnownModel]) -> None:
    st.header("Models", anchor=False)
    st.dataframe(
        [view.model_row(model) for model in models], hide_index=True, height="content", key="models",
        alt="Models on this machine",
    )  # fmt: skip
    st.caption(ABOUT, width=parts.TEXT_WIDTH)
    cards = view.model_cards(places)
    if cards:
        with st.expander("About the starter models", icon=":material/info:"):
            for name, card in cards:
                st.markdown(f"**{plain(name)}**: {card}", width=parts.TEXT_WIDTH)
    with st.expander("Add a model", icon=":material/add:"):
        with st.form("add_model", border=False):
            location = st.text_input(
                "Folder or hub id", placeholder="/models/my-model or organisation/model", width=parts.TEXT_WIDTH
            )
            name = st.text_input("Name", placeholder="the folder's name", width=420)
            sent = st.form_submit_button("Add", icon=":material/add:")
        if sent:
            added: list[str] = []
            with st.spinner("Looking at the model; a hub model is downloaded first"):
                came_through = attempt(lambda: added.append(view.add_model(store, location, name)))
            if came_through:
                st.session_state["model_added"] = added[0]
                st.rerun()
    if "model_added" in st.session_state:
        st.success(plain(f"Added {st.session_state.pop('model_added')}."), icon=":material/check_circle:")


def show_start(models: list[view.KnownModel], row: EngineRow | None) -> None:
    usable = [model.name for model in models if model.checkpoint is not None]
    if not usable:
        st.info("There is no usable model yet: add one above.", icon=":material/memory:")
        return
    offered = {t.key: t.title for t in view.engine_techniques(Surroundings(hardware().device))}
    with st.form("start_engine", border=False):
        with st.container(horizontal=True):
            model = st.selectbox("Model", usable, width=320)
            recipe = st.multiselect("Techniques", list(offered), format_func=offered.__getitem__, width=420)
        label = "Start another engine in its place" if row is not None and alive(row) else "Start engine"
        sent = st.form_submit_button(label, icon=":material/play_arrow:", type="primary")
    if sent and attempt(lambda: store.engines.request({"model": model, "recipe": recipe})):
        st.rerun()


def alive(row: EngineRow | None) -> bool:
    return view.is_live(view.engine_state(row, store.workers.alive()))


def show_engine(row: EngineRow) -> None:
    state = view.engine_state(row, store.workers.alive())

    @st.fragment(run_every=POLL_S if view.is_live(state) else None)
    def watch() -> None:
        current = store.engines.latest("person")
        if current is None or view.engine_state(current, store.workers.alive()) != state or current.id != row.id:
            st.rerun()
        facts = [f"{parts.state_sign(state).badge} **{plain(current.spec.get('model', ''))}**"]
        if current.base_url and view.is_live(state):
            facts.append(f"`{current.base_url}/v1`")
        if current.ready_at is not None:
            facts.append(f"up {view.uptime(current)}")
        st.markdown(" · ".join(facts))
        if current.error:
            if current.status == "failed":
                st.error(plain(current.error), icon=":material/error:")
            else:
                st.info(plain(f"Stopped: {current.error}"), icon=":material/info:")
        text = view.log_tail(current)
        if text:
            st.caption("The end of its log")
            parts.log_box(text)

    watch()
    if view.is_live(state):
        parts.action_button(
            "Stop engine",
            partial(store.engines.request_stop, row.id),
            icon=":material/stop:",
            disabled=state == "stopping",
        )


parts.page_title("Models", "This machine, the models on it, and an engine of your own to send requests to.")
worker_notice(store)
show_hardware()
model_places = view.model_places(store, settings)
known = look_at(model_places)
show_models(model_places, known)
st.header("Engine", anchor=False)
st.markdown(
    "One engine at a time, outside any experiment. An experiment takes the machine for itself and stops this engine; "
    "one asked for meanwhile starts when the experiment has ended.",
    width=parts.TEXT_WIDTH,
)
engine = store.engines.latest("person")
show_start(known, engine)
if engine is not None:
    show_engine(engine)
