"""Compare: verdicts, prompts, trade-off and configuration of chosen rungs, and the link that holds the choice."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from streamlit.testing.v1 import AppTest

from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.experiment.measure import RECORD_FIELDS, load_records
from app.experiment.results import prompts_of
from app.preparation import counting
from app.preparation.counting import FolderCounter
from app.preparation.prompts import Prepared, prepare
from app.preparation.tools import PreparationTools
from optimizers.prompt import Prompt
from optimizers.prompt_compression import PromptCompression
from optimizers.recipe import Recipe
from optimizers.transform import Change, Changed
from store.settings import Settings
from store.store import Store
from store.tables import RequestRow
from tests.pages import factory
from tests.pages.conftest import Open, words

HOSTILE = "<img src=x onerror=\"document.title='taken'\"> **bold** $x$ :red[no]"


def html(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def test_with_nothing_to_compare_the_page_points_home(open_page: Open) -> None:
    assert "There are no two measured rungs yet" in words(open_page("compare"))


def test_a_link_chooses_baseline_and_candidates(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{number}.2,{number}.1"})
    said = words(at)
    assert f"{number} · + Prefix caching: better; 0." in said
    assert f"{number} · Baseline again: no clear change" in said
    table, _ = at.dataframe
    assert table.value["Metric"][0] == "Hardware time for a request (s)"
    assert "better" in table.value[f"{number} · + Prefix caching"][0]
    assert [card.label for card in at.metric][:3] == ["Relative cost", "Expected answers", "TTFT p50"]
    assert at.metric[0].value.endswith("x")
    assert f"“{number} · + Prefix caching” and its change from the baseline. Of " in said
    assert at.query_params["with"] in (f"{number}.2,{number}.1", [f"{number}.2,{number}.1"])


def test_rungs_of_other_prompts_are_not_compared(open_page: Open, store: Store) -> None:
    first, second = factory.finished(store, prompts=12), factory.finished(store, prompts=16)
    at = open_page("compare", **{"baseline": f"{first}.0", "with": f"{second}.0"})
    assert "is not comparable: the prompt sets differ" in at.error[0].value.replace("\\", "")
    (figures,) = at.dataframe
    assert "Same output (%)" not in set(figures.value["Figure"])


def test_figures_without_a_verdict_and_the_evidence_stand_below(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    for run in store.runs.of_experiment(number):
        assert run.summary is not None
        store.runs.set_summary(run.id, {**run.summary, "suspect": ["swapped to /mnt/disk/swap"]})
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{number}.2"})
    name = f"{number} · + Prefix caching"
    figures = at.dataframe[1].value.set_index("Figure")
    assert figures.loc["Same output (%)"].tolist() == ["–", "100.0"]
    assert figures.loc["Failed requests", name] == "0 of 72"
    sent = [float(text.replace(",", "")) for text in figures.loc["Tokens sent"]]
    cached = float(figures.loc["Cached tokens", name].replace(",", ""))
    assert 0 < cached < sent[1]
    assert at.table[0].value["Technique"].tolist() == ["Prefix caching"]
    assert at.table[0].value["Took effect"].tolist() == ["took effect"]
    assert f"{name}: swapped to /mnt/disk/swap." in words(at)


def test_a_saving_that_nothing_shows_a_cause_of_is_not_called_better(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    for run in store.runs.of_experiment(number):
        summary = run.summary or {}
        idle = [{**item, "took_effect": False} for item in summary["evidence"]]
        store.runs.set_summary(run.id, {**summary, "evidence": idle})
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{number}.2"})
    said = words(at)
    assert "no clear change; 0." in said
    assert "less although nothing shows that prefix_caching took effect" in said


def test_what_differs_besides_techniques_is_told(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    other = factory.finished(store, prompts=24, repeats=3)
    for run in store.runs.of_experiment(other):
        store.runs._update(run.id, manifest={**(run.manifest or {}), "warm_up": 9})
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{other}.2"})
    assert "differs from the baseline in warm_up (9, not 2) as well" in at.warning[0].value.replace("\\", "")


class TestPrompts:
    @pytest.fixture
    def number(self, store: Store, open_page: Open) -> int:
        """A ladder whose second repeat of the prefix-caching rung is as it was, and whose first loses an answer."""
        number = factory.finished(store, prompts=12, repeats=2)
        first = next(run for run in store.runs.of_experiment(number) if run.rung == 2)
        rows = [{name: getattr(r, name) for name in RECORD_FIELDS} for _, r in load_records(store, first.id)]
        rows[3]["text"] = HOSTILE
        rows[4] |= {"error": "HTTP 500: the engine at /home/someone/engine fell over", "text": ""}
        with store.runs._session.begin() as session:
            session.execute(delete(RequestRow).where(RequestRow.run_id == first.id))
        store.runs.save_requests(first.id, 0, rows)
        return number

    def open(self, open_page: Open, number: int, **query: str) -> AppTest:
        link = {"baseline": f"{number}.0", "with": f"{number}.1,{number}.2", "compare_view": "Prompts", **query}
        return open_page("compare", **link)

    def test_the_matrix_has_every_candidate_the_worst_regression_first(self, open_page: Open, number: int) -> None:
        table = self.open(open_page, number).dataframe[0].value
        assert len(table) == 12
        assert table["Prompt"][0] == "4"
        assert table[f"{number} · + Prefix caching"][0].startswith("lost, differs")
        assert "same" in table[f"{number} · Baseline again"][0]

    def test_filters_say_how_many_they_keep_and_are_in_the_link(self, open_page: Open, number: int) -> None:
        at = self.open(open_page, number, compare_show="Failed")
        assert at.radio(key="chosen_compare_show").options == [
            "All (12)", "Different (1)", "Regressed (1)", "Failed (1)", "Won (0)",
        ]  # fmt: skip
        assert list(at.dataframe[0].value["Prompt"]) == ["5"]
        assert "failed" in at.dataframe[0].value[f"{number} · + Prefix caching"][0]
        assert "No prompt is like that." in words(self.open(open_page, number, compare_show="Won"))

    def test_the_worst_prompt_is_read_first_and_any_by_its_number(self, open_page: Open, number: int) -> None:
        at = self.open(open_page, number)
        assert at.header[0].value.replace("\\", "").startswith("Prompt 4 · ")
        assert "The same, letter by letter." in words(at)
        assert "<del" in html(at)
        assert "<ins" in html(at)
        assert self.open(open_page, number, compare_prompt="2").header[0].value.startswith("Prompt 2")

    def test_any_repeat_of_it_can_be_read(self, open_page: Open, number: int) -> None:
        at = self.open(open_page, number, compare_prompt="4")
        assert at.selectbox(key="compare_repeat").options == ["1", "2"]
        assert "<del" in html(at), "the first repeat lost its answer"
        at.selectbox(key="compare_repeat").set_value(2).run()
        assert not at.exception
        assert "<del" not in html(at), "the second is as the baseline's"
        assert "<del" not in html(self.open(open_page, number, compare_prompt="4", compare_repeat="2"))
        assert "<del" in html(self.open(open_page, number, compare_prompt="4", compare_repeat="99"))

    def test_a_side_with_fewer_repeats_says_so(self, open_page: Open, store: Store, number: int) -> None:
        other = factory.finished(store, prompts=12, repeats=1)
        at = open_page(
            "compare",
            **{"baseline": f"{number}.0", "with": f"{other}.2", "compare_view": "Prompts"},
            compare_repeat="2",
        )
        assert "has no repeat 2" in words(at)
        alone = open_page("compare", **{"baseline": f"{other}.0", "with": f"{other}.2", "compare_view": "Prompts"})
        assert "Repeat" not in [box.label for box in alone.selectbox]

    def test_a_failure_is_told_without_folders(self, open_page: Open, number: int) -> None:
        said = words(self.open(open_page, number, compare_prompt="5"))
        assert "failed: HTTP 500: the engine at engine fell over" in said

    def test_what_models_write_stays_text(self, open_page: Open, number: int) -> None:
        shown = html(self.open(open_page, number))
        assert "&lt;img" in shown
        assert "<img" not in shown


class TestSentPrompt:
    """A rung whose prompts were compressed to their first message."""

    @pytest.fixture
    def number(
        self, open_page: Open, store: Store, settings: Settings, starter: Path, monkeypatch: pytest.MonkeyPatch
    ) -> int:
        async def shorter(
            self: object, settings: Mapping[str, Any], prompts: Sequence[Prompt], tools: object
        ) -> Changed:
            return Changed(tuple(Change(replace(p, messages=p.messages[:1]), 0.25) for p in prompts))

        def words(folder: Path, prompts: Sequence[Prompt], chat: bool) -> list[int | None]:
            return [len(prompt.plain_text().split()) for prompt in prompts]

        monkeypatch.setattr(PromptCompression, "transform", shorter)
        monkeypatch.setattr(counting, "count_prompts", words)
        number = factory.finished(store)
        recipe = Recipe.of([("prompt_compression", {"compressor": "starter-classifier", "method": "llmlingua2"})])
        asked = prompts_of(store, number)
        assert asked is not None
        resolved = resolve_models(recipe, partial(find_model, store, settings))
        begun = Prepared.begin(asked.prompts, resolved.recipe)
        counter = FolderCounter(starter, "0a1b2c3d4e5f", True)
        tools = PreparationTools(counter, lambda done, total: None)
        asyncio.run(prepare(begun, tools, counter, settings.prepared_prompts, resolved.to_json()))
        for run in store.runs.of_experiment(number):
            if run.rung == 2:
                known = {**(run.manifest or {}), "chat_template": True, "models": resolved.to_json()}
                store.runs._update(run.id, recipe=recipe.to_json(), manifest=known)
        return number

    def open(self, open_page: Open, number: int) -> AppTest:
        link = {"baseline": f"{number}.0", "with": f"{number}.1,{number}.2", "compare_view": "Prompts"}
        return open_page("compare", **link, compare_prompt="2")

    def test_what_compression_left_out_is_struck_out(self, open_page: Open, store: Store, number: int) -> None:
        at = self.open(open_page, number)
        asked = prompts_of(store, number)
        assert asked is not None
        system, question = asked.prompts[1].messages
        assert [each.label for each in at.expander].count("The prompt as it was sent") == 1
        sent = next(text for text in html(at).split("</div>") if "left out: " in text and system.content[:40] in text)
        kept, struck = sent.split("<del", 1)
        assert system.content[:40] in kept
        assert question.content[-20:] in struck
        assert "Struck out: not sent. Underlined: written anew." in words(at)

    def test_where_it_is_not_known_any_more_the_page_says_so(
        self, open_page: Open, settings: Settings, number: int
    ) -> None:
        shutil.rmtree(settings.prepared_prompts)
        assert "What was made of it is not on this machine any more." in words(self.open(open_page, number))


def test_the_trade_off_names_the_front_and_what_keeps_the_limits(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    link = {"baseline": f"{number}.0", "with": f"{number}.2,{number}.3", "compare_view": "Trade-off"}
    at = open_page("compare", **link)
    assert len(at.get("plotly_chart")) == 2
    assert "On the front of cost and TTFT p95" in words(at)
    assert "Limits" not in at.dataframe[0].value
    limited = open_page("compare", **link, compare_ttft_ms="120", compare_latency="e2e_ms")
    assert f"within the limits is {number} · + Prefix caching" in words(limited)
    assert "breaks TTFT p95" in list(limited.dataframe[0].value["Limits"])
    assert "On the front of cost and End to end p95" in words(limited)
    report = next(each.proto for each in limited.get("page_link") if each.proto.label == "Report with these limits")
    assert report.query_string == f"runs={number}.0%2C{number}.2%2C{number}.3&limits=ttft_ms%3D120"


@pytest.mark.parametrize("tag", ["ttft_ms", "tpot_ms", "e2e_ms"])
def test_every_latency_has_its_distribution(open_page: Open, store: Store, tag: str) -> None:
    number = factory.finished(store)
    at = open_page("compare", baseline=f"{number}.0", compare_view="Distributions", compare_times=tag)
    assert len(at.get("plotly_chart")) == 1
    assert "TPOT p95 (ms)" in at.dataframe[0].value


def test_configuration_shows_differences_and_can_be_searched(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    link = {"baseline": f"{number}.0", "with": f"{number}.2", "compare_view": "Configuration"}
    facts = list(open_page("compare", **link).dataframe[0].value["Fact"])
    assert facts == ["recipe"]
    found = open_page("compare", **link, compare_all="true", compare_find="vllm").dataframe[0].value
    assert list(found["Fact"]) == ["versions.vllm"]
    assert list(found["Differs"]) == ["same"]
    assert "No fact holds those words." in words(open_page("compare", **link, compare_find="nothing like it"))


def test_what_a_link_names_in_vain_is_told(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{number}.2,99.1"})
    assert "99.1 of the link is not measured here and left out." in words(at)
    assert at.multiselect(key="chosen_with").value == [f"{number}.2"]


def test_going_back_shows_what_the_link_says(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("compare")
    assert "baseline" not in at.query_params
    at.multiselect(key="chosen_with").set_value([f"{number}.3"]).run()
    assert [at.query_params[name] for name in ("baseline", "with")] == [f"{number}.0", f"{number}.3"]
    at.multiselect(key="chosen_with").set_value([]).run()
    assert "Choose at least one candidate." in words(at)
    at.query_params["with"] = f"{number}.1"
    at.run()
    assert at.multiselect(key="chosen_with").value == [f"{number}.1"]


def test_a_number_that_is_given_again_shows_the_new_runs(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    link = {"baseline": f"{number}.0", "with": f"{number}.2"}
    before = open_page("compare", **link).dataframe[0].value
    store.experiments.remove(number)
    assert factory.finished(store, prompts=20, keys=("continuous_batching",)) == number
    after = open_page("compare", **link).dataframe[0].value
    assert before.to_string() != after.to_string()
