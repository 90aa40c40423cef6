"""The Demo page's slides and links: what they say, and that few words stay true."""

from __future__ import annotations

import pytest

from app.analysis.ladder import Ladder
from app.experiment.results import load_ladder, prompts_of, rung_data
from app.prompts.saved import save_starter_sets
from app.studio import demo, large
from app.studio.demo_chart import VALUE_PX, against_article, climb
from app.studio.demo_link import Link, read_link, shown
from app.views.effects import times
from app.views.ladder_view import best_rung
from store.store import Store
from tests.pages import factory

RUNGS = ["Prefix caching", "Continuous batching", "Speculative decoding"]


@pytest.fixture
def ladder(store: Store) -> Ladder:
    save_starter_sets(store)
    return load_ladder(store, factory.finished(store))


def test_a_ladder_is_walked_rung_by_rung(ladder: Ladder) -> None:
    deck = demo.slides(ladder, has_prompt=True)
    assert [slide.kind for slide in deck] == ["summary", "rung", "rung", "rung", "article", "prompt", "basis"]
    assert [slide.title for slide in deck if slide.kind == "rung"] == RUNGS
    assert "prompt" not in [slide.kind for slide in demo.slides(ladder, has_prompt=False)]


def test_without_a_second_rung_only_the_basis_is_shown(store: Store) -> None:
    save_starter_sets(store)
    number = factory.stopped(store, "failed", "no memory")
    assert [slide.kind for slide in demo.slides(load_ladder(store, number), False)] == ["basis"]


def test_a_card_says_the_rungs_own_figures(ladder: Ladder) -> None:
    rung = ladder.rungs[2]
    assert rung.step is not None
    card = demo.rung_card(ladder, 2)
    assert (card.title, card.figure.value) == ("Prefix caching", times(rung.step))
    assert card.figure.caption == "the cost of the rung before"
    assert card.verdict == f"▼ {100 - 100 * rung.step:.0f} % less"
    assert ("The article says", times(rung.claim.step if rung.claim else None)) in card.facts
    assert card.effect is True
    assert "prefix cache" in card.evidence
    assert "(" not in card.evidence


def test_the_best_rung_is_never_one_that_answers_worse(ladder: Ladder) -> None:
    best = best_rung(ladder)
    assert best is not None
    assert best.cost == min(rung.cost for rung in ladder.rungs if rung.cost is not None)
    figures = demo.summary_figures(ladder)
    assert figures[0].caption == "the baseline's cost, with 3 techniques on"
    assert figures[1].caption.startswith("of the answers right")


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ("kernel X; weights 2 to 1 MiB (half (really); as said); " + "y" * 90, "kernel X; weights 2 to 1 MiB"),
        ("z" * 200, "z" * 200),
        ("a; b; c", "a; b; c"),
    ],
)
def test_evidence_is_cut_at_its_clauses(evidence: str, told: str) -> None:
    assert demo.shorter(evidence) == told


def test_one_prompt_has_both_answers_and_their_load(store: Store) -> None:
    save_starter_sets(store)
    number = factory.finished(store)
    runs, asked = store.runs.of_experiment(number), prompts_of(store, number)
    assert asked is not None
    sides = [
        (name, load, rung_data(store, [run for run in runs if run.rung == rung], asked))
        for name, load, rung in (("Baseline", "one by one", 0), ("Batching", "4 in flight", 3))
    ]
    told = demo.one_prompt(asked, sides)
    assert told is not None
    assert [(side.name, side.load) for side in told.sides] == [("Baseline", "one by one"), ("Batching", "4 in flight")]
    assert all(side.text and side.ms for side in told.sides)
    assert any(told.question.endswith(prompt.rendered_messages()[-1]["content"][-20:]) for prompt in asked.prompts)


def test_the_figure_reveals_rungs_up_to_the_slides(ladder: Ladder) -> None:
    whole, first = climb(ladder), climb(ladder, 2, 2)
    assert len(whole.layout.annotations) == 5
    assert [note.text for note in first.layout.annotations][-1] == f"<b>{times(ladder.rungs[2].cost)}</b>"
    assert len(first.layout.annotations) == 3
    assert list(first.layout.yaxis.ticktext) == [
        "Baseline", "Baseline again", "<b>+ Prefix caching</b>", "+ Continuous<br>batching", "+ Speculative<br>decoding"
    ]  # fmt: skip
    names = [trace.name for trace in against_article(ladder).data if trace.showlegend]
    assert names == ["The article", "Measured"]


def test_a_value_has_its_room_beside_the_longest_bar_however_narrow_the_figure(ladder: Ladder) -> None:
    figure = climb(ladder)
    farthest = max(note.x for note in figure.layout.annotations)
    assert farthest <= figure.layout.xaxis.range[1] <= 1.05 * farthest, (
        "room that grew with the figure would shrink too"
    )
    widest = max(len(note.text.removeprefix("<b>").removesuffix("</b>")) for note in figure.layout.annotations)
    assert figure.layout.margin.r >= figure.layout.annotations[0].xshift + 0.7 * VALUE_PX * widest


def test_large_text_is_escaped() -> None:
    hostile = "<img src=x onerror=alert(1)>&"
    for made in (large.heading, large.line, large.quote, lambda text: large.figure(text, text, text)):
        assert "<img" not in made(hostile)
        assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in made(hostile)
    assert "<img" not in large.facts([(hostile, hostile)])


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ({}, Link()),
        ({"experiment": "latest", "play": "10", "kiosk": "1"}, Link(None, 1, 10, True)),
        ({"experiment": "3", "step": "2"}, Link(3, 2)),
        ({"experiment": "3", "texts": "none"}, Link(3, texts=False)),
    ],
)
def test_links_are_read_and_written(query: dict[str, str], link: Link) -> None:
    assert read_link(query) == link
    assert read_link(link.query()) == link


@pytest.mark.parametrize(
    "query",
    [
        {"experiment": "x"},
        {"step": "0"},
        {"step": "-1"},
        {"play": "1"},
        {"play": "9999"},
        {"play": "³"},
        {"texts": "some"},
    ],
)
def test_what_cannot_be_read_is_told_and_left(query: dict[str, str]) -> None:
    link = read_link(query)
    assert (link.experiment, link.step, link.play_s) == (None, 1, None)
    assert next(iter(query)) in link.problem


def test_only_what_has_rungs_is_shown(store: Store) -> None:
    save_starter_sets(store)
    done = factory.finished(store, prompts=4)
    factory.stopped(store, "failed", "no memory")
    factory.queued(store)
    assert [row.id for row in shown(store.experiments.recent())] == [done]
