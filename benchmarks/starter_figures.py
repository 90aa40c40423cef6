"""The starter ladder in figures: time lost outside measuring, engine starts, what prefix caching gives and what not.

`python -m benchmarks.starter_figures [--limit N] [--repeats N] [--model M]` measures the starter ladder on the support
desk, then prefix caching alone on the unique prompts, which share nothing. Uses a database of its own. About 20 minutes
on two cores; half of that with `--limit 64`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from app.analysis.ladder import Ladder, RungResult
from app.commands.follow import run_to_end
from app.experiment.companions import companion_settings
from app.experiment.queue import enqueue
from app.experiment.results import load_ladder
from app.experiment.spec import ExperimentSpec, ladder_rungs
from app.prompts.saved import find_prompts
from app.replay.load import LoadProfile
from app.reports.text import ladder_table, show
from store.settings import Settings
from store.store import Store
from store.tables import ExperimentRow


def measure(
    store: Store, settings: Settings, arguments: argparse.Namespace, prompts: str, techniques: list[str] | None
) -> tuple[ExperimentRow, Ladder]:
    spec = ExperimentSpec(
        kind="ladder",
        prompt_set_id=find_prompts(store, prompts).id,
        rungs=ladder_rungs(techniques, settings=companion_settings(arguments.model)),
        model=arguments.model,
        prompt_limit=arguments.limit,
        load=LoadProfile(concurrency=8, unbatched="one_by_one"),
        repeats=arguments.repeats,
    )
    experiment = run_to_end(store, settings, enqueue(store, spec, prompts))
    if experiment.status != "done":
        raise SystemExit(f"{prompts}: {experiment.status}: {experiment.error}")
    return experiment, load_ladder(store, experiment.id)


def report(store: Store, experiment: ExperimentRow, ladder: Ladder) -> None:
    show(ladder_table(ladder))
    spent = experiment.seconds
    plans = {run.manifest["engine"]["key"] for run in store.runs.of_experiment(experiment.id) if run.manifest}
    print(f"\nengines started: {experiment.engine_starts}, distinct launch plans: {len(plans)}")
    parts = ", ".join(
        f"{name} {spent[name]:.1f} s" for name in ("engine_start", "warm_up", "generation", "engine_stop")
    )
    print(f"total {spent['total']:.1f} s: {parts}; other {spent['other'] / spent['total']:.1%} (engine stop included)")
    rung = next(rung for rung in ladder.rungs if rung.adds == "prefix_caching")
    print(
        f"prefix caching: TTFT p50 {_ttft(ladder.rungs[0]):.0f} ms to {_ttft(rung):.0f} ms,",
        _ratio(ladder.rungs[0], rung),
    )
    for tag in ("relative_cost", "ttft_ms"):
        found = rung.comparison.differences[tag]
        span = f", 95 % {found.interval.low:+.1%} to {found.interval.high:+.1%}" if found.interval else ""
        print(f"prefix caching: {tag} {found.delta:+.1%}{span}: {found.verdict}")
    print("prefix caching:", rung.evidence[0]["detail"], flush=True)


def _ttft(rung: RungResult) -> float:
    return float(rung.metrics["ttft_ms"]["p50"])


def _ratio(before: RungResult, after: RungResult) -> str:
    return f"{_ttft(before) / _ttft(after):.1f}x lower"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", default="starter")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Settings.load().home, f"sqlite:///{Path(folder) / 'bench.db'}")
        store = Store.open(settings.database_url)
        for prompts, techniques in (("support-desk", None), ("unique", ["prefix_caching"])):
            print(f"\n== {prompts}")
            report(store, *measure(store, settings, arguments, prompts, techniques))


if __name__ == "__main__":
    main()
