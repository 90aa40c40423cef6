"""A saving without a cause is not called better."""

from __future__ import annotations

from app.analysis.cause import Applied, with_causes
from app.analysis.compare import Comparison, compare
from tests.building import one_by_one, rung

NOTHING = Applied(())
BUSY, IDLE = Applied(("prefix_caching",)), Applied(("prefix_caching",), frozenset({"prefix_caching"}))


def found(factor: float) -> Comparison:
    before, after = (
        rung(*[one_by_one([scale * (100 + (at * 7) % 11) for at in range(20)])] * 3) for scale in (1.0, factor)
    )
    return compare(before, after)


def test_cheaper_with_a_technique_that_did_nothing_is_no_clear_change() -> None:
    held, doubts = with_causes(found(0.8), NOTHING, IDLE)
    assert held.verdict == "no clear change"
    assert held.differences["ttft_ms"].verdict == "no clear change"
    assert doubts == ("it cost 20% less although nothing shows that prefix_caching took effect",)


def test_worse_stays_worse() -> None:
    held, doubts = with_causes(found(1.2), NOTHING, IDLE)
    assert (held.verdict, doubts) == ("worse", ())


def test_a_technique_that_took_effect_keeps_its_verdict() -> None:
    assert with_causes(found(0.8), NOTHING, BUSY) == (found(0.8), ())


def test_what_both_have_on_is_no_cause() -> None:
    assert with_causes(found(0.8), IDLE, IDLE) == (found(0.8), ())


def test_dearer_without_a_technique_that_did_nothing_is_no_clear_change() -> None:
    held, doubts = with_causes(found(1.2), IDLE, NOTHING)
    assert held.verdict == "no clear change"
    assert doubts == ("it cost 20% more although nothing shows that prefix_caching took effect",)
    assert with_causes(found(0.8), IDLE, NOTHING)[0].verdict == "better"
