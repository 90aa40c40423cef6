"""`ladder`, `run` and `resume`: queue an experiment, see it through, print what came of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.commands import sweep
from app.commands.choice import (
    RECIPE_HELP,
    add_set_option,
    chosen_recipe,
    chosen_settings,
    ladder_keys,
    left_out,
)  # fmt: skip
from app.commands.common import (
    DONE,
    OneLineParser,
    add_database,
    add_json,
    open_store,
    print_json,
)  # fmt: skip
from app.commands.follow import run_to_end
from app.commands.load_choice import add_load_options, chosen_load
from app.commands.measuring import (
    add_rest,
    add_target,
    asked_prompts,
    carry_out,
    checked_rungs,
    exit_code,
    look_at_target,
    refuse_idle_rungs,
    refuse_unusable,
    say_cautions,
    short_name,
    spec_of,
    time_spent,
    write_document,
)  # fmt: skip
from app.engine.hardware import detect_hardware
from app.experiment.kinds import BY_OPTION
from app.experiment.preview import Preview, preview
from app.experiment.results import load_ladder
from app.experiment.spec import Rung
from app.experiment.sweep_loads import KIND
from app.replay.load import plan_schedule
from app.reports.documents import experiment_document, plan_document, run_document
from app.reports.text import ladder_table, plan_table, run_table, show
from app.words import in_sentence
from optimizers.recipe import Recipe


def add_commands(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    ladder = commands.add_parser("ladder", help="measure what techniques are worth: a ladder, or another kind")
    add_target(ladder)
    ladder.add_argument(
        "--kind", choices=BY_OPTION, default="cumulative",
        help="; ".join(f"{kind.option}: {in_sentence(kind.help).rstrip('.')}" for kind in BY_OPTION.values()),
    )  # fmt: skip
    ladder.add_argument("--techniques", metavar="A,B,C", help="in the order to climb (default: all that work here)")
    add_set_option(ladder)
    ladder.add_argument("--repeats", type=int, default=3, metavar="N", help="of every rung (3)")
    ladder.add_argument("--plan", action="store_true", help="print what would be measured and how long it would take")
    ladder.add_argument("--no-again", action="store_true", help="leave out the second baseline (the noise floor)")
    ladder.add_argument("--out", type=Path, metavar="DIR", help="write experiment.json there")
    add_load_options(ladder, "one-by-one")
    add_rest(ladder)
    ladder.set_defaults(run=ladder_command)

    run = commands.add_parser("run", help="measure one recipe")
    add_target(run)
    what = run.add_mutually_exclusive_group()
    what.add_argument("--recipe", metavar="NAME_OR_FILE", help=RECIPE_HELP)
    what.add_argument("--techniques", metavar="A,B,C", help="the recipe, by its techniques")
    add_set_option(run)
    run.add_argument("--repeats", type=int, default=1, metavar="N", help="(1)")
    run.add_argument("--out", type=Path, metavar="FILE.json", help="write the run's document there")
    add_load_options(run)
    add_rest(run)
    run.set_defaults(run=run_command)

    resume = commands.add_parser("resume", help="go on with an experiment that stopped half-way")
    resume.add_argument("experiment", type=int)
    add_database(resume)
    add_json(resume)
    resume.set_defaults(run=resume_command)


def ladder_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    checkpoint, surroundings = look_at_target(store, settings, arguments)
    keys = ladder_keys(arguments.techniques, surroundings)
    chosen = chosen_settings(arguments.settings, keys, arguments.model if checkpoint else None)
    prompts = asked_prompts(store, arguments)
    unlisted = arguments.techniques is None
    without = left_out(chosen, arguments.settings, surroundings, checkpoint, prompts) if unlisted else {}
    kind = BY_OPTION[arguments.kind]
    rungs = kind.rungs([key for key in keys if key not in without], chosen, not arguments.no_again)
    refuse_idle_rungs(rungs, prompts)
    rungs = checked_rungs(store, settings, arguments, rungs, checkpoint)
    for key, reason in without.items():
        print(f"left out: {key}: {reason}", file=sys.stderr)
    load = chosen_load(arguments)
    plan_schedule(load, Recipe().schedule(), prompts)
    spec = spec_of(store, settings, arguments, kind.key, rungs, load)
    plan = preview(store, settings, spec, detect_hardware(), checkpoint)
    if arguments.plan:
        return _show_plan(plan, arguments.json)
    say_cautions(store, settings, spec, checkpoint)
    name = store.prompt_sets.get(spec.prompt_set_id).name
    out = None if arguments.out is None else arguments.out / "experiment.json"
    title = f"{kind.title}: {short_name(spec)} on {name}"
    experiment = carry_out(store, settings, arguments, spec, title, out, f"Planned: {plan.sentence}")
    ladder = load_ladder(store, experiment.id)
    document = experiment_document(experiment, store.runs.of_experiment(experiment.id), ladder)
    if out is not None:
        write_document(out, document)
    if arguments.json:
        print_json(document)
    elif experiment.status == "done":
        show(ladder_table(ladder))
        print(f"\nExperiment {experiment.id}; engines started: {experiment.engine_starts}; {time_spent(experiment)}")
    return exit_code(experiment)


def _show_plan(plan: Preview, as_json: bool) -> int:
    if as_json:
        print_json(plan_document(plan))
    else:
        show(plan_table(plan))
    return DONE


def run_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    recipe = chosen_recipe(store, arguments)
    checkpoint, surroundings = look_at_target(store, settings, arguments)
    prompts = asked_prompts(store, arguments)
    refuse_idle_rungs((Rung(recipe.title, recipe),), prompts)
    refuse_unusable(recipe, surroundings)
    rungs = checked_rungs(store, settings, arguments, (Rung(recipe.title, recipe),), checkpoint)
    load = chosen_load(arguments)
    plan_schedule(load, recipe.schedule(), prompts)
    spec = spec_of(store, settings, arguments, "run", rungs, load)
    say_cautions(store, settings, spec, checkpoint)
    name = store.prompt_sets.get(spec.prompt_set_id).name
    title = f"Run: {recipe.title}, {short_name(spec)} on {name}"
    experiment = carry_out(store, settings, arguments, spec, title, arguments.out)
    runs = store.runs.of_experiment(experiment.id)
    if len(runs) == 1:
        document = run_document(runs[0])
    else:
        document = experiment_document(experiment, runs, load_ladder(store, experiment.id))
    if arguments.out is not None:
        write_document(arguments.out, document)
    if arguments.json:
        print_json(document)
    elif experiment.status == "done":
        for run in runs:
            show(run_table(run))
    return exit_code(experiment)


def resume_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    store.experiments.resume(arguments.experiment)
    experiment = run_to_end(store, settings, arguments.experiment, quiet=arguments.json)
    if experiment.kind == KIND:
        return sweep.tell(store, experiment, arguments.json)
    ladder = load_ladder(store, experiment.id)
    if arguments.json:
        print_json(experiment_document(experiment, store.runs.of_experiment(experiment.id), ladder))
    elif experiment.status == "done":
        show(ladder_table(ladder))
    return exit_code(experiment)
