"""Cost from the price of the hardware's time, checked by hand; no price, no figure."""

from __future__ import annotations

import pytest

from app.analysis.cost import seconds_per_request, usd_per_1000_requests, usd_per_million_tokens


def test_by_hand() -> None:
    # 2 dollars an hour, half an hour, 500 answers: 1 dollar for 500, 2 for 1,000.
    assert usd_per_1000_requests(2.0, 1800, 500) == pytest.approx(2.0)
    # The same dollar over 300,000 + 200,000 tokens: 2 dollars a million.
    assert usd_per_million_tokens(2.0, 1800, 300_000, 200_000) == pytest.approx(2.0)
    assert seconds_per_request(1800, 500) == pytest.approx(3.6)


def test_free_hardware_costs_nothing() -> None:
    assert usd_per_1000_requests(0.0, 1800, 500) == 0.0
    assert usd_per_million_tokens(0.0, 1800, 1, 1) == 0.0


def test_what_cannot_be_known_is_none() -> None:
    assert usd_per_1000_requests(None, 1800, 500) is None
    assert usd_per_1000_requests(2.0, 1800, 0) is None
    assert seconds_per_request(1800, 0) is None
    assert usd_per_million_tokens(None, 1800, 1, 1) is None
    assert usd_per_million_tokens(2.0, 1800, None, 100) is None
    assert usd_per_million_tokens(2.0, 1800, 0, 0) is None
