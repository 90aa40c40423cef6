"""Compare: a baseline and up to six candidates, from one experiment or several."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from app.analysis.metric import BY_TAG
from app.analysis.per_prompt import PromptPair, prompt_matrix
from app.analysis.summary import LATENCIES
from app.analysis.trade_off import QUALITY, Limits
from app.experiment.comparing import Pairing, Side, load_side, pair, pairs_of, settled, trade_off_point
from app.experiment.kept_prompts import sent_prompt
from app.experiment.results import prompts_of
from app.studio import compare_prompts as by_prompt
from app.studio import parts
from app.studio.answers_view import show_answers
from app.studio.compare_opening import first_baseline, first_candidates
from app.studio.compare_summary import show_summary
from app.studio.linked import linked_choice, linked_many, linked_radio
from app.studio.session import open_studio, read_prompts
from app.views import compare_view as view
from app.views import trade_off_view
from app.views.charts import PLAIN
from app.views.compare_configuration import configuration_rows
from app.views.wording import plain, told_apart, without_folders
from optimizers.prompt import Prompt

MOST = 6
# (number, when it finished) of a rung's runs: a number is given again once its experiment was removed.
Runs = tuple[tuple[int, float | None], ...]
TABS = ("Summary", "Trade-off", "Distributions", "Prompts", "Configuration")
store, settings = open_studio()


def measured() -> dict[str, tuple[str, Runs]]:
    """`experiment.rung` -> its name and finished runs, the newest experiment first."""
    recorded = store.recordings.numbers()
    runs: dict[str, list[tuple[int, float | None]]] = {}
    names: dict[str, str] = {}
    for run in store.runs.finished():
        key = f"{run.experiment_id}.{run.rung}"
        runs.setdefault(key, []).append((run.id, run.finished_at))
        mark = " (recorded)" if run.experiment_id in recorded else ""
        names.setdefault(key, without_folders(f"{run.experiment_id} · {run.label}{mark}"))
    taken = list(names.values())
    return {
        key: (name if taken.count(name) == 1 else f"{name} ({key})", tuple(runs[key])) for key, name in names.items()
    }


@st.cache_resource(show_spinner="Reading the runs", max_entries=24)
def side_of(url: str, key: str, name: str, runs: Runs) -> Side:
    """Cached by its finished runs; nothing changes what is returned, so that no drawing copies all requests."""
    rows = store.runs.several([number for number, _ in runs])
    asked = prompts_of(store, rows[0].experiment_id, partial(read_prompts, store))
    return load_side(store, rows, key, name, asked)


@st.cache_resource(show_spinner="Comparing", max_entries=48)
def paired(url: str, before: tuple[str, Runs], after: tuple[str, Runs]) -> Pairing:
    """Cached, for the bootstrap takes a moment. What a side is: its key and its finished runs."""
    return pair(*(side_of(url, key, rungs[key][0], runs) for key, runs in (before, after)))


@st.cache_resource(show_spinner=False, max_entries=48)
def prompt_pairs(url: str, before: tuple[str, Runs], after: tuple[str, Runs]) -> list[PromptPair]:
    return pairs_of(side_of(url, before[0], rungs[before[0]][0], before[1]), paired(url, before, after))


parts.page_title(
    "Compare", "A baseline and its candidates: how sure each difference is, and which prompts it is made of."
)
rungs = measured()
if len(rungs) < 2:
    st.info("There are no two measured rungs yet. Start the starter ladder on the Home page.", icon=":material/info:")
    st.page_link("../pages/home.py", label="Go to Home", icon=":material/home:")
    st.stop()

names = {key: name for key, (name, _) in rungs.items()}
named = st.query_params.get("baseline", "")
apart = told_apart(store.experiments.titles())
listed = {key: name + apart.get(int(key.partition(".")[0]), "") for key, name in names.items()}
first_key = named if named in names else first_baseline(store, list(names))
baseline = linked_choice("Baseline", listed, "baseline", first_key)
others = {key: name for key, name in listed.items() if key != baseline}
opening = first_candidates(store, baseline, list(others))
chosen = linked_many("Candidates", others, "with", opening, {"baseline": baseline}, MOST)
for said in view.link_problems(st.query_params.get("baseline"), st.query_params.get("with", ""), list(names), MOST):
    parts.link_problem(said)
if not chosen:
    st.info("Choose at least one candidate.", icon=":material/info:")
    st.stop()

before = side_of(store.url, baseline, *rungs[baseline])
pairings = settled(before, [paired(store.url, (baseline, rungs[baseline][1]), (key, rungs[key][1])) for key in chosen])
sides = [before, *(pairing.side for pairing in pairings)]

parts.report_link((baseline, *chosen))
refused, besides = view.not_comparable(pairings), view.other_causes(pairings)
if refused:
    st.error("\n".join(f"- {plain(text)}" for text in refused), title="Not comparable", icon=":material/block:")
if besides:
    st.warning(
        "\n".join(f"- {plain(text)}" for text in besides),
        title="More than the techniques differs: a change may be due to that",
        icon=":material/warning:",
    )
st.markdown("\n".join(f"- {plain(view.sentence(pairing))}" for pairing in pairings))
first = view.told_first(pairings)
if first is not None:
    parts.metric_cards(view.cards(first))
    st.caption(plain(view.counts_sentence(first)))
tabs = dict(zip(TABS, st.tabs(list(TABS), key="compare_view", on_change="rerun", bind="query-params"), strict=True))


def number(label: str, key: str, most: float | None = None) -> float | None:
    return st.number_input(
        label, 0.0, most, None, key=key, bind="query-params", placeholder="no limit", width=220,
    )  # fmt: skip


def show_trade_off() -> None:
    with st.container(horizontal=True):
        given = {tag: number(f"{BY_TAG[tag].title} p95 at most (ms)", f"compare_{tag}") for tag in LATENCIES}
        least = number("Expected answers at least (%)", "compare_quality", 100.0)
    limits = Limits({tag: limit for tag, limit in given.items() if limit}, least)
    tag = linked_radio(
        "Latency on the second chart", {tag: f"{BY_TAG[tag].title} p95" for tag in LATENCIES}, "compare_latency"
    )
    points = [trade_off_point(side, pairing) for side, pairing in zip(sides, [None, *pairings], strict=True)]
    said = trade_off_view.limits_sentence(points, limits)
    if said:
        st.markdown(plain(said), width=parts.TEXT_WIDTH)
    for place, axis in zip(st.columns(2), (QUALITY, tag), strict=True):
        with place:
            st.markdown(plain(trade_off_view.front_sentence(points, axis)))
            if len(trade_off_view.drawable(points, axis)) > 1:
                figure = trade_off_view.trade_off(points, axis, limits)
                st.plotly_chart(figure, config=PLAIN, key=f"front_{axis}", alt=trade_off_view.words(points, axis))
    if limits.any:
        parts.report_link((baseline, *chosen), limits)
    rows = trade_off_view.rows_of(points, (QUALITY, tag), limits)
    st.dataframe(rows, hide_index=True, height="content", key="points", alt="Each recipe's figures and limits")
    st.caption(
        "95 % intervals: of the cost by repeats and prompts, of a p95 by order statistics over all requests, of right "
        "answers by prompts. A p95 of fewer than 72 requests has none."
    )


def show_distributions() -> None:
    tag = linked_radio("Latency", {tag: BY_TAG[tag].title for tag in LATENCIES}, "compare_times")
    st.plotly_chart(view.distributions(sides, tag), config=PLAIN, key="ecdf", alt=view.words(sides, tag))
    rows = view.percentile_rows(sides)
    columns = {name: st.column_config.TextColumn(alignment="right") for name in list(rows[0])[1:]}
    st.dataframe(
        rows, hide_index=True, column_config=columns, height="content", key="tails", alt="Percentiles of each latency"
    )
    st.caption("All answered requests of all repeats. Times count from when a request was due.")


def show_prompts() -> None:
    rows = prompt_matrix(
        [prompt_pairs(store.url, (baseline, rungs[baseline][1]), (key, rungs[key][1])) for key in chosen]
    )
    if not rows:
        st.info("The candidates and the baseline have no prompt in common.", icon=":material/info:")
        return
    prompts = before.prompts
    ids = {at: prompt.id for at, prompt in enumerate(prompts.prompts)} if prompts else {}
    shown = linked_radio("Prompts to show", by_prompt.counts(rows), "compare_show")
    kept = by_prompt.kept_rows(rows, shown)
    if not kept:
        st.caption("No prompt is like that.")
        return
    # A selection is a place in the table: other rows need another table.
    key = "_".join(["prompts", shown, *(str(run) for side in sides for run in side.run_ids)])

    def read() -> None:
        picked = st.session_state[key].selection.rows
        st.session_state["compare_prompt"] = kept[picked[0]].position + 1 if picked else None

    st.dataframe(
        by_prompt.matrix(kept, [pairing.side.name for pairing in pairings], ids), hide_index=True, key=key,
        on_select=read, selection_mode="single-row", alt="Each prompt on all sides, the worst regression first",
    )  # fmt: skip
    last, repeats = max(row.position for row in rows) + 1, by_prompt.repeats_of(sides)
    with st.container(horizontal=True):
        place = st.number_input(
            "Prompt to read", 1, last, None, key="compare_prompt", bind="query-params", width=190,
            placeholder="the worst", help="By its place in the set; a row of the table chooses it as well.",
        )  # fmt: skip
        repeat = 1
        if repeats > 1:
            repeat = st.selectbox(
                "Repeat", list(range(1, repeats + 1)), key="compare_repeat", bind="query-params", width=100,
                help="Whose answers are shown. Same or different in the table is of the first.",
            )  # fmt: skip
    row = next((row for row in rows if row.position + 1 == place), kept[0])
    show_answers(before, [pairing.side for pairing in pairings], row.position, repeat - 1, prompts, sent)


def sent(side: Side, prompt: Prompt) -> Prompt | None:
    return sent_prompt(store, settings, side.recipe, side.manifest, prompt)


def show_configuration() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input("Find", key="compare_find", bind="query-params", placeholder="a word", width=260)
        everything = st.toggle("Also what is the same", key="compare_all", bind="query-params")
    rows = configuration_rows(sides, everything, words)
    if rows:
        st.dataframe(rows, hide_index=True, height="content", key="configuration", alt="What the manifests say")
    elif words:
        st.caption("No fact holds those words.")
    else:
        st.caption("All were measured with the same.")


DRAW: tuple[Callable[[], None], ...] = (
    partial(show_summary, before, pairings), show_trade_off, show_distributions, show_prompts, show_configuration,
)  # fmt: skip
for name, draw in zip(TABS, DRAW, strict=True):
    if tabs[name].open:
        with tabs[name]:
            draw()
