"""Compare: a baseline and up to six candidates, from one experiment or several."""

from __future__ import annotations

import streamlit as st

from app.analysis.compare import compare, corrected
from app.analysis.environment import environment_differences
from app.analysis.metric import BY_TAG
from app.analysis.per_prompt import prompt_pairs
from app.experiment.results import prompts_of, rung_data
from app.studio import compare_view as view
from app.studio import parts
from app.studio.charts import PLAIN
from app.studio.session import open_studio
from app.studio.wording import plain, recorded_on, without_folders
from store.tables import RunRow

MOST = 6
RECENT = 30
store, _ = open_studio()


def measured() -> dict[str, tuple[str, list[RunRow]]]:
    """`experiment.rung` -> its name and finished runs, the newest experiment first."""
    found: dict[str, tuple[str, list[RunRow]]] = {}
    for row in store.experiments.recent(RECENT):
        for run in store.runs.of_experiment(row.id):
            if run.status == "done":
                name = f"{row.id} · {run.label}" + (" (recorded)" if recorded_on(row.spec) else "")
                found.setdefault(f"{row.id}.{run.rung}", (without_folders(name), []))[1].append(run)
    return found


def side(key: str) -> view.Side:
    name, runs = rungs[key]
    manifest = next((run.manifest for run in runs if run.manifest), None) or {}
    return view.Side(name, rung_data(store, runs, prompts_of(store, runs[0].experiment_id)), manifest)


@st.cache_resource(show_spinner="Comparing", max_entries=16)
def compared(url: str, keys: tuple[str, ...], runs: tuple[int, ...]) -> tuple[view.Side, list[view.Pairing]]:
    """Cached, for the bootstrap takes a moment; `runs` are the finished runs of all that is compared. Nothing changes
    what is returned, so that no drawing copies all requests."""
    before, *others = (side(key) for key in keys)
    found = corrected([compare(before.data, after.data) for after in others])
    return before, [
        view.Pairing(
            after,
            comparison,
            prompt_pairs(before.data, after.data) if comparison.differences else [],
            environment_differences(before.manifest, after.manifest),
        )
        for after, comparison in zip(others, found, strict=True)
    ]


parts.page_title(
    "Compare", "A baseline and its candidates: how sure each difference is, and which prompts it is made of."
)
rungs = measured()
if len(rungs) < 2:
    st.info("There are no two measured rungs yet. Start the starter ladder on the Home page.", icon=":material/info:")
    st.page_link("../pages/home.py", label="Go to Home", icon=":material/home:")
    st.stop()

named = st.query_params.get("baseline", "")
keys = list(rungs)
newest = keys[0].partition(".")[0]
first = named if named in rungs else next(key for key in keys if key.startswith(f"{newest}."))
baseline = st.selectbox("Baseline", keys, keys.index(first), format_func=lambda key: rungs[key][0], key="compare_base")
own = baseline.partition(".")[0]
others = [key for key in keys if key != baseline]
asked = [key for key in st.query_params.get("with", "").split(",") if key in others]
default = asked or [key for key in others if key.startswith(f"{own}.")][:3] or others[:1]
chosen = st.multiselect(
    "Candidates", others, default[:MOST], format_func=lambda key: rungs[key][0], max_selections=MOST,
    key=f"compare_with_{baseline}",
)  # fmt: skip
st.query_params["baseline"], st.query_params["with"] = baseline, ",".join(chosen)
if not chosen:
    st.info("Choose at least one candidate.", icon=":material/info:")
    st.stop()

runs = tuple(run.id for key in (baseline, *chosen) for run in rungs[key][1])
before, pairings = compared(store.url, (baseline, *chosen), runs)
st.markdown("\n".join(f"- {plain(pairing.sentence)}" for pairing in pairings))

summary, spread, prompts, configuration = st.tabs(["Summary", "Distributions", "Prompts", "Configuration"])
with summary:
    rows = view.summary_rows(pairings)
    if rows:
        st.dataframe(rows, hide_index=True, height="content", key="summary", alt="Each metric beside the baseline's")
    st.caption("Changes from the baseline with their 95 % intervals. Verdicts are corrected for their number.")
with spread:
    tag = st.segmented_control("Latency", list(view.TIMES), default="ttft_ms", format_func=lambda t: BY_TAG[t].title)
    sides = [before, *(pairing.side for pairing in pairings)]
    shown = tag or "ttft_ms"
    st.plotly_chart(view.distributions(sides, shown), config=PLAIN, key="ecdf", alt=view.words(sides, shown))
with prompts:
    which = st.selectbox("Candidate", range(len(pairings)), format_func=lambda at: pairings[at].side.name)
    kept = st.segmented_control("Prompts to show", view.FILTERS, default="All", key="compare_shown") or "All"
    listed = view.prompt_rows(pairings[which].pairs, kept)
    if listed:
        st.dataframe(
            listed, hide_index=True, key="prompts", alt="Each prompt on both sides, the worst regression first"
        )
    else:
        st.caption("No prompt is like that.")
with configuration:
    for pairing in pairings:
        st.markdown(f"**{plain(pairing.side.name)}**")
        changed = view.changed_rows(pairing.changed)
        if changed:
            st.dataframe(
                changed, hide_index=True, key=f"changed_{pairing.side.name}", alt="What the manifests say differently"
            )
        else:
            st.caption("Measured with the same as the baseline.")
