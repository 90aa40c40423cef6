"""A report as Markdown, for a wiki or a pull request: sentences and tables, no charts."""

from __future__ import annotations

import json
import re

from app.reports.ladder_report import asked_table
from app.reports.report import Report, Section, Table

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
FENCE = "````"


def to_markdown(report: Report) -> str:
    lines = [f"# {escaped(report.title)}", "", f"**{escaped(report.headline)}**", ""]
    told = f"{report.basis} Measured {report.measured_at}; report made {report.made_at} by Rung {report.version}."
    lines += [escaped(told), ""]
    for section in report.sections:
        lines += _section(section)
    if report.asked:
        lines += ["## Prompt by prompt", "", report.asked_note, ""]
        lines += _asked(report)
    lines += ["## Measure it again", ""]
    lines += _fenced("\n".join(report.repeat) or "no single command makes this experiment")
    lines += ["", f"{report.manifest_of}:", ""]
    lines += _fenced(json.dumps(report.manifest, indent=2, ensure_ascii=False), "json")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` so that Markdown shows it letter by letter, in one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(section: Section) -> list[str]:
    lines = [f"## {escaped(section.title)}", ""]
    if section.sentences:
        lines += [*(f"- {escaped(text)}" for text in section.sentences), ""]
    for chart in section.charts:
        lines += [escaped(chart.words), "", escaped(chart.note), ""]
    for table in section.tables:
        lines += [*_table(table), ""]
    return lines + [line for note in section.notes for line in (escaped(note), "")]


def _table(table: Table) -> list[str]:
    if not table.rows:
        return []
    rule = ["---:" if at in table.right else "---" for at in range(len(table.titles))]
    rows = [[escaped(cell) for cell in row] for row in table.rows]
    return [f"| {' | '.join(cells)} |" for cells in (list(map(escaped, table.titles)), rule, *rows)]


def _asked(report: Report) -> list[str]:
    return [*_table(asked_table(report.asked)), ""]


def _fenced(text: str, language: str = "") -> list[str]:
    """A fence longer than any in the text."""
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=0)
    fence = "`" * max(len(FENCE), longest + 1)
    return [f"{fence}{language}", text, fence]
