"""What the commands that measure have in common: their target, their checks, and how an experiment is seen through."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp

from app.commands.common import (
    DONE,
    RUN_FAILED,
    add_database,
    add_engine_options,
    add_json,
    add_measuring_options,
    engine_options,
    sampling,
)  # fmt: skip
from app.commands.follow import run_to_end
from app.engine.checkpoint import Checkpoint
from app.engine.endpoint import Endpoint, api_key, attach
from app.engine.hardware import detect_hardware
from app.engine.hub import find_model, whole_name
from app.engine.named_models import resolve_models, with_whole_names
from app.engine.plan import EngineOptions, plan_engine, refuse_weights
from app.experiment.cautions import cautions_of
from app.experiment.queue import enqueue
from app.experiment.sent_prompts import sent_by
from app.experiment.spec import ExperimentSpec, Rung
from app.preparation.prompts import refuse_idle
from app.preparation.served import check_prepared, named_checkpoint
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Surroundings
from store.settings import Settings
from store.store import Store
from store.tables import ExperimentRow


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="M", help="saved name, folder or hub id; with --endpoint, the name there")
    parser.add_argument("--endpoint", metavar="URL", help="a running OpenAI-compatible server, with or without /v1")
    parser.add_argument("--prompts", required=True, metavar="SET_OR_FILE", help="a saved set or a prompt file")


def add_rest(parser: argparse.ArgumentParser) -> None:
    add_measuring_options(parser)
    add_engine_options(parser)
    add_database(parser)
    add_json(parser)


def look_at_target(
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


def refuse_idle_rungs(rungs: Sequence[Rung], prompts: Sequence[Prompt]) -> None:
    for use in {use for rung in rungs for use in rung.recipe.prompt_uses()}:
        refuse_idle(use, prompts)


def refuse_unusable(recipe: Recipe, surroundings: Surroundings) -> None:
    for use in recipe.uses:
        reason = techniques().get(use.key).unusable(use.settings, surroundings)
        if reason:
            raise InputError(f"{use.key} cannot be used here: {reason}")


def refuse_unlaunchable(
    store: Store, settings: Settings, recipe: Recipe, checkpoint: Checkpoint | None, options: EngineOptions
) -> None:
    """Looks at every model that the recipe names, and plans its engine where one is to be launched."""
    resolved = resolve_models(recipe, partial(find_model, store, settings), checkpoint)
    if checkpoint is not None:
        hardware = detect_hardware()
        check_prepared(store, recipe, hardware.surroundings(checkpoint.config))
        refuse_weights(resolved.loaded_by_engine, hardware)
        plan_engine(named_checkpoint(resolved) or checkpoint, resolved.recipe, hardware, options)


def asked_prompts(store: Store, arguments: argparse.Namespace) -> tuple[Prompt, ...]:
    return load_prompt_set(store, find_prompts(store, arguments.prompts).id, arguments.limit).prompts


def checked_rungs(
    store: Store,
    settings: Settings,
    arguments: argparse.Namespace,
    rungs: tuple[Rung, ...],
    checkpoint: Checkpoint | None,
) -> tuple[Rung, ...]:
    """The rungs as they are stored, after whatever is wrong with them has been found: nothing is queued before."""
    for rung in rungs:
        refuse_unlaunchable(store, settings, rung.recipe, checkpoint, engine_options(arguments))
    whole = partial(whole_name, store)
    return tuple(replace(rung, recipe=with_whole_names(rung.recipe, whole)) for rung in rungs)


def say_cautions(store: Store, settings: Settings, spec: ExperimentSpec, checkpoint: Checkpoint | None) -> None:
    """Prompts are changed for it, where their prefix cache is to be foretold; the run finds them done."""
    prompt_set, hardware = load_prompt_set(store, spec.prompt_set_id, spec.prompt_limit), detect_hardware()
    sent = sent_by(store, settings, spec, checkpoint, hardware, prompt_set.prompts) if checkpoint else None
    for text in cautions_of(spec, checkpoint, hardware, prompt_set, sent):
        print(f"note: {text}", file=sys.stderr)


async def _attach(url: str, model: str | None) -> Endpoint:
    headers = {"Authorization": f"Bearer {key}"} if (key := api_key()) else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        return await attach(session, url, model)


def spec_of(
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


def short_name(spec: ExperimentSpec) -> str:
    """The model as people speak of it: a folder by its last part."""
    if spec.model is None:
        return str(spec.endpoint)
    return Path(spec.model).name if Path(spec.model).is_absolute() else spec.model


def carry_out(
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


def write_document(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def exit_code(experiment: ExperimentRow) -> int:
    if experiment.status == "done":
        return DONE
    hint = f"; go on with: python -m app resume {experiment.id}" if experiment.status != "failed" else ""
    reason = f": {experiment.error}" if experiment.error else ""
    print(f"rung: experiment {experiment.id} {experiment.status}{reason}{hint}", file=sys.stderr)
    return RUN_FAILED


def time_spent(experiment: ExperimentRow) -> str:
    spent = experiment.seconds
    total = spent.get("total") or 1.0
    prepared = f"preparation {spent['preparation']:.0f} s, " if spent.get("preparation", 0) >= 0.5 else ""
    return (
        f"{total:.0f} s, of which engine start {spent.get('engine_start', 0):.0f} s, {prepared}"
        f"warm-up {spent.get('warm_up', 0):.0f} s, generation {spent.get('generation', 0):.0f} s, "
        f"other {spent.get('other', 0) / total:.1%}"
    )
