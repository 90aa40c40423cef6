"""Prompt sets, models, engines and the worker's heartbeat."""

from __future__ import annotations

from time import time

import pytest

from optimizers.errors import InputError
from store import workers
from store.experiments import PlannedRun
from store.prompt_sets import NewPromptSet
from store.store import Store


def new_set(name: str = "letters", content_hash: str = "abc", prompts: int = 2) -> NewPromptSet:
    bodies = [{"id": f"p{at}", "prompt": f"text {at}"} for at in range(prompts)]
    return NewPromptSet(name, "Letters", "Some letters", content_hash, "letters.jsonl", bodies)


class TestPromptSets:
    def test_a_set_comes_back_in_order(self, store: Store) -> None:
        row, new = store.prompt_sets.add(new_set(prompts=12))
        assert new
        assert row.size == 12
        assert [body["id"] for body in store.prompt_sets.bodies(row.id)] == [f"p{at}" for at in range(12)]
        found = store.prompt_sets.find("letters")
        assert found is not None
        assert found.id == store.prompt_sets.get(row.id).id == row.id

    def test_the_same_again_is_no_news_and_other_content_is_refused(self, store: Store) -> None:
        row, _ = store.prompt_sets.add(new_set())
        assert store.prompt_sets.add(new_set())[1] is False
        with pytest.raises(InputError, match="'letters' exists with other prompts or another rule; give this one"):
            store.prompt_sets.add(new_set(content_hash="def"))
        assert [each.id for each in store.prompt_sets.all()] == [row.id]

    def test_an_unknown_set_is_named(self, store: Store) -> None:
        assert store.prompt_sets.find("nothing") is None
        with pytest.raises(InputError, match="no prompt set with the number 7"):
            store.prompt_sets.get(7)
        with pytest.raises(InputError, match="no prompt set named 'nothing'"):
            store.prompt_sets.remove("nothing")

    def test_a_set_is_removed_with_its_prompts_unless_an_experiment_used_it(self, store: Store) -> None:
        used, _ = store.prompt_sets.add(new_set("used"))
        free, _ = store.prompt_sets.add(new_set("free", "def"))
        store.experiments.enqueue("run", "t", {"prompt_set_id": used.id}, [PlannedRun(0, 0, "Baseline", [], 2)])
        store.prompt_sets.remove("free")
        assert store.prompt_sets.bodies(free.id) == []
        with pytest.raises(InputError, match="belongs to an experiment and is kept with it"):
            store.prompt_sets.remove("used")
        assert len(store.prompt_sets.bodies(used.id)) == 2

    def test_a_set_can_be_renamed_and_keeps_its_experiments(self, store: Store) -> None:
        row, _ = store.prompt_sets.add(new_set("old"))
        store.prompt_sets.add(new_set("taken", "def"))
        store.experiments.enqueue("run", "t", {"prompt_set_id": row.id}, [PlannedRun(0, 0, "Baseline", [], 2)])
        store.prompt_sets.rename(row.id, "new")
        store.prompt_sets.rename(row.id, "new")
        assert store.prompt_sets.get(row.id).name == "new"
        assert store.prompt_sets.experiments_on(row.id) == 1
        with pytest.raises(InputError, match="'taken' exists; choose another name"):
            store.prompt_sets.rename(row.id, "taken")

    def test_tags_are_added_and_removed(self, store: Store) -> None:
        row, _ = store.prompt_sets.add(new_set())
        assert row.tags == []
        assert store.prompt_sets.retag(row.id, add=["Long  context", "älter", "chat"]) == (
            "chat",
            "long-context",
            "älter",
        )
        assert store.prompt_sets.retag(row.id, add=["chat"], remove=["LONG context", "unknown"]) == ("chat", "älter")
        assert store.prompt_sets.get(row.id).tags == ["chat", "älter"]
        with pytest.raises(InputError, match="'<>' is no usable tag; use letters and digits"):
            store.prompt_sets.retag(row.id, add=["fine", "<>"])
        assert store.prompt_sets.get(row.id).tags == ["chat", "älter"]
        with pytest.raises(InputError, match="no prompt set with the number 99"):
            store.prompt_sets.retag(99, add=["x"])

    def test_a_set_takes_the_place_of_another(self, store: Store) -> None:
        old, _ = store.prompt_sets.add(new_set("letters"))
        store.prompt_sets.retag(old.id, add=["mine"])
        row = store.prompt_sets.replace(old.id, new_set("letters", "def", prompts=3))
        assert [(each.id, each.name, each.tags) for each in store.prompt_sets.all()] == [(row.id, "letters", ["mine"])]
        assert len(store.prompt_sets.bodies(row.id)) == 3
        assert row.id == old.id or store.prompt_sets.bodies(old.id) == []
        with pytest.raises(InputError, match="no longer there"):
            store.prompt_sets.replace(row.id + 99, new_set("other", "x"))

    def test_what_an_experiment_rests_on_is_never_replaced(self, store: Store) -> None:
        old, _ = store.prompt_sets.add(new_set("letters"))
        other, _ = store.prompt_sets.add(new_set("other", "ghi"))
        store.experiments.enqueue("run", "t", {"prompt_set_id": old.id}, [PlannedRun(0, 0, "Baseline", [], 2)])
        with pytest.raises(InputError, match="belongs to an experiment"):
            store.prompt_sets.replace(old.id, new_set("letters", "def"))
        with pytest.raises(InputError, match="'letters' exists"):
            store.prompt_sets.replace(other.id, new_set("letters", "def"))
        assert len(store.prompt_sets.bodies(old.id)) == len(store.prompt_sets.bodies(other.id)) == 2


