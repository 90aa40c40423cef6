"""What every page begins with: the one open store, this machine's hardware, and faults told in one line.

The store is shared by all tabs and is safe to share: it holds connections and no state of a person's own.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import replace

import streamlit as st
from sqlalchemy.exc import DatabaseError

from app.analysis.ladder import Ladder
from app.analysis.sweep import Load
from app.engine.hardware import Hardware, detect_hardware
from app.experiment.results import load_ladder, measured_loads
from app.experiment.sweep_loads import KIND as SWEEP
from app.interchange.bundled import offer_recordings
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set, save_starter_sets
from app.studio import model_view
from app.studio.access import may_change, told
from app.studio.model_view import KnownModel
from app.views.ladder_view import climbed, lead_rung
from app.views.wording import plain
from optimizers.errors import InputError
from store.database import explain_database_error
from store.settings import Settings
from store.store import Store

POLL_S = 2.0


@st.cache_resource(show_spinner=False, on_release=Store.close)
def _opened(url: str) -> Store:
    store = Store.open(url)
    save_starter_sets(store)
    offer_recordings(store)
    return store


def open_studio() -> tuple[Store, Settings]:
    """The store and where things are; ends the page with one line when the database cannot be used."""
    settings = replace(Settings.load(), may_download=False)
    _leave_out_of_collections(len(sys.modules))
    try:
        return _opened(settings.database_url), settings
    except (InputError, DatabaseError) as error:
        said = reason(error) if may_change() else "Ask whoever runs this studio."
        st.error(plain(said), icon=":material/database_off:", title="The database cannot be used")
        st.stop()


@st.cache_resource(show_spinner=False)
def _leave_out_of_collections(modules: int) -> None:
    """Streamlit collects garbage after every run of a page or a fragment. Going through all that is loaded takes a
    quarter of a second each time, so what is there by now is left out, once more whenever more modules are."""
    gc.collect()
    gc.freeze()


@st.cache_data(show_spinner=False, ttl=600)
def hardware() -> Hardware:
    return detect_hardware()


@st.cache_data(show_spinner=False, ttl=60)
def look_at(places: tuple[tuple[str, str], ...]) -> list[KnownModel]:
    """The models at these places, read at most once a minute."""
    return model_view.look_at(places)


@st.cache_resource(show_spinner=False, max_entries=8)
def _prompts(_store: Store, url: str, prompt_set_id: int, limit: int | None, content: str) -> PromptSet:
    return load_prompt_set(_store, prompt_set_id, limit)


def read_prompts(store: Store, prompt_set_id: int, limit: int | None = None) -> PromptSet:
    """Read once for all tabs, for as long as the set is what it was."""
    row = store.prompt_sets.get(prompt_set_id)
    return _prompts(store, store.url, prompt_set_id, limit, f"{row.name} {row.score} {row.content_hash}")


@st.cache_data(show_spinner="Comparing the rungs", max_entries=32)
def ladder_of(_store: Store, url: str, experiment_id: int, version: str) -> Ladder:
    """Cached, for one that was not kept yet takes a moment; `version` changes whenever a run's state does."""
    return load_ladder(_store, experiment_id)


@st.cache_resource(show_spinner="Reading the loads", max_entries=8)
def loads_of(_store: Store, url: str, experiment_id: int, version: str) -> list[Load]:
    """A sweep's loads with their requests, read once for all limits that are tried on them."""
    return measured_loads(_store, experiment_id)


def ladder_version(store: Store, experiment_id: int) -> str:
    return store.runs.version_of(experiment_id)


def leading_keys(store: Store, experiment_id: int) -> list[str]:
    """`3.6` and so on: an experiment's rungs but for its baselines, the one that it leads with first."""
    if store.experiments.get(experiment_id).kind == SWEEP:
        return []
    ladder = ladder_of(store, store.url, experiment_id, ladder_version(store, experiment_id))
    lead = lead_rung(ladder)
    return [f"{experiment_id}.{rung.rung}" for rung in sorted(climbed(ladder), key=lambda rung: rung is not lead)]


def attempt(action: Callable[[], object]) -> bool:
    """Whether `action` came through; what went wrong is shown in one line."""
    try:
        action()
    except (InputError, DatabaseError) as error:
        st.error(plain(told(reason(error))), icon=":material/error:")
        return False
    return True


def reason(error: InputError | DatabaseError) -> str:
    """What is wrong, in words. Raises the error again when it is a fault of Rung itself."""
    if isinstance(error, InputError):
        return str(error)
    explained = explain_database_error(error)
    if explained is None:
        raise error
    return f"the database {explained}"


def worker_notice(store: Store) -> None:
    """Warns while no worker runs; looks again by itself, as one may only just be starting."""
    if store.workers.alive():
        return

    @st.fragment(run_every=POLL_S)
    def watch() -> None:
        if store.workers.alive():
            st.rerun()
        st.warning(
            "What is queued waits. The studio starts a worker by itself; without it, run `python -m app worker`.",
            icon=":material/engineering:",
            title="The worker is not running",
        )

    watch()
