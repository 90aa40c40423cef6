"""The Demo page's walk through one experiment: which slides there are and what each says, in few words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any, Literal

from app.analysis.compare import MIN_EFFECT, Difference, RungData
from app.analysis.ladder import Ladder, RungResult
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.per_prompt import prompt_pairs
from app.analysis.scoring import right
from app.prompts.prompt_set import PromptSet
from app.views.answers import CLEAR, with_answers
from app.views.effects import span, times
from app.views.evidence_view import cautions, evidence_rows
from app.views.ladder_view import best_rung, climbed, lead_rung, top_rung
from app.views.wording import count_of, without_folders
from app.words import title_of

Kind = Literal["summary", "rung", "article", "prompt", "basis"]
QUALITY = BY_TAG["quality"]
IN_BRACKETS = re.compile(r" ?\([^()]*\)")
EVIDENCE_CHARS = 110
QUESTION_CHARS = 260
DOWN, UP, EVEN = "▼", "▲", "≈"


@dataclass(frozen=True)
class Slide:
    """`rung` is set for the slides of one rung."""

    kind: Kind
    title: str
    rung: int | None = None


@dataclass(frozen=True)
class Figure:
    """One large figure; `caption` says what it is of, `note` how sure it is."""

    value: str
    caption: str
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One rung: its factor, what that is worth, facts beside it, and the proof (state of evidence, words)."""

    title: str
    figure: Figure
    verdict: str
    facts: tuple[tuple[str, str], ...]
    effect: bool | None
    evidence: str


@dataclass(frozen=True)
class Told:
    """What one side answered. `right` is None where nothing was expected; `ms` is the median over repeats; `load` tells
    how many requests were answered together, without which times cannot be held against each other."""

    name: str
    load: str
    text: str
    right: bool | None
    ms: float | None


@dataclass(frozen=True)
class OnePrompt:
    question: str
    expected: str | None
    sides: tuple[Told, ...]


def slides(ladder: Ladder, has_prompt: bool) -> tuple[Slide, ...]:
    """At least one: without a rung beside the baseline, only how it was measured."""
    rungs = climbed(ladder)
    found = [Slide("summary", "What it is worth")] if rungs else []
    found += [Slide("rung", name_of(rung), rung.rung) for rung in rungs]
    if article_steps(ladder):
        found.append(Slide("article", "Measured against the article"))
    if has_prompt:
        found.append(Slide("prompt", "One prompt, before and after"))
    return (*found, Slide("basis", "How it was measured"))


def name_of(rung: RungResult) -> str:
    return rung.label.removeprefix("+ ")


def summary_figures(ladder: Ladder) -> tuple[Figure, ...]:
    top, best = top_rung(ladder), best_rung(ladder)
    if top is None:
        return ()
    on = f"{len(top.techniques)} techniques" if len(top.techniques) > 1 else f"“{name_of(top)}”"
    found = [Figure(times(top.cost), f"the baseline's cost, with {on} on", _interval(top))]
    share = top.metrics["quality"]
    if share is not None:
        before = ladder.rungs[0].metrics["quality"]
        was = "" if before is None else f"; {_percent(before)} on the baseline"
        found.append(Figure(_percent(share), f"of the answers right{was}", _answers(top.quality)))
    if best is not None and best is not top:
        answers = best.metrics["quality"]
        kept = "" if answers is None else f", {_percent(answers)} right"
        found.append(
            Figure(times(best.cost), f"the cheapest that answers as well: {name_of(best)}{kept}", _interval(best))
        )
        if lead_rung(ladder) is best:
            found = [found[-1], *found[:-1]]
    return tuple(found)


def rung_card(ladder: Ladder, number: int) -> Card:
    rung = next(rung for rung in ladder.rungs if rung.rung == number)
    held = rung.against
    assert held is not None
    figure = Figure(
        times(held.factor), f"the cost of {held.name}", f"95 % interval {span(held.interval)}" if held.interval else ""
    )
    facts = []
    if rung.claim is not None and rung.is_step:
        facts.append(("The article says", times(rung.claim.step)))
    if held.name != "the baseline":
        facts.append(("Of the baseline's cost", times(rung.cost)))
    share = rung.metrics["quality"]
    if share is not None:
        facts.append(("Right answers", " ".join(filter(None, [_percent(share), _answers(rung.quality_change)]))))
    row = next((row for row in evidence_rows(ladder) if rung.adds and row.technique == title_of(rung.adds)), None)
    seen = next((item["took_effect"] for item in rung.evidence if item["technique"] == rung.adds), None)
    verdict = with_answers(_change(held.factor, held.verdict), rung.quality_change)
    return Card(name_of(rung), figure, verdict, tuple(facts), seen, "" if row is None else shorter(row.detail))