class TestModels:
    def test_a_name_has_one_place(self, store: Store) -> None:
        first = store.models.add("mine", "/models/mine")
        assert store.models.add("mine", "/models/mine").id == first.id
        with pytest.raises(InputError, match="'mine' exists at another place"):
            store.models.add("mine", "/elsewhere")
        store.models.add("also", "/models/mine")
        assert [model.name for model in store.models.all()] == ["also", "mine"]

    def test_forgetting(self, store: Store) -> None:
        store.models.add("mine", "/models/mine")
        store.models.remove("mine")
        store.models.remove("mine")
        assert store.models.find("mine") is None


class TestEngines:
    def launched(self, store: Store) -> int:
        engine = store.engines.request({"model": "m"})
        store.engines.launched(engine, 123, 4.5, "http://127.0.0.1:1", "/log", {"key": "k"})
        return engine

    def test_a_person_asks_the_worker_launches_and_both_see_it(self, store: Store) -> None:
        first, second = store.engines.request({"model": "a"}), store.engines.request({"model": "b"})
        requested = store.engines.next_requested()
        assert requested is not None
        assert requested.id == first
        assert store.engines.alive() == []
        store.engines.launched(first, 123, 4.5, "http://127.0.0.1:1", "/log", {"key": "k"})
        store.engines.ready(first, "http://127.0.0.1:1")
        row = store.engines.get(first)
        assert row is not None
        assert (row.status, row.pid, row.pid_started_at, row.log_path) == ("ready", 123, 4.5, "/log")
        requested = store.engines.next_requested()
        assert requested is not None
        assert requested.id == second

    def test_stopping_what_runs_asks_and_what_waits_ends(self, store: Store) -> None:
        running, waiting = self.launched(store), store.engines.request({})
        for engine in (running, waiting, 99):
            store.engines.request_stop(engine)
        row, other = store.engines.get(running), store.engines.get(waiting)
        assert row is not None
        assert other is not None
        assert (row.status, row.stop_requested) == ("starting", True)
        assert other.status == "stopped"
        assert [each.id for each in store.engines.alive()] == [running]
        store.engines.stopped(running)
        assert store.engines.alive() == []

    def test_an_engine_that_ended_with_an_error_failed(self, store: Store) -> None:
        engine = self.launched(store)
        store.engines.stopped(engine, "out of memory")
        row = store.engines.latest("person")
        assert row is not None
        assert (row.status, row.error, row.stop_requested) == ("failed", "out of memory", False)
        assert store.engines.latest("experiment") is None


class TestWorkers:
    def test_a_beating_worker_is_alive_and_a_silent_one_is_not(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not store.workers.alive()
        store.workers.beat()
        store.workers.register(1, 2.0, "here")
        assert store.workers.alive()
        now = time()
        monkeypatch.setattr(workers, "time", lambda: now + workers.STALE_AFTER_S + 1)
        assert not store.workers.alive()
        store.workers.beat()
        assert store.workers.alive()

    def test_one_that_signs_off_is_gone_at_once_and_the_next_takes_its_row(self, store: Store) -> None:
        store.workers.register(1, 2.0, "here")
        store.workers.sign_off()
        assert not store.workers.alive()
        store.workers.register(3, 4.0, "there")
        row = store.workers.current()
        assert row is not None
        assert (row.id, row.pid, row.host) == (1, 3, "there")
        assert store.workers.alive()
