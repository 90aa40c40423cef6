"""Home in each state: never empty, one clear thing to do, and nothing but the store is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, label_of, words

START = "Start the starter ladder"


@pytest.mark.usefixtures("starter")
def test_the_first_screen_says_what_the_button_will_do(open_page: Open) -> None:
    at = open_page("home")
    said = words(at)
    assert "7 rungs × 3 repeats = 21 runs of 128 prompts: **2,688 requests**, **3 engine starts**" in said
    assert "; no estimate yet: nothing has been measured here." in said
    assert "The starter models are instruments" in said
    assert any("with the draft model starter" in adds for adds in at.table[0].value["What it adds"])
    assert not at.button[label_of(at, START)].disabled
    assert at.table[0].value["Rung"][0] == "Baseline"


@pytest.mark.usefixtures("starter")
def test_the_button_queues_the_ladder_once(open_page: Open, store: Store) -> None:
    at = open_page("home")
    at.button[label_of(at, START)].click().run()
    assert not at.exception
    (row,) = store.experiments.unfinished()
    assert (row.kind, row.title) == ("ladder", "Ladder: starter on support-desk")
    load = {"kind": "closed_loop", "concurrency": 8, "unbatched": "one_by_one", "history": "live"}
    assert row.spec["load"] == load
    assert START not in [button.label for button in at.button]
    assert "0 of 2,688 requests" in at.get("progress")[0].proto.text


@pytest.mark.usefixtures("starter")
def test_a_smaller_ladder_is_announced_as_such(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_STARTER_PROMPTS", "16")
    at = open_page("home")
    assert "21 runs of 16 prompts (the first 16 of 128): **336 requests**" in words(at)
    at.button[label_of(at, START)].click().run()
    assert store.experiments.unfinished()[0].spec["prompt_limit"] == 16


def test_without_a_starter_model_the_button_is_off_and_the_page_says_why(open_page: Open) -> None:
    at = open_page("home")
    assert at.button[label_of(at, START)].disabled
    assert "The starter ladder cannot run here" in words(at)


def test_a_dead_worker_is_pointed_out(open_page: Open) -> None:
    at = open_page("home")
    assert "python -m app worker" in at.warning[0].value


def test_a_living_worker_is_not_mentioned(open_page: Open, store: Store) -> None:
    store.workers.register(1, 0.0, "here")
    assert not open_page("home").warning


def test_a_running_experiment_shows_each_rung_and_the_time_left(open_page: Open, store: Store) -> None:
    factory.running(store)
    factory.queued(store, "Ladder: other on unique")
    at = open_page("home")
    said = words(at)
    assert "Baseline again, repeat 2 of 2" in said
    bar = at.get("progress")[0].proto
    assert bar.text.startswith("42 of 120 requests · ")
    assert bar.text.endswith(" left, at the pace so far")
    states = dict(zip(at.table[0].value["Rung"], at.table[0].value["State"], strict=True))
    assert states["Baseline"].endswith(" done")
    assert states["Baseline again"].endswith("running, 1 of 2 repeats done")
    assert states["\\+ Prefix caching"].endswith(" queued")
    done = dict(zip(at.table[0].value["Rung"], at.table[0].value["Requests of finished repeats"], strict=True))
    assert (done["Baseline"], done["Baseline again"]) == ("24 of 24", "12 of 24")
    assert "Ladder: other on unique" in said
    assert START not in [button.label for button in at.button]


def test_cancelling_is_asked_for_and_then_shown(open_page: Open, store: Store) -> None:
    experiment = factory.running(store)
    at = open_page("home")
    at.button(key=f"cancel_{experiment}").click().run()
    assert store.experiments.cancel_requested(experiment)
    assert at.button(key=f"cancel_{experiment}").disabled
    assert "Cancelling" in words(at)


def test_a_queued_experiment_can_be_taken_out(open_page: Open, store: Store) -> None:
    factory.running(store)
    waiting = factory.queued(store)
    at = open_page("home")
    at.button(key=f"remove_{waiting}").click().run()
    assert store.experiments.get(waiting).status == "cancelled"
    assert "Queue" not in words(at)


@pytest.mark.usefixtures("starter")
def test_a_failed_experiment_says_why_and_shows_its_log(open_page: Open, store: Store, tmp_path: Path) -> None:
    log = tmp_path / "engine-1.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    factory.stopped(store, "failed", "the engine ended: no memory for the KV cache", str(log))
    at = open_page("home")
    assert "The engine ended: no memory for the KV cache." in words(at)
    assert at.code[0].value.splitlines()[0] == "line 60"
    assert not at.button[label_of(at, START)].disabled


def test_an_interrupted_experiment_is_resumed(open_page: Open, store: Store) -> None:
    experiment = factory.stopped(store, "interrupted", "its worker ended in the middle of it")
    at = open_page("home")
    at.button(key=f"resume_{experiment}").click().run()
    assert store.experiments.get(experiment).status == "queued"
    assert at.get("progress")[0].proto.text == "12 of 120 requests"


def test_the_latest_finished_ladder_is_summed_up(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("home")
    assert "With prefix caching, continuous batching and speculative decoding, an answered request costs" in words(at)
    assert len(at.get("plotly_chart")) == 1


def test_a_hostile_title_stays_text(open_page: Open, store: Store) -> None:
    factory.queued(store, "![x](http://example.invalid/x.png) :red[boo]")
    at = open_page("home")
    assert at.header[0].value.startswith(r"\!\[x\]\(http\:")


@pytest.mark.parametrize("page", ["home", "live"])
def test_the_notice_of_a_stopped_experiment_is_put_away_for_good(open_page: Open, store: Store, page: str) -> None:
    experiment = factory.stopped(store, "cancelled", None)
    at = open_page(page)
    assert f"resume_{experiment}" in {button.key for button in at.button}
    at.button(key=f"put_away_{experiment}").click().run()
    assert not at.exception
    for name in ("home", "live"):
        assert f"resume_{experiment}" not in {button.key for button in open_page(name).button}
    assert "Nothing runs now, and nothing waits." in words(open_page("live"))
    assert f"resume_{experiment}" in {button.key for button in open_page("ladder").button}
    store.experiments.resume(experiment)
    store.experiments.claim(experiment)
    store.experiments.finish(experiment, "failed", {}, "no memory")
    assert f"resume_{experiment}" in {button.key for button in open_page(page).button}
