"""Cautions: what each technique says of its neighbours, and their collection over a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from optimizers.cautions import cautions
from optimizers.recipe import Recipe
from optimizers.technique import Beside, ModelFacts


def said(beside: Beside, **uses: dict[str, Any]) -> tuple[str, ...]:
    return cautions(Recipe.of(uses.items()), beside)


QUANTIZED = ModelFacts("small", {"quantization_config": {"quant_method": "awq"}})


@pytest.mark.parametrize(
    ("uses", "beside", "says"),
    [
        ({"speculative_decoding": {}}, Beside(temperature=0.7), "at temperature 0.7 speculative decoding keeps the"),
        ({"speculative_decoding": {}}, Beside(concurrency=64), "with 64 requests at once"),
        (
            {"speculative_decoding": {"method": "draft_model", "draft_model": "d"}},
            Beside(served=QUANTIZED),
            "quantized and its drafter is not",
        ),
        (
            {"continuous_batching": {"max_num_seqs": 64}},
            Beside(kv_cache_tokens=8192, max_model_len=2048),
            "holds 8,192 tokens, enough for 4 sequences of the full 2,048",
        ),
        ({"continuous_batching": {"max_num_seqs": 2}}, Beside(concurrency=8), "8 requests are sent at once"),
        ({"continuous_batching": {"chunked_prefill": "off"}}, Beside(), "may crash or answer wrongly"),
        ({"prefix_caching": {}}, Beside(saved_hit_rate=0.0), "nothing to reuse"),
    ],
)
def test_a_technique_says_what_to_look_out_for(uses: dict[str, dict[str, Any]], beside: Beside, says: str) -> None:
    (found,) = said(beside, **uses)
    assert found.startswith(f"{next(iter(uses))}: ")
    assert says in found


def test_a_plain_recipe_has_nothing_to_be_said() -> None:
    known = Beside(concurrency=8, saved_hit_rate=0.8, kv_cache_tokens=100_000, max_model_len=4096)
    uses: dict[str, dict[str, Any]] = {"prefix_caching": {}, "continuous_batching": {}, "speculative_decoding": {}}
    assert said(known, **uses) == ()
    assert said(Beside(), **uses) == ()
    assert cautions(Recipe(), known) == ()


def test_a_look_up_drafter_does_not_mind_a_quantized_model() -> None:
    assert said(Beside(served=QUANTIZED), speculative_decoding={}) == ()
    found = said(
        Beside(kv_cache_tokens=4096, max_model_len=2048),
        continuous_batching={"chunked_prefill": "off", "max_num_batched_tokens": 512},
    )
    assert "the engine will refuse to start" in found[1]
