"""A set's tags, name and end, on the Prompts page. Drawn only for those who may change things."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.prompts.files import slug
from app.prompts.saved import is_built_in
from app.studio import parts
from app.studio.session import attempt
from app.views.wording import count_of, plain
from store.prompt_sets import tag_of
from store.store import Store
from store.tables import PromptSetRow


def tag_editor(store: Store, row: PromptSetRow, known: list[str]) -> None:
    """Tags as they are chosen or typed are saved at once."""
    key = f"tags_of_{row.id}_{'|'.join(row.tags)}"
    chosen = st.multiselect(
        "Tags", sorted({*known, *row.tags}), default=row.tags, accept_new_options=True, key=key, width=420,
        placeholder="Choose a tag or type a new one",
    )  # fmt: skip

    def save() -> None:
        wanted = {tag_of(tag) for tag in chosen}
        store.prompt_sets.retag(row.id, wanted - set(row.tags), set(row.tags) - wanted)

    if set(chosen) != set(row.tags) and attempt(save):
        st.rerun()


def tag_badges(row: PromptSetRow) -> None:
    if row.tags:
        st.markdown(" ".join(f":gray-badge[{plain(tag)}]" for tag in row.tags))


def rename_and_delete(store: Store, row: PromptSetRow) -> str | None:
    """The name under which the page goes on: the new one, or an empty one when the set is gone; None when nothing
    changed."""
    if is_built_in(row):
        st.caption("This set came with Rung: it keeps its name and stays. Save an edited copy to have one of your own.")
        return None
    used = store.prompt_sets.experiments_on(row.id)
    name = st.text_input("Name", value=row.name, key=f"rename_{row.id}_{row.name}", width=420)
    title = st.text_input("Title", value=row.title, key=f"title_{row.id}_{row.title}", width=parts.TEXT_WIDTH)
    description = st.text_area(
        "Description", value=row.description, key=f"description_{row.id}_{row.description}", width=parts.TEXT_WIDTH
    )
    words = tuple(text.strip() for text in (name, title, description))
    renamed = st.button(
        "Save", icon=":material/save:", key="rename_button", disabled=words == (row.name, row.title, row.description)
    )
    if renamed and attempt(lambda: store.prompt_sets.rename(row.id, slug(name), *words[1:])):
        return slug(name)
    if used:
        stay = "rests on it, and needs it to be repeated" if used == 1 else "rest on it, and need it to be repeated"
        st.caption(f"{count_of(used, 'experiment')} {stay}: it cannot be deleted.", width=parts.TEXT_WIDTH)
        return None
    sure = st.checkbox(
        f"Delete “{plain(row.name)}” and its {count_of(row.size, 'prompt')} for good", key=f"sure_{row.id}"
    )
    deleted = st.button("Delete", icon=":material/delete:", key="delete_button", disabled=not sure)
    if deleted and attempt(partial(store.prompt_sets.remove, row.name)):
        return ""
    return None
