"""Importing a prompt file on the Prompts page: look at it, mend the reading, and only then save."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import streamlit as st

from app.analysis.metric import MISSING
from app.analysis.scoring import DEFAULT_RULE, RULES
from app.engine.builtin import STARTER, builtin_places, read_known
from app.experiment.prompt_tokens import prompt_tokens
from app.prompts import tiktoken_count
from app.prompts.dialects import NOT_USED, Columns, guessed
from app.prompts.draft import Draft, read_draft
from app.prompts.files import slug
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.studio import parts, prompt_drawing
from app.studio import prompt_view as view
from app.studio.session import attempt
from app.views.wording import count_of, listed, plain
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

TYPES = ["jsonl", "json", "csv", "tsv"]
FIRST_PROMPTS, PROBLEMS_SHOWN = 3, 500
COUNTED_CHARACTERS = 20_000_000
"""More are counted from the first of them: whole counts take longer than a person waits for a look."""
AS_NAMED, LEFT_OUT = "as its name says", "(none)"
ROLES = {
    "prompt": "Column of the prompt", "expected": "of the expected answer", "system": "of the system text",
    "max_tokens": "of max tokens",
}  # fmt: skip


@dataclass(frozen=True)
class Count:
    tokens: int
    by: str
    exact: bool


@st.cache_resource(show_spinner="Reading the file", max_entries=4, ttl=1800)
def draft_of(_stream: Any, file_id: str, filename: str, score: str | None, columns: Columns) -> Draft:
    """Kept by the upload's id, so that a long file is read once for each way of reading it."""
    _stream.seek(0)
    return read_draft(_stream, PurePath(filename).name, PurePath(filename).suffix.lower(), score, columns)


@st.cache_data(show_spinner="Counting the tokens", max_entries=16, ttl=1800)
def count_of_draft(
    _draft: Draft, _settings: Settings, file_id: str, score: str | None, columns: Columns
) -> Count | None:
    """By the starter model where it is whole, else by tiktoken; None where neither can count."""
    prompts, characters = _draft.prompts, 0
    for at, prompt in enumerate(_draft.prompts):
        characters += len(prompt.plain_text())
        if characters > COUNTED_CHARACTERS:
            prompts = _draft.prompts[: at + 1]
            break
    exact, part = len(prompts) == len(_draft.prompts), PromptSet("", prompts)
    share = 1.0 if exact else len(_draft.prompts) / len(prompts)
    try:
        checkpoint = read_known(dict(builtin_places(_settings))[STARTER], STARTER)
        ids = prompt_tokens(checkpoint.folder, part, checkpoint.has_chat_template, quick=True) or ()
    except InputError:
        ids = ()
    if ids and all(each is not None for each in ids):
        return Count(round(share * sum(len(each or ()) for each in ids)), STARTER, exact)
    vocabulary = tiktoken_count.local_vocabulary()
    if vocabulary is None:
        return None
    counts = tiktoken_count.count_by_tiktoken(vocabulary, prompts)
    return Count(round(share * sum(counts)), f"tiktoken's {vocabulary.name}", exact)


def import_form(store: Store, settings: Settings) -> str | None:
    """Draws all of it. The name of the set once it is saved; the page then shows that set."""
    with st.expander("Import a prompt file", icon=":material/upload:", key="import_box"):
        st.markdown(
            "JSON Lines, JSON or CSV: OpenAI chat, batch or responses rows, ShareGPT, datasets of vLLM and GuideLLM, "
            "Mooncake traces, or any table with a column of prompts. Nothing is saved before you have seen it.",
            width=parts.TEXT_WIDTH,
        )
        round_ = st.session_state.get("import_round", 0)
        upload = st.file_uploader("Prompt file", type=TYPES, key=f"import_file_{round_}")
        if upload is None:
            return None
        score = st.selectbox(
            "How answers are judged", list(RULES), index=None, format_func=view.score_option, key="import_score",
            placeholder=f"as the file's header says, else {DEFAULT_RULE}", width=420,
        )  # fmt: skip
        saved: list[str] = []
        attempt(lambda: saved.extend(_draw(store, settings, upload, score)))
        if not saved:
            return None
        st.session_state["import_round"] = round_ + 1
        return saved[0]


