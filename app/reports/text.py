"""Tables for a terminal, drawn by rich from the same model as the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.analysis.compare import Comparison, Difference, small_tails
from app.analysis.environment import Changed
from app.analysis.factorial import Effects
from app.analysis.ladder import Ladder, Reference, RungResult
from app.analysis.metric import BY_TAG, METRICS, MISSING
from app.analysis.per_prompt import PromptPair
from app.experiment.preview import Preview
from app.views.answers import low_quality_note, quality_span, since_baseline, verdict_of, with_answers
from app.views.effects import (
    PAIR_HELP,
    PAIR_TITLES,
    SHARE_HELP,
    SHARE_TITLES,
    SINGLE_HELP,
    SINGLE_TITLES,
    pair_rows,
    share_rows,
    share_sentence,
    single_rows,
)
from store.tables import RunRow

LABEL_WIDTH = 40
MARKS = {True: "yes", False: "no", None: "not observable"}


def show(renderable: RenderableType, to_stderr: bool = False) -> None:
    """Prints at the terminal's width; 120 columns where the output is no terminal."""
    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=to_stderr, highlight=False, width=120)
    console.print(renderable)


def ladder_table(ladder: Ladder) -> Group:
    """What each rung costs and how it answers, then how fast it is; two tables, as one would not fit 120 columns.
    After them what each technique is worth, where the experiment can tell."""
    beside = {"rung before": ("Step", "Article"), "everything": ("Against\neverything",), "baseline": ()}
    worth = ("Cost", "95 %", *beside[ladder.reference], "Quality %", "95 %", "Same %")
    speed = (
        "TTFT\np50 ms",
        "TTFT\np95 ms",
        "TPOT\np50 ms",
        "req/s",
        "Cached\ntokens",
        "Similar %",
        "Refusals",
        "Empty",
    )
    lines: list[RenderableType] = [
        _rung_table(
            worth,
            [_worth_cells(rung, ladder.reference) for rung in ladder.rungs],
            "Step's verdict" if ladder.reference == "rung before" else "Verdict",
        ),
        Text(),
        _rung_table(speed, [_speed_cells(rung) for rung in ladder.rungs]),
    ]
    if ladder.noise.get("relative_cost") is not None:
        floor = f"{ladder.noise['relative_cost']:.1%}"
        lines.append(Text(f"\nCosts are multiples of the baseline's; the baseline against itself differs by {floor}"))
    if any(rung.quality_interval for rung in ladder.rungs):
        lines.append(
            Text("Quality is the share of expected answers given; Same and Similar are against the baseline's")
        )
    if ladder.effects is not None:
        lines += _effects_lines(ladder.effects)
    lines.append(Text("\nDid each technique take effect?", style="bold"))
    lines += [Text(line) for line in _evidence_lines(ladder)]
    suspects = [f"{rung.label}: {reason}" for rung in ladder.rungs for reason in rung.suspect]
    suspects += [f"{rung.label}: {told}" for rung in ladder.rungs if (told := since_baseline(rung))]
    note = low_quality_note(ladder)
    suspects += [note] if note else []
    small = dict.fromkeys(reason for rung in ladder.rungs[1:] for reason in rung.comparison.small_sample)
    suspects += [f"small sample: {reason}" for reason in small]
    if suspects:
        lines += [Text("\nRead with care", style="bold"), *(Text(f"  {line}") for line in suspects)]
    return Group(*lines)


def plan_table(plan: Preview) -> Group:
    """What would be measured, rung by rung; rungs with the same engine share one start."""
    rows = [
        (rung.label, ", ".join(rung.techniques) or "nothing", MISSING if rung.engine is None else str(rung.engine))
        for rung in plan.rungs
    ]
    table = plain_table(("Rung", "Techniques that are on", "Engine"), rows, (2,))
    return Group(table, Text(f"\nPlanned: {plan.sentence}"))


