"""The job that makes a quantized checkpoint and saves its name. It takes the whole machine, as experiments do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.background.jobs import all_jobs, start
from app.background.machine import whole_machine
from app.background.run import Report
from app.preparation.job import Progress
from app.preparation.quantizing import facts_text, plan_quantizing, quantize
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

KIND = "quantize"


def start_quantizing(store: Store, settings: Settings, model: str, technique: Mapping[str, Any], name: str) -> str:
    """The job's id. Raises InputError for what can be known before it starts."""
    wish = plan_quantizing(store, settings, model, technique, name)
    if any(job.is_live and job.spec.get("name") == wish.name for job in all_jobs(settings, KIND)):
        raise InputError(f"{wish.name} is being made already")
    spec = {"model": model, "technique": dict(technique), "name": wish.name}
    return start(settings, KIND, f"Quantize {wish.source.name} as {wish.name}", __name__, spec)


async def work(spec: Mapping[str, Any], settings: Settings, report: Report) -> Mapping[str, Any]:
    store = Store.open(settings.database_url)
    try:
        wish = plan_quantizing(store, settings, spec["model"], spec["technique"], spec["name"])

        def say(progress: Progress) -> None:
            report.runs(progress.what, progress.done, progress.total)

        async with whole_machine(settings, lambda: report.waits("waiting for what has the machine now")):
            report.runs("starting")
            made = await quantize(store, settings, wish, say)
        return {"name": wish.name, "said": facts_text(made.facts), "fresh": made.fresh}
    finally:
        store.close()
