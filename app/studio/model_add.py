"""Adding a model and making a quantized one: the two forms of the Models page that start jobs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.background.download import start_download
from app.background.quantize import start_quantizing
from app.preparation.quantizing import MADE_HERE, default_name
from app.studio import model_view as view
from app.studio.lab_notes import sentence
from app.studio.model_view import KnownModel
from app.studio.parts import TEXT_WIDTH
from app.studio.session import attempt, hardware, look_at
from app.views.wording import plain
from app.words import listed
from optimizers.errors import InputError
from optimizers.quantization import GROUP_SIZES, METHODS
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store

OWN_CHOICE = "chosen by Rung"


def add_form(store: Store, settings: Settings) -> None:
    with st.expander("Add a model", icon=":material/add:"), st.form("add_model", border=False):
        location = st.text_input(
            "Folder or hub id", placeholder="/models/my-model or organisation/model", width=TEXT_WIDTH
        )
        name = st.text_input("Name", placeholder="the folder's name or the hub id", width=420)
        st.caption("A hub model is downloaded beside everything else: this page can be closed meanwhile.")
        sent = st.form_submit_button("Add", icon=":material/add:")
        if sent and attempt(lambda: _add(store, settings, location, name)):
            st.rerun()
    if "model_added" in st.session_state:
        st.success(plain(f"Added {st.session_state.pop('model_added')}."), icon=":material/check_circle:")


def _add(store: Store, settings: Settings, location: str, name: str) -> None:
    if not location.strip():
        raise InputError("no folder or hub id was given; type one")
    if view.is_hub_id(location):
        start_download(store, settings, location, name)
        return
    st.session_state["model_added"] = view.add_folder(store, location, name)
    look_at.clear()


def quantize_form(store: Store, settings: Settings, models: Sequence[KnownModel], engine_is_live: bool) -> None:
    usable = [model.name for model in models if model.checkpoint is not None and not model.checkpoint.quantization]
    if not usable:
        return
    barred = techniques().get("quantization").barred(hardware().surroundings())
    reasons = {name: barred.get(("method", name)) for name in MADE_HERE}
    methods = [name for name, reason in reasons.items() if reason is None]
    sets = [OWN_CHOICE, *(row.name for row in store.prompt_sets.all())]
    with st.expander("Quantize a model", icon=":material/compress:"), st.form("quantize_model", border=False):
        with st.container(horizontal=True):
            model = st.selectbox("Model to quantize", usable, width=260)
            method = st.selectbox("Method", methods, format_func=lambda name: METHODS[name].title, width=240)
            group = None
            if any(METHODS[name].grouped for name in methods):
                group = st.selectbox(
                    "Group size", GROUP_SIZES, GROUP_SIZES.index("128"), width=140,
                    help="AWQ and GPTQ: weights that share a scale. Smaller is more exact and larger on disk.",
                )  # fmt: skip
        with st.container(horizontal=True):
            calibration = st.selectbox(
                "Calibration texts", sets, width=260, help="The prompt set that shows the quantizer the model at work."
            )
            samples = st.number_input("Pieces of 512 tokens", 1, 1024, 32, width=170)
            name = st.text_input("Name of the result", placeholder=default_name("MODEL", "METHOD"), width=260)
        st.caption(
            "It takes the machine for itself, as an experiment does: one waits for the other. The first time, the "
            "tool's own environment is made."
        )
        for reason in filter(None, dict.fromkeys(reasons.values())):
            titles = listed([METHODS[name].title for name in MADE_HERE if reasons[name] == reason])
            st.caption(f":material/block: {plain(f'Not here: {titles}. {sentence(reason)}')}")
        if not st.form_submit_button("Quantize", icon=":material/compress:"):
            return
        technique: dict[str, str | int] = {"method": method}
        if METHODS[method].grouped and group is not None:
            technique["group_size"] = group
        if METHODS[method].calibrated:
            technique |= {"calibration_samples": int(samples)}
            if calibration != OWN_CHOICE:
                technique["calibration"] = calibration

        def start() -> None:
            if engine_is_live and hardware().gpus:
                raise InputError("the engine below has the GPU's memory; stop it first")
            start_quantizing(store, settings, model, technique, name)

        if attempt(start):
            st.rerun()
