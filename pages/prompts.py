"""Prompts: the saved sets; import, edit, tag and export; tokens and shared beginnings. Prompts may be hostile: shown as
text only."""

from __future__ import annotations

import streamlit as st

from app.studio import parts, prompt_drawing, prompt_editor, prompt_import, prompt_manage
from app.studio.access import may_change
from app.studio.linked import dead_link
from app.studio.prefix_drawing import draw_prefixes
from app.studio.preview_form import preview_form
from app.studio.session import open_studio
from app.views.wording import plain
from store.tables import PromptSetRow

PROMPTS, TOKENS, PREFIXES, EDIT, MANAGE = "Prompts", "Tokens", "Shared beginnings", "Edit", "Rename or delete"
OPEN_NEXT, NOTICE = "prompts_open_next", "prompts_notice"
store, settings = open_studio()
editor = may_change()


def go_to(name: str, notice: str) -> None:
    """Draws the page anew with that set chosen, or the first one for an empty name."""
    st.session_state[OPEN_NEXT], st.session_state[NOTICE] = name, notice
    st.rerun()


def forget_place() -> None:
    """Another set begins at its first page."""
    if "page" in st.session_state:
        st.session_state["page"] = 1


def show_arrival() -> None:
    """What came of the last action, and the set that it leads to, before the widgets that show it are drawn."""
    name = st.session_state.pop(OPEN_NEXT, None)
    if name is not None:
        forget_place()
        st.session_state.pop("tag", None)
        st.session_state["show"] = PROMPTS
        if name:
            st.session_state["set"] = name
        else:
            st.session_state.pop("set", None)
    notice = st.session_state.pop(NOTICE, None)
    if notice:
        st.success(plain(notice), icon=":material/check_circle:")


def chosen_rows(rows: list[PromptSetRow], tags: list[str]) -> list[PromptSetRow]:
    """Those with the chosen tag; all of them without one."""
    if not tags:
        return rows
    dead_link("tag", tags, "tag", "all sets are shown")
    tag = st.pills("Show sets with the tag", tags, key="tag", bind="query-params")
    return rows if tag is None else [row for row in rows if tag in row.tags]


def show_set(row: PromptSetRow, tags: list[str]) -> None:
    seen = prompt_drawing.look_into(row, store, store.url, row.content_hash)
    prompt_drawing.draw_facts(row, seen)
    if editor:
        prompt_manage.tag_editor(store, row, tags)
    else:
        prompt_manage.tag_badges(row)
    prompt_drawing.draw_exports(store, row)
    titles = [PROMPTS, TOKENS, PREFIXES, *([EDIT, MANAGE] if editor else [])]
    tabs = dict(zip(titles, st.tabs(titles, key="show", bind="query-params"), strict=True))
    with tabs[PROMPTS]:
        if tabs[PROMPTS].open:
            prompt = prompt_drawing.draw_page(row, seen)
            st.header("What a technique makes of it", anchor=False)
            preview_form(store, settings, prompt)
    with tabs[TOKENS]:
        if tabs[TOKENS].open:
            prompt_drawing.draw_tokenizers(store, settings, row)
    with tabs[PREFIXES]:
        if tabs[PREFIXES].open:
            draw_prefixes(store, settings, row)
    if not editor:
        return
    with tabs[EDIT]:
        saved = prompt_editor.draw_editor(store, row, seen) if tabs[EDIT].open else None
        if saved is not None:
            go_to(saved, f"Saved as “{saved}”.")
    with tabs[MANAGE]:
        changed = prompt_manage.rename_and_delete(store, row) if tabs[MANAGE].open else None
        if changed is not None:
            go_to(changed, f"Saved as “{changed}”." if changed else f"Deleted “{row.name}”.")


parts.page_title("Prompts", "Saved prompts to replay. A set never changes once saved: its content hash identifies it.")
show_arrival()
imported = prompt_import.import_form(store, settings) if editor else None
if imported is not None:
    go_to(imported, f"Imported “{imported}”.")
everything = store.prompt_sets.all()
tags = sorted({tag for row in everything for tag in row.tags})
sets = chosen_rows(everything, tags)
prompt_drawing.draw_list(store, sets)
if not sets:
    st.info("There is no prompt set yet; import a file to have one.", icon=":material/upload:")
    st.stop()
names = [row.name for row in sets]
st.header("A set", anchor=False)
dead_link("set", names, "prompt set")
name = st.selectbox("Set", names, key="set", bind="query-params", on_change=forget_place, width=420)
if name in names:
    show_set(sets[names.index(name)], tags)
