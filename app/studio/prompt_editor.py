"""Editing a prompt set on the Prompts page: a table a page at a time, one prompt as JSON, and saving as a new set.

What is edited lives in the tab's session until it is saved; the set in the store never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from zlib import crc32

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from app.analysis.scoring import DEFAULT_RULE, RULES
from app.prompts.editing import EditRow, changes, edited, from_json_text, json_text, row_of
from app.prompts.files import slug
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import is_built_in, save_in_place, save_prompt_set
from app.studio import parts
from app.studio import prompt_view as view
from app.studio.session import attempt
from app.views.wording import count_of, plain
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from store.store import Store
from store.tables import PromptSetRow

STATE = "prompt_edit"
COLUMNS = ("Prompt", "System", "Text", "Expected", "Max tokens", "Messages")


@dataclass
class Editing:
    """`pages` has the rows of the pages that were changed; `visit` counts the times that a table was begun anew, and
    `round` those that all of it was, so that each has widgets of its own."""

    content_hash: str
    page: int = 1
    visit: int = 0
    round: int = 0
    score: str | None = None
    base: list[EditRow] = field(default_factory=list)
    pages: dict[int, list[EditRow]] = field(default_factory=dict)
    replaced: dict[str, Prompt] = field(default_factory=dict)

    def rows_of(self, seen: view.SetView, page: int) -> list[EditRow]:
        return self.pages[page] if page in self.pages else [row_of(prompt) for prompt in seen.page(page)]

    def begin(self, seen: view.SetView, page: int) -> None:
        self.page, self.visit, self.base = page, self.visit + 1, self.rows_of(seen, page)

    def all_rows(self, seen: view.SetView) -> list[EditRow]:
        return [row for page in range(1, seen.pages + 1) for row in self.rows_of(seen, page)]


def draw_editor(store: Store, row: PromptSetRow, seen: view.SetView) -> str | None:
    """The name of the set that was saved, when one was."""
    used = store.prompt_sets.experiments_on(row.id)
    rest = (
        f"{count_of(used, 'experiment')} {'rests' if used == 1 else 'rest'} on this one"
        if used
        else "no experiment rests on this one yet"
    )
    st.caption(f"A set never changes once saved: what you edit here is saved as a new set ({rest}).")
    state = _state(row, seen)
    number = st.pagination(seen.pages, key="edit_page") if seen.pages > 1 else 1
    if number != state.page or not state.visit:
        state.begin(seen, number)
    _table(state, seen)
    _one_as_json(state, seen)
    score = _rule(state, row)
    try:
        # What was read is kept by the prompts' hash, in which there is no title.
        begun = replace(seen.prompt_set, title=row.title, description=row.description, score=score)
        after = edited(begun, state.all_rows(seen), state.replaced)
    except InputError as error:
        st.error(plain(f"This cannot be saved yet: {error}."), icon=":material/error:")
        _discard_button(state)
        return None
    made = changes(seen.prompt_set, after)
    if not made and after.content_hash == row.content_hash:
        st.caption("Nothing has been changed.")
        return None
    judged = "" if score == row.score else f"; answers judged by {score}, no longer by {plain(row.score)}"
    st.markdown(f"**{made.changed:,} changed, {made.added:,} added, {made.deleted:,} deleted{judged}**")
    return _save_form(store, row, after, used)


def _state(row: PromptSetRow, seen: view.SetView) -> Editing:
    found = st.session_state.get(STATE)
    if found is None or found.content_hash != row.content_hash:
        found = st.session_state[STATE] = Editing(row.content_hash)
        st.session_state.pop("edit_page", None)
    return found  # type: ignore[no-any-return]


def _table(state: Editing, seen: view.SetView) -> None:
    given = _frame(state.base)
    result = st.data_editor(
        given,
        num_rows="dynamic",
        hide_index=True,
        disabled=["Prompt", "Messages"],
        column_config={
            "Prompt": st.column_config.TextColumn(help="The prompt's id; a new row is given one", width="small"),
            "System": st.column_config.TextColumn(width="medium"),
            "Text": st.column_config.TextColumn(help="The last user message, or the plain text", width="large"),
            "Max tokens": st.column_config.NumberColumn(min_value=1, step=1, width="small"),
            "Messages": st.column_config.NumberColumn(
                help="Of a conversation the last question is edited here, the rest as JSON below", width="small"
            ),
        },
        height=440 if len(state.base) > 10 else "content",
        key=f"edit_rows_{state.content_hash[:12]}_{state.page}_{state.visit}",
        alt="Prompts to edit",
    )
    rows = rows_of_frame(result)
    if rows != state.base or state.page in state.pages:
        state.pages[state.page] = rows


def _frame(rows: Sequence[EditRow]) -> pd.DataFrame:
    texts = {
        title: pd.Series([getattr(row, name) for row in rows], dtype="object")
        for title, name in (("Prompt", "id"), ("System", "system"), ("Text", "text"), ("Expected", "expected"))
    }
    numbers = {
        title: pd.array([getattr(row, name) for row in rows], dtype="Int64")
        for title, name in (("Max tokens", "max_tokens"), ("Messages", "messages"))
    }
    return pd.DataFrame({**texts, **numbers}, columns=list(COLUMNS))


def rows_of_frame(frame: pd.DataFrame) -> list[EditRow]:
    """What came back from the table; an empty cell is None."""
    rows = []
    for record in frame.to_dict("records"):
        cells = [None if pd.isna(record[name]) else record[name] for name in COLUMNS]
        identifier, system, text, expected, limit, messages = cells
        rows.append(
            EditRow(identifier, system, text, expected, None if limit is None else int(limit), int(messages or 1))
        )
    return rows


def _one_as_json(state: Editing, seen: view.SetView) -> None:
    """Turns, documents, tags and times, which a table has no room for."""
    with st.expander("One prompt as JSON: turns, documents, tags, arrival time", icon=":material/data_object:"):
        ids = [row.id for row in state.rows_of(seen, state.page) if row.id is not None]
        chosen = st.selectbox("Prompt to edit", ids, key=f"edit_json_id_{state.page}", width=420)
        if chosen is None:
            return
        rows = state.rows_of(seen, state.page)
        at = next(position for position, row in enumerate(rows) if row.id == chosen)
        original = state.replaced.get(chosen) or seen.prompt_set.prompts[seen.places[chosen]]
        try:
            now = edited(replace(seen.prompt_set, score=DEFAULT_RULE), [rows[at]], state.replaced).prompts[0]
        except InputError:
            now = original
        given = json_text(now)
        # Another key whenever the table changes the prompt: a widget keeps what it had under its key.
        text = st.text_area("The prompt", given, height=320, key=f"edit_json_{chosen}_{crc32(given.encode())}")
        if st.button("Take over", icon=":material/check:", key="edit_json_take") and attempt(
            lambda: state.replaced.update({chosen: from_json_text(text, original)})
        ):
            state.pages[state.page] = [*rows[:at], row_of(state.replaced[chosen]), *rows[at + 1 :]]
            state.begin(seen, state.page)
            st.rerun()


def _rule(state: Editing, row: PromptSetRow) -> str:
    """The rule by which the answers of the set to come are judged; kept while another tab is looked at."""
    known, chosen = list(RULES), state.score or row.score
    state.score = st.selectbox(
        "How answers are judged", known, index=known.index(chosen) if chosen in known else 0,
        format_func=view.score_option, key=f"edit_score_{state.content_hash[:12]}_{state.round}",
        width=parts.TEXT_WIDTH,
    )  # fmt: skip
    return state.score


def _save_form(store: Store, row: PromptSetRow, after: PromptSet, used: int) -> str | None:
    in_place = False
    if not used and not is_built_in(row):
        in_place = st.checkbox(f"Put it in the place of “{plain(row.name)}”", key="edit_in_place")
    name = row.name
    if not in_place:
        name = st.text_input("Save as", value=view.free_name(store, row.name), key=f"edit_name_{row.name}", width=420)
    saved: list[str] = []
    with st.container(horizontal=True):
        if st.button("Save", type="primary", icon=":material/save:", key="edit_save"):
            attempt(partial(_save, store, row, after, name, in_place, saved))
        _discard_button(st.session_state[STATE])
    if saved:
        del st.session_state[STATE]
        return saved[0]
    return None


def _save(store: Store, row: PromptSetRow, after: PromptSet, name: str, in_place: bool, saved: list[str]) -> None:
    new = replace(after, name=slug(name))
    source = f"edited from {row.name}"
    kept = save_in_place(store, row.id, new, source) if in_place else save_prompt_set(store, new, source)[0]
    saved.append(kept.name)


def _discard_button(state: Editing) -> None:
    if st.button("Discard", icon=":material/undo:", key="edit_discard"):
        fresh = Editing(state.content_hash, visit=state.visit, round=state.round + 1)
        st.session_state[STATE] = fresh
        st.rerun()
