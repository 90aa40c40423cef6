"""`prompts` (prompt_sets.py), `models` and `techniques`: what can be chosen, and how something is added to it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.analysis.metric import MISSING
from app.commands import fit, prompt_sets, quantize
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.engine.builtin import builtin_places, read_known, refuse_builtin
from app.engine.checkpoint import read_checkpoint
from app.engine.fit_words import amount
from app.engine.hardware import detect_hardware
from app.engine.hub import HUB_ID, download
from app.experiment.forgetting import forget
from app.paths import existing_path
from app.reports.text import plain_table, show
from optimizers.errors import InputError
from optimizers.registry import techniques


def add_commands(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    prompt_sets.add_command(commands)

    models = commands.add_parser("models", help="add, fit, quantize, remove and list models")
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(models))
    adding = actions.add_parser("add", help="remember a folder or hub model under a name")
    adding.add_argument("location", metavar="FOLDER_OR_HUB_ID")
    adding.add_argument("--name", help="(default: the folder's name)")
    fit.add_options(actions.add_parser("fit", help="whether a model fits into memory, before anything is loaded"))
    quantize.add_options(
        actions.add_parser("quantize", help="make a quantized checkpoint of a model, under a name of its own")
    )
    removing = actions.add_parser("remove", help="forget a saved model")
    removing.add_argument("name", metavar="NAME")
    removing.add_argument("--files", action="store_true", help="delete its files too, where Rung made them")
    showing = actions.add_parser("list", help="list the models")
    for parser, run in (
        (adding, add_model_command),
        (removing, remove_model_command),
        (showing, models_command),
    ):
        add_database(parser)
        add_json(parser)
        parser.set_defaults(run=run)

    offered = commands.add_parser("techniques", help="list techniques, their settings and what stands in their way")
    add_json(offered)
    add_database(offered)
    offered.set_defaults(run=techniques_command)


def add_model_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    location = arguments.location
    path = existing_path(location)
    if path is None and not HUB_ID.match(location):
        raise InputError(f"model {location!r}: there is no such folder; check the path")
    if path is not None:
        location, checkpoint = str(path.resolve()), read_checkpoint(path)
    else:
        checkpoint = read_checkpoint(download(location), location)
    name = arguments.name or checkpoint.name
    refuse_builtin(name)
    row = store.models.add(name, location)
    if arguments.json:
        print_json({"schema": "rung.model/1", **_model(row.name, location)})
    else:
        print(f"added {row.name}: {checkpoint.architecture}, {checkpoint.weight_bytes / 2**20:,.0f} MiB of weights")
    return DONE


def remove_model_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    found = forget(store, settings, arguments.name, arguments.files)
    if arguments.json:
        print_json({"schema": "rung.model-removed/1", "name": found.name, "files": arguments.files})
        return DONE
    if arguments.files:
        what = f"and its files, {amount(found.bytes)}"
    elif found.made_here is not None:
        what = f"by name; its files stay in {found.made_here}"
    else:
        what = "by name; its files stay"
    print(f"removed {found.name} {what}")
    return DONE


def models_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    found = [_model(name, str(folder)) for name, folder in builtin_places(settings)]
    found += [_model(row.name, row.location) for row in store.models.all()]
    if arguments.json:
        print_json({"schema": "rung.models/1", "models": found})
    else:
        cells = [
            (
                m["name"],
                m["architecture"] or MISSING,
                m["quantization"] or "",
                _mebibytes(m["weight_bytes"]),
                m["problem"] or "",
            )
            for m in found
        ]
        show(plain_table(("Model", "Architecture", "Quantized", "Weights", "Problem"), cells, right=(3,)))
    return DONE


def _model(name: str, location: str) -> dict[str, Any]:
    """What is known of a model without the hub; a folder that is broken brings its problem."""
    unknown = dict.fromkeys(("architecture", "weight_bytes", "quantization", "problem"))
    entry: dict[str, Any] = {"name": name, "location": location, **unknown}
    if HUB_ID.match(location):
        return entry
    try:
        checkpoint = read_known(Path(location), name)
    except InputError as error:
        return {**entry, "problem": str(error)}
    return {
        **entry,
        "architecture": checkpoint.architecture,
        "weight_bytes": checkpoint.weight_bytes,
        "quantization": checkpoint.quantization,
    }


def _mebibytes(size: int | None) -> str:
    return MISSING if size is None else f"{size / 2**20:,.0f} MiB"


def techniques_command(arguments: argparse.Namespace) -> int:
    surroundings = detect_hardware().surroundings()
    offered = [
        {
            "technique": technique.key,
            "title": technique.title,
            "attacks": technique.attacks,
            "summary": technique.summary,
            "off_means": technique.off_means,
            "article": technique.claim,
            "unavailable": technique.unavailable(surroundings),
            "barred": [
                {"setting": name, "choice": choice, "reason": reason}
                for (name, choice), reason in technique.barred(surroundings).items()
            ],
            "conflicts": dict(technique.conflicts),
            "settings": [{**asdict(setting), "choices": list(setting.choices)} for setting in technique.settings],
        }
        for technique in techniques().all()
    ]
    if arguments.json:
        print_json({"schema": "rung.techniques/1", "techniques": offered})
        return DONE
    for item, technique in zip(offered, techniques().all(), strict=True):
        state = f"unavailable: {item['unavailable']}" if item["unavailable"] else "available"
        print(f"{technique.key} ({technique.attacks}; {state})\n  {technique.summary}\n  off: {technique.off_means}")
        for setting in technique.settings:
            default = "left to the engine" if setting.default is None else setting.default
            print(f"  {setting.name} ({setting.kind}, {default}): {setting.help}")
        for (name, choice), reason in technique.barred(surroundings).items():
            print(f"  not here: {name}={choice}: {reason}")
    return DONE
