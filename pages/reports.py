"""Reports: an experiment, or compared runs, as a document to hand on."""

from __future__ import annotations

import streamlit as st

from app.analysis.sweep import sweep
from app.analysis.trade_off import Limits
from app.experiment.comparing import compare_sides, find_sides
from app.experiment.spec import kept_slo
from app.reports.repeating import compare_command
from app.reports.reporting import SWEEP, WITHOUT, rendered, rendered_comparison
from app.studio import ended, parts, sweep_view
from app.studio.access import told
from app.studio.linked import linked_experiment
from app.studio.report_forms import choose_texts, report_forms
from app.studio.session import ladder_of, ladder_version, loads_of, open_studio, reason
from app.views import ladder_view as view
from app.views import sweep_words, trade_off_view
from app.views.wording import in_opening_order, listed, plain, without_folders
from optimizers.errors import InputError
from store.tables import ExperimentRow

STATUS = {"running": "is running", "failed": "failed"}
store, _ = open_studio()


def show_comparison(keys: list[str]) -> None:
    try:
        before, *others = find_sides(store, keys)
    except InputError as error:
        st.error(plain(told(reason(error))), icon=":material/error:", title="These runs cannot be reported")
        st.page_link("../pages/compare.py", label="Choose others on Compare", icon=":material/compare_arrows:")
        return
    names = [without_folders(side.name) for side in others]
    st.header(plain(f"{listed(names)} beside {without_folders(before.name)}"), anchor=False, width=parts.TEXT_WIDTH)
    limits, problem = linked_limits()
    link = {"baseline": keys[0], "with": ",".join(keys[1:]), **compare_limits(limits)}
    st.page_link("../pages/compare.py", label="Open on Compare", icon=":material/compare_arrows:", query_params=link)
    parts.link_problem(problem)
    if limits.any:
        st.caption(plain(f"Limits: {trade_off_view.limits_words(limits)}. They are set on Compare, under Trade-off."))
    texts = choose_texts()
    words = f" --texts {texts}" if texts != "full" else ""

    def made(form: str) -> bytes:
        return rendered_comparison(store, before, compare_sides(before, others), form, texts, limits)

    report_forms(
        made, f"rung-compare-{'-'.join(keys)}",
        compare_command(keys, limits), "run", texts, words,
    )  # fmt: skip


def linked_limits() -> tuple[Limits, str]:
    """Those that the link names, and what is wrong with them; none then."""
    try:
        return Limits.read(st.query_params.get("limits", ""), "limits"), ""
    except InputError as error:
        return Limits(), f"The link's {error}. The report has no limits."


def compare_limits(limits: Limits) -> dict[str, str]:
    """Compare's parameters for them."""
    if not limits.any:
        return {}
    return {"compare_view": "Trade-off", **{f"compare_{tag}": f"{limit:.15g}" for tag, limit in limits.all()}}


def show_sweep(experiment: ExperimentRow) -> None:
    kept = kept_slo(experiment.spec)
    slo = sweep_view.chosen_limits(kept)
    loads = loads_of(store, store.url, experiment.id, ladder_version(store, experiment.id))
    found = sweep(loads, slo)
    unit = sweep_words.unit_of(experiment)
    for text in sweep_words.sentences(found, slo, unit):
        st.markdown(plain(text), width=parts.TEXT_WIDTH)
    words = "" if slo == kept else f" --slo {slo or 'none'}"
    report_forms(
        lambda form: rendered(store, experiment.id, form, "full", slo), f"rung-{experiment.id}",
        f"python -m app report {experiment.id}", "load", words=words,
    )  # fmt: skip


def show_ladder(experiment: ExperimentRow) -> None:
    ladder = ladder_of(store, store.url, experiment.id, ladder_version(store, experiment.id))
    st.header(plain(view.headline(ladder)), anchor=False, width=parts.TEXT_WIDTH)
    texts = choose_texts()
    words = f" --texts {texts}" if texts != "full" else ""
    report_forms(
        lambda form: rendered(store, experiment.id, form, texts), f"rung-{experiment.id}",
        f"python -m app report {experiment.id}", "rung", texts, words,
    )  # fmt: skip


parts.page_title(
    "Reports", "An experiment, or compared runs, as a document: figures with their intervals, evidence, what it was "
    "measured with, and the command that repeats it.",
)  # fmt: skip
compared = [key for key in st.query_params.get("runs", "").split(",") if key]
if len(compared) > 1:
    show_comparison(compared)
    st.stop()


def barred(row: ExperimentRow) -> str | None:
    """Why there is no report of it."""
    if row.kind in WITHOUT:
        return "has no report"
    return "waits for its turn" if row.status == "queued" else None


measured = [row for row in store.experiments.recent() if barred(row) is None]
if not measured:
    st.info("Nothing has been measured yet. Start the starter ladder on the Home page.", icon=":material/info:")
    st.page_link("../pages/home.py", label="Open Home", icon=":material/home:")
    st.stop()

experiment, problem = linked_experiment(store, measured, in_opening_order(measured)[0], barred)
parts.link_problem(problem)
ended.recorded_notice(store, experiment)
if experiment.status != "done":
    st.warning(
        f"This experiment {STATUS.get(experiment.status, 'was ' + experiment.status)}: the report holds what has been "
        "measured so far.",
        icon=":material/warning:",
    )
if experiment.kind == SWEEP:
    show_sweep(experiment)
else:
    show_ladder(experiment)
st.page_link(
    "../pages/compare.py", label="Runs of several experiments: choose them on Compare, then Report",
    icon=":material/compare_arrows:",
)  # fmt: skip
