"""Cost of a run from the price of the hardware's time. Pure arithmetic; prices are given, never invented."""

from __future__ import annotations


def seconds_per_request(duration_s: float, answered: int) -> float | None:
    """Hardware time for each answered request; failed requests take time and answer nothing."""
    return duration_s / answered if answered else None


def usd_per_1000_requests(price_per_hour: float | None, duration_s: float, answered: int) -> float | None:
    """price per hour x seconds / 3,600 / answered x 1,000."""
    if price_per_hour is None or not answered:
        return None
    return price_per_hour * duration_s / 3600 / answered * 1000


def usd_per_million_tokens(
    price_per_hour: float | None, duration_s: float, prompt_tokens: int | None, output_tokens: int | None
) -> float | None:
    """price per hour x seconds / 3,600 / (prompt + output tokens of answered requests) x 1,000,000."""
    tokens = (prompt_tokens or 0) + (output_tokens or 0)
    if price_per_hour is None or prompt_tokens is None or not tokens:
        return None
    return price_per_hour * duration_s / 3600 / tokens * 1e6
