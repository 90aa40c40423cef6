"""The Lab's prompt preview: what the techniques that are on make of one prompt, word by word, and its price."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from app.analysis.explain import COMMON_MODELS, ApiPrice, api_price
from app.preparation.previewing import preview_recipe
from app.prompts.preview import Preview
from app.studio.access import NO_PREVIEW, may_change
from app.studio.lab_session import PREVIEWED, PRICED_AS
from app.studio.linked import linked_choice
from app.studio.new_experiment import Choice
from app.studio.preview_view import draw_preview
from app.studio.session import attempt, reason
from app.views.wording import listed, plain
from app.words import title_of
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store

PRICED, LONGEST_NAME = "lab_priced", 200


def seen_before(choice: Choice) -> tuple[Recipe, tuple[str, ...]]:
    """The techniques of a choice whose work can be seen without an engine, and the titles of those that ask one."""
    try:
        uses = choice.recipe.prompt_uses()
    except InputError:
        return Recipe(), ()
    asking = tuple(title_of(use.key) for use in uses if techniques().get(use.key).asks_the_model)
    return Recipe(tuple(use for use in uses if not techniques().get(use.key).asks_the_model)), asking


@st.fragment
def show_preview(store: Store, settings: Settings, choice: Choice, prompts: Sequence[Prompt]) -> None:
    """A fragment, so that only this part waits while a compressor is loaded."""
    recipe, asking = seen_before(choice)
    if asking:
        st.caption(plain(f"{listed(list(asking))}: written by the served model, so only a run shows it."))
    if not recipe.uses:
        st.caption("Turn on a technique that sends fewer tokens to see which words it drops.")
        return
    if not may_change():
        st.caption(NO_PREVIEW)
        return
    st.markdown(plain(recipe.title))
    by_id = {prompt.id: prompt for prompt in prompts}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=220):
            chosen = linked_choice("Prompt", dict(zip(by_id, by_id, strict=True)), PREVIEWED, next(iter(by_id)))
        model = _priced_as()
        pressed = st.button("Preview", icon=":material/visibility:", key="lab_preview")
    price = _price(model) if model else None
    asked = json.dumps([choice.model, choice.prompts, chosen, recipe.to_json()])
    if pressed:
        made: list[tuple[Preview, str]] = []
        with st.spinner("Changing the prompt"):
            attempt(lambda: made.append(preview_recipe(store, settings, choice.model, recipe, by_id[chosen])))
        st.session_state["lab_seen"] = (asked, made[0]) if made else None
    kept = st.session_state.get("lab_seen")
    if kept is not None and kept[0] == asked:
        found, counted_by = kept[1]
        draw_preview(found, counted_by, price)


def _priced_as() -> str | None:
    """The model whose price is taken, which is in the link too."""
    if PRICED not in st.session_state:
        st.session_state[PRICED] = st.query_params.get(PRICED_AS, "")[:LONGEST_NAME].strip() or None

    def remember() -> None:
        if st.session_state[PRICED]:
            st.query_params[PRICED_AS] = st.session_state[PRICED]
        else:
            st.query_params.pop(PRICED_AS, None)

    return st.selectbox(
        "Priced as input of", list(COMMON_MODELS), width=220, key=PRICED, accept_new_options=True, on_change=remember,
        placeholder="no price", help="What the prompts would cost at an API, from the prices of genai-prices.",
        index=None,
    )  # fmt: skip


def _price(model: str) -> ApiPrice | None:
    try:
        return api_price(model)
    except InputError as error:
        st.error(plain(f"{reason(error).partition(';')[0]}; choose another."), icon=":material/error:")
        return None
