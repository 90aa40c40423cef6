"""An experiment's ladder as a report: the same sentences and figures as the Ladder page's. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.ladder import Ladder, RungResult
from app.analysis.metric import MISSING
from app.analysis.scoring import right
from app.prompts.prompt_set import PromptSet
from app.replay.record import RequestRecord
from app.reports.report import Answer, Asked, Cell, Chart, Fact, Report, Section, Table, Texts, table_of
from app.reports.spreadsheet import evidence_cell, interval_cells, manifest_cells, metric_cells
from app.version import RUNG
from app.views import effects_view, evidence_view
from app.views import ladder_view as view
from app.views.answers import low_quality_note
from app.views.bar import Bar
from app.views.charts import description
from app.views.effects import span, times
from app.views.waterfall import waterfall
from app.views.wording import count_of, moment, without_folders
from app.words import recorded_on
from store.tables import ExperimentRow

QUESTION_CHARS = 1500
METRIC_NOTE = (
    "Means over repeats. Expected answers: share of prompts answered as expected, by the prompt set's rule. Same "
    "output: share of answers that equal the baseline's to the letter. Similarity: 100 % less the edits that part an "
    "answer from the baseline's."
)


@dataclass(frozen=True)
class Answered:
    """The requests of one rung's first finished repeat, by the prompt's position."""

    label: str
    records: Mapping[int, RequestRecord]


def ladder_report(
    experiment: ExperimentRow,
    ladder: Ladder,
    manifest: Mapping[str, Any],
    prompts: PromptSet | None = None,
    answered: Sequence[Answered] = (),
    texts: Texts = "full",
    *,
    repeat: Sequence[str],
    now: float,
) -> Report:
    """`manifest` is that of the first run, `repeat` what measures it again; `now` is in seconds since the epoch."""
    lead = view.lead_rung(ladder)
    title = without_folders(experiment.title)
    better = view.cheapest(ladder)
    return Report(
        title=title,
        headline=" ".join([view.headline(ladder), *([better] if better else [])]),
        basis=_basis(experiment, manifest),
        measured_at=moment(experiment.finished_at or experiment.created_at),
        made_at=moment(now),
        version=RUNG,
        facts=tuple(Fact(card.title, card.value, card.change) for card in view.cards(ladder)),
        facts_of=f"“{lead.label}”, and its change from the baseline." if lead else "",
        sections=tuple(_sections(ladder, manifest)),
        asked=() if texts == "none" or prompts is None else tuple(asked_of(prompts, answered, texts)),
        repeat=tuple(repeat),
        manifest=shown_manifest(manifest),
        figures=tuple(_figures(experiment, rung, manifest, "; ".join(repeat)) for rung in ladder.rungs),
    )


def _basis(experiment: ExperimentRow, manifest: Mapping[str, Any]) -> str:
    if not manifest:
        return "Nothing has been measured yet."
    recorded = recorded_on(experiment.spec)
    return view.basis(manifest, experiment.spec.get("repeats", 1)) + (f" {recorded}." if recorded else "")


def shown_manifest(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without folders of the machine that wrote it."""
    shown: Mapping[str, Any] = json.loads(without_folders(json.dumps(manifest, ensure_ascii=False)))
    return shown


def _figures(experiment: ExperimentRow, rung: RungResult, manifest: Mapping[str, Any], repeat: str) -> dict[str, Cell]:
    """A rung's row; what all rungs share stands in each, so that a row can be understood alone."""
    held = rung.against
    return {
        "experiment": experiment.id,
        "rung": rung.rung,
        "label": rung.label,
        "techniques": ", ".join(rung.techniques),
        "status": rung.status,
        "runs": " ".join(map(str, rung.run_ids)),
        "requests": rung.requests,
        "errors": rung.errors,
        "relative_cost (x)": rung.cost,
        **interval_cells("relative_cost", rung.cost_interval),
        "against": None if held is None else held.name,
        "against: cost (x)": None if held is None else held.factor,
        **interval_cells("against: cost", None if held is None else held.interval),
        "verdict": rung.verdict,
        **interval_cells("quality", rung.quality_interval),
        **metric_cells(rung.metrics, leave_out=("relative_cost",)),
        "evidence": evidence_cell(rung.evidence),
        "suspect": "; ".join(rung.suspect),
        **manifest_cells(manifest),
        "repeat": repeat,
    }


