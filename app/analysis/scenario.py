"""Everything that a person can set on the What-if page, and its two written forms: a link's query and a saved scenario.

Pure. Both forms are text by name; what they say is checked here, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, Literal

from app.analysis.daily_shape import MOST_PEAK, SHAPES
from app.analysis.load_curve import STATISTICS

NONE = "none"
Replicas = Literal["follow", "fixed"]
REPLICAS: Mapping[str, str] = {"follow": "Follow the hours", "fixed": "Fixed at the peak's need"}


@dataclass(frozen=True)
class Number:
    """A numeric input: its name in words, the bounds that it keeps, its unit, and whether it may be left open."""

    title: str
    low: float
    high: float
    unit: str = ""
    optional: bool = False

    @property
    def label(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


NUMBERS: Mapping[str, Number] = {
    "requests_per_day": Number("Requests a day", 1, 1e10),
    "peak_to_mean": Number("Peak hour, times the mean", 1, MOST_PEAK),
    "tokens_in": Number("Prompt tokens", 1, 1e7, optional=True),
    "tokens_out": Number("Output tokens", 1, 1e7, optional=True),
    "usd_per_hour": Number("Price of a replica's hardware", 0, 1e6, "$/h", optional=True),
    "usd_per_kwh": Number("Energy price", 0, 1e4, "$/kWh", optional=True),
    "watts": Number("Power of a replica", 0, 1e7, "W", optional=True),
    "most_ttft": Number("TTFT at most", 0.001, 1e9, "ms", optional=True),
    "most_tpot": Number("TPOT at most", 0.001, 1e9, "ms", optional=True),
    "most_e2e": Number("End to end at most", 0.001, 1e9, "ms", optional=True),
    "most_load": Number("Planned share of the highest load", 10, 100, "%"),
    "prefix_share": Number("Traffic that shares a prefix", 0, 100, "%"),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "daily_shape": tuple(SHAPES),
    "percentile": STATISTICS,
    "replicas": tuple(REPLICAS),
}


@dataclass(frozen=True)
class Scenario:
    """`curve_from` and `curve_to` are the keys of the baseline's and the candidate's curve, "" for none. Tokens of None
    are as measured; a limit, price or power of None is not given (power is then as measured). Shares are in percent."""

    curve_from: str = ""
    curve_to: str = ""
    requests_per_day: float = 100_000.0
    daily_shape: str = "office"
    peak_to_mean: float = 3.0
    tokens_in: float | None = None
    tokens_out: float | None = None
    usd_per_hour: float | None = None
    usd_per_kwh: float | None = None
    watts: float | None = None
    percentile: str = "p95"
    most_ttft: float | None = None
    most_tpot: float | None = None
    most_e2e: float | None = None
    most_load: float = 100.0
    prefix_share: float = 100.0
    replicas: Replicas = "follow"
    api_model: str = ""

    @property
    def limits(self) -> dict[str, float]:
        """Milliseconds by metric."""
        given = {"ttft_ms": self.most_ttft, "tpot_ms": self.most_tpot, "e2e_ms": self.most_e2e}
        return {tag: value for tag, value in given.items() if value is not None}

    def to_query(self) -> dict[str, str]:
        """Every input by its name, so that a link holds the scenario whatever the defaults become."""
        return {name: _written(getattr(self, name)) for name in NAMES}


NAMES = tuple(field.name for field in fields(Scenario))


def read_scenario(query: Mapping[str, Any], defaults: Scenario) -> tuple[Scenario, list[str]]:
    """What `query` says over the defaults, and one line for each input that it says wrongly and that keeps its
    default. Names that are no input are not looked at."""
    given: dict[str, Any] = {}
    wrong: list[str] = []
    for name in NAMES:
        if name not in query:
            continue
        try:
            given[name] = _read(name, str(query[name]).strip())
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    return replace(defaults, **given), wrong


def _read(name: str, text: str) -> Any:
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise ValueError(f"{text!r} is none of {', '.join(CHOICES[name])}")
        return text
    if name not in NUMBERS:
        if len(text) > 200 or not (text.isprintable() or not text):
            raise ValueError("that is no name")
        return text
    rule = NUMBERS[name]
    if text == NONE and rule.optional:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if not isfinite(value) or not rule.low <= value <= rule.high:
        raise ValueError(f"{text[:40]} is not from {rule.low:,.12g} to {rule.high:,.12g}")
    return value


def _written(value: object) -> str:
    if value is None:
        return NONE
    return f"{value:.12g}" if isinstance(value, float) else str(value)
