"""A report as PDF, drawn without a browser: the same sentences and tables, charts as bars with their intervals."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import font_source_sans_pro as fonts
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from app.reports.ladder_report import asked_table
from app.reports.report import Chart, Report, Section, Table
from app.views.bar import Bar

FAMILY = "Source Sans Pro"
TEXT, SOFT, LINE, BAR = (16, 24, 32), (74, 85, 99), (211, 217, 224), (11, 98, 176)
BODY_PT, SMALL_PT, TABLE_PT = 10, 8.5, 7.5
ROW_MM, LABEL_MM, WORDS_MM, LINE_MM = 7.5, 58.0, 72.0, 3.8
WIDE = 6
"""From so many columns on, a column of words takes several lines rather than the width."""
MANY_COLUMNS = 14
"""Tables with more columns are parted, with the first column repeated: a page is only so wide."""


def to_pdf(report: Report) -> bytes:
    page = _Page(report)
    page.add_page()
    page.words(report.title, 18, bold=True)
    told = f"{report.basis} Measured {report.measured_at}; report made {report.made_at} by Rung {report.version}."
    page.words(told, SMALL_PT, SOFT)
    page.words(report.headline, 12, bold=True, before=3)
    if report.facts:
        facts = [f"{fact.title}: {fact.value}" + (f" ({fact.change})" if fact.change else "") for fact in report.facts]
        page.words("; ".join(facts) + ".", BODY_PT)
        page.words(report.facts_of, SMALL_PT, SOFT)
    for section in report.sections:
        _section(page, section)
    if report.asked:
        _asked(page, report)
    page.heading("Measure it again")
    page.mono("\n".join(report.repeat) or "No single command makes this experiment.")
    page.words(f"{report.manifest_of}:", BODY_PT, before=2)
    page.mono(json.dumps(report.manifest, indent=1, ensure_ascii=False))
    return bytes(page.output())


class _Page(FPDF):
    """A4 with a running foot. Characters that the font does not have show as an empty box."""

    def __init__(self, report: Report) -> None:
        # The library warns of each character that a font lacks; prompts may hold any.
        logging.getLogger("fpdf").setLevel(logging.ERROR)
        super().__init__(orientation="landscape", unit="mm", format="A4")
        self._foot = f"{report.title} · Rung {report.version}"
        folder = Path(fonts.__file__).parent / "files"
        for style, name in (("", "Regular"), ("B", "Semibold")):
            self.add_font(FAMILY, style, folder / f"SourceSansPro-{name}.ttf")
        self.set_title(report.title)
        self.set_creator(f"Rung {report.version}")
        self.set_lang("en")
        self.set_margins(16, 16, 16)
        self.set_auto_page_break(True, 18)

    def footer(self) -> None:
        self.set_y(-12)
        self._style(SMALL_PT, SOFT)
        self.cell(0, 5, self._foot[:110])
        self.set_x(-40)
        self.cell(24, 5, str(self.page_no()), align="R")

    def heading(self, text: str) -> None:
        if self.will_page_break(30):
            self.add_page()
        self.words(text, 13, bold=True, before=5)
        self.ln(1)

    def words(
        self, text: str, size: float, colour: tuple[int, int, int] = TEXT, *, bold: bool = False, before: float = 0
    ) -> None:
        self.ln(before)
        self._style(size, colour, bold)
        self.multi_cell(0, size * 0.48, text, new_x="LMARGIN", new_y="NEXT", align="L")

    def mono(self, text: str) -> None:
        self._style(SMALL_PT, TEXT)
        self.multi_cell(0, 4, text, new_x="LMARGIN", new_y="NEXT", align="L", border=0)

    def _style(self, size: float, colour: tuple[int, int, int] = TEXT, bold: bool = False) -> None:
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def bars(self, chart: Chart) -> None:
        """A horizontal bar with its interval for each label, the figures in words beside it."""
        widest = max((bar.interval.high if bar.interval else bar.value for bar in chart.bars), default=0.0)
        widest = max(widest, chart.line or 0.0, *(bar.mark or 0.0 for bar in chart.bars))
        room = self.epw - LABEL_MM - WORDS_MM
        scale = room / widest if widest > 0 else 0.0
        for bar in chart.bars:
            label = self._lines(bar.label)
            height = max(ROW_MM, LINE_MM * len(label) + 1)
            if self.will_page_break(height):
                self.add_page()
            self._bar(bar, label, height, scale, chart.line)
        self.words(chart.note, SMALL_PT, SOFT, before=1)

    def _lines(self, label: str) -> list[str]:
        """A bar's label as it is broken beside it."""
        self._style(9)
        lines = self.multi_cell(LABEL_MM - 2, LINE_MM, label, align="R", dry_run=True, output="LINES")
        return lines if isinstance(lines, list) else [label]

    def _bar(self, bar: Bar, label: list[str], height: float, scale: float, line: float | None) -> None:
        left, top = self.l_margin + LABEL_MM, self.get_y()
        middle = top + height / 2
        self._style(9)
        for number, text in enumerate(label):
            self.set_xy(self.l_margin, middle + (number - len(label) / 2) * LINE_MM)
            self.cell(LABEL_MM - 2, LINE_MM, text, align="R")
        self.set_fill_color(*BAR)
        self.rect(left, middle - ROW_MM / 2 + 1.6, max(bar.value * scale, 0.1), ROW_MM - 3.2, "F")
        self.set_draw_color(*SOFT)
        if line is not None:
            self.set_dash_pattern(0.6, 0.8)
            self.line(left + line * scale, top, left + line * scale, top + height)
            self.set_dash_pattern()
        if bar.interval is not None:
            low, high = bar.interval.to_json()
            self.line(left + low * scale, middle, left + high * scale, middle)
            for end in (low, high):
                self.line(left + end * scale, middle - 1, left + end * scale, middle + 1)
        words = bar.text if bar.mark is None else f"{bar.text}; article {bar.mark:.2f}x"
        self.set_xy(left + self.epw - LABEL_MM - WORDS_MM + 2, top)
        self._style(8)
        self.cell(WORDS_MM - 2, height, words, new_x="LMARGIN", new_y="NEXT")

    def cells(self, table: Table) -> None:
        if not table.rows:
            return
        self._style(TABLE_PT)
        self.set_draw_color(*LINE)
        self.set_fill_color(255, 255, 255)
        shares = [_share(table, at) for at in range(len(table.titles))]
        align = tuple("RIGHT" if at in table.right else "LEFT" for at in range(len(table.titles)))
        with super().table(
            col_widths=tuple(shares), text_align=align, line_height=TABLE_PT * 0.5, padding=(0.7, 1),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES, headings_style=FontFace(emphasis="B", color=SOFT),
        ) as drawn:  # fmt: skip
            for row in (table.titles, *table.rows):
                drawn.row(row)


