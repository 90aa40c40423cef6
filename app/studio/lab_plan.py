"""The Lab's plan: what would run, said before the button that queues it; and the recipes that are kept by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import streamlit as st

from app.experiment.saved_recipes import forget_recipe, recipe_document, save_recipe, saved_recipes
from app.studio.lab_link import with_recipe
from app.studio.lab_notes import sentence
from app.studio.lab_session import go_to, move_up, show
from app.studio.new_experiment import Choice, NewExperiment
from app.studio.session import attempt
from app.views.wording import REPLACE, plain
from app.words import title_of
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.store import Store

MEASURE = "Measure"
NOTHING_ON = "Nothing is on yet: turn a technique on, or choose “Just this recipe” to measure the baseline alone."
VIEWER = "You can compose and look, but neither measure nor save: this studio is read-only for you."


def say_plan(new: NewExperiment | None, problem: str, choice: Choice) -> None:
    """What would run, or what is in its way."""
    if new is None and not choice.techniques:
        st.info(NOTHING_ON, icon=":material/toggle_off:")
    elif new is None:
        st.error(plain(sentence(problem)), icon=":material/error:")
    else:
        st.markdown(f"**Planned:** {plain(new.preview.sentence)}.")


def measure_button(new: NewExperiment | None, start: Callable[[NewExperiment], None]) -> None:
    pressed = st.button(
        MEASURE, type="primary", icon=":material/play_arrow:", disabled=new is None, key="lab_measure", width="stretch"
    )
    if pressed and new is not None:
        start(new)


def show_order(choice: Choice) -> None:
    """The techniques that are on, first to last. Every order can be reached by moving up."""
    for at, key in enumerate(choice.techniques, start=1):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(plain(f"{at}. {title_of(key)}"))
            if at > 1:
                before = title_of(choice.techniques[at - 2])
                st.button(
                    "Move up", icon=":material/arrow_upward:", type="tertiary", key=f"lab_up_{key}",
                    on_click=move_up, args=(key,), help=plain(f"{title_of(key)} before {before}"),
                )  # fmt: skip


def show_rungs(new: NewExperiment) -> None:
    st.table(
        [
            {"Recipe": plain(rung.label), "Engine": "–" if rung.engine is None else str(rung.engine)}
            for rung in new.preview.rungs
        ],
        border="horizontal", hide_index=True, alt="What is measured, and the engine that each recipe runs on",
    )  # fmt: skip
    st.caption("Recipes with the same number share one engine.")


def show_notes(texts: Sequence[str]) -> None:
    """What no technique says of itself."""
    for text in texts:
        st.caption(f":material/info: {plain(text)}")


def keep_recipes(store: Store, choice: Choice, key: str, may_change: bool) -> None:
    """What is on as a recipe: save it, load another, as a file or by name."""
    try:
        recipe = choice.recipe
    except InputError as error:
        recipe = None
        st.caption(f":material/info: {plain(f'What is on is no recipe: {error}.')}")
    saved = saved_recipes(store)
    if saved:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("Saved recipe", list(saved), key="lab_saved", width=210)
            if st.button("Load", key="lab_load"):
                _load(choice, lambda: Recipe.from_json(saved[name], f"the saved recipe {name!r}"))
            if may_change and st.button("Delete", key="lab_forget", type="tertiary"):
                forget_recipe(store, name)
                st.rerun()
    if may_change:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Save as", key="lab_save_as", width=210, placeholder="a name")
            in_place = name.strip() in saved and st.checkbox(REPLACE, key=f"lab_save_over_{name.strip()}")
            if st.button("Save", key="lab_save", disabled=recipe is None) and recipe is not None:
                done: list[str] = []
                if attempt(lambda: done.append(save_recipe(store, name, recipe, in_place))):
                    st.session_state["lab_said"] = f"Saved as “{done[0]}”; run --recipe takes it by that name."
                    st.rerun()
    said = st.session_state.pop("lab_said", "")
    if said:
        st.success(plain(said), icon=":material/check_circle:")
    if recipe is not None:
        st.download_button(
            "Download as a recipe file", json.dumps(recipe_document(recipe), indent=2, ensure_ascii=False) + "\n",
            file_name="recipe.json", mime="application/json", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    _upload(choice, key)


def _upload(choice: Choice, key: str) -> None:
    """A file is loaded as it comes; the uploader begins anew with what it held."""
    place = f"{key}_upload"

    def take() -> None:
        file = st.session_state[place]
        if file is None:
            return
        try:
            show(with_recipe(choice, _read(file.getvalue(), file.name)))
        except InputError as error:
            st.session_state["lab_refused"] = str(error)

    with st.expander("From a recipe file", icon=":material/upload:"):
        st.file_uploader(
            "Recipe file", type=["json"], key=place, max_upload_size=1, on_change=take,
            help="As “run --recipe” takes it.",
        )  # fmt: skip
    refused = st.session_state.pop("lab_refused", "")
    if refused:
        st.error(plain(sentence(refused)), icon=":material/error:")


def _read(content: bytes, name: str) -> Recipe:
    try:
        return Recipe.parse(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError:
        raise InputError(f"{name} is no text in UTF-8, so it holds no recipe") from None


def _load(choice: Choice, read: Callable[[], Recipe]) -> None:
    found: list[Recipe] = []
    if attempt(lambda: found.append(read())):
        go_to(with_recipe(choice, found[0]))
