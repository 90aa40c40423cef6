"""`python -m starter.evaluate [--json]` measures what the starter models can do, on the saved prompts alone.

The saved prompts are held out: their names, numbers and phrasings never occur in practice. Five questions are answered.
Does the target answer them? Does it fail when what holds the answer is taken away, so that it really reads? How much of
what the draft proposes would the target accept? Do its summaries of chats name the facts? And do the compressors keep
answers better than chance?

Runs the models in memory, without an engine. About ten minutes on two cores; `--limit 32` takes two.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.analysis.scoring import normalise, right
from app.analysis.statistics import wilson_interval
from starter.answering import Answerer
from starter.compression import compression
from starter.folder import MODELS
from starter.prompt_sets import make_all
from starter.rows import PromptSet, Row
from starter.speculation import acceptance
from starter.summaries import summaries
from starter.without import without_answer

SCHEMA = "rung.starter_evaluation/1"
MAX_PROMPT_TOKENS = 2000
DRAFTED = 3


@dataclass(frozen=True)
class Score:
    """`right` by the set's own rule. `verbatim`: the whole answer also stands word for word in the prompt."""

    prompts: int
    right: int
    verbatim: int | None
    longest_prompt: int

    def to_json(self) -> dict[str, Any]:
        interval = wilson_interval(self.right / self.prompts, self.prompts)
        return {**asdict(self), "share": self.right / self.prompts, "interval": interval and interval.to_json()}


def evaluate(models: Path, limit: int | None, log: Callable[[str], None]) -> dict[str, Any]:
    began = time.monotonic()
    target, draft = Answerer(models / "target"), Answerer(models / "draft")
    sets = [_limited(prompt_set, limit) for prompt_set in make_all()]
    found: dict[str, Any] = {"schema": SCHEMA, "prompts_per_set": limit, "target": {}, "draft": {}, "removed": {}}
    found["acceptance"] = {"drafted_at_once": DRAFTED, "sets": {}}
    for prompt_set in sets:
        rows = prompt_set.rows
        prompts, answers = _answered(target, rows)
        log(f"{prompt_set.name}: target answered {len(rows)}")
        found["target"][prompt_set.name] = _score(target, prompt_set.score, rows, prompts, answers)
        found["draft"][prompt_set.name] = _score(draft, prompt_set.score, rows, *_answered(draft, rows))
        drafted = acceptance(draft, prompts, answers, DRAFTED)
        found["acceptance"]["sets"][prompt_set.name] = {**asdict(drafted), "rate": drafted.rate}
        bare = [cut for row in rows if (cut := without_answer(row)) is not None]
        if bare:
            found["removed"][prompt_set.name] = _score(target, prompt_set.score, bare, *_answered(target, bare))
    desk = next(made for made in sets if made.name == "support-desk")
    short = [replace(row, messages=row.messages[1:]) for row in desk.rows]
    found["without_handbook"] = _score(target, desk.score, short, *_answered(target, short))
    for part in ("target", "draft", "removed"):
        found[part]["all"] = _together(found[part].values())
    counts = found["acceptance"]["sets"].values()
    found["acceptance"]["rate"] = sum(c["accepted"] for c in counts) / sum(c["drafted"] for c in counts)
    log("summaries")
    found["summaries"] = summaries(target, sets)
    log("compression")
    found["compression"] = compression(models, target, sets)
    found["seconds"] = round(time.monotonic() - began, 1)
    return found


