"""What the Ladder page shows of effects, from what the experiment can tell; figures are the effects' own."""

from __future__ import annotations

from collections.abc import Sequence

from app.analysis.ladder import Ladder, Reference, build_ladder
from app.views.effects_view import parts_of, sentences
from app.views.ladder_view import cost_rows, detail_rows, headline, top_rung
from tests.app.views.test_ladder_view import ladder, runs_of

PREFIX, SPECULATION = "prefix_caching", "speculative_decoding"


def experiment(reference: Reference, *rungs: tuple[Sequence[str], float | None]) -> Ladder:
    """The baseline at 900 ms to the first token, and rungs of techniques with theirs; all decode for 100 ms more."""
    found = [runs_of(0, [], 900)]
    found += [runs_of(number, keys, ttft) for number, (keys, ttft) in enumerate(rungs, start=1)]
    return build_ladder(found, reference)


ALONE = experiment("baseline", ([PREFIX], 400), ([SPECULATION], 1100))
LEFT_OUT = experiment(
    "everything", ([PREFIX, "continuous_batching"], 300), (["continuous_batching"], 700), ([PREFIX], 290)
)
FACTORIAL = experiment(
    "baseline", ([PREFIX], 400), (["continuous_batching"], 400), ([PREFIX, "continuous_batching"], 300)
)


def test_a_ladder_has_no_parts_and_a_sentence_for_each_step() -> None:
    found = ladder(900, 900, 100)
    assert parts_of(found) == []
    assert len(sentences(found)) == 2


def test_each_alone_is_a_bar_with_its_interval() -> None:
    (part,) = parts_of(ALONE)
    assert part.alt.startswith("Cost of each technique alone: Prefix caching 0.50x (")
    assert part.title == "Each technique alone"
    assert part.sentences[0].startswith("Alone, prefix caching saves most: 0.50x the baseline (0.")
    assert part.figure is not None
    prefix, speculation = part.figure.data
    assert [bar.y[0] for bar in (prefix, speculation)] == ["Prefix caching", "Speculative decoding"]
    assert round(prefix.x[0], 2) == 0.5
    assert prefix.error_x.array[0] >= 0
    assert prefix.marker.color != speculation.marker.color
    # What a bar says is also written beside it and read out, so that neither colour nor sight is needed.
    assert all(note.text.replace("<br>", ", ") in part.alt for note in part.figure.layout.annotations)
    assert part.figure.layout.annotations[1].text.startswith("1.20x (")


def test_a_technique_that_spoils_the_answers_is_not_praised() -> None:
    both = [PREFIX, "continuous_batching"]
    found = build_ladder(
        [
            runs_of(0, [], 900, right=30), runs_of(1, [PREFIX], 300, right=3),
            runs_of(2, ["continuous_batching"], 400, right=30), runs_of(3, both, 250, right=3),
        ],
        "baseline",
    )  # fmt: skip
    by_title = {part.title: part for part in parts_of(found)}
    alone = by_title["Each technique alone"].sentences
    assert alone[0].startswith("Alone, continuous batching saves most with answers that are not clearly worse: 0.50x")
    assert alone[1].startswith("Prefix caching alone leaves ")
    assert alone[1].endswith("what it saves is paid for in answers.")
    assert alone[1] in by_title["Whose saving it is"].sentences
    assert alone[1] in sentences(found)
    dear = build_ladder([runs_of(0, [], 900, right=30), runs_of(1, [PREFIX], 1500, right=3)], "baseline")
    assert parts_of(dear)[0].sentences == ("No technique alone is clearly cheaper than the baseline.",)
    everything = build_ladder([runs_of(0, [], 900, right=30), runs_of(1, [PREFIX], 300, right=3)], "baseline")
    assert parts_of(everything)[0].sentences[0] == (
        "No technique alone is clearly cheaper than the baseline with answers that are not clearly worse."
    )


def test_a_technique_that_never_saves_is_called_so() -> None:
    (part,) = parts_of(experiment("baseline", ([PREFIX], 900), (["continuous_batching"], 1100)))
    assert part.sentences == ("No technique alone is clearly cheaper than the baseline.",)


def test_what_is_missed_most_and_what_does_not_pay() -> None:
    found = {part.title: part for part in parts_of(LEFT_OUT)}
    part = found["Everything without each technique"]
    assert part.sentences[0].startswith("Most is missed without prefix caching: everything then costs 2.00x as much (")
    dearer = experiment(
        "everything", ([PREFIX, "continuous_batching"], 300), (["continuous_batching"], 100), ([PREFIX], 300)
    )
    part = {part.title: part for part in parts_of(dearer)}["Everything without each technique"]
    assert part.sentences == (
        "No technique is clearly missed when it is left out.",
        "Without prefix caching everything is cheaper, 0.50x: it does not pay beside the others.",
    )


def test_a_factorial_shares_the_saving_out_and_tells_of_each_pair() -> None:
    shares, pairs, alone, without = parts_of(FACTORIAL)
    assert shares.title == "Whose saving it is"
    assert shares.figure is not None
    assert [round(bar.x[0]) for bar in shares.figure.data] == [50, 50]
    assert "50 %" in shares.sentences[0]
    (row,) = pairs.rows
    assert (row["Pair"], row["Interaction"]) == ("Prefix caching and continuous batching", "1.60x")
    assert row["Together they"] == "get in each other's way"
    assert pairs.figure is None
    assert (alone.title, without.title) == ("Each technique alone", "Everything without each technique")
    assert len(sentences(FACTORIAL)) == 4


def test_a_factorial_that_has_only_begun_says_how_far_it_is() -> None:
    begun = experiment(
        "baseline", ([PREFIX], 400), (["continuous_batching"], None), ([PREFIX, "continuous_batching"], None)
    )
    assert [part.title for part in parts_of(begun)] == ["Whose saving it is", "Each technique alone"]
    first = parts_of(begun)[0]
    assert (first.figure, first.sentences) == (
        None, ("The saving is not shared out: 2 of 4 combinations can be compared so far.",),
    )  # fmt: skip


def test_the_headline_is_about_most_techniques_and_of_several_such_the_cheapest() -> None:
    assert headline(ALONE).startswith("With prefix caching, an answered request costs 0.50x the baseline's")
    assert headline(LEFT_OUT).startswith("With prefix caching and continuous batching, an answered request costs 0.40x")
    top = top_rung(FACTORIAL)
    assert top is not None
    assert top.techniques == (PREFIX, "continuous_batching")


def test_only_a_ladder_has_steps_and_only_what_is_left_out_stands_beside_everything() -> None:
    assert {"Step", "Article's step"} < cost_rows(ladder(900, 900, 100))[0].keys()
    left_out = cost_rows(LEFT_OUT)
    assert "Step" not in left_out[0]
    assert [row["Against everything"] for row in left_out] == ["–", "–", "2.00x", "0.97x"]
    assert {"Step", "Against everything"} & cost_rows(FACTORIAL)[0].keys() == set()
    assert cost_rows(FACTORIAL)[1]["Verdict"] == "better"
    assert "Same as the rung before (%)" not in detail_rows(FACTORIAL)[0]
    assert "Same as the rung before (%)" in detail_rows(ladder(900, 900))[0]