def run_table(run: RunRow) -> Group:
    summary: Mapping[str, Any] = run.summary or {}
    metrics = summary.get("metrics") or {}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Metric", "mean", "p50", "p95", "p99"):
        table.add_column(title, justify="left" if title == "Metric" else "right")
    for metric in METRICS:
        value = metrics.get(metric.tag)
        name = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
        if metric.distribution:
            found = value or {}
            table.add_row(name, *(metric.format(found.get(part), unit=False) for part in ("mean", "p50", "p95", "p99")))
        elif not metric.relative:
            table.add_row(name, metric.format(value, unit=False))
    lines: list[RenderableType] = [Text(f"Run {run.id}: {run.label}", style="bold"), table]
    asked, failed = summary.get("requests", 0), summary.get("errors", 0)
    refused, empty = (BY_TAG[tag].format(metrics.get(tag)) for tag in ("refusals", "empty_answers"))
    lines.append(Text(f"\n{asked} requests, {failed} failed, {refused} refused, {empty} answered with nothing"))
    span = (summary.get("intervals") or {}).get("quality")
    if span:
        right = BY_TAG["quality"].format(metrics["quality"])
        lines.append(Text(f"Answers: {right} right (95 % interval {span[0]:.1f} to {span[1]:.1f} %)"))
    lines += [Text(f"  {example}") for example in summary.get("error_examples", ())]
    live, saved = (summary.get("histories", {}).get(name, 0) for name in ("live", "saved"))
    if live or saved:
        lines.append(Text(f"Later turns of conversations: {live} with this run's own answers, {saved} as saved"))
    lines += [
        Text(f"{item['technique']} took effect: {MARKS[item['took_effect']]}; {item['detail']}")
        for item in summary.get("evidence", ())
    ]
    lines += [Text(f"Suspect: {reason}") for reason in summary.get("suspect", ())]
    if summary:
        lines += [Text(f"Small sample: {reason}") for reason in small_tails(asked - failed)]
    return Group(*lines)


def compare_table(
    baseline: str,
    candidates: Mapping[str, Comparison],
    environment: Mapping[str, Sequence[Changed]] | None = None,
    doubts: Mapping[str, Sequence[str]] | None = None,
) -> Group:
    """Sides by what was typed for them; `doubts` by candidate."""
    lines: list[RenderableType] = []
    for run_id, found in candidates.items():
        verdict = with_answers(found.verdict, found.differences.get("quality"))
        reasons = "; ".join([found.reason, *(doubts or {}).get(run_id, ())])
        lines.append(Text(f"Run {run_id} against run {baseline}: {verdict}; {reasons}", style="bold"))
        lines += [
            Text(f"  {each.fact}: {_plain(each.baseline)} against {_plain(each.candidate)}")
            for each in (environment or {}).get(run_id, ())
        ]
        if not found.differences:
            continue
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("Metric")
        for title in ("Baseline", "Candidate", "Change", "95 % interval"):
            table.add_column(title, justify="right")
        table.add_column("Verdict")
        for tag, item in found.differences.items():
            metric = BY_TAG[tag]
            change = MISSING if item.delta is None else item.format(item.delta)
            span = MISSING if item.interval is None else item.format_span(item.interval)
            cells = ("hardware s / request", 4) if tag == "relative_cost" else (metric.title, metric.digits)
            values = [MISSING if v is None else f"{v:,.{cells[1]}f}" for v in (item.baseline, item.candidate)]
            table.add_row(cells[0], *values, change, span, item.verdict + _won_and_lost(item))
        lines.append(table)
        lines += [Text(f"Small sample: {reason}") for reason in found.small_sample]
    if any(found.differences for found in candidates.values()):
        lines.append(Text("Verdicts are corrected for their number (Benjamini-Hochberg); intervals are not"))
    return Group(*lines)


def pairs_table(pairs: Sequence[PromptPair]) -> Table:
    """Prompts by their place in the set, from 1."""

    def share(value: float | None) -> str:
        return MISSING if value is None else f"{100 * value:.0f} %"

    def time(value: float | None) -> str:
        return MISSING if value is None else f"{value:,.0f}"

    words = {True: "same", False: "differs", None: MISSING}
    rows = [
        (
            str(pair.position + 1), share(pair.right_before), share(pair.right_after), words[pair.same],
            time(pair.before_ms), time(pair.after_ms), MISSING if pair.factor is None else f"{pair.factor:.2f}x",
            "lost" if pair.lost else "won" if pair.won else "",
        )
        for pair in pairs
    ]  # fmt: skip
    titles = ("Prompt", "Right before", "after", "Answer", "ms before", "after", "Factor", "")
    return plain_table(titles, rows, (0, 1, 2, 4, 5, 6))


