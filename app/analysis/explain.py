"""Where a run's costs come from: each figure with its formula and what went into it. Pure; no price is made up."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optimizers.errors import InputError

OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


COMMON_MODELS = ("gpt-4o-mini", "gpt-4.1-mini", "gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash")
"""To choose from where a price is asked for; any other that `api_price` knows can be typed."""


@dataclass(frozen=True)
class Input:
    """One quantity of a formula; `source` says where it was taken from."""

    name: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Explained:
    """A figure as `formula` over `inputs`, by their names; None where an input is missing, and `missing` says which.

    `key` is the metric's tag where it is one.
    """

    key: str
    title: str
    unit: str
    formula: str
    inputs: tuple[Input, ...]
    result: float | None
    missing: str = ""


@dataclass(frozen=True)
class ApiPrice:
    """US dollars for a million tokens of a model that others serve. `cached` is None where no such price is known."""

    model: str
    source: str
    input: float
    cached: float | None
    output: float


def explain(
    summary: Mapping[str, Any],
    price_per_hour: float | None,
    api: ApiPrice | None = None,
    watts: float | None = None,
    energy_price: float | None = None,
    good: int | None = None,
) -> list[Explained]:
    """`summary` is a run's. `energy_price` is dollars for a kWh, and `watts` what the hardware draws, None for what was
    measured. `good` are the requests that met the SLO, None without one."""
    metrics = summary["metrics"]
    answered = float(summary["requests"] - summary["errors"])
    run = Input("run", float(summary["seconds"]), "s", "from the first request due to the last end")
    asked = Input("answered", answered, "requests", "requests less those that failed")
    spent = Input("preparation", _prepared(metrics, run.value), "s", "spent on prompts before they were due")
    price = None if price_per_hour is None else Input("price", price_per_hour, "$/h", "--price-per-hour")
    sent = _tokens("sent", metrics["sent_prompt_tokens"], "prompt tokens, by the server's count")
    written = _tokens("output", metrics["output_tokens"], "output tokens, by the server's count")
    cached = _tokens("cached", metrics["cached_tokens"], "of the sent ones, from the prefix cache")
    found = [
        _figure(
            "seconds_per_request", "Hardware time for each answered request", "s", "(run + preparation) / answered",
            (run, spent, asked),
        ),
        _figure(
            "usd_per_1000_requests", "Cost per 1,000 requests", "$",
            "price * (run + preparation) / 3600 / answered * 1000",
            (price, run, spent, asked), "the price of the hardware (--price-per-hour)",
        ),
        _figure(
            "usd_per_million_tokens", "Cost per 1M tokens", "$",
            "price * (run + preparation) / 3600 / (sent + output) * 1000000",
            (price, run, spent, sent, written), "the price of the hardware or a token count",
        ),
        *_parts(metrics, run, spent),
    ]  # fmt: skip
    if good is not None:
        found += _good(Input("good", float(good), "requests", "answered within the SLO"), price, run, spent)
    if api is not None:
        found.append(_api(api, sent, cached, written, asked))
    if energy_price is not None:
        tariff = Input("tariff", energy_price, "$/kWh", "--energy-price")
        found.append(_energy(metrics, watts, tariff, run, spent, asked))
    return found


def _good(good: Input, price: Input | None, run: Input, spent: Input) -> list[Explained]:
    """Goodput, and the cost of what was worth having: requests that came too late are paid by those that did not."""
    return [
        _figure("goodput_per_s", "Goodput", "req/s", "good / run", (good, run)),
        _figure(
            "usd_per_1000_good", "Cost per 1,000 requests within the SLO", "$",
            "price * (run + preparation) / 3600 / good * 1000", (price, run, spent, good),
            "the price of the hardware (--price-per-hour)",
        ),
    ]  # fmt: skip


def _energy(
    metrics: Mapping[str, Any], watts: float | None, tariff: Input, run: Input, spent: Input, answered: Input
) -> Explained:
    """Measured energy is that of the run alone: what preparing drew was not read."""
    key, title = "energy_usd_per_1000_requests", "Energy for 1,000 requests"
    if watts is not None:
        power = Input("power", watts, "W", "--watts")
        formula = "power * (run + preparation) / 3600000 * tariff / answered * 1000"
        return _figure(key, title, "$", formula, (power, run, spent, tariff, answered))
    joules = metrics.get("energy_j_per_request")
    drawn = None if joules is None else Input("energy", joules, "J/request", "the hardware's own counters")
    return _figure(
        key, title, "$", "energy / 3600000 * tariff * 1000", (drawn, tariff), "what the hardware draws (--watts)"
    )


def _parts(metrics: Mapping[str, Any], run: Input, spent: Input) -> list[Explained]:
    """How the hardware's time divides into preparation, idle time, prompts and answers; the four add up to 100 %.

    Prompts and answers share the busy time as prefill and decode shared the requests' time in the engine. Cached
    tokens have no part of their own: they are what was not computed.
    """
    idle, prefill = metrics.get("idle_percent"), metrics.get("prefill_percent")
    known = idle is not None and prefill is not None
    inputs = [spent, run]
    if idle is not None and prefill is not None:
        inputs += [
            Input("idle", idle / 100, "share", "readings of the engine that found no request running"),
            Input("prefill", prefill / 100, "share", "of prefill in the engine's prefill and decode time"),
        ]
    busy = "run * (1 - idle) / (run + preparation) * 100"
    parts = (
        ("preparation_share", "Preparation's part of the cost", "preparation / (run + preparation) * 100", 2),
        ("idle_share", "Idle part", "run * idle / (run + preparation) * 100", 3),
        ("prompts_share", "Prompts' part (prefill)", f"{busy} * prefill", 4),
        ("answers_share", "Answers' part (decode)", f"{busy} * (1 - prefill)", 4),
    )
    found = []
    for key, title, formula, count in parts:
        wanted = tuple(inputs[:count])
        if known or count == 2:
            found.append(_figure(key, title, "%", formula, wanted))
        else:
            found.append(Explained(key, title, "%", formula, wanted, None, "the engine's own times"))
    return found


def _api(api: ApiPrice, sent: Input | None, cached: Input | None, written: Input | None, answered: Input) -> Explained:
    key, title = "api_usd_per_1000_requests", f"The same tokens as {api.model}, per 1,000 requests"
    per_input = Input("input_price", api.input, "$/1M", api.source)
    per_output = Input("output_price", api.output, "$/1M", api.source)
    if api.cached is None or cached is None:
        formula = "(sent * input_price + output * output_price) / 1000000 / answered * 1000"
        return _figure(key, title, "$", formula, (sent, written, per_input, per_output, answered), "a token count")
    per_cached = Input("cached_price", api.cached, "$/1M", api.source)
    formula = (
        "((sent - cached) * input_price + cached * cached_price + output * output_price) / 1000000 / answered * 1000"
    )
    inputs = (sent, cached, written, per_input, per_cached, per_output, answered)
    return _figure(key, title, "$", formula, inputs, "a token count")


def _figure(
    key: str, title: str, unit: str, formula: str, inputs: tuple[Input | None, ...], missing: str = ""
) -> Explained:
    known = tuple(item for item in inputs if item is not None)
    if len(known) < len(inputs):
        return Explained(key, title, unit, formula, known, None, missing)
    return Explained(key, title, unit, formula, known, evaluate(formula, known), "")


def evaluate(formula: str, inputs: tuple[Input, ...]) -> float | None:
    """The formula's value by its own text, so that what is shown is what was computed; None for a division by 0."""
    values = {item.name: item.value for item in inputs}

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        return values[node.id] if isinstance(node, ast.Name) else float(ast.literal_eval(node))

    try:
        return value(ast.parse(formula, mode="eval").body)
    except ZeroDivisionError:
        return None


