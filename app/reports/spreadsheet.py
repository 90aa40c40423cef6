"""A report as CSV: its figures in a row for each rung, side or load, or its prompts in a row for each answer. Text that
a spreadsheet would run is defused.

RFC 4180: CRLF, quotes where needed; what was not measured is an empty cell, and numbers are not rounded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from app.analysis.metric import METRICS
from app.analysis.statistics import Interval
from app.csv_cell import safe_cell
from app.reports.report import Answer, Asked, Cell, Report
from app.views import evidence_view
from app.views.wording import EFFECTS

STATISTICS = ("mean", "p50", "p95", "p99")


def to_csv(report: Report) -> str:
    return _table(report.figures)


def prompts_csv(asked: Sequence[Asked]) -> str:
    """Texts are empty where they were left out; so are `right` and `same` where there is nothing to hold them to."""
    return _table([_answer_cells(prompt, answer) for prompt in asked for answer in prompt.answers])


def _answer_cells(prompt: Asked, answer: Answer) -> dict[str, Cell]:
    return {
        "prompt": prompt.id,
        "recipe": answer.rung,
        "question": prompt.question,
        "expected": prompt.expected,
        "answer": answer.text,
        "right": None if answer.right is None else int(answer.right),
        "same as the baseline": None if answer.same is None else int(answer.same),
        "e2e (ms)": answer.ms,
        "error": answer.error,
    }


def _table(rows: Sequence[Mapping[str, Cell]]) -> str:
    """All rows have the columns of the first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if rows:
        writer.writerow([safe_cell(name) for name in rows[0]])
        writer.writerows([safe_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def metric_cells(metrics: Mapping[str, Any], leave_out: Sequence[str] = ()) -> dict[str, Cell]:
    """Every metric by tag and unit; a distribution has a column for each statistic."""
    cells: dict[str, Cell] = {}
    for metric in METRICS:
        if metric.tag in leave_out:
            continue
        unit = f" ({metric.unit})" if metric.unit else ""
        found = metrics.get(metric.tag)
        if metric.distribution:
            cells |= {f"{metric.tag} {part}{unit}": (found or {}).get(part) for part in STATISTICS}
        else:
            cells[metric.tag + unit] = found
    return cells


def interval_cells(name: str, interval: Interval | None) -> dict[str, Cell]:
    """The two ends of a 95 % interval."""
    return {
        f"{name} low": None if interval is None else interval.low,
        f"{name} high": None if interval is None else interval.high,
    }


def evidence_cell(evidence: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{item['technique']}: {EFFECTS[item['took_effect']].word}, {item['detail']}" for item in evidence)


def manifest_cells(manifest: Mapping[str, Any]) -> dict[str, Cell]:
    return dict(evidence_view.configuration(manifest)) if manifest else {}
