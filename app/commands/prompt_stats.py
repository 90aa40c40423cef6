"""`prompts stats`: tokens and shared beginnings of a prompt set. Runs no engine."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from app.analysis.metric import MISSING
from app.analysis.shared_prefix import SharedPrefix
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.engine.builtin import STARTER
from app.engine.hardware import detect_hardware
from app.engine.hub import find_model
from app.experiment.prompt_stats import PromptStats, TokenCounts, block_sizes_to_show, stats_of
from app.experiment.shared_beginnings import SharedBeginnings
from app.experiment.tokenizers import Counted, count_by_all, local_models
from app.prompts.saved import find_prompts, load_prompt_set
from app.reports.text import plain_table, show
from optimizers.errors import InputError

GROUPS_SHOWN = 5


def add_action(actions: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = actions.add_parser("stats", help="tokens of a set and the prefix-cache hit rate that they let expect")
    parser.add_argument("set", metavar="SET_OR_FILE")
    parser.add_argument("--model", default=STARTER, metavar="M", help=f"whose tokenizer counts ({STARTER})")
    parser.add_argument("--block-size", type=int, metavar="N", help="tokens of a KV block (default: 16 and 128)")
    parser.add_argument("--tokenizers", action="store_true", help="count by every tokenizer on this machine as well")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=stats_command)


def stats_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    asked = arguments.block_size
    if asked is not None and asked < 1:
        raise InputError(f"--block-size is {asked}; give at least 1")
    sizes = block_sizes_to_show(detect_hardware().device) if asked is None else (asked,)
    checkpoint = find_model(store, settings, arguments.model)
    prompt_set = load_prompt_set(store, find_prompts(store, arguments.set).id)
    stats = stats_of(prompt_set, checkpoint, sizes)
    counted = count_by_all(prompt_set, local_models(store, settings)) if arguments.tokenizers else None
    if arguments.json:
        tokenizers = None if counted is None else [each.to_json() for each in counted]
        print_json({**stats.to_json(), "tokenizers": tokenizers})
    else:
        _show(stats)
        if counted is not None:
            _show_tokenizers(counted)
    return DONE


def _show(stats: PromptStats) -> None:
    show(Text(f"{stats.prompt_set.name}: {len(stats.prompt_set.prompts):,} prompts\n"))
    counted = [stats.tokens, *([stats.tiktoken] if stats.tiktoken else [])]
    show(plain_table(("Tokens by", "Total", "Mean", "p50", "p95", "Max"), [_cells(c) for c in counted], range(1, 6)))
    if stats.tiktoken is None:
        show(Text("tiktoken counts nothing here: it has no vocabulary on this machine"))
    show(Text())
    rows = [
        (
            f"{found.block_size}",
            f"{found.hits:,} of {found.tokens:,}",
            MISSING if found.hit_rate is None else f"{found.hit_rate:.1%}",
            f"{found.distinct:,}",
            _groups(found),
        )
        for found in stats.shared
    ]
    titles = ("Block", "Predicted hits", "Hit rate", "Cache holds", "Tokens shared, by how many prompts")
    show(plain_table(titles, rows, range(4)))
    _show_beginnings(stats.beginnings)


def _show_beginnings(found: SharedBeginnings) -> None:
    """Those that repeat most tokens."""
    rows = [
        (
            f"{each.tokens:,}",
            f"{each.whole_block_tokens:,}",
            f"{each.prompts:,}",
            f"{each.repeated_tokens:,}",
            each.words,
        )
        for each in found.largest[:GROUPS_SHOWN]
    ]
    if rows:
        titles = ("Shared beginning", f"In blocks of {found.block_size}", "Prompts", "Tokens repeated", "Its own part")
        show(Text())
        show(plain_table(titles, rows, range(4)))


def _show_tokenizers(counted: Sequence[Counted]) -> None:
    titles = ("Tokenizer", "Total", "Mean", "p50", "p95", "Max")
    rows = [(", ".join(each.names), *_cells(each.counts)[1:]) for each in counted if each.counts]
    show(Text())
    if rows:
        show(plain_table(titles, rows, range(1, 6)))
    for each in counted:
        if each.why:
            show(Text(f"{', '.join(each.names)}: {each.why}"))


def _groups(found: SharedPrefix) -> str:
    """Those that more prompts share first; equal ones as one."""
    counted = Counter(found.groups)
    said = [
        f"{group.tokens:,} by {group.prompts}" + (f" ({times} times)" if times > 1 else "")
        for group, times in list(counted.items())[:GROUPS_SHOWN]
    ]
    more = len(counted) - len(said)
    return "; ".join([*said, *([f"and {more} more"] if more else [])]) or "none"


def _cells(counts: TokenCounts) -> tuple[str, ...]:
    return (
        counts.tokenizer, f"{counts.total:,}", f"{counts.mean:,.0f}", f"{counts.p50:,.0f}", f"{counts.p95:,.0f}",
        f"{counts.max:,}",
    )  # fmt: skip