def _tokens(name: str, count: float | None, source: str) -> Input | None:
    return None if count is None else Input(name, float(count), "tokens", source)


def _prepared(metrics: Mapping[str, Any], run_s: float) -> float:
    """The seconds of preparation, from its share of all."""
    share = (metrics.get("preparation_share") or 0.0) / 100
    return run_s * share / (1 - share) if share < 1 else 0.0


def api_price(model: str, prompt_tokens: int = 1000) -> ApiPrice:
    """From the prices that come with the package genai-prices, for a request of so many prompt tokens: some models cost
    more beyond a length. Raises InputError for a model that it does not know."""
    from genai_prices import Usage, __version__, calc_price

    size = max(1, prompt_tokens)
    try:
        whole = calc_price(Usage(input_tokens=size, output_tokens=size), model_ref=model)
        cached = calc_price(Usage(input_tokens=size, cache_read_tokens=size), model_ref=model)
    except LookupError:
        raise InputError(f"no price is known for the model {model!r}; leave --api-model out, or name another") from None
    per_input, from_cache, per_output = (
        float(price * 1_000_000 / size) for price in (whole.input_price, cached.input_price, whole.output_price)
    )
    source = f"genai-prices {__version__}, {whole.provider.name}"
    return ApiPrice(
        whole.model.name or model, source, per_input, from_cache if from_cache != per_input else None, per_output
    )
