"""`ladder --kind` and `--plan`: other experiments than the cumulative ladder, and what is said before they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from store.store import Store
from tests.app.commands.conftest import Rung, check

Behave = Callable[..., None]
PAIR = ("--techniques", "prefix_caching,continuous_batching", "--repeats", 1)
pytestmark = pytest.mark.usefixtures("quick")


class TestPlan:
    def test_it_prints_what_would_be_done_and_queues_nothing(
        self, rung: Rung, store: Store, model: Path, prompts: Path
    ) -> None:
        said = rung("ladder", "--model", model, "--prompts", prompts, "--kind", "leave-one-out", *PAIR, "--plan")
        assert (said.code, said.err) == (0, "")
        lines = [" ".join(line.split()) for line in said.out.splitlines()]
        assert lines[1:6] == [
            "Baseline nothing 1",
            "Baseline again nothing 1",
            "Everything prefix_caching, continuous_batching 2",
            "Without prefix caching continuous_batching 1",
            "Without continuous batching prefix_caching 2",
        ]
        assert "leave one out, 5 rungs × 1 repeat = 5 runs of 4 prompts: 20 requests and 10 to warm up" in said.out
        assert "2 engine starts; no estimate yet: nothing has been measured here" in " ".join(lines)
        assert store.experiments.recent() == []

    def test_as_a_document(self, rung: Rung, store: Store, model: Path, prompts: Path) -> None:
        line = ("ladder", "--model", model, "--prompts", prompts, *PAIR)
        document = rung(*line, "--kind", "factorial", "--limit", 2, "--plan", "--json").json
        assert (document["schema"], document["kind"]) == ("rung.plan/1", "factorial")
        assert [document[name] for name in ("repeats", "runs", "prompts", "warm_up", "requests", "engine_starts")] == [
            1, 5, 2, 2, 10, 2,
        ]  # fmt: skip
        assert document["rungs"][-1] == {
            "label": "Prefix caching + Continuous batching",
            "techniques": ["prefix_caching", "continuous_batching"],
            "engine": 2,
        }
        assert document["estimate"] == {
            "low_s": None, "high_s": None, "basis": "no estimate yet: nothing has been measured here",
        }  # fmt: skip
        assert store.experiments.recent() == []

    def test_what_was_measured_gives_the_next_plan_its_time(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        line = ("ladder", "--model", model, "--prompts", prompts, *PAIR)
        first = rung(*line)
        assert first.code == 0
        assert first.err.startswith("Planned: ladder, 4 rungs × 1 repeat = 4 runs of 4 prompts: 16 requests and 8 to ")
        assert "nothing has been measured here\n" in first.err
        found = rung(*line, "--plan", "--json").json["estimate"]
        assert 0 < found["low_s"] < found["high_s"]
        assert found["basis"] == "4 earlier runs here"
        other = rung(*line, "--kind", "leave-one-out", "--plan", "--json").json["estimate"]
        assert (
            other["basis"] == "4 earlier runs here; 1 of 5 rungs have not been measured so before, and others stand in"
        )


class TestKinds:
    def test_a_factorial_tells_alone_left_out_together_and_shares(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        said = rung("ladder", "--model", model, "--prompts", prompts, "--kind", "factorial", *PAIR, "--json")
        assert said.code == 0
        document = said.json
        assert (document["kind"], document["title"]) == ("factorial", "Full factorial: tiny-model on questions")
        assert [each["step"] for each in document["rungs"]] == [None] * 5
        assert [each["step_verdict"] for each in document["rungs"]] == [None] * 5
        assert document["rungs"][0]["against"] is None
        assert [each["against"]["rung"] for each in document["rungs"][1:]] == [0] * 4
        effects = document["effects"]
        assert [each["technique"] for each in effects["alone"]] == ["prefix_caching", "continuous_batching"]
        assert [each["technique"] for each in effects["without"]] == ["prefix_caching", "continuous_batching"]
        (pair,) = effects["interactions"]
        assert pair["techniques"] == ["prefix_caching", "continuous_batching"]
        assert pair["factor"] > 0
        assert len(pair["interval"]) == 2
        # What a fake engine saves is nobody's business; that it is shared out, or said why not, is.
        if effects["shares"] is None:
            assert effects["no_shares"]
        else:
            assert sum(share["percent"] for share in effects["shares"]) == pytest.approx(100)

    def test_leave_one_out_for_people(self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave) -> None:
        said = rung("ladder", "--model", model, "--prompts", prompts, "--kind", "leave-one-out", *PAIR, "--no-again")
        assert said.code == 0
        for part in ("Everything", "Without prefix caching", "What each technique is worth", "Left out", "Verdict"):
            assert part in said.out
        assert "Step" not in said.out
        assert max(len(line.rstrip()) for line in said.out.splitlines()) <= 120

    def test_a_ladder_has_no_effects_and_its_steps(
        self, rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        line = ("ladder", "--model", model, "--prompts", prompts, *PAIR, "--no-again", "--json")
        document = rung(*line, "--kind", "cumulative").json
        assert (document["kind"], document["effects"]) == ("ladder", None)
        assert document["rungs"][2]["step"] == document["rungs"][2]["against"]["factor"]
        assert [rung["label"] for rung in store.experiments.get(1).spec["rungs"]] == [
            "Baseline", "+ Prefix caching", "+ Continuous batching",
        ]  # fmt: skip

    def test_what_cannot_be_is_refused_before_anything_is_queued(
        self, rung: Rung, store: Store, model: Path, prompts: Path
    ) -> None:
        line = ("ladder", "--model", model, "--prompts", prompts)
        check(rung(*line, "--kind", "sideways"), "invalid choice: 'sideways'", "leave-one-out")
        for kind in ("leave-one-out", "factorial"):
            said = rung(*line, "--kind", kind, "--techniques", "prefix_caching")
            check(said, "needs at least 2 techniques; prefix_caching was given")
        check(rung(*line, "--kind", "one-at-a-time", "--techniques", "prefix_caching,prefix_caching"), "named twice")
        assert store.experiments.recent() == []
