"""Effects in words: what pays, what is missed, who helps whom, and whose saving it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.analysis.compare import Verdict
from app.analysis.factorial import Effect, Effects, Share
from app.analysis.statistics import Interval
from app.views.effects import pair_rows, pair_sentences, share_rows, share_sentence, single_rows, single_sentences

PREFIX, BATCHING = "prefix_caching", "continuous_batching"


def effect(factor: float, verdict: Verdict, *keys: str) -> Effect:
    return Effect(keys, factor, Interval(factor - 0.1, factor + 0.1), verdict)


EFFECTS = Effects(
    alone=(effect(0.36, "better", PREFIX), effect(0.5, "better", BATCHING)),
    without=(effect(2.1, "worse", PREFIX), effect(0.8, "better", BATCHING)),
    interactions=(effect(1.3, "worse", PREFIX, BATCHING),),
    shares=(Share(PREFIX, 71.4, Interval(66.2, 75.8)), Share(BATCHING, 28.6, None)),
    total=effect(0.22, "better", PREFIX, BATCHING),
)


def test_each_technique_alone_and_left_out_in_one_row() -> None:
    assert single_rows(EFFECTS) == [
        ("Prefix caching", "0.36x", "0.26x to 0.46x", "better", "2.10x", "2.00x to 2.20x", "worse"),
        ("Continuous batching", "0.50x", "0.40x to 0.60x", "better", "0.80x", "0.70x to 0.90x", "better"),
    ]
    assert single_rows(replace(EFFECTS, alone=(), without=EFFECTS.without[:1])) == [
        ("Prefix caching", "–", "–", "–", "2.10x", "2.00x to 2.20x", "worse")
    ]


def test_what_is_missed_pays_and_what_is_cheaper_without_does_not() -> None:
    *first, last = single_sentences(EFFECTS)
    assert first == [
        "Prefix caching alone costs 0.36x the baseline (0.26x to 0.46x): better.",
        "Continuous batching alone costs 0.50x the baseline (0.40x to 0.60x): better.",
        "Without prefix caching, everything costs 2.10x as much (2.00x to 2.20x): worse, so it pays beside the others.",
    ]
    assert last == (
        "Without continuous batching, everything costs 0.80x as much (0.70x to 0.90x): better, so it does not pay "
        "beside the others."
    )
    same = replace(EFFECTS, alone=(), without=(effect(1.0, "no clear change", PREFIX),))
    assert single_sentences(same)[0].endswith(": no clear change, so it is not missed.")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("worse", "get in each other's way"),
        ("better", "help each other"),
        ("no clear change", "show no clear interaction"),
    ],
)
def test_two_techniques_beside_each_other(verdict: Verdict, said: str) -> None:
    found = replace(EFFECTS, interactions=(effect(1.3, verdict, PREFIX, BATCHING),))
    assert pair_rows(found) == [("Prefix caching and continuous batching", "1.30x", "1.20x to 1.40x", said)]
    (sentence,) = pair_sentences(found)
    assert sentence == (
        "Prefix caching and continuous batching cost 1.30x of what their two savings multiply to (1.20x to 1.40x): "
        f"they {said}."
    )


def test_whose_saving_it_is() -> None:
    assert share_rows(EFFECTS) == [("Prefix caching", "71.4 %", "66 to 76 %"), ("Continuous batching", "28.6 %", "–")]
    assert share_sentence(EFFECTS) == (
        "Of the saving of everything together (0.22x the baseline), prefix caching has 71 % (66 to 76 %) and "
        "continuous batching has 29 %."
    )
    dearer = replace(EFFECTS, total=effect(1.5, "worse", PREFIX, BATCHING))
    assert (share_sentence(dearer) or "").startswith("Of the extra cost of everything together (1.50x the baseline), ")


def test_a_share_of_what_did_nothing_is_to_be_read_with_care() -> None:
    doubtful = replace(EFFECTS, shares=(EFFECTS.shares[0], replace(EFFECTS.shares[1], idle=1)))
    assert (share_sentence(doubtful) or "").endswith(
        " Read the share of continuous batching with care: in 1 of 2 recipes with it, it is seen to do nothing."
    )


def test_no_saving_is_shared_out() -> None:
    nothing = replace(EFFECTS, shares=(), no_shares="a share of nothing means nothing")
    assert share_sentence(nothing) == "The saving is not shared out: a share of nothing means nothing."
    assert (share_rows(nothing), share_sentence(Effects())) == ([], None)


def test_what_was_measured_once_has_no_interval() -> None:
    once = replace(EFFECTS, alone=(Effect((PREFIX,), 0.4, None, "no clear change"),), without=())
    assert single_sentences(once) == ["Prefix caching alone costs 0.40x the baseline: no clear change."]
    assert single_rows(once)[0][2] == "–"
