"""Reports: an experiment as a document to hand on."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.experiment.reporting import WITHOUT, rendered
from app.reports.report import Texts
from app.studio import ladder_view as view
from app.studio import parts
from app.studio.session import ladder_of, ladder_version, linked_choice, open_studio
from app.studio.wording import choice_of

TEXTS: dict[Texts, str] = {
    "full": "Prompts and answers in full",
    "redacted": "How each prompt did, without its words",
    "none": "No list of prompts",
}
FORMS = (
    ("html", "HTML", "text/html", ":material/html:", "Interactive, in one file that opens without a network."),
    ("pdf", "PDF", "application/pdf", ":material/picture_as_pdf:", "To print or to attach."),
    ("md", "Markdown", "text/markdown", ":material/markdown:", "For a wiki or a pull request."),
    (
        "json",
        "JSON",
        "application/json",
        ":material/data_object:",
        "Every figure, for programs; no prompts or answers.",
    ),
)

store, _ = open_studio()
parts.page_title(
    "Reports", "An experiment as a document: the ladder's figures with their intervals, evidence, what it was "
    "measured with, and the command that repeats it.",
)  # fmt: skip
measured = [row for row in store.experiments.recent(200) if row.status != "queued" and row.kind not in WITHOUT]
if not measured:
    st.info("Nothing has been measured yet. Start the starter ladder on the Home page.", icon=":material/info:")
    st.page_link("../pages/home.py", label="Open Home", icon=":material/home:")
    st.stop()

shown = {str(row.id): choice_of(row) for row in measured}
chosen = int(linked_choice("Experiment", shown, "experiment", str(measured[0].id)))
experiment = store.experiments.get(chosen)
ladder = ladder_of(store, store.url, chosen, ladder_version(store, chosen))
parts.recorded_notice(store, experiment)
st.header(view.headline(ladder), anchor=False, width=parts.TEXT_WIDTH)
if experiment.status != "done":
    st.warning(
        f"This experiment is {experiment.status}: the report holds what has been measured so far.",
        icon=":material/warning:",
    )
texts = st.radio("Prompts and answers", list(TEXTS), format_func=TEXTS.__getitem__, key="report_texts")
for form, title, mime, icon, about in FORMS:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            title, partial(rendered, store, chosen, form, texts), f"rung-{chosen}.{form}", mime,
            icon=icon, on_click="ignore", key=f"report_{form}", width=160,
        )  # fmt: skip
        st.caption(about)
words = f" --texts {texts}" if texts != "full" else ""
st.caption("The same from a terminal:")
st.code(f"python -m app report {chosen} --out report.html{words}", language=None)
