"""`ladder`, `run` and `resume`: queue an experiment, see it through, print what came of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import aiohttp

from app.commands.choice import add_set_option, chosen_recipe, chosen_settings, ladder_keys, left_out
from app.commands.common import (
    DONE,
    RUN_FAILED,
    OneLineParser,
    add_database,
    add_engine_options,
    add_json,
    add_measuring_options,
    engine_options,
    open_store,
    print_json,
    sampling,
)  # fmt: skip
from app.commands.follow import run_to_end
from app.engine.checkpoint import Checkpoint
from app.engine.endpoint import Endpoint, api_key, attach
from app.engine.hardware import detect_hardware
from app.engine.hub import find_model, whole_name
from app.engine.named_models import resolve_models, with_whole_names
from app.engine.plan import plan_engine
from app.experiment.cautions import cautions_of
from app.experiment.kinds import BY_OPTION
from app.experiment.preview import Preview, preview
from app.experiment.queue import enqueue
from app.experiment.results import load_ladder
from app.experiment.sent_prompts import sent_by
from app.experiment.spec import ExperimentSpec, Rung
from app.preparation.prompts import refuse_idle
from app.preparation.served import check_prepared
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.load import LoadProfile
from app.reports.documents import experiment_document, plan_document, run_document
from app.reports.text import ladder_table, plan_table, run_table, show
from app.words import in_sentence
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.registry import techniques
from optimizers.technique import Surroundings
from store.settings import Settings
from store.store import Store
from store.tables import ExperimentRow

UNBATCHED = {"one-by-one": "one_by_one", "static": "static", "as-sent": "as_sent"}


def add_commands(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    ladder = commands.add_parser("ladder", help="measure what techniques are worth: a ladder, or another kind")
    _add_target(ladder)
    ladder.add_argument(
        "--kind", choices=BY_OPTION, default="cumulative",
        help="; ".join(f"{kind.option}: {in_sentence(kind.help).rstrip('.')}" for kind in BY_OPTION.values()),
    )  # fmt: skip
    ladder.add_argument("--techniques", metavar="A,B,C", help="in the order to climb (default: all that work here)")
    add_set_option(ladder)
    ladder.add_argument("--repeats", type=int, default=3, metavar="N", help="of every rung (3)")
    ladder.add_argument("--concurrency", type=int, default=8, metavar="N", help="requests in flight when batched (8)")
    ladder.add_argument(
        "--unbatched", choices=UNBATCHED, default="one-by-one",
        help="how rungs without continuous batching are sent (one-by-one)",
    )  # fmt: skip
    ladder.add_argument("--plan", action="store_true", help="print what would be measured and how long it would take")
    ladder.add_argument("--no-again", action="store_true", help="leave out the second baseline (the noise floor)")
    ladder.add_argument("--out", type=Path, metavar="DIR", help="write experiment.json there")
    _add_rest(ladder)
    ladder.set_defaults(run=ladder_command)

    run = commands.add_parser("run", help="measure one recipe")
    _add_target(run)
    what = run.add_mutually_exclusive_group()
    what.add_argument("--recipe", type=Path, metavar="FILE", help="JSON list of techniques (default: the baseline)")
    what.add_argument("--techniques", metavar="A,B,C", help="the recipe, by its techniques")
    add_set_option(run)
    load = run.add_mutually_exclusive_group()
    load.add_argument("--concurrency", type=int, metavar="N", help="requests in flight (8)")
    load.add_argument("--static-batch", type=int, metavar="N", help="waves of N, each waits for its slowest")
    run.add_argument("--repeats", type=int, default=1, metavar="N", help="(1)")
    run.add_argument("--out", type=Path, metavar="FILE.json", help="write the run's document there")
    _add_rest(run)
    run.set_defaults(run=run_command)

    resume = commands.add_parser("resume", help="go on with an experiment that stopped half-way")
    resume.add_argument("experiment", type=int)
    add_database(resume)
    add_json(resume)
    resume.set_defaults(run=resume_command)


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="M", help="saved name, folder or hub id; with --endpoint, the name there")
    parser.add_argument("--endpoint", metavar="URL", help="a running OpenAI-compatible server, with or without /v1")
    parser.add_argument("--prompts", required=True, metavar="SET_OR_FILE", help="a saved set or a prompt file")


def _add_rest(parser: argparse.ArgumentParser) -> None:
    add_measuring_options(parser)
    add_engine_options(parser)
    add_database(parser)
    add_json(parser)


def ladder_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    checkpoint, surroundings = _look_at_target(store, settings, arguments)
    keys = ladder_keys(arguments.techniques, surroundings)
    chosen = chosen_settings(arguments.settings, keys, arguments.model if checkpoint else None)
    prompts = load_prompt_set(store, find_prompts(store, arguments.prompts).id, arguments.limit).prompts
    unlisted = arguments.techniques is None
    without = left_out(chosen, arguments.settings, surroundings, checkpoint, prompts) if unlisted else {}
    kind = BY_OPTION[arguments.kind]
    rungs = kind.rungs([key for key in keys if key not in without], chosen, not arguments.no_again)
    _refuse_idle(rungs, prompts)
    rungs = _checked(store, settings, arguments, rungs, checkpoint)
    for key, reason in without.items():
        print(f"left out: {key}: {reason}", file=sys.stderr)
    load = LoadProfile("closed_loop", arguments.concurrency, UNBATCHED[arguments.unbatched])  # type: ignore[arg-type]
    spec = _spec(store, settings, arguments, kind.key, rungs, load)
    plan = preview(store, settings, spec, detect_hardware(), checkpoint)
    if arguments.plan:
        return _show_plan(plan, arguments.json)
    _say_cautions(store, settings, spec, checkpoint)
    name = store.prompt_sets.get(spec.prompt_set_id).name
    out = None if arguments.out is None else arguments.out / "experiment.json"
    title = f"{kind.title}: {_short(spec)} on {name}"
    experiment = _carry_out(store, settings, arguments, spec, title, out, f"Planned: {plan.sentence}")
    ladder = load_ladder(store, experiment.id)
    document = experiment_document(experiment, store.runs.of_experiment(experiment.id), ladder)
    if out is not None:
        _write(out, document)
    if arguments.json:
        print_json(document)
    elif experiment.status == "done":
        show(ladder_table(ladder))
        print(f"\nExperiment {experiment.id}; engines started: {experiment.engine_starts}; {_time(experiment)}")
    return _exit_code(experiment)


def _show_plan(plan: Preview, as_json: bool) -> int:
    if as_json:
        print_json(plan_document(plan))
    else:
        show(plan_table(plan))
    return DONE


def run_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    recipe = chosen_recipe(arguments)
    checkpoint, surroundings = _look_at_target(store, settings, arguments)
    prompts = load_prompt_set(store, find_prompts(store, arguments.prompts).id, arguments.limit).prompts
    _refuse_idle((Rung(recipe.title, recipe),), prompts)
    for use in recipe.uses:
        reason = techniques().get(use.key).unusable(use.settings, surroundings)
        if reason:
            raise InputError(f"{use.key} cannot be used here: {reason}")
    rungs = _checked(store, settings, arguments, (Rung(recipe.title, recipe),), checkpoint)
    if arguments.static_batch is not None:
        load = LoadProfile("static_batches", arguments.static_batch)
    else:
        load = LoadProfile("closed_loop", 8 if arguments.concurrency is None else arguments.concurrency)
    spec = _spec(store, settings, arguments, "run", rungs, load)
    _say_cautions(store, settings, spec, checkpoint)
    name = store.prompt_sets.get(spec.prompt_set_id).name
    title = f"Run: {recipe.title}, {_short(spec)} on {name}"
    experiment = _carry_out(store, settings, arguments, spec, title, arguments.out)
    runs = store.runs.of_experiment(experiment.id)
    if len(runs) == 1:
        document = run_document(runs[0])
    else:
        document = experiment_document(experiment, runs, load_ladder(store, experiment.id))
    if arguments.out is not None:
        _write(arguments.out, document)
    if arguments.json:
        print_json(document)
    elif experiment.status == "done":
        for run in runs:
            show(run_table(run))
    return _exit_code(experiment)


def resume_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    store.experiments.resume(arguments.experiment)
    experiment = run_to_end(store, settings, arguments.experiment, quiet=arguments.json)
    ladder = load_ladder(store, experiment.id)
    if arguments.json:
        print_json(experiment_document(experiment, store.runs.of_experiment(experiment.id), ladder))
    elif experiment.status == "done":
        show(ladder_table(ladder))
    return _exit_code(experiment)


def _look_at_target(
    store: Store, settings: Settings, arguments: argparse.Namespace
) -> tuple[Checkpoint | None, Surroundings]:
    """The model, None at an endpoint, and what may be asked of techniques there."""
    device = detect_hardware().device
    if arguments.endpoint is not None:
        asyncio.run(_attach(arguments.endpoint, arguments.model))
        return None, Surroundings(device, launches_engine=False)
    if arguments.model is None:
        raise InputError("neither a model nor an endpoint was given; give --model or --endpoint")
    checkpoint = find_model(store, settings, arguments.model)
    return checkpoint, detect_hardware().surroundings(checkpoint.config)


def _refuse_idle(rungs: Sequence[Rung], prompts: Sequence[Prompt]) -> None:
    for use in {use for rung in rungs for use in rung.recipe.prompt_uses()}:
        refuse_idle(use, prompts)


def _checked(
    store: Store,
    settings: Settings,
    arguments: argparse.Namespace,
    rungs: tuple[Rung, ...],
    checkpoint: Checkpoint | None,
) -> tuple[Rung, ...]:
    """The rungs as they are stored, after whatever is wrong with them has been found: nothing is queued before."""
    hardware, options = detect_hardware(), engine_options(arguments)
    for rung in rungs:
        resolved = resolve_models(rung.recipe, partial(find_model, store, settings), checkpoint)
        if checkpoint is not None:
            check_prepared(store, rung.recipe, hardware.surroundings(checkpoint.config))
            plan_engine(checkpoint, resolved.recipe, hardware, options)
    whole = partial(whole_name, store)
    return tuple(Rung(rung.label, with_whole_names(rung.recipe, whole)) for rung in rungs)


def _say_cautions(store: Store, settings: Settings, spec: ExperimentSpec, checkpoint: Checkpoint | None) -> None:
    """Prompts are changed for it, where their prefix cache is to be foretold; the run finds them done."""
    prompt_set, hardware = load_prompt_set(store, spec.prompt_set_id, spec.prompt_limit), detect_hardware()
    sent = sent_by(store, settings, spec, checkpoint, hardware, prompt_set.prompts) if checkpoint else None
    for text in cautions_of(spec, checkpoint, hardware, prompt_set, sent):
        print(f"note: {text}", file=sys.stderr)


async def _attach(url: str, model: str | None) -> Endpoint:
    headers = {"Authorization": f"Bearer {key}"} if (key := api_key()) else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        return await attach(session, url, model)


def _spec(
    store: Store,
    settings: Settings,
    arguments: argparse.Namespace,
    kind: str,
    rungs: tuple[Rung, ...],
    load: LoadProfile,
) -> ExperimentSpec:
    chosen = sampling(arguments)
    return ExperimentSpec(
        kind=kind,
        prompt_set_id=find_prompts(store, arguments.prompts).id,
        rungs=rungs,
        model=whole_name(store, arguments.model) if arguments.endpoint is None else arguments.model,
        endpoint=arguments.endpoint,
        prompt_limit=arguments.limit,
        load=load,
        sampling=chosen,
        engine=engine_options(arguments),
        repeats=arguments.repeats,
        warm_up=arguments.warm_up,
        price_per_hour=arguments.price_per_hour,
        idle_timeout_s=arguments.idle_timeout,
    )


def _short(spec: ExperimentSpec) -> str:
    """The model as people speak of it: a folder by its last part."""
    if spec.model is None:
        return str(spec.endpoint)
    return Path(spec.model).name if Path(spec.model).is_absolute() else spec.model


def _carry_out(
    store: Store,
    settings: Settings,
    arguments: argparse.Namespace,
    spec: ExperimentSpec,
    title: str,
    out: Path | None,
    announced: str = "",
) -> ExperimentRow:
    """`announced` is said on stderr before anything is queued."""
    if out is not None:
        _check_writable(out)
    if announced:
        print(announced, file=sys.stderr)
    return run_to_end(store, settings, enqueue(store, spec, title), quiet=arguments.json)


def _check_writable(path: Path) -> None:
    """Minutes of measuring must not end at a folder that cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
    except OSError as error:
        raise InputError(f"--out {path} cannot be written ({error.strerror})") from None


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _exit_code(experiment: ExperimentRow) -> int:
    if experiment.status == "done":
        return DONE
    hint = f"; go on with: python -m app resume {experiment.id}" if experiment.status != "failed" else ""
    reason = f": {experiment.error}" if experiment.error else ""
    print(f"rung: experiment {experiment.id} {experiment.status}{reason}{hint}", file=sys.stderr)
    return RUN_FAILED


def _time(experiment: ExperimentRow) -> str:
    spent = experiment.seconds
    total = spent.get("total") or 1.0
    prepared = f"preparation {spent['preparation']:.0f} s, " if spent.get("preparation", 0) >= 0.5 else ""
    return (
        f"{total:.0f} s, of which engine start {spent.get('engine_start', 0):.0f} s, {prepared}"
        f"warm-up {spent.get('warm_up', 0):.0f} s, generation {spent.get('generation', 0):.0f} s, "
        f"other {spent.get('other', 0) / total:.1%}"
    )
