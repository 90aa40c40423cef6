"""A baseline and its candidates as a report: the same sentences and figures as the Compare page's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.analysis.metric import BY_TAG
from app.analysis.per_prompt import prompt_matrix
from app.analysis.statistics import distribution, median_interval
from app.analysis.summary import LATENCIES
from app.analysis.trade_off import QUALITY, Limits, Point
from app.experiment.comparing import Pairing, Side, pairs_of, trade_off_point
from app.prompts.prompt_set import PromptSet
from app.reports.ladder_report import QUESTION_CHARS, Answered, asked_of, shown_manifest
from app.reports.report import Asked, Cell, Chart, Fact, OverRepeats, Report, Section, Texts, table_of
from app.reports.spreadsheet import evidence_cell, interval_cells, manifest_cells, metric_cells
from app.version import RUNG
from app.views import compare_sides, evidence_view, trade_off_view
from app.views import compare_view as view
from app.views.bar import Bar
from app.views.compare_configuration import configuration_rows
from app.views.effects import times
from app.views.wording import listed, moment, to_hand_on, without_folders
from app.words import recorded_on

TAIL = "p95"
FIGURES_NOTE = "Means over repeats, without a verdict; tokens are of a whole run, failed requests of all repeats."
ASKED_NOTE = (
    "The first repeat of each side, against the baseline's answer. Regressed and failed count all repeats; the worst "
    "regression comes first."
)


def compare_report(
    before: Side,
    pairings: Sequence[Pairing],
    prompts: PromptSet | None,
    repeat: Sequence[str],
    texts: Texts = "full",
    limits: Limits | None = None,
    *,
    now: float,
) -> Report:
    """`repeat` are the command lines that measure and compare it again; `now` is in seconds since the epoch."""
    sides = [before, *(pairing.side for pairing in pairings)]
    points = [trade_off_point(side, pairing) for side, pairing in zip(sides, [None, *pairings], strict=True)]
    names = listed([pairing.side.name for pairing in pairings])
    repeat = tuple(map(to_hand_on, repeat))
    return Report(
        title=f"{names} beside {before.name}",
        headline=" ".join(view.sentence(pairing) for pairing in pairings),
        basis=_basis(before, [pairing.side for pairing in pairings]),
        measured_at=moment(before.manifest.get("started_at")),
        made_at=moment(now),
        version=RUNG,
        facts=tuple(_fact(pairing) for pairing in pairings),
        facts_of="Cost of an answered request as a multiple of the baseline's, and its verdict.",
        sections=tuple(_sections(sides, pairings, points, limits or Limits())),
        asked=tuple(compared_prompts(before, pairings, prompts, texts)),
        asked_note=ASKED_NOTE,
        repeat=repeat,
        manifest={side.key: shown_manifest(side.manifest) for side in sides},
        manifest_of="Manifest of the first run of each",
        figures=tuple(
            _figures(side, pairing, point, repeat)
            for side, pairing, point in zip(sides, [None, *pairings], points, strict=True)
        ),
    )


def _basis(before: Side, others: Sequence[Side]) -> str:
    prompts = before.manifest.get("prompt_set", {})
    where = before.manifest.get("hardware", {}).get("title")
    facts = [text for text in (prompts.get("name"), where) if text]
    told = (
        f"The baseline was measured on {listed(facts)}." if facts else "Of the baseline's surroundings little is known."
    )
    recorded: dict[str, list[str]] = {}
    for side in (before, *others):
        if mark := recorded_on(side.manifest):
            recorded.setdefault(mark, []).append(without_folders(side.name))
    return " ".join([told, *(f"{mark}: {listed(names)}." for mark, names in recorded.items())])


def _fact(pairing: Pairing) -> Fact:
    return Fact(pairing.side.name, times(pairing.found.cost_factor), pairing.found.verdict)


def compared_prompts(
    before: Side,
    pairings: Sequence[Pairing],
    prompts: PromptSet | None,
    texts: Texts,
    most_chars: int | None = QUESTION_CHARS,
    worst_first: bool = True,
) -> list[Asked]:
    """What became of each prompt, none where the texts or the prompts are. For people (`worst_first`) as on the Compare
    page, with those at the end that cannot be held against each other; for programs in the order of the set."""
    if texts == "none" or prompts is None:
        return []
    answered = [answered_of(side) for side in (before, *(pairing.side for pairing in pairings))]
    found = asked_of(prompts, answered, texts, most_chars)
    rows = prompt_matrix([pairs_of(before, pairing) for pairing in pairings])
    ranked = {
        row.position: replace(found[row.position], over_repeats=OverRepeats(row.regressed, row.failed))
        for row in rows
        if row.position < len(found)
    }
    if not worst_first:
        return [ranked.get(at, each) for at, each in enumerate(found)]
    return [*ranked.values(), *(each for at, each in enumerate(found) if at not in ranked)]


def answered_of(side: Side) -> Answered:
    first = side.data.repeats[0] if side.data.repeats else ()
    return Answered(side.name, {record.position: record for _, record in first})


def _sections(
    sides: Sequence[Side], pairings: Sequence[Pairing], points: Sequence[Point], limits: Limits
) -> list[Section]:
    refused, besides = view.not_comparable(pairings), view.other_causes(pairings)
    sections = [Section("Not comparable", tuple(refused))] if refused else []
    summary = view.summary_rows(pairings)
    if summary:
        sections.append(
            Section(
                "Metric by metric",
                tuple(view.sentence(pairing) for pairing in pairings),
                tables=(table_of("Each metric beside the baseline's", summary),),
                notes=("Changes with their 95 % intervals. Verdicts are corrected for their number.",),
            )
        )
    figures = compare_sides.figure_rows(sides[0], pairings)
    sections.append(
        Section(
            "What else was measured",
            tables=(table_of("More figures of each side", figures, list(figures[0])[1:]),),
            notes=(FIGURES_NOTE,),
        )
    )
    sections += [_trade_off(points, limits), _latencies(sides)]
    evidence = compare_sides.evidence_rows(sides)
    if evidence:
        sections.append(Section("Did each technique take effect?", tables=(table_of("Evidence", evidence),)))
    doubts = compare_sides.doubts(sides, pairings)
    if besides or doubts:
        sections.append(Section("Read with care", (*besides, *doubts)))
    return [*sections, *_configuration(sides)]


def _trade_off(points: Sequence[Point], limits: Limits) -> Section:
    tags = tuple(dict.fromkeys((QUALITY, "ttft_ms", "e2e_ms", *limits.most)))
    within = trade_off_view.limits_sentence(points, limits)
    said = [f"Limits: {trade_off_view.limits_words(limits)}.", within] if within else []
    sentences = [trade_off_view.front_sentence(points, tag) for tag in tags]
    charts = tuple(
        Chart(
            trade_off_view.words(points, tag),
            trade_off_view.trade_off(points, tag, limits),
            _bars(points, tag),
            None,
            f"Cost against {trade_off_view.TITLES[tag]}; filled marks are on the front.",
        )
        for tag in tags
        if len(trade_off_view.drawable(points, tag)) > 1
    )
    rows = trade_off_view.rows_of(points, tags, limits)
    return Section(
        "What it costs, and what it gives up",
        (*said, *sentences),
        charts,
        (table_of("Each recipe's figures", rows),),
        ("95 % intervals: of a p95 by order statistics over all requests, none below 72 of them.",),
    )


def _bars(points: Sequence[Point], tag: str) -> tuple[Bar, ...]:
    """For forms that cannot draw a plane: the figure beside the cost."""
    drawn = trade_off_view.drawable(points, tag)
    return tuple(
        Bar(
            point.name,
            figure.value,
            figure.interval,
            f"{trade_off_view.text_of(tag, figure)} at {times(point.value('cost'))}",
        )
        for point in drawn
        for figure in (point.figures[tag],)
    )


def _latencies(sides: Sequence[Side]) -> Section:
    charts = []
    for tag in LATENCIES:
        measured = [(side, view.times_of(side.data, tag)) for side in sides]
        bars = tuple(_latency_bar(side, values, tag) for side, values in measured if values)
        if bars:
            note = f"{BY_TAG[tag].title}: share of requests within a time; bars, where there are such, are medians."
            charts.append(Chart(view.words(sides, tag), view.distributions(sides, tag), bars, None, note))
    rows = view.percentile_rows(sides)
    table = table_of("Percentiles of each latency", rows, [name for name in rows[0] if name != "Recipe"])
    return Section("Distributions", charts=tuple(charts), tables=(table,))


def _latency_bar(side: Side, values: Sequence[float], tag: str) -> Bar:
    found, metric = distribution(values), BY_TAG[tag]
    text = f"{metric.format(found['p50'])}; {TAIL} {metric.format(found[TAIL])}"
    return Bar(side.name, found["p50"] or 0.0, median_interval(values), text)


def _configuration(sides: Sequence[Side]) -> list[Section]:
    sections = []
    differing = configuration_rows(sides, everything=False)
    if differing:
        sections.append(Section("What differs", tables=(table_of("What the manifests say differently", differing),)))
    manifest = sides[0].manifest
    if manifest:
        facts = [{"Fact": name, "Value": text} for name, text in evidence_view.configuration(manifest)]
        facts.append({"Fact": "Engine", "Value": evidence_view.launch_command(manifest)})
        sections.append(Section("The baseline's configuration", tables=(table_of("What it was measured with", facts),)))
    return sections


def _figures(side: Side, pairing: Pairing | None, point: Point, repeat: Sequence[str]) -> dict[str, Cell]:
    """A side's row, understood alone."""
    cost, quality = point.figures.get("cost"), point.figures.get(QUALITY)
    cells: dict[str, Cell] = {
        "run": side.key,
        "label": side.label,
        "techniques": ", ".join(use.key for use in side.recipe.uses),
        "runs": " ".join(map(str, side.run_ids)),
        "requests": side.requests,
        "errors": side.errors,
        "relative_cost (x)": None if cost is None else cost.value,
        **interval_cells("relative_cost", cost.interval if cost else None),
        "verdict": "baseline" if pairing is None else pairing.found.verdict,
        "reason": None if pairing is None else "; ".join([pairing.found.reason, *pairing.doubts]),
        **interval_cells(QUALITY, quality.interval if quality else None),
    }
    for tag in LATENCIES:
        figure = point.figures.get(tag)
        cells |= interval_cells(f"{tag} {TAIL}", figure.interval if figure else None)
    return {
        **cells,
        **metric_cells(side.metrics, leave_out=("relative_cost",)),
        "evidence": evidence_cell(side.evidence),
        "suspect": "; ".join(side.suspect),
        **_padded(manifest_cells(side.manifest)),
        "repeat": "; ".join(repeat),
    }


def _padded(cells: Mapping[str, Any]) -> dict[str, Cell]:
    """With every column, also where a side has no manifest."""
    return dict.fromkeys(name for name, _ in evidence_view.configuration({})) | dict(cells)
