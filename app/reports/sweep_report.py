"""A load sweep as a report and as its JSON document. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.analysis.metric import MISSING
from app.analysis.summary import LATENCIES
from app.analysis.sweep import Point, Slo, Sweep
from app.experiment.spec import ExperimentSpec
from app.reports.ladder_report import shown_manifest
from app.reports.report import Cell, Chart, Report, Section, table_of
from app.reports.spreadsheet import evidence_cell, interval_cells, manifest_cells
from app.version import RUNG
from app.views import evidence_view, ladder_view, sweep_words
from app.views.bar import Bar
from app.views.wording import EFFECTS, moment, without_folders
from app.words import recorded_on, title_of
from store.tables import ExperimentRow

SCHEMA = "rung.sweep/1"


def sweep_document(experiment: ExperimentRow, found: Sweep, slo: Slo | None) -> dict[str, Any]:
    """Figures that could not be measured are null; times are in milliseconds."""

    def point(each: Point) -> dict[str, Any]:
        spans = {"ttft_interval": each.ttft_interval, "good_interval": each.good_interval}
        return asdict(each) | {name: None if span is None else span.to_json() for name, span in spans.items()}

    return {
        "schema": SCHEMA,
        "experiment_id": experiment.id,
        "title": experiment.title,
        "status": experiment.status,
        "varied": "rate" if is_open(experiment) else "concurrency",
        "slo": None if slo is None else {"limits": dict(slo.limits), "share": slo.share},
        "points": [point(each) for each in found.points],
        "knee": found.knee,
        "highest_within_slo": found.highest,
        "reason": found.reason or None,
    }


def is_open(experiment: ExperimentRow) -> bool:
    return ExperimentSpec.from_json(experiment.spec).load.is_open


def sweep_report(
    experiment: ExperimentRow,
    found: Sweep,
    slo: Slo | None,
    manifest: Mapping[str, Any],
    evidence: tuple[Mapping[str, Any], ...],
    *,
    repeat: Sequence[str],
    now: float,
) -> Report:
    """`manifest` is that of the first run, `evidence` of all runs together, `repeat` what measures it again; `now` is
    in seconds since the epoch."""
    unit = "requests/s" if is_open(experiment) else "in flight"
    said = sweep_words.sentences(found, slo, unit)
    basis = ladder_view.basis(manifest, experiment.spec.get("repeats", 1)) if manifest else ""
    if recorded := recorded_on(experiment.spec):
        basis += f" {recorded}."
    return Report(
        title=without_folders(experiment.title),
        headline=" ".join(said) or "Throughput and latency under growing load.",
        basis=basis.replace("each rung", "each load") or "Nothing has been measured yet.",
        measured_at=moment(experiment.finished_at or experiment.created_at),
        made_at=moment(now),
        version=RUNG,
        facts=(),
        facts_of="",
        sections=tuple(_sections(found, unit, slo, manifest, evidence)),
        asked=(),
        repeat=tuple(repeat),
        manifest=shown_manifest(manifest),
        figures=tuple(
            _figures(experiment, point, unit, manifest, evidence, "; ".join(repeat)) for point in found.points
        ),
    )


def _sections(
    found: Sweep, unit: str, slo: Slo | None, manifest: Mapping[str, Any], evidence: tuple[Mapping[str, Any], ...]
) -> list[Section]:
    if not found.points:
        return []
    rows = sweep_words.sweep_rows(found, unit)
    spans = [
        {
            f"Offered ({unit})": f"{point.offered:g}",
            "TTFT p50 (ms)": _figure(point.ttft_ms["p50"]),
            "95 % interval (ms)": _span(point),
            "Within limits, 95 %": _share(point),
        }
        for point in found.points
    ]
    bars = tuple(
        Bar(
            f"{point.offered:g} {unit}", point.requests_per_s, None,
            f"{point.requests_per_s:.2f} requests/s; end to end p95 {_figure(point.e2e_ms['p95'])} ms",
        )
        for point in found.points
        if point.requests_per_s is not None
    )  # fmt: skip
    chart = Chart(
        sweep_words.words(found, unit),
        sweep_words.sweep_chart(found, unit, slo),
        bars,
        None,
        "Throughput of each load.",
    )
    sections = [
        Section(
            "Load by load",
            charts=(chart,),
            tables=(
                table_of("Each load's figures", rows, tuple(rows[0])),
                table_of("Intervals of each load", spans, tuple(spans[0])),
            ),
            notes=("Times count from when a request was due. Goodput: requests a second that keep every limit.",),
        )
    ]
    told = [
        {
            "Technique": title_of(item["technique"]),
            "Took effect": EFFECTS[item["took_effect"]].word,
            "Evidence": item["detail"],
        }
        for item in evidence
    ]
    if told:
        sections.append(Section("Did each technique take effect?", tables=(table_of("Evidence", told),)))
    facts = [{"Fact": name, "Value": text} for name, text in evidence_view.configuration(manifest)]
    facts.append({"Fact": "Engine", "Value": evidence_view.launch_command(manifest)})
    return [*sections, Section("Configuration", tables=(table_of("What it was measured with", facts),))]


def _figures(
    experiment: ExperimentRow,
    point: Point,
    unit: str,
    manifest: Mapping[str, Any],
    evidence: tuple[Mapping[str, Any], ...],
    repeat: str,
) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "experiment": experiment.id,
        f"offered ({unit})": point.offered,
        "requests": point.requests,
        "errors": point.errors,
        "requests_per_s (req/s)": point.requests_per_s,
        "output_tokens_per_s (tok/s)": point.output_tokens_per_s,
    }
    for tag in LATENCIES:
        cells |= {f"{tag} {part} (ms)": value for part, value in getattr(point, tag).items()}
    return {
        **cells,
        **interval_cells("ttft_ms p50", point.ttft_interval),
        "goodput (req/s)": point.goodput,
        "good_share": point.good_share,
        **interval_cells("good_share", point.good_interval),
        "evidence": evidence_cell(evidence),
        **manifest_cells(manifest),
        "repeat": repeat,
    }


def _figure(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.0f}"


def _span(point: Point) -> str:
    held = point.ttft_interval
    return MISSING if held is None else f"{held.low:,.0f} to {held.high:,.0f}"


def _share(point: Point) -> str:
    held = point.good_interval
    return MISSING if held is None else f"{held.low:.1%} to {held.high:.1%}"
