"""Prompts: the saved sets, one prompt in full, import and export. Prompts may be hostile: shown as text only."""

from __future__ import annotations

import streamlit as st

from app.analysis.scoring import DEFAULT_RULE, RULES
from app.engine.builtin import STARTER
from app.engine.hub import find_model
from app.experiment.prompt_stats import PromptStats, block_sizes_to_show, stats_of
from app.paths import existing_path
from app.prompts.saved import load_prompt_set
from app.studio import parts
from app.studio import prompt_view as view
from app.studio.preview_form import preview_form
from app.studio.session import attempt, hardware, open_studio
from app.studio.wording import count_of, plain
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from store.tables import PromptSetRow

FOLDED = 1500
store, settings = open_studio()


@st.cache_resource(show_spinner="Reading the prompts", max_entries=32)
def look_into(_row: PromptSetRow, url: str, content_hash: str) -> view.SetView:
    """Shared by all tabs, which only read it: a set never changes under its hash."""
    return view.view_of(load_prompt_set(store, _row.id))


@st.cache_resource(show_spinner="Counting the tokens", max_entries=32)
def count_tokens(_row: PromptSetRow, url: str, content_hash: str, model: str) -> PromptStats:
    checkpoint = find_model(store, settings, model)
    return stats_of(load_prompt_set(store, _row.id), checkpoint, block_sizes_to_show(hardware().device))


def show_prediction(row: PromptSetRow) -> None:
    """What a prefix cache would serve of the set, counted without an engine."""
    known = [STARTER, *(model.name for model in store.models.all() if existing_path(model.location))]
    model = st.selectbox("Tokens counted by", known, key="tokenizer", bind="query-params", width=420)
    try:
        stats = count_tokens(row, store.url, row.content_hash, model or STARTER)
    except InputError as error:
        st.caption(plain(f"Nothing can be predicted: {error}."), width=parts.TEXT_WIDTH)
        return
    st.table(
        view.prediction_rows(stats.shared),
        border="horizontal", hide_index=True, width=parts.TEXT_WIDTH, alt="Predicted prefix-cache hits",
    )  # fmt: skip
    st.caption(view.tokens_sentence(stats), width=parts.TEXT_WIDTH)


def show_import() -> None:
    with st.expander("Import a prompt file", icon=":material/upload:"):
        st.markdown(
            "JSON Lines, JSON or CSV: the native form, OpenAI chat or batch rows, ShareGPT conversations, or rows with "
            "a `prompt` column. A file is read whole or not at all.",
            width=parts.TEXT_WIDTH,
        )
        with st.form("import", border=False):
            upload = st.file_uploader("Prompt file", type=["jsonl", "json", "csv", "tsv"], key="import_file")
            name = st.text_input("Name of the set", key="import_name", placeholder="the file's name", width=420)
            score = st.selectbox(
                "How answers are judged", list(RULES), index=None, format_func=view.score_option, key="import_score",
                placeholder=f"as the file's header says, else {DEFAULT_RULE}", width=420,
            )  # fmt: skip
            sent = st.form_submit_button("Import", icon=":material/upload:")
        if not sent:
            return
        if upload is None:
            st.error("No file was chosen; choose one first.", icon=":material/error:")
            return
        done: list[view.Imported] = []
        if attempt(lambda: done.append(view.import_upload(store, upload.getvalue(), upload.name, name, score))):
            st.session_state["set"] = done[0].name
            st.success(plain(done[0].sentence), icon=":material/check_circle:")


def show_sets(rows: list[PromptSetRow]) -> None:
    numbers = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        [view.set_row(row, look_into(row, store.url, row.content_hash)) for row in rows],
        hide_index=True,
        column_config={"Prompts": numbers, "Mean length (characters)": numbers, "Expected answers": numbers},
        height="content",
        key="sets",
        alt="Saved prompt sets",
    )


def show_set(row: PromptSetRow) -> None:
    seen = look_into(row, store.url, row.content_hash)
    if row.title:
        st.text(row.title)
    if row.description:
        st.text(row.description, width=parts.TEXT_WIDTH)
    alike = f"; all begin with the same {seen.shared:,} characters" if seen.shared else ""
    st.caption(f"{count_of(row.size, 'prompt')}, content {row.content_hash[:12]}, from {plain(row.source)}{alike}")
    if seen.expected:
        st.caption(f"{seen.expected:,} with an expected answer, {plain(view.score_sentence(row))}")
    st.dataframe(
        seen.rows,
        hide_index=True,
        column_config={
            "First words": st.column_config.TextColumn(width="large"),
            "Max tokens": st.column_config.TextColumn(alignment="right"),
            "Characters": st.column_config.NumberColumn(format="localized"),
        },
        height=320 if len(seen.rows) > 8 else "content",
        key=f"prompts_{row.content_hash}",
        alt=f"Prompts of {row.name}",
    )
    st.download_button(
        "Export as JSON Lines", lambda: view.export_jsonl(store, row.id), file_name=f"{row.name}.jsonl",
        mime="application/jsonl", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    st.header("What a prefix cache would serve", anchor=False)
    show_prediction(row)
    st.header("One prompt in full", anchor=False)
    chosen = st.selectbox("Prompt", list(seen.prompts), key="prompt", bind="query-params", width=420)
    if chosen is not None:
        show_prompt(seen.prompts[chosen])
        st.header("What a technique makes of it", anchor=False)
        preview_form(store, settings, seen.prompts[chosen])


def show_prompt(prompt: Prompt) -> None:
    for role, text in view.parts(prompt):
        # A block of code with a height of its own scrolls out of the keyboard's reach, so long texts are folded.
        with st.expander(f"**{plain(role)}** :gray[{len(text):,} characters]", expanded=len(text) <= FOLDED):
            st.code(text, language=None, wrap_lines=True)
    if prompt.expected is not None:
        st.markdown("**expected answer**")
        st.code(prompt.expected, language=None, wrap_lines=True)


parts.page_title("Prompts", "Saved prompts to replay. A set never changes once saved: its content hash identifies it.")
show_import()
sets = store.prompt_sets.all()
show_sets(sets)
names = [row.name for row in sets]
st.header("A set", anchor=False)
name = st.selectbox("Set", names, key="set", bind="query-params", width=420)
if name is not None:
    show_set(sets[names.index(name)])