def shorter(evidence: str) -> str:
    """The first clauses of an evidence line, without what it says in brackets: to be read from afar."""
    while (bare := IN_BRACKETS.sub("", evidence)) != evidence:
        evidence = bare
    first, *others = evidence.split("; ")
    for clause in others:
        if len(first) + len(clause) > EVIDENCE_CHARS:
            break
        first += f"; {clause}"
    return first


def article_steps(ladder: Ladder) -> list[RungResult]:
    """The rungs of a cumulative ladder of which the article has a figure."""
    return [rung for rung in ladder.rungs if rung.step is not None and rung.claim is not None and not rung.is_again]


def article_words(ladder: Ladder) -> str:
    steps = [
        f"{name_of(rung)}: measured {times(rung.step)}, article {times(rung.claim.step if rung.claim else None)}"
        for rung in article_steps(ladder)
    ]
    return f"Each step's cost as a multiple of the rung before. {'; '.join(steps)}."


def article_sentence(ladder: Ladder) -> str:
    """How many of the article's savings were seen."""
    steps = article_steps(ladder)
    seen = sum(rung.verdict == "better" for rung in steps)
    was = "was" if seen == 1 else "were"
    return f"{seen} of the {count_of(len(steps), 'saving')} that the article names {was} seen here."


def one_prompt(asked: PromptSet, sides: Sequence[tuple[str, str, RungData]]) -> OnePrompt | None:
    """The prompt whose time changed as much as that of half of the others, on the baseline and another rung; None where
    no prompt was answered on both. `sides` are (name, load, requests), the baseline first."""
    (*_, before), (*_, after) = sides
    pairs = {pair.factor: pair for pair in prompt_pairs(before, after) if pair.factor is not None}
    if not pairs:
        return None
    pair = pairs[median_low(pairs)]
    prompt = asked.prompts[pair.position]
    text = prompt.text if prompt.text is not None else prompt.rendered_messages()[-1]["content"]
    return OnePrompt(
        _end_of(text),
        prompt.expected,
        tuple(
            _told(*side, pair.after_ms if at else pair.before_ms, pair.position, prompt.expected)
            for at, side in enumerate(sides)
        ),
    )


def basis_facts(ladder: Ladder, manifest: Mapping[str, Any], spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the figures rest on, as pairs."""
    prompts, hardware = manifest.get("prompt_set", {}), manifest.get("hardware", {})
    repeats = spec.get("repeats", 1)
    noise = ladder.noise.get("relative_cost")
    facts = [
        ("Machine", hardware.get("title") or MISSING),
        ("Model", without_folders(str(manifest.get("model", {}).get("name") or MISSING))),
        ("Prompts", f"{prompts.get('prompts', MISSING)} of {prompts.get('name', MISSING)}, each {repeats} times"),
        ("Engine", str(manifest.get("versions", {}).get("vllm") or MISSING)),
    ]
    if noise is not None:
        floor = max(noise, MIN_EFFECT)
        facts.append(
            (
                "Noise",
                f"the baseline measured twice differs by {100 * noise:.1f} %; less than {100 * floor:.1f} % is none",
            )
        )
    doubts = len(cautions(ladder))
    if doubts:
        facts.append(("Read with care", f"{count_of(doubts, 'note')} on the Ladder page"))
    return facts


def _told(name: str, load: str, data: RungData, ms: float | None, position: int, expected: str | None) -> Told:
    text = next((texts[position] for texts in data.texts if position in texts), "")
    known = right(data.score, text, expected) if expected is not None else None
    return Told(name, load, text.strip(), known, ms)


def _end_of(text: str) -> str:
    """The end of a long prompt, where its question mostly is."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last if len(last) <= QUESTION_CHARS else f"… {last[-QUESTION_CHARS:]}"


def _interval(rung: RungResult) -> str:
    return f"95 % interval {span(rung.cost_interval)}" if rung.cost_interval else ""


def _percent(share: float) -> str:
    return f"{share:.0f} %"


def _answers(change: Difference | None) -> str:
    """How the answers changed, where that is clear."""
    if change is None or change.delta is None or change.verdict not in CLEAR:
        return ""
    return f"{DOWN if change.delta < 0 else UP} {abs(change.delta):.0f} points"


def _change(factor: float | None, verdict: str) -> str:
    if factor is None or verdict not in (*CLEAR, "no clear change"):
        return verdict
    if verdict == "no clear change":
        return f"{EVEN} no clear change"
    return f"{DOWN} {_percent(100 - 100 * factor)} less" if factor < 1 else f"{UP} {_percent(100 * factor - 100)} more"