def plain_table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Table:
    """A table of texts; `right` lists the columns that hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, title in enumerate(titles):
        table.add_column(title, justify="right" if position in right else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value) or MISSING
    return MISSING if value is None else str(value)


def _won_and_lost(item: Difference) -> str:
    return f"; {item.won} prompts won, {item.lost} lost" if item.won or item.lost else ""


def _rung_table(titles: Sequence[str], rows: Sequence[Sequence[str]], last: str | None = None) -> Table:
    """Figures to the right, never cut; `last` is the title of a last column of words, which may take several lines."""
    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    longest = max((len(row[0]) for row in rows), default=0)
    # A combination of many techniques has a name too long to stand in one line beside its figures.
    table.add_column("Rung", min_width=longest if longest <= LABEL_WIDTH else None)
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    if last:
        table.add_column(last)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    for column, cells in zip(table.columns[1 : 1 + len(titles)], list(zip(*rows, strict=True))[1:], strict=False):
        column.min_width = max(len(cell) for cell in cells)
    return table


def _figure(rung: RungResult, tag: str, part: str = "") -> str:
    value = rung.metrics[tag]
    return BY_TAG[tag].format(value[part] if part else value, unit=False)


def _worth_cells(rung: RungResult, reference: Reference) -> list[str]:
    span, held = rung.cost_interval, None if rung.is_again else rung.against
    beside = {
        "rung before": [rung.step if held else None, rung.claim.step if rung.claim else None],
        "everything": [held.factor if held and held.name == "everything" else None],
        "baseline": [],
    }
    return [
        rung.label,
        BY_TAG["relative_cost"].format(rung.cost, unit=False),
        MISSING if span is None else f"{span.low:.2f}-{span.high:.2f}",
        *(MISSING if factor is None else f"{factor:.2f}" for factor in beside[reference]),
        _figure(rung, "quality"),
        quality_span(rung),
        _figure(rung, "same_output"),
        verdict_of(rung),
    ]


def _speed_cells(rung: RungResult) -> list[str]:
    latency = [_figure(rung, tag, part) for tag, part in (("ttft_ms", "p50"), ("ttft_ms", "p95"), ("tpot_ms", "p50"))]
    rest = ("requests_per_s", "cached_tokens", "similarity", "refusals", "empty_answers")
    return [rung.label, *latency, *(_figure(rung, tag) for tag in rest)]


def _evidence_lines(ladder: Ladder) -> list[str]:
    """Each technique as seen on the first rung that has it on, and where it was seen otherwise."""
    first: dict[str, Any] = {}
    lines: dict[str, str] = {}
    for rung in ladder.rungs:
        for item in rung.evidence:
            key, effect = item["technique"], item["took_effect"]
            if key not in first:
                first[key], lines[key] = effect, f"  {key}: {MARKS[effect]}; {item['detail']}"
            elif effect is not first[key]:
                lines[key] += f"; on {rung.label}: {MARKS[effect]}"
    return list(lines.values())


def _effects_lines(effects: Effects) -> list[RenderableType]:
    parts = (
        ("What each technique is worth", SINGLE_TITLES, single_rows(effects), (1, 2, 4, 5), SINGLE_HELP),
        ("What two techniques do to each other", PAIR_TITLES, pair_rows(effects), (1, 2), PAIR_HELP),
        ("Whose saving it is", SHARE_TITLES, share_rows(effects), (1, 2), SHARE_HELP),
    )
    lines: list[RenderableType] = []
    for title, titles, rows, right, about in parts:
        if rows:
            lines += [Text(f"\n{title}", style="bold"), plain_table(titles, rows, right), Text(about)]
    told = share_sentence(effects)
    return [*lines, Text(f"\n{told}")] if told else lines
