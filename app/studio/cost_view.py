"""How a run's cost is worked out, in figures that can be checked by hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.analysis.explain import Explained, explain
from app.analysis.metric import MISSING
from store.tables import RunRow

FORMULAS = (
    "A request's cost is (run + preparation) / answered, in seconds of the hardware; a rung's relative cost is its own "
    "over the baseline's. In dollars it is that x price per hour / 3,600. Each figure of a run with its formula and "
    "sources: `python -m app explain RUN`."
)
COLUMNS = (("run", "Run (s)"), ("preparation", "Preparation (s)"), ("answered", "Answered"))
SHARES = (("prompts_share", "Prompts (%)"), ("answers_share", "Answers (%)"), ("idle_share", "Idle (%)"))


def unfolded(runs: Sequence[RunRow]) -> list[dict[str, str]]:
    """A row for each finished run: what went into its cost, what comes out, and how it splits."""
    return [
        _row(run, {each.key: each for each in explain(run.summary, (run.manifest or {}).get("price_per_hour"))})
        for run in runs
        if run.status == "done" and run.summary and run.summary.get("seconds") is not None
    ]


def _row(run: RunRow, figures: Mapping[str, Explained]) -> dict[str, str]:
    time = figures["seconds_per_request"]
    inputs = {item.name: item.value for item in time.inputs}
    row = {"Rung": run.label, "Run number": str(run.id)}
    row |= {title: f"{inputs[name]:,.0f}" if name == "answered" else f"{inputs[name]:,.2f}" for name, title in COLUMNS}
    row["Seconds per request"] = _number(time.result, 4)
    row["$ per 1,000 requests"] = _number(figures["usd_per_1000_requests"].result, 4)
    return row | {title: _number(figures[key].result, 1) for key, title in SHARES}


def _number(value: float | None, digits: int) -> str:
    return MISSING if value is None else f"{value:,.{digits}f}"
