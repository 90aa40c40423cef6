"""Reads an experiment into a report and writes its forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import groupby
from time import time

from app.experiment.measure import load_records
from app.experiment.results import load_ladder, prompts_of
from app.reports.documents import experiment_document
from app.reports.html import to_html
from app.reports.ladder_report import Answered, ladder_report
from app.reports.markdown import to_markdown
from app.reports.pdf import to_pdf
from app.reports.report import Report, Texts
from optimizers.errors import InputError
from store.store import Store

WITHOUT = {"sweep": "a load sweep, whose loads are no rungs", "imported": "imported, and has no rungs"}
FORMS: Mapping[str, Callable[[Report], str | bytes]] = {"html": to_html, "pdf": to_pdf, "md": to_markdown}


def load_report(store: Store, experiment_id: int, texts: Texts = "full") -> Report:
    """Raises InputError for a kind of experiment that has no report."""
    experiment = store.experiments.get(experiment_id)
    if experiment.kind in WITHOUT:
        raise InputError(f"experiment {experiment_id} is {WITHOUT[experiment.kind]}; write it as .json")
    runs = store.runs.of_experiment(experiment_id)
    done = [run for run in runs if run.status == "done"] if texts != "none" else []
    first = [next(group) for _, group in groupby(done, key=lambda run: run.rung)]
    answered = [
        Answered(run.label, {record.position: record for _, record in load_records(store, run.id)}) for run in first
    ]
    manifest = next((run.manifest for run in runs if run.manifest), None) or {}
    asked = prompts_of(store, experiment_id)
    return ladder_report(experiment, load_ladder(store, experiment_id), manifest, asked, answered, texts, now=time())


def rendered(store: Store, experiment_id: int, form: str, texts: Texts = "full") -> bytes:
    """The report in one of its forms: html, pdf, md, or json. Raises InputError for another."""
    if form == "json":
        experiment, runs = store.experiments.get(experiment_id), store.runs.of_experiment(experiment_id)
        document = experiment_document(experiment, runs, load_ladder(store, experiment_id))
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    if form not in FORMS:
        raise InputError(
            f"there is no report of the form {form!r}; name a file that ends in {', '.join(FORMS)} or json"
        )
    made = FORMS[form](load_report(store, experiment_id, texts))
    return made if isinstance(made, bytes) else made.encode()