def _draw(store: Store, settings: Settings, upload: Any, score: str | None) -> list[str]:
    """The set's name when the person has confirmed. Raises InputError for a file that cannot be read at all."""
    first = draft_of(upload, upload.file_id, upload.name, score, Columns())
    columns = _column_choice(first)
    draft = first if columns == Columns() else draft_of(upload, upload.file_id, upload.name, score, columns)
    count = count_of_draft(draft, settings, upload.file_id, score, columns) if draft.prompts else None
    st.markdown(plain(recognised_sentence(draft)), width=parts.TEXT_WIDTH)
    _figures(draft, count)
    if draft.problems:
        _problems(draft)
    if not draft.prompts:
        st.info("No row can be imported as it stands: mend the file, or say which column holds the prompt.")
        return []
    st.markdown("**First rows, as they will be sent**")
    for prompt in draft.prompts[:FIRST_PROMPTS]:
        with st.container(border=True):
            st.caption(plain(prompt.id))
            prompt_drawing.draw_prompt(prompt, folded=600)
    return _confirm(store, draft, upload.name)


def recognised_sentence(draft: Draft) -> str:
    if not draft.formats:
        return "No row has a format that is known here."
    if len(draft.formats) == 1:
        return f"Recognised: {draft.formats[0][0]}."
    named = [f"{name} ({count_of(rows, 'row')})" for name, rows in draft.formats]
    return f"Recognised: {listed(named)}."


def _figures(draft: Draft, count: Count | None) -> None:
    tokens = MISSING if count is None else f"{count.tokens:,}" if count.exact else f"about {count.tokens:,}"
    prompts, counted, answers, bad = st.columns(4)
    prompts.metric("Prompts", f"{len(draft.prompts):,}")
    counted.metric(f"Tokens by {count.by}" if count else "Tokens", tokens)
    answers.metric("Expected answers", f"{sum(each.expected is not None for each in draft.prompts):,}")
    bad.metric("Bad rows", f"{len(draft.problems):,}")


def _problems(draft: Draft) -> None:
    shown = draft.problems[:PROBLEMS_SHOWN]
    more = len(draft.problems) - len(shown)
    st.warning(
        "Import the good rows only, or mend the file and choose it again.",
        title=count_of(len(draft.problems), "bad row"), icon=":material/warning:",
    )  # fmt: skip
    st.dataframe(
        [{"Row": each.place, "What is wrong": each.problem, "It begins": each.row} for each in shown],
        hide_index=True,
        column_config={"What is wrong": st.column_config.TextColumn(width="large")},
        height="content" if len(shown) <= 8 else 320,
        key="import_problems",
        alt="Rows that are no prompts",
    )
    if more:
        st.caption(f"and {more:,} more")


def _column_choice(draft: Draft) -> Columns:
    """Only for tables: rows that have messages or other structure say themselves what they are."""
    plain_rows = all(name.startswith("rows with a column") for name, _ in draft.formats)
    if not draft.columns or not plain_rows:
        return Columns()
    guess = guessed(draft.columns)
    found: dict[str, str | None] = {}
    with st.container(horizontal=True):
        for role, title in ROLES.items():
            suggested = getattr(guess, role)
            options = [f"{AS_NAMED} ({suggested})" if suggested else LEFT_OUT, *draft.columns]
            if suggested and role != "prompt":
                options.append(LEFT_OUT)
            chosen = st.selectbox(title, options, key=f"import_{role}_{'|'.join(draft.columns)}", width=220)
            found[role] = None if chosen == options[0] else NOT_USED if chosen == LEFT_OUT else chosen
    return Columns(**found)


def _confirm(store: Store, draft: Draft, filename: str) -> list[str]:
    suggested = view.name_of(PurePath(filename).stem)
    name = st.text_input("Name of the set", value=suggested, key=f"import_name_{filename}", width=420)
    chosen = slug(name.strip() or suggested)
    problem = view.name_problem(store, chosen, draft.prompt_set(chosen).content_hash)
    if problem is not None:
        st.warning(plain(problem), icon=":material/warning:")
    label = (
        f"Import the {len(draft.prompts):,} good rows"
        if draft.problems
        else f"Import {count_of(len(draft.prompts), 'prompt')}"
    )
    if not st.button(label, type="primary", icon=":material/upload:", key="import_save", disabled=problem is not None):
        return []
    row, _ = save_prompt_set(store, draft.prompt_set(chosen), PurePath(filename).name)
    return [row.name]
