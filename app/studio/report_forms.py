"""The forms of a report as buttons, and the command that makes the same. What is written is made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from app.reports.report import Texts
from app.reports.reporting import PROMPTS_CSV
from app.studio.linked import linked_radio

TEXTS: Mapping[Texts, str] = {
    "full": "Prompts and answers in full",
    "redacted": "How each prompt did, without its words",
    "none": "No list of prompts",
}
FORMS = (
    ("html", "HTML", "text/html", ":material/html:", "Interactive, in one file that opens without a network."),
    ("pdf", "PDF", "application/pdf", ":material/picture_as_pdf:", "To print or to attach{marks}."),
    ("md", "Markdown", "text/markdown", ":material/markdown:", "For a wiki or a pull request{marks}."),
    ("csv", "CSV", "text/csv", ":material/table:", "For a spreadsheet: a row for each {row}, unrounded."),
    (
        "json",
        "JSON",
        "application/json",
        ":material/data_object:",
        "Every figure, for programs{prompts}.",
    ),
)
PROMPTS = (
    PROMPTS_CSV, "CSV of prompts", "text/csv", ":material/table_rows:",
    "For a spreadsheet: a row for each prompt on each {row}, as chosen above.",
)  # fmt: skip


def choose_texts() -> Texts:
    """How much of prompts and answers is told; part of the link."""
    chosen = linked_radio("Prompts and answers", {str(key): text for key, text in TEXTS.items()}, "texts")
    return next(key for key in TEXTS if key == chosen)


def report_forms(
    made: Callable[[str], bytes], stem: str, command: str, row: str, texts: Texts | None = None, words: str = ""
) -> None:
    """`made` gives a form's content, `stem` begins the files' names, `row` is what a CSV row is of; `texts` is None for
    a report that lists no prompts. `command` writes one with `--out FILE`, and `words` are its further options."""
    lists_prompts = texts in ("full", "redacted")
    prompts = "" if texts is None else "; no prompts" if texts == "none" else ", and the prompts as chosen above"
    marks = "; of the prompts it has how each did, without the words" if texts == "full" else ""
    for form, title, mime, icon, about in (*FORMS, *((PROMPTS,) if lists_prompts else ())):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                title, partial(made, form), f"{stem}.{form}", mime, icon=icon, on_click="ignore",
                key=f"report_{form}", width=160,
            )  # fmt: skip
            st.caption(about.format(row=row, prompts=prompts, marks=marks))
    st.caption("The same from a terminal:")
    lines = [f"{command} --out report.html{words}"]
    if lists_prompts:
        lines.append(f"{command} --out prompts.csv --per-prompt{words}")
    st.code("\n".join(lines), language=None, wrap_lines=True)