def _section(page: _Page, section: Section) -> None:
    page.heading(section.title)
    for sentence in section.sentences:
        page.words(f"• {sentence}" if len(section.sentences) > 1 else sentence, BODY_PT)
    for chart in section.charts:
        page.bars(chart)
    for table in section.tables:
        for part in parted(table):
            page.ln(2)
            page.cells(part)
    for note in section.notes:
        page.words(note, SMALL_PT, SOFT, before=1)


def _asked(page: _Page, report: Report) -> None:
    """Answers rung by rung in few columns; the texts are for the forms that can be searched."""
    page.heading("Prompt by prompt")
    page.words(report.asked_note, SMALL_PT, SOFT)
    for part in parted(asked_table(report.asked)):
        page.ln(2)
        page.cells(part)


def parted(table: Table) -> list[Table]:
    """The table in parts of at most MANY_COLUMNS columns, each with the first column."""
    rest = list(range(1, len(table.titles)))
    step = MANY_COLUMNS - 1
    chosen = [[0, *rest[start : start + step]] for start in range(0, len(rest), step)] or [[0]]
    return [
        Table(
            table.words,
            tuple(table.titles[at] for at in columns),
            tuple(tuple(row[at] for at in columns) for row in table.rows),
            frozenset(place for place, at in enumerate(columns) if at in table.right),
        )
        for columns in chosen
    ]


def _share(table: Table, at: int) -> float:
    """How much of the width a column gets: by its longest cell and the longest word of its title, within bounds."""
    longest = max(len(row[at]) for row in table.rows)
    title = max(map(len, table.titles[at].split()), default=0)
    return min(max(longest, title, 4) + 2.5, 90 if len(table.titles) < WIDE else 24)
