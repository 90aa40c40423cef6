"""When two measurements of one run agree, and which engine options an old manifest gives away."""

from __future__ import annotations

from typing import Any

import pytest

from app.analysis.compare import compare
from app.analysis.summary import Observed, summarise
from app.engine.plan import EngineOptions
from app.experiment.repeating import Past, agrees, judged, options_of
from optimizers.recipe import Recipe
from tests.building import one_by_one, rung

LATENCIES = [100.0 + at for at in range(20)]


def summary(latencies: list[float]) -> dict[str, Any]:
    return summarise([(0, record) for record in one_by_one(latencies)], Observed(None), Recipe(), {})


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "agrees"), (1.02, "agrees"), (1.3, "differs"), (0.7, "differs")])
def test_the_verdict_rests_on_the_interval(factor: float, verdict: str) -> None:
    before, after = (rung(one_by_one(each)) for each in (LATENCIES, [factor * each for each in LATENCIES]))
    found = judged(compare(before, after), None, {}, {})
    assert found.verdict == verdict
    cost = found.comparison.differences["relative_cost"]
    assert agrees(cost) is (verdict == "agrees")
    assert cost.corrected is not None


def test_a_metric_without_a_direction_or_an_interval_says_nothing() -> None:
    before, after = rung(one_by_one(LATENCIES)), rung(one_by_one(LATENCIES))
    differences = judged(compare(before, after), None, {}, {}).comparison.differences
    assert agrees(differences["output_tokens"]) is None
    # No prompt has an expected answer.
    assert agrees(differences["quality"]) is None


def test_one_request_has_no_interval_to_agree_within() -> None:
    alone = [100.0]
    found = judged(compare(rung(one_by_one(alone)), rung(one_by_one(alone))), None, summary(alone), summary(alone))
    assert (found.verdict, found.comparison.reason) == ("not comparable", "no metric has an interval to agree within")


def test_what_cannot_be_compared_stands_side_by_side() -> None:
    before, after = (rung(one_by_one(LATENCIES), hardware=name) for name in ("one", "other"))
    found = judged(compare(before, after), None, summary(LATENCIES), summary([2 * each for each in LATENCIES]))
    assert (found.verdict, found.comparison.verdict) == ("not comparable", "not comparable")
    assert found.comparison.reason == "the hardware differs (one against other)"
    assert {item.verdict for item in found.comparison.differences.values()} == {"not comparable"}
    by_metric = {item.metric: item for item in found.comparison.differences.values()}
    assert by_metric["ttft_ms"].delta == pytest.approx(1.0)
    assert by_metric["requests_per_s"].delta == pytest.approx(-0.5)
    assert by_metric["quality"].delta is None


def past(**manifest: object) -> Past:
    return Past("old", [], manifest, {}, (), {})


def test_options_of_a_manifest_that_only_has_flags() -> None:
    argv = ["--model", "m", "--dtype", "float32", "--max-model-len", "512", "--kv-cache-memory-bytes", "4096001"]
    options = options_of(past(engine={"argv": [*argv, "--trust-remote-code"]}))
    assert (options.max_model_len, options.dtype, options.trust_remote_code) == (512, "float32", True)
    assert int((options.kv_cache_gib or 0) * 2**30) == 4096001
    assert options_of(past(engine={"attached_to": "http://x"})).dtype == "auto"


def test_options_that_were_kept_count_before_the_flags() -> None:
    kept = {"max_model_len": None, "extra_args": ["--seed=3"]}
    options = options_of(past(options=kept, engine={"argv": ["--max-model-len", "512"]}))
    assert (options.max_model_len, options.extra_args) == (None, ("--seed=3",))


def test_a_data_type_that_was_left_open_is_repeated_as_it_came_out() -> None:
    kept = EngineOptions().to_json()
    assert options_of(past(options=kept, engine={"argv": ["--dtype", "float32"]})).dtype == "float32"
    assert options_of(past(options=kept, engine={"argv": ["--dtype", "auto"]})).dtype == "auto"
    asked = EngineOptions(dtype="half").to_json()
    assert options_of(past(options=asked, engine={"argv": ["--dtype", "half"]})).dtype == "half"
