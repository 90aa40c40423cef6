"""A prompt set on the Prompts page: its rows a page at a time, one prompt in full, its tokens. Changes nothing."""

from __future__ import annotations

import streamlit as st

from app.experiment.tokenizers import Counted, count_by_all, local_models
from app.prompts.files import write_csv, write_jsonl
from app.prompts.saved import load_prompt_set
from app.studio import parts
from app.studio import prompt_view as view
from app.studio.linked import dead_link
from app.views.wording import count_of, plain
from optimizers.prompt import Prompt
from store.settings import Settings
from store.store import Store
from store.tables import PromptSetRow

FOLDED = 1500


@st.cache_resource(show_spinner="Reading the prompts", max_entries=8)
def look_into(_row: PromptSetRow, _store: Store, url: str, content_hash: str) -> view.SetView:
    """Shared by all tabs, which only read it: the prompts never change under their hash."""
    return view.view_of(load_prompt_set(_store, _row.id))


@st.cache_data(show_spinner="Reading the prompts", max_entries=1000)
def facts_of(_row: PromptSetRow, _store: Store, url: str, content_hash: str) -> view.SetFacts:
    return view.view_of(load_prompt_set(_store, _row.id)).facts


@st.cache_data(show_spinner="Counting the tokens", max_entries=64)
def counted_by_all(
    _row: PromptSetRow, _store: Store, _models: tuple[tuple[str, object], ...], url: str, content_hash: str, key: str
) -> tuple[Counted, ...]:
    return count_by_all(load_prompt_set(_store, _row.id), _models)  # type: ignore[arg-type]


def draw_list(store: Store, rows: list[PromptSetRow]) -> None:
    numbers = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        [view.set_row(row, facts_of(row, store, store.url, row.content_hash)) for row in rows],
        hide_index=True,
        column_config={
            "Tags": st.column_config.ListColumn(),
            "Prompts": numbers,
            "Mean length (characters)": numbers,
            "Expected answers": numbers,
        },
        height="content" if len(rows) <= 12 else 460,
        key="sets",
        alt="Saved prompt sets",
    )


def draw_facts(row: PromptSetRow, seen: view.SetView) -> None:
    if row.title:
        st.text(row.title)
    if row.description:
        st.text(row.description, width=parts.TEXT_WIDTH)
    alike = f"; all begin with the same {seen.shared:,} characters" if seen.shared else ""
    count = count_of(row.size, "prompt")
    st.caption(f"{count}, content {row.content_hash[:12]}, from {plain(row.source)}{alike}")
    if seen.facts.expected:
        st.caption(f"{seen.facts.expected:,} with an expected answer, {plain(view.score_sentence(row))}")


def draw_exports(store: Store, row: PromptSetRow) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Export as JSON Lines", lambda: view.export(store, row.id, write_jsonl), file_name=f"{row.name}.jsonl",
            mime="application/jsonl", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Export as CSV", lambda: view.export(store, row.id, write_csv), file_name=f"{row.name}.csv",
            mime="text/csv", icon=":material/table:", on_click="ignore",
            help="For spreadsheets: a text that one would run as a formula gets an apostrophe in front. "
            "JSON Lines loses nothing.",
        )  # fmt: skip


def draw_page(row: PromptSetRow, seen: view.SetView) -> Prompt:
    """A page of the set and the prompt chosen from it, which is shown in full."""
    dead_link("prompt", seen.places, "prompt")
    asked = st.query_params.get("prompt")
    if asked is not None and "page" not in st.query_params and "page" not in st.session_state:
        st.session_state["page"] = seen.page_of(asked)
    number = st.pagination(seen.pages, key="page", bind="query-params") if seen.pages > 1 else 1
    prompts = seen.page(number)
    st.dataframe(
        [view.prompt_row(prompt, seen.shared) for prompt in prompts],
        hide_index=True,
        column_config={
            "First words": st.column_config.TextColumn(width="large"),
            "Max tokens": st.column_config.TextColumn(alignment="right"),
            "Characters": st.column_config.NumberColumn(format="localized"),
        },
        height=320 if len(prompts) > 8 else "content",
        key=f"prompts_{row.content_hash}_{number}",
        alt=f"Prompts of {row.name}",
    )
    st.header("One prompt in full", anchor=False)
    ids = [prompt.id for prompt in prompts]
    chosen = st.selectbox("Prompt", ids, key="prompt", bind="query-params", width=420)
    prompt = prompts[ids.index(chosen)] if chosen in ids else prompts[0]
    draw_prompt(prompt)
    return prompt


def draw_prompt(prompt: Prompt, folded: int = FOLDED) -> None:
    for role, text in view.parts(prompt):
        # A block of code with a height of its own scrolls out of the keyboard's reach, so long texts are folded.
        with st.expander(f"**{plain(role)}** :gray[{len(text):,} characters]", expanded=len(text) <= folded):
            st.code(text, language=None, wrap_lines=True)
    if prompt.expected is not None:
        st.markdown("**expected answer**")
        st.code(prompt.expected, language=None, wrap_lines=True)


def draw_tokenizers(store: Store, settings: Settings, row: PromptSetRow) -> None:
    models = local_models(store, settings)
    key = "|".join(f"{name}={folder}" for name, folder in models)
    counted = counted_by_all(row, store, models, store.url, row.content_hash, key)
    st.table(
        view.tokenizer_rows(counted), border="horizontal", hide_index=True, width=parts.TEXT_WIDTH,
        alt="Tokens of the set by tokenizer",
    )  # fmt: skip
    st.caption(
        "A model counts a chat with its own template around it, tiktoken the plain text. Models in one row share a "
        "tokenizer.",
        width=parts.TEXT_WIDTH,
    )
