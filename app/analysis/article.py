"""The article's claims, as facts to hold measurements against. Nobody has published how they were measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """`cumulative` is the cost on the article's ladder, `step` that rung's cost as a multiple of the rung before."""

    cumulative: float
    step: float


BASELINE = 1.00
QUANTIZATION, PREFIX_CACHING, CONTINUOUS_BATCHING, COMPRESSION = 0.55, 0.38, 0.30, 0.22

CLAIMS: dict[str, Claim] = {
    "quantization": Claim(QUANTIZATION, QUANTIZATION / BASELINE),
    "prefix_caching": Claim(PREFIX_CACHING, PREFIX_CACHING / QUANTIZATION),
    "continuous_batching": Claim(CONTINUOUS_BATCHING, CONTINUOUS_BATCHING / PREFIX_CACHING),
    "prompt_compression": Claim(COMPRESSION, COMPRESSION / CONTINUOUS_BATCHING),
}

SPOKEN: dict[str, str] = {
    "prefix_caching": "30-50 % cheaper alone",
    "continuous_batching": "one of the largest throughput multipliers",
    "speculative_decoding": "2-3x throughput, identical output",
    "quantization": "about 4x smaller and faster",
    "prompt_compression": "about 75 % cheaper with everything before it",
}
