"""Live in each state: nothing yet, queued, running, cancelling, stopped, idle after something; and as a viewer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from store.settings import Settings
from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, unfolded, words

FIGURES = [
    "Throughput", "Output rate", "Running", "Waiting", "KV cache", "Prefix hit rate", "Acceptance", "Preemptions",
    "Power", "Cost so far",
]  # fmt: skip


@pytest.fixture
def worker(store: Store) -> None:
    store.workers.register(1, 0.0, "here")


def grid_of(at: AppTest) -> str:
    return "".join(each.proto.body for each in at.get("html") if "<dl" in each.proto.body)


def figures_of(at: AppTest) -> dict[str, str]:
    return {
        card[0]: card[1]
        for card in (re.findall("<d[td][^>]*>([^<]*)<", card) for card in grid_of(at).split("<div")[1:])
    }


def links(at: AppTest) -> list[str]:
    return [link.proto.label for link in at.get("page_link")]


@pytest.mark.usefixtures("worker")
def test_before_anything_has_run_the_page_says_how_to_begin(open_page: Open) -> None:
    at = open_page("live")
    assert "Nothing runs now" in words(at)
    assert links(at) == ["Go to Home, for the starter ladder", "Put an experiment together in the Lab"]
    assert not figures_of(at)
    assert not at.get("progress")
    assert not at.warning


@pytest.mark.usefixtures("worker")
def test_idle_after_an_experiment_links_to_its_results(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("live")
    assert "Latest finished experiment" in words(at)
    assert "Ladder: starter on support-desk, " in words(at)
    assert "took 6 min 24 s" in words(at)
    link = at.get("page_link")[-1].proto
    assert (link.label, link.query_string) == ("Open its results", "experiment=1")


@pytest.mark.usefixtures("worker")
def test_a_run_is_shown_with_its_newest_figures(open_page: Open, store: Store, settings: Settings) -> None:
    experiment = factory.running(store)
    factory.readings(store, settings, experiment)
    at = open_page("live")
    found = figures_of(at)
    assert list(found) == FIGURES
    assert (found["Throughput"], found["Output rate"], found["Running"]) == ("2.00 req/s", "50.0 tok/s", "4")
    assert (found["KV cache"], found["Acceptance"], found["Power"]) == ("20.0 %", "–", "–")
    said = words(at)
    assert "Baseline again, repeat 2 of 2" in said
    assert "This run: 20 s, 40 answered." in grid_of(at)
    assert at.get("progress")[0].proto.text.endswith(" left, at the pace so far")
    assert len(at.table[0].value) == 5
    assert "Nothing runs now" not in said
    alts = re.findall('alt="([^"]*)"', grid_of(at))
    assert alts[0] == "Throughput over the last 19 s: now 2.00 req/s, at most 2.00 req/s"


@pytest.mark.usefixtures("worker")
def test_what_a_figure_says_is_told_below(open_page: Open, store: Store) -> None:
    factory.running(store)
    told = open_page("live").table[1].value
    assert list(told["Figure"]) == FIGURES
    assert told["What it is"].str.len().min() > 20


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("wrong", ["another run", "an old file", "no file"])
def test_without_readings_of_now_every_figure_is_missing(
    open_page: Open, store: Store, settings: Settings, wrong: str
) -> None:
    experiment = factory.running(store)
    if wrong != "no file":
        age_s = 60.0 * (wrong == "an old file")
        factory.readings(
            store, settings, experiment, age_s=age_s, status="queued" if wrong == "another run" else "running"
        )
    at = open_page("live")
    assert set(figures_of(at).values()) == {"–"}
    assert "No figures now" in grid_of(at)


@pytest.mark.usefixtures("worker")
def test_the_price_is_shown_with_what_was_spent(open_page: Open, store: Store) -> None:
    experiment = factory.queued(store, price_per_hour=3.6)
    store.experiments.claim(experiment)
    at = open_page("live")
    assert figures_of(at)["Cost so far"].startswith("$0.0")
    assert ">$3.60/h<" in grid_of(at)


@pytest.mark.usefixtures("worker")
def test_cancel_is_asked_for_and_then_shown(open_page: Open, store: Store) -> None:
    experiment = factory.running(store)
    at = open_page("live")
    at.button(key=f"cancel_{experiment}").click().run()
    assert store.experiments.cancel_requested(experiment)
    assert at.button(key=f"cancel_{experiment}").disabled
    assert "Cancelling" in words(at)


@pytest.mark.usefixtures("worker")
def test_what_waits_can_be_taken_out(open_page: Open, store: Store) -> None:
    factory.running(store)
    waiting = factory.queued(store, "Ladder: other on unique")
    at = open_page("live")
    assert "Ladder: other on unique, since " in words(at)
    at.button(key=f"remove_{waiting}").click().run()
    assert store.experiments.get(waiting).status == "cancelled"
    assert "Queue" not in words(at)


def test_without_a_worker_what_is_queued_waits_and_the_page_says_so(open_page: Open, store: Store) -> None:
    factory.queued(store)
    at = open_page("live")
    assert at.warning[0].proto.title == "The worker is not running"
    assert "Figures come once its requests are sent." in grid_of(at)
    assert "Waiting for the worker" in words(at)


@pytest.mark.usefixtures("worker")
def test_a_failed_experiment_says_why_and_shows_its_log(open_page: Open, store: Store, tmp_path: Path) -> None:
    log = tmp_path / "engine-1.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    experiment = factory.stopped(store, "failed", "the engine ended: no memory for the KV cache", str(log))
    at = open_page("live")
    assert "The engine ended: no memory for the KV cache." in words(at)
    assert at.code[0].value.splitlines()[-1] == "line 99"
    at.button(key=f"resume_{experiment}").click().run()
    assert store.experiments.get(experiment).status == "queued"


@pytest.mark.usefixtures("worker")
def test_the_log_of_the_running_engine_is_shown(open_page: Open, store: Store, tmp_path: Path) -> None:
    engine_with_log(store, factory.running(store), tmp_path)
    at = open_page("live")
    assert not at.code
    assert unfolded(at, "engine_log").code[0].value == "loading\nready"


@pytest.mark.usefixtures("worker")
def test_another_experiments_log_is_not(open_page: Open, store: Store, tmp_path: Path) -> None:
    engine_with_log(store, factory.finished(store), tmp_path)
    factory.running(store)
    at = unfolded(open_page("live"), "engine_log")
    assert not at.code
    assert "No engine of this experiment has written a log here so far." in words(at)


@pytest.mark.usefixtures("worker")
def test_a_viewer_sees_figures_but_no_log_and_nothing_to_press(
    open_page: Open, store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    experiment = factory.running(store)
    factory.queued(store, "Ladder: other on unique")
    engine_with_log(store, experiment, tmp_path)
    factory.readings(store, settings, experiment)
    at = open_page("live")
    assert figures_of(at)["Throughput"] == "2.00 req/s"
    assert "Ladder: other on unique" in words(at)
    assert not at.button
    assert "The end of the engine's log" not in [box.label for box in at.expander]
    assert not unfolded(at, "engine_log").code


@pytest.mark.usefixtures("worker")
def test_a_viewer_sees_why_something_failed_without_paths(
    open_page: Open, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    log = tmp_path / "engine-1.log"
    log.write_text("secret")
    factory.stopped(store, "failed", "model '/home/someone/models/m': no such folder", str(log))
    at = open_page("live")
    assert "Model 'm': no such folder." in words(at)
    assert "someone" not in words(at)
    assert not at.button
    assert not at.code


@pytest.mark.usefixtures("worker")
def test_a_hostile_title_stays_text(open_page: Open, store: Store) -> None:
    factory.queued(store, "![x](http://example.invalid/x.png) :red[boo]")
    assert open_page("live").header[0].value.startswith(r"\!\[x\]\(http\:")


def engine_with_log(store: Store, experiment: int, folder: Path) -> None:
    log = folder / "engine-1.log"
    log.write_text("loading\nready\n")
    engine = store.engines.add({"model": "starter"}, None, experiment)
    store.engines.launched(engine, 1, 0.0, "http://127.0.0.1:1", str(log), {})
