"""What a prefix cache would serve of a set, on the Prompts page: the prediction, the map, the largest beginnings."""

from __future__ import annotations

import streamlit as st

from app.engine.builtin import STARTER
from app.engine.hub import find_model
from app.experiment.prompt_stats import PromptStats, block_sizes_to_show, stats_of
from app.experiment.tokenizers import local_models
from app.prompts.saved import load_prompt_set
from app.studio import parts, prefix_view
from app.studio import prompt_view as view
from app.studio.session import hardware
from app.views.charts import PLAIN
from app.views.wording import plain, without_folders
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store
from store.tables import PromptSetRow


@st.cache_resource(show_spinner="Counting the tokens", max_entries=16)
def predict(
    _row: PromptSetRow,
    _store: Store,
    _settings: Settings,
    url: str,
    content_hash: str,
    model: str,
    sizes: tuple[int, ...],
) -> PromptStats:
    return stats_of(load_prompt_set(_store, _row.id), find_model(_store, _settings, model), sizes)


def draw_prefixes(store: Store, settings: Settings, row: PromptSetRow) -> None:
    known = [name for name, _ in local_models(store, settings)]
    sizes = block_sizes_to_show(hardware().device)
    with st.container(horizontal=True):
        model = st.selectbox("Tokens counted by", known, key="tokenizer", bind="query-params", width=320) or STARTER
        blocks = [str(size) for size in sizes]
        block = st.selectbox("Tokens in a block", blocks, key="block", bind="query-params", width=200)
    chosen = int(block or sizes[0])
    ordered = (chosen, *(size for size in sizes if size != chosen))
    try:
        stats = predict(row, store, settings, store.url, row.content_hash, model, ordered)
    except InputError as error:
        st.caption(plain(without_folders(f"Nothing can be predicted: {error}.")), width=parts.TEXT_WIDTH)
        return
    st.table(
        view.prediction_rows(stats.shared),
        border="horizontal", hide_index=True, width=parts.TEXT_WIDTH, alt="Predicted prefix-cache hits",
    )  # fmt: skip
    st.caption(view.tokens_sentence(stats), width=parts.TEXT_WIDTH)
    found = stats.beginnings
    sentence = prefix_view.map_sentence(found)
    st.markdown(sentence, width=parts.TEXT_WIDTH)
    if not found.map.nodes:
        return
    st.plotly_chart(
        prefix_view.map_figure(found), config=PLAIN, key="prefix_map", alt=f"Map of shared beginnings. {sentence}"
    )
    if found.largest:
        numbers = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            prefix_view.beginning_rows(found.largest, found.block_size),
            hide_index=True,
            column_config={
                "Tokens": numbers, f"In blocks of {found.block_size}": numbers, "Prompts": numbers,
                "Tokens repeated": numbers, "First words of its own part": st.column_config.TextColumn(width="large"),
            },
            height="content" if len(found.largest) <= 8 else 320,
            key=f"beginnings_{row.content_hash}_{found.block_size}",
            alt="The largest shared beginnings",
        )  # fmt: skip
        st.caption(
            "A beginning's own part is what it adds to the next shorter one. “Tokens repeated” counts it for each "
            "prompt but the first: that is computed again without a cache.",
            width=parts.TEXT_WIDTH,
        )
