"""`prompts preview`: what a technique makes of one saved prompt, without an engine."""

from __future__ import annotations

import argparse

from rich.console import Console, Group
from rich.text import Text

from app.analysis.kept_words import Span
from app.analysis.metric import MISSING
from app.commands.choice import add_set_option, chosen_settings
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.engine.builtin import STARTER
from app.preparation.previewing import preview_with
from app.prompts.preview import PartPreview, Preview, Tokens
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import find_prompts, load_prompt_set
from app.prompts.tiktoken_count import DEFAULT_ENCODING, WHY_NONE
from app.reports.text import show
from optimizers.errors import InputError
from optimizers.prompt import Prompt

SCHEMA = "rung.preview/1"
STYLES = {"kept": "", "dropped": "strike dim", "added": "bold underline"}
MARKS = {"kept": ("", ""), "dropped": ("[-", "-]"), "added": ("{+", "+}")}
"""Where the output is no terminal, nothing can be struck out."""


def add_action(actions: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = actions.add_parser("preview", help="show which words of a prompt a technique drops")
    parser.add_argument("set", metavar="SET_OR_FILE")
    parser.add_argument("--prompt", metavar="ID", help="(default: the first)")
    parser.add_argument("--technique", required=True, metavar="KEY", help="one that changes prompts")
    parser.add_argument("--model", default=STARTER, help=f"whose tokens are counted ({STARTER})")
    add_set_option(parser)
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=preview_command)


def preview_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    prompt_set = load_prompt_set(store, find_prompts(store, arguments.set).id)
    prompt = _prompt(prompt_set, arguments.prompt)
    key = arguments.technique
    given = chosen_settings(arguments.settings, [key], arguments.model)[key]
    found, counted_by = preview_with(store, settings, arguments.model, key, given, prompt)
    if arguments.json:
        print_json({"schema": SCHEMA, "model": counted_by, **found.to_json()})
    else:
        show(preview_text(found, counted_by, Console().is_terminal))
    return DONE


def preview_text(found: Preview, model: str, terminal: bool) -> Group:
    lines: list[Text] = []
    for part in found.parts:
        lines += [Text(_heading(part), style="bold"), _struck(part.spans, terminal), Text()]
    if found.idle:
        lines.append(Text(f"Nothing was changed: {found.idle}"))
    lines.append(Text(f"Tokens by {model}: {_tokens(found.model_tokens)}"))
    counted = MISSING + f" ({WHY_NONE})" if found.tiktoken is None else _tokens(found.tiktoken)
    lines.append(Text(f"Tokens by tiktoken ({DEFAULT_ENCODING}): {counted}"))
    if not found.idle:
        lines.append(Text(f"Time: {found.seconds:.2f} s"))
    return Group(*lines)


def _heading(part: PartPreview) -> str:
    return part.title if part.moved_to is None else f"{part.title}, now document {part.moved_to}"


def _struck(spans: tuple[Span, ...], terminal: bool) -> Text:
    text = Text()
    for span in spans:
        begin, end = ("", "") if terminal else MARKS[span.kind]
        text.append(f"{begin}{span.text}{end}", style=STYLES[span.kind] if terminal else "")
    return text


def _tokens(tokens: Tokens) -> str:
    return f"{tokens.before:,} before, {tokens.after:,} after ({tokens.kept:.0%})"


def _prompt(prompt_set: PromptSet, wanted: str | None) -> Prompt:
    if wanted is None:
        return prompt_set.prompts[0]
    found = next((prompt for prompt in prompt_set.prompts if prompt.id == wanted), None)
    if found is None:
        first, last = prompt_set.prompts[0].id, prompt_set.prompts[-1].id
        raise InputError(
            f"{prompt_set.name} has no prompt {wanted!r}; it has {len(prompt_set.prompts)}, {first} to {last}"
        )
    return found