def _limited(prompt_set: PromptSet, limit: int | None) -> PromptSet:
    """Spread over the set, since neighbours resemble each other."""
    step = 1 if limit is None else max(1, len(prompt_set.rows) // limit)
    return PromptSet(
        prompt_set.name, prompt_set.title, prompt_set.description, prompt_set.rows[::step], prompt_set.score
    )


def _answered(model: Answerer, rows: Sequence[Row]) -> tuple[list[list[int]], list[list[int]]]:
    """(prompt, answer) token ids."""
    prompts = [model.ids(model.render(row.rendered())) for row in rows]
    return prompts, model.answer(prompts, max(row.max_tokens for row in rows))


def _score(
    model: Answerer, rule: str, rows: Sequence[Row], prompts: Sequence[list[int]], answers: Sequence[list[int]]
) -> dict[str, Any]:
    texts = [model.text(answer) for answer in answers]
    good = [right(rule, text, row.expected) for row, text in zip(rows, texts, strict=True)]
    verbatim = None
    if rule != "json":
        contexts = [normalise("\n".join(message["content"] for message in row.rendered())) for row in rows]
        whole = (normalise(text) in context for text, context in zip(texts, contexts, strict=True))
        verbatim = sum(a and b for a, b in zip(good, whole, strict=True))
    return Score(len(rows), sum(good), verbatim, max(map(len, prompts))).to_json()


def _together(scores: Any) -> dict[str, Any]:
    scores = list(scores)
    exact = [score["verbatim"] if score["verbatim"] is not None else score["right"] for score in scores]
    return Score(
        sum(score["prompts"] for score in scores),
        sum(score["right"] for score in scores),
        sum(exact),
        max(score["longest_prompt"] for score in scores),
    ).to_json()


def _table(found: dict[str, Any]) -> str:
    lines = [_line("prompt set", ("prompts", "longest", "target", "exact", "removed", "draft", "accepted"))]
    for name, score in found["target"].items():
        removed = found["removed"].get(name)
        drafted = found["acceptance"] if name == "all" else found["acceptance"]["sets"][name]
        exact = score["right"] if score["verbatim"] is None else score["verbatim"]
        cells = (
            str(score["prompts"]),
            str(score["longest_prompt"]),
            f"{score['share']:.1%}",
            f"{exact / score['prompts']:.1%}",
            "–" if removed is None else f"{removed['share']:.1%}",
            f"{found['draft'][name]['share']:.1%}",
            f"{drafted['rate']:.1%}",
        )
        lines.append(_line(name, cells))
    short = found["without_handbook"]
    lines.append(
        f"\nsupport-desk without its handbook: {short['share']:.1%} right, longest {short['longest_prompt']} tokens"
    )
    lines += ["", _line("summaries", ("chats", "facts", "named", "true", "answers"))]
    for name, told in found["summaries"].items():
        named = (
            "–" if told[share] is None else f"{told[share]:.1%}" for share in ("share", "true_share", "held_share")
        )
        lines.append(_line(name, (str(told["chats"]), str(told["facts"]), *named)))
    titles = ("prompts", "tokens", "kept", "at random", "answered", "at random")
    lines += ["", _line("compressor", titles)]
    for name, kept in found["compression"].items():
        shares = ("token_share", "answers_kept", "answers_kept_at_random", "answered", "answered_at_random")
        lines.append(_line(name, (str(kept["prompts"]), *(f"{kept[share]:.1%}" for share in shares))))
    lines.append(f"\n{found['seconds']:.0f} s")
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<22}" + "".join(f"{cell:>11}" for cell in cells)


def main(argv: list[str] | None = None) -> int:
    description = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m starter.evaluate", description=description)
    parser.add_argument(
        "--models", type=Path, default=MODELS, metavar="DIR", help="folder of the family (default: the committed one)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most about N prompts of each set")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args(argv)
    missing = [name for name in ("target", "draft") if not (options.models / name / "model.safetensors").is_file()]
    if missing or (options.limit is not None and options.limit < 1):
        why = (
            f"{options.models} holds no {missing[0]} model; name the family's folder"
            if missing
            else "--limit must be 1 or more"
        )
        print(f"Starter evaluation: {why}", file=sys.stderr)
        return 2
    found = evaluate(options.models, options.limit, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(found, indent=2) if options.json else _table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