def _sections(ladder: Ladder, manifest: Mapping[str, Any]) -> list[Section]:
    sections = [_part(part) for part in effects_view.parts_of(ladder)]
    if ladder.effects is None and view.measured(ladder):
        sections.append(Section("The ladder", charts=(_waterfall(ladder),)))
    cost, detail = view.cost_rows(ladder), view.detail_rows(ladder)
    low = low_quality_note(ladder)
    sections += [
        Section(
            "Cost, step by step" if ladder.effects is None else "Cost of each recipe",
            tuple(effects_view.sentences(ladder)),
            tables=(table_of("Relative cost, quality and verdict of each rung", cost, view.numeric_columns(cost)),),
            notes=(low,) if low else (),
        ),
        Section(
            "Latency, tokens and quality",
            tables=(table_of("Latency, throughput, tokens and quality", detail, view.numeric_columns(detail)),),
            notes=(METRIC_NOTE,),
        ),
    ]
    evidence = [
        {
            "Technique": row.technique,
            "Took effect": row.sign.word,
            "Evidence": " ".join([f"{row.detail}.", *row.later]),
            "The article says": row.claim,
        }
        for row in evidence_view.evidence_rows(ladder)
    ]
    if evidence:
        sections.append(Section("Did each technique take effect?", tables=(table_of("Evidence", evidence),)))
    noise, cautions = evidence_view.noise_sentence(ladder), evidence_view.cautions(ladder)
    if noise or cautions:
        sections.append(Section("Read with care", (*((noise,) if noise else ()), *cautions)))
    if manifest:
        facts = [{"Fact": name, "Value": text} for name, text in evidence_view.configuration(manifest)]
        facts.append({"Fact": "Engine of the first rung", "Value": evidence_view.launch_command(manifest)})
        sections.append(Section("Configuration", tables=(table_of("What the first rung was measured with", facts),)))
    return sections


def _waterfall(ladder: Ladder) -> Chart:
    bars = tuple(
        Bar(
            rung.label,
            rung.cost,
            rung.cost_interval,
            f"{times(rung.cost)} ({span(rung.cost_interval)})",
            rung.claim.cumulative if rung.claim else None,
        )
        for rung in ladder.rungs
        if rung.cost is not None
    )
    note = f"Cost of an answered request as a multiple of the baseline's; lower is better. {view.article_note(ladder)}"
    return Chart(description(ladder), waterfall(ladder), bars, 1.0, note)


def _part(part: effects_view.Part) -> Section:
    charts: tuple[Chart, ...] = ()
    if part.figure is not None:
        charts = (Chart(part.alt, part.figure, tuple(part.bars), part.line, part.caption),)
    tables: tuple[Table, ...] = (table_of(part.alt, part.rows),) if part.rows else ()
    return Section(part.title, part.sentences, charts, tables, (part.caption,) if part.caption and not charts else ())


def asked_of(
    prompts: PromptSet, answered: Sequence[Answered], texts: Texts, most_chars: int | None = QUESTION_CHARS
) -> list[Asked]:
    """What became of each prompt; of a longer question its last `most_chars`, the whole where that is None."""
    told = texts == "full"
    first = answered[0].records if answered else {}
    found: list[Asked] = []
    for at, prompt in enumerate(prompts.prompts):
        answers = tuple(
            _answer(rung, record, first.get(at), prompts.score, prompt.expected, told)
            for rung in answered
            if (record := rung.records.get(at)) is not None
        )
        question = prompt.text if prompt.text is not None else prompt.rendered_messages()[-1]["content"]
        if most_chars is not None:
            question = _shortened(question, most_chars)
        found.append(Asked(prompt.id, question if told else None, prompt.expected if told else None, answers))
    return found


def _answer(
    rung: Answered, record: RequestRecord, first: RequestRecord | None, rule: str, expected: str | None, told: bool
) -> Answer:
    known = record.ok and expected is not None
    return Answer(
        rung=rung.label,
        text=record.text if told else None,
        right=right(rule, record.text, expected) if known and expected is not None else None,
        same=record.text == first.text if record.ok and first is not None and first.ok else None,
        ms=(record.end_ns - record.scheduled_ns) / 1e6 if record.ok else None,
        error=without_folders(record.error) if record.error else None,
    )


def _shortened(text: str, most_chars: int) -> str:
    """The end of a long prompt, where its question mostly is."""
    cut = len(text) - most_chars
    return text if cut <= 0 else f"[{count_of(cut, 'character')} left out] … {text[cut:]}"


def plain_mark(answer: Answer) -> str:
    """How an answer did, in words."""
    if answer.error:
        return "failed"
    verdict = {True: "right", False: "wrong", None: ""}[answer.right]
    same = {True: "same", False: "differs", None: ""}[answer.same]
    return ", ".join(word for word in (verdict, same) if word) or MISSING


def asked_table(asked: Sequence[Asked]) -> Table:
    """How each rung answered each prompt, without the texts."""
    labels = tuple(dict.fromkeys(answer.rung for each in asked for answer in each.answers))
    rows = []
    for each in asked:
        marks = {answer.rung: plain_mark(answer) for answer in each.answers}
        rows.append((each.id, *(marks.get(label, "") for label in labels)))
    return Table("Prompts", ("Prompt", *labels), tuple(rows))
