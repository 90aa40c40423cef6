"""Ladder: what each technique is worth, with the proof that it took effect and what to doubt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from app.experiment.kinds import KINDS
from app.experiment.results import first_manifest
from app.reports.documents import experiment_document
from app.reports.reporting import WITHOUT
from app.studio import batch_view, cost_view, ended, parts, sweep_view
from app.studio.linked import linked_experiment
from app.studio.live import read_live
from app.studio.session import ladder_of, ladder_version, open_studio, worker_notice
from app.studio.watching import LOOK_S, stand_still
from app.views import effects_view, evidence_view
from app.views import ladder_view as view
from app.views.answers import low_quality_note
from app.views.charts import PLAIN, description
from app.views.waterfall import waterfall
from app.views.wording import STATES, in_opening_order, plain, plain_rows, recorded_on
from store.experiments import RESUMABLE, UNFINISHED
from store.tables import ExperimentRow

store, _ = open_studio()
experiments = store.experiments.recent()


def choose() -> tuple[ExperimentRow, str]:
    default = next((row for row in in_opening_order(experiments) if row.kind in KINDS), experiments[0])
    return linked_experiment(store, experiments, default, lambda _: None)


def watch_progress(experiment: ExperimentRow, version: str) -> None:
    """A progress line that draws the page anew whenever a run has changed its state."""
    stand_still()

    @st.fragment(run_every=LOOK_S)
    def watch() -> None:
        row = store.experiments.get(experiment.id)
        if row.status != experiment.status or ladder_version(store, row.id) != version:
            st.rerun()
        live = read_live(store, row)
        phase = "Cancelling" if live.cancelling else live.phase or "Waiting for its turn"
        st.markdown(f"{STATES[row.status].badge} {plain(phase)}")
        parts.progress_bar(live)

    watch()


def table(rows: list[dict[str, str]], key: str, alt: str) -> None:
    columns = {name: st.column_config.TextColumn(alignment="right") for name in view.numeric_columns(rows)}
    for name in set(view.VERDICTS) & set(rows[0] if rows else ()):
        longest = max(len(row[name]) for row in rows)
        columns[name] = st.column_config.TextColumn(width=max(130, int(7.5 * longest)))
    longest = max((len(row["Rung"]) for row in rows), default=0)
    columns["Rung"] = st.column_config.TextColumn(pinned=True, width=min(max(190, 8 * longest), 430))
    st.dataframe(rows, hide_index=True, column_config=columns, height="content", key=key, alt=alt)


def show_cost(rows: list[dict[str, str]]) -> None:
    st.markdown(cost_view.FORMULAS, width=parts.TEXT_WIDTH)
    table(rows, "unfolded", "What each run's cost is made of")


def show_configuration(manifest: Mapping[str, Any]) -> None:
    st.table(
        [{"Fact": name, "Value": plain(text)} for name, text in evidence_view.configuration(manifest)],
        border="horizontal", hide_index=True, hide_header=True, alt="What the first rung was measured with",
    )  # fmt: skip
    st.markdown("Engine of the first rung")
    st.code(evidence_view.launch_command(manifest), language=None, wrap_lines=True)


def show_part(part: effects_view.Part) -> None:
    st.header(part.title, anchor=False)
    for text in part.sentences:
        st.markdown(plain(text), width=parts.TEXT_WIDTH)
    if part.figure is not None:
        with st.container(width=parts.TEXT_WIDTH):
            st.plotly_chart(part.figure, config=PLAIN, key=part.title, alt=part.alt)
    if part.rows:
        st.table(
            plain_rows(part.rows),
            border="horizontal", hide_index=True, alt=part.alt,
        )  # fmt: skip
    if part.caption:
        st.caption(part.caption, width=parts.TEXT_WIDTH)


parts.page_title(
    "Ladder",
    "What each technique is worth: added to those before it and beside the article's figures, alone, left out, or in "
    "every combination.",
)
worker_notice(store)
if not experiments:
    st.info(
        "Nothing has been measured yet. Start the starter ladder on Home, or compose an experiment in the Lab.",
        icon=":material/stairs:",
    )
    st.page_link("../pages/home.py", label="Go to Home", icon=":material/home:")
    st.page_link("../pages/lab.py", label="Go to the Lab", icon=":material/experiment:")
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    experiment, problem = choose()
    download = st.container(horizontal=True, vertical_alignment="center", width="content")
parts.link_problem(problem)
version = ladder_version(store, experiment.id)
runs = store.runs.of_experiment(experiment.id)
manifest = first_manifest(runs)


def document() -> str:
    found = ladder_of(store, store.url, experiment.id, version)
    return json.dumps(experiment_document(experiment, runs, found), indent=2, ensure_ascii=False)


download.download_button(
    "Download as JSON",
    document,
    file_name=f"rung-experiment-{experiment.id}.json",
    mime="application/json",
    icon=":material/download:",
    on_click="ignore",
)
download.page_link("../pages/lab.py", label="New experiment", icon=":material/experiment:")
if experiment.kind not in WITHOUT:
    download.page_link(
        "../pages/reports.py",
        label="Report",
        icon=":material/description:",
        query_params={"experiment": str(experiment.id)},
    )
if experiment.status not in UNFINISHED and not recorded_on(experiment.spec):
    with download:
        ended.removal(store, experiment)
ended.recorded_notice(store, experiment)
if experiment.status in UNFINISHED:
    watch_progress(experiment, version)
elif experiment.status in RESUMABLE:
    ended.stopped_notice(store, experiment)

if experiment.kind == sweep_view.KIND:
    if manifest:
        st.caption(plain(view.basis(manifest, experiment.spec.get("repeats", 1)).replace("each rung", "each load")))
    sweep_view.show_sweep(store, experiment)
    st.stop()

ladder = ladder_of(store, store.url, experiment.id, version)
st.header(plain(view.headline(ladder)), anchor=False, width=parts.TEXT_WIDTH)
better = view.cheapest(ladder)
if better:
    st.markdown(plain(better))
if manifest:
    st.caption(plain(view.basis(manifest, experiment.spec.get("repeats", 1))))

cards, top = view.cards(ladder), view.lead_rung(ladder)
parts.metric_cards(cards)
if cards and top is not None:
    st.caption(plain(f"“{top.label}”, and its change from the baseline."))

for shown in effects_view.parts_of(ladder):
    show_part(shown)
if ladder.effects is None and view.measured(ladder):
    st.plotly_chart(waterfall(ladder), config=PLAIN, key="waterfall", alt=description(ladder))
    st.caption(
        "Lower is better. A bar is a rung's cost with its 95 % interval; the grey above it is what the step saved, and "
        "the figure below it the share of expected answers that were given. " + view.article_note(ladder),
        width=parts.TEXT_WIDTH,
    )

st.header("Cost, step by step" if ladder.effects is None else "Cost of each recipe", anchor=False)
table(view.cost_rows(ladder), "cost", "Relative cost, quality and verdict of each rung")
cost_figures = cost_view.unfolded(runs)
if cost_figures:
    parts.folded("How the cost is worked out", ":material/function:", "cost_box", partial(show_cost, cost_figures))
sentences = effects_view.sentences(ladder)
if sentences:
    st.markdown("\n".join(f"- {plain(text)}" for text in sentences))
too_low = low_quality_note(ladder)
if too_low:
    st.markdown(f":material/info: {plain(too_low)}")
st.header("Latency, tokens and quality", anchor=False)
table(view.detail_rows(ladder), "detail", "Latency, throughput, tokens and quality of each rung")
st.caption(
    "Means over repeats. Expected answers: share of prompts answered as expected, by the prompt set's rule. Same "
    "output: share of answers that equal the baseline's to the letter. Similarity: 100 % less the edits that part an "
    "answer from the baseline's. Refusals and empty answers are counted in each repeat."
)

st.header("Did each technique take effect?", anchor=False)
evidence = evidence_view.evidence_rows(ladder)
if evidence:
    st.table(
        [
            {
                "Technique": plain(row.technique),
                "Took effect": row.sign.markdown,
                "Evidence": plain(" ".join([f"{row.detail}.", *row.later])),
                "The article says": plain(row.claim),
            }
            for row in evidence
        ],
        border="horizontal", hide_index=True, alt="Evidence for each technique",
    )  # fmt: skip
else:
    st.caption("No rung with a technique has been measured yet.")

batch_view.show_batches(store, runs)

noise, cautions = evidence_view.noise_sentence(ladder), evidence_view.cautions(ladder)
if noise or cautions:
    with st.container(border=True):
        st.markdown("**:material/visibility: Read with care**")
        st.markdown("\n".join(f"- {plain(text)}" for text in [*([noise] if noise else []), *cautions]))

if manifest:
    parts.folded("Configuration", ":material/settings:", "configuration_box", partial(show_configuration, manifest))
