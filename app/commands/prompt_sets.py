"""`prompts import`, `list`, `export`, `tag`, `rename` and `remove`: prompt sets, their names and tags."""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.text import Text

from app.analysis.metric import MISSING
from app.analysis.scoring import DEFAULT_RULE, RULES
from app.commands import preview, prompt_stats
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.prompts.dialects import Columns
from app.prompts.draft import Draft
from app.prompts.files import draft_of_file, slug, write_csv, write_jsonl
from app.prompts.saved import find_prompts, import_file, load_prompt_set, save_starter_sets
from app.reports.text import plain_table, show
from app.words import count_of, listed
from optimizers.errors import InputError
from store.prompt_sets import tag_of
from store.tables import PromptSetRow

NOT_CLEAN = 1
PROBLEMS_SHOWN = 20
ROLES = tuple(each.name for each in fields(Columns))
WRITERS = {"jsonl": write_jsonl, "csv": write_csv}


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    prompts = commands.add_parser("prompts", help="import, list, tag, count and export prompt sets")
    actions = prompts.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(prompts))
    importing = actions.add_parser("import", help="save a prompt file as a set")
    importing.add_argument("file", type=Path)
    importing.add_argument("--name", help="of the set (default: the file's name)")
    importing.add_argument(
        "--score", choices=tuple(RULES), metavar="RULE",
        help=f"how an answer is judged: {', '.join(RULES)} (default: the file's header, else {DEFAULT_RULE})",
    )  # fmt: skip
    importing.add_argument(
        "--column", action="append", default=[], metavar="PART=COLUMN",
        help=f"which column holds a part ({', '.join(ROLES)}); an empty column leaves the part out; can be repeated",
    )  # fmt: skip
    importing.add_argument("--good-rows", action="store_true", help="leave out rows that are no prompts")
    importing.add_argument("--check", action="store_true", help="say what the file holds and save nothing")
    listing = actions.add_parser("list", help="list the saved sets")
    listing.add_argument("--tag", help="only those with this tag")
    prompt_stats.add_action(actions)
    exporting = actions.add_parser("export", help="write a set as JSON Lines, or as CSV for a spreadsheet")
    exporting.add_argument("set")
    exporting.add_argument("--out", type=Path, metavar="FILE", help="(default: stdout)")
    exporting.add_argument("--format", choices=tuple(WRITERS), help="(default: as FILE ends, else jsonl)")
    preview.add_action(actions)
    tagging = actions.add_parser("tag", help="add tags to a set, or remove them")
    tagging.add_argument("set")
    tagging.add_argument("--add", action="append", default=[], metavar="TAG")
    tagging.add_argument("--remove", action="append", default=[], metavar="TAG")
    renaming = actions.add_parser("rename", help="give a set another name; experiments keep it")
    renaming.add_argument("set")
    renaming.add_argument("name")
    removing = actions.add_parser("remove", help="remove a set that no experiment used")
    removing.add_argument("set")
    for parser, run in (
        (importing, import_command), (listing, list_command), (exporting, export_command), (tagging, tag_command),
        (renaming, rename_command), (removing, remove_command),
    ):  # fmt: skip
        add_database(parser)
        parser.set_defaults(run=run)
    for parser in (importing, listing, tagging):
        add_json(parser)


def import_command(arguments: argparse.Namespace) -> int:
    columns = _columns(arguments.column)
    if arguments.check:
        return _check(draft_of_file(arguments.file, arguments.score, columns), arguments.json)
    store, _ = open_store(arguments)
    row, new, draft = import_file(store, arguments.file, arguments.name, arguments.score, columns, arguments.good_rows)
    left_out = len(draft.problems)
    if arguments.json:
        print_json({"schema": "rung.prompt_set/1", **_prompt_set(row), "new": new, "left_out": left_out})
    else:
        came = "imported" if new else "already there:"
        without = f", without {count_of(left_out, 'bad row')}" if left_out else ""
        print(f"{came} {row.name}: {row.size} prompts{without}, scored by {row.score}, {row.content_hash[:12]}")
    return DONE


def _columns(given: list[str]) -> Columns:
    found = {}
    for text in given:
        role, sign, column = text.partition("=")
        if not sign or role not in ROLES:
            raise InputError(f"--column {text!r}: write PART=COLUMN, with a part of {', '.join(ROLES)}")
        found[role] = column
    return Columns(**found)


def _check(draft: Draft, as_json: bool) -> int:
    """What the file holds, row by row where something is wrong."""
    if as_json:
        problems = [asdict(problem) for problem in draft.problems]
        formats = [{"format": name, "rows": rows} for name, rows in draft.formats]
        counts = {"prompts": len(draft.prompts), "formats": formats, "columns": list(draft.columns)}
        print_json({"schema": "rung.prompt_check/1", "file": Path(draft.where).name, **counts, "problems": problems})
    else:
        formats_said = listed([f"{name} ({rows:,})" for name, rows in draft.formats]) or "no format known here"
        said = f"{count_of(len(draft.prompts), 'prompt')}, {count_of(len(draft.problems), 'bad row')}: {formats_said}\n"
        show(Text(said))
        shown = draft.problems[:PROBLEMS_SHOWN]
        if shown:
            show(plain_table(("Row", "Problem", "It begins"), [(each.place, each.problem, each.row) for each in shown]))
        if len(draft.problems) > len(shown):
            show(Text(f"and {len(draft.problems) - len(shown):,} more"))
    return NOT_CLEAN if draft.problems else DONE


def list_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    save_starter_sets(store)
    wanted = None if arguments.tag is None else tag_of(arguments.tag)
    rows = [row for row in store.prompt_sets.all() if wanted is None or wanted in row.tags]
    if arguments.json:
        print_json({"schema": "rung.prompt_sets/1", "prompt_sets": [_prompt_set(row) for row in rows]})
    else:
        cells = [(r.name, f"{r.size:,}", r.score, r.content_hash[:12], ", ".join(r.tags), r.title) for r in rows]
        show(plain_table(("Set", "Prompts", "Score", "Content", "Tags", "Title"), cells, right=(1,)))
    return DONE


def _prompt_set(row: PromptSetRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "prompts": row.size,
        "score": row.score,
        "content_hash": row.content_hash,
        "tags": row.tags,
    }


def export_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    ending = arguments.out.suffix.lower().lstrip(".") if arguments.out else ""
    write = WRITERS[arguments.format or (ending if ending in WRITERS else "jsonl")]
    text = io.StringIO(newline="")
    write(load_prompt_set(store, find_prompts(store, arguments.set).id), text)
    if arguments.out is None:
        sys.stdout.write(text.getvalue())
        return DONE
    try:
        arguments.out.write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"--out {arguments.out} cannot be written ({error.strerror})") from None
    return DONE


def tag_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    row = find_prompts(store, arguments.set)
    tags = store.prompt_sets.retag(row.id, arguments.add, arguments.remove)
    if arguments.json:
        print_json({"schema": "rung.prompt_set/1", **_prompt_set(row), "tags": list(tags), "new": False, "left_out": 0})
    else:
        show(Text(f"{row.name}: {', '.join(tags) or MISSING}"))
    return DONE


def rename_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    row = store.prompt_sets.find(arguments.set)
    if row is None:
        raise InputError(f"there is no prompt set named {arguments.set!r}")
    name = slug(arguments.name)
    store.prompt_sets.rename(row.id, name)
    print(f"renamed {row.name} to {name}")
    return DONE


def remove_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    store.prompt_sets.remove(arguments.set)
    print(f"removed {arguments.set}")
    return DONE
