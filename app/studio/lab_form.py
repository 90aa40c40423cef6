"""What the Lab measures its techniques on: model, prompts, kind of experiment, load. Draws; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from app.engine.plan import DTYPES
from app.experiment.sweep_loads import KIND as SWEEP
from app.experiment.sweep_loads import Varied
from app.replay.load import RATED, Kind, Unbatched
from app.studio.lab_link import ENGINE_AND_SAMPLING, FIRST, NUMBERS
from app.studio.new_experiment import LIMITS_FIELD, LOADS_FIELD, OFFERED, RUN, Choice, There

LOADS: Mapping[Kind, str] = {
    "closed_loop": "Closed loop: so many in flight",
    "poisson": "Open loop: a rate, random gaps",
    "constant_rate": "Open loop: a rate, equal gaps",
    "as_recorded": "As recorded",
    "static_batches": "Static batches of that many",
}
LOAD_HELP = (
    "A closed loop sends when an answer has come, so a slow engine is asked less. An open loop sends by the clock, as "
    "users do who know nothing of one another: it shows the queue that a slow engine builds up. Latency counts from "
    "when a request was due. There the rate decides the hardware time of a request: compare latency, not cost."
)
UNBATCHED: Mapping[Unbatched, str] = {
    "one_by_one": "One by one",
    "static": "Static batches of that many",
    "as_sent": "As many in flight",
}
UNBATCHED_HELP = (
    "vLLM always batches what it is given, so what continuous batching is worth depends on what it is held "
    "against. One by one: a request is sent when the last has finished. Static batches: a wave is sent when the "
    "whole former wave has finished, and waits for its slowest. As many in flight: nothing is held back, so the "
    "technique adds no more than its own settings do."
)
VARIED: Mapping[Varied, str] = {
    "closed_loop": "Requests in flight",
    "poisson": "Requests a second, random gaps",
    "constant_rate": "Requests a second, equal gaps",
}


def choose_measured(base: Choice, key: str, there: There) -> Choice:
    """`base` with what the widgets say; their keys begin with `key`."""
    with st.container(horizontal=True):
        models, sets = list(there.models), list(there.sets)
        model = st.selectbox("Model", models, models.index(base.model), width=220, key=f"{key}_model")
        prompts = st.selectbox("Prompt set", sets, sets.index(base.prompts), width=180, key=f"{key}_prompts")
        size = there.sets[prompts]
        first = base.limit if prompts == base.prompts else FIRST["limit"]
        limit = st.number_input(
            f"Prompts, of {size:,}", 1, size, min(first, size), width=150, key=f"{key}_limit_{prompts}",
            help="The first so many of the set. Tails need more than 100.",
        )  # fmt: skip
        kinds = list(OFFERED)
        kind = st.selectbox(
            "Kind of experiment", kinds, kinds.index(base.kind), format_func=lambda found: OFFERED[found].title,
            width=190, key=f"{key}_kind",
        )  # fmt: skip
        repeats = st.number_input("Repeats", *_whole("repeats"), base.repeats, width=130, key=f"{key}_repeats")
    chosen = replace(base, model=model, prompts=prompts, limit=limit, kind=kind, repeats=repeats)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = _choose_loads(chosen, key) if kind == SWEEP else _choose_load(chosen, key)
        price = st.number_input(
            "Hardware ($/hour)", *NUMBERS["price"], base.price, width=150, key=f"{key}_price", placeholder="no price",
            help="What the machine costs, for dollars beside the relative cost and on What-if. None is made up.",
        )  # fmt: skip
    st.caption(OFFERED[kind].help)
    return _choose_engine(replace(chosen, price=price), key)


def _choose_engine(base: Choice, key: str) -> Choice:
    """How answers are drawn and engines launched, folded while all is as everybody finds it."""
    touched = any(getattr(base, field) != FIRST[field] for field in ENGINE_AND_SAMPLING)
    with (
        st.expander("Sampling and engine", expanded=touched, icon=":material/tune:"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        return replace(
            base,
            max_tokens=st.number_input(
                "Output tokens at most", *_whole("max_tokens"), base.max_tokens, width=170, key=f"{key}_max_tokens",
                help="For prompts that name no number of their own.",
            ),
            temperature=st.number_input(
                "Temperature", *NUMBERS["temperature"], base.temperature, 0.1, width=130, key=f"{key}_temperature",
                help="0 makes runs comparable: answers do not change by chance.",
            ),
            warm_up=st.number_input(
                "Warm-up requests", *_whole("warm_up"), base.warm_up, width=150, key=f"{key}_warm_up",
                help="Sent before each run and not measured.",
            ),
            max_model_len=st.number_input(
                "Context (tokens)", *_whole("max_model_len"), base.max_model_len, 256, width=160,
                key=f"{key}_max_model_len", placeholder="the model's", help="Of the longest request, answer included.",
            ),
            kv_cache_gib=st.number_input(
                "KV cache (GiB)", *NUMBERS["kv_cache_gib"], base.kv_cache_gib, 0.5, width=150,
                key=f"{key}_kv_cache_gib", placeholder="by Rung",
            ),
            dtype=st.selectbox(
                "Weights and arithmetic", DTYPES, DTYPES.index(base.dtype), width=180, key=f"{key}_dtype",
                help="auto: as the checkpoint; float32 on processors without AVX-512.",
            ),
        )  # fmt: skip


def _choose_load(base: Choice, key: str) -> Choice:
    loads, ways = list(LOADS), list(UNBATCHED)
    load = st.selectbox(
        "Load", loads, loads.index(base.load), format_func=LOADS.__getitem__, width=260, key=f"{key}_load",
        help=LOAD_HELP,
    )  # fmt: skip
    rate = base.rate
    if load in RATED:
        rate = st.number_input("Requests a second", *NUMBERS["rate"], base.rate, width=150, key=f"{key}_rate")
    concurrency = st.number_input(
        "Requests in flight", *_whole("concurrency"), base.concurrency, width=150, key=f"{key}_concurrency"
    )
    unbatched = st.selectbox(
        "Without continuous batching", ways, ways.index(base.unbatched), format_func=UNBATCHED.__getitem__, width=230,
        key=f"{key}_unbatched", help=UNBATCHED_HELP,
    )  # fmt: skip
    baseline = base.baseline
    if base.kind == RUN:
        baseline = st.toggle("Baseline beside it", base.baseline, key=f"{key}_baseline")
    return replace(base, load=load, rate=rate, concurrency=concurrency, unbatched=unbatched, baseline=baseline)


def _choose_loads(base: Choice, key: str) -> Choice:
    ways = list(VARIED)
    varied = st.selectbox(
        "What grows", ways, ways.index(base.varied), format_func=VARIED.__getitem__, width=260, key=f"{key}_varied"
    )
    loads = st.text_input(
        LOADS_FIELD, base.loads, width=320, key=f"{key}_loads", help="Numbers with commas between them, up to 50."
    )
    slo = st.text_input(
        LIMITS_FIELD, base.slo, width=260, key=f"{key}_slo", placeholder="ttft_ms=500, tpot_ms=50",
        help="The SLO of a request, in milliseconds: ttft_ms, tpot_ms, e2e_ms. Empty: none.",
    )  # fmt: skip
    return replace(base, varied=varied, loads=loads, slo=slo)


def _whole(field: str) -> tuple[int, int]:
    low, high = NUMBERS[field]
    return int(low), int(high)
