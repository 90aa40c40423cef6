"""What the Ladder page shows of effects: a part for each thing that the experiment can tell. Pure, figures included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.analysis.factorial import Effect, Effects
from app.analysis.ladder import Ladder
from app.analysis.metric import MISSING
from app.views.answers import QUALITY, are_worse, points
from app.views.bar import Bar
from app.views.effects import (
    PAIR_HELP,
    PAIR_TITLES,
    SHARE_HELP,
    pair_rows,
    pair_sentences,
    percent_span,
    share_sentence,
    single_sentences,
    span,
    times,
)
from app.views.interval_chart import interval_bars
from app.views.ladder_view import measured, rung_sentences
from app.words import in_sentence, title_of

BARS = "A line is the 95 % interval, the dotted one 1.00x. Lower is cheaper."


@dataclass(frozen=True)
class Part:
    """`sentences` come first; a part has a figure, described by `alt`, or rows, or neither while there is nothing."""

    title: str
    sentences: tuple[str, ...]
    caption: str
    figure: go.Figure | None = None
    rows: tuple[dict[str, str], ...] = ()
    alt: str = ""
    bars: tuple[Bar, ...] = ()
    """What the figure draws, for forms of a report that cannot show one; `line` is its dotted line."""
    line: float | None = None


def parts_of(ladder: Ladder) -> list[Part]:
    effects = ladder.effects
    if effects is None:
        return []
    spoilers = _spoilers(ladder)
    found = (
        _shares(effects, spoilers),
        _interactions(effects),
        _alone(effects.alone, spoilers),
        _without(effects.without),
    )
    return [part for part in found if part is not None]


def sentences(ladder: Ladder) -> list[str]:
    """One for each rung; where rungs are every combination, for each technique instead."""
    combined = ladder.effects is not None and ladder.effects.interactions
    if ladder.effects is None or not combined:
        return rung_sentences(ladder)
    return [*single_sentences(ladder.effects), *_spoilers(ladder).values()]


def _spoilers(ladder: Ladder) -> dict[str, str]:
    """The techniques that alone make the answers clearly worse, each with a sentence that says so."""
    return {
        rung.techniques[0]: (
            f"{title_of(rung.techniques[0])} alone leaves {QUALITY.format(rung.metrics[QUALITY.tag])} of the expected "
            f"answers right, {points(rung.quality)} points beside the baseline"
            + (": what it saves is paid for in answers." if rung.comparison.verdict == "better" else ".")
        )
        for rung in measured(ladder)
        if len(rung.techniques) == 1 and are_worse(rung.quality)
    }


def _shares(effects: Effects, spoilers: Mapping[str, str]) -> Part | None:
    told = share_sentence(effects)
    if told is None:
        return None
    bars = [
        Bar(
            title_of(share.technique),
            share.percent,
            share.interval,
            f"{share.percent:.0f} %" + ("" if share.interval is None else f" ({percent_span(share)})"),
        )
        for share in effects.shares
    ]
    figure = interval_bars(bars) if bars else None
    return Part(
        "Whose saving it is",
        (told, *(spoilers[share.technique] for share in effects.shares if share.technique in spoilers)),
        SHARE_HELP if bars else "",
        figure,
        alt=_words("Share of the saving", bars),
        bars=tuple(bars),
    )


def _interactions(effects: Effects) -> Part | None:
    if not effects.interactions:
        return None
    rows = tuple(dict(zip(PAIR_TITLES, row, strict=True)) for row in pair_rows(effects))
    return Part(
        "What two techniques do to each other",
        tuple(pair_sentences(effects)),
        f"{PAIR_HELP} 1.00x: each saves beside the other what it saves alone.",
        rows=rows,
        alt="Interaction of each pair of techniques",
    )


def _alone(effects: Sequence[Effect], spoilers: Mapping[str, str]) -> Part | None:
    if not effects:
        return None
    cheaper = [effect for effect in effects if effect.verdict == "better"]
    spoilt = [effect for effect in cheaper if effect.techniques[0] in spoilers]
    best = min((effect for effect in cheaper if effect not in spoilt), key=_factor, default=None)
    fair = " with answers that are not clearly worse" if spoilt else ""
    said = (
        f"No technique alone is clearly cheaper than the baseline{fair}."
        if best is None
        else f"Alone, {_name(best)} saves most{fair}: {times(best.factor)} the baseline ({span(best.interval)})."
    )
    told = (said, *(spoilers[effect.techniques[0]] for effect in spoilt))
    return _effect_part("Each technique alone", told, BARS, effects, "Cost of each technique alone", title_of)


def _without(effects: Sequence[Effect]) -> Part | None:
    if not effects:
        return None
    missed = max((effect for effect in effects if effect.verdict == "worse"), key=_factor, default=None)
    said = [
        "No technique is clearly missed when it is left out."
        if missed is None
        else f"Most is missed without {_name(missed)}: everything then costs {times(missed.factor)} as much "
        f"({span(missed.interval)})."
    ]
    said += [
        f"Without {_name(effect)} everything is cheaper, {times(effect.factor)}: it does not pay beside the others."
        for effect in effects
        if effect.verdict == "better"
    ]
    return _effect_part(
        "Everything without each technique",
        tuple(said),
        f"{BARS} 1.00x is everything on.",
        effects,
        "Cost of everything without each technique",
        lambda key: f"Without {in_sentence(title_of(key))}",
    )


def _effect_part(
    title: str,
    sentences: tuple[str, ...],
    caption: str,
    effects: Sequence[Effect],
    what: str,
    label: Callable[[str], str],
) -> Part:
    """A part with a bar for each effect, and the bars in words."""
    bars = tuple(
        Bar(
            label(effect.techniques[0]),
            effect.factor,
            effect.interval,
            f"{times(effect.factor)} ({span(effect.interval)}), {effect.verdict}",
        )
        for effect in effects
    )
    figure = interval_bars(bars, line=1.0)
    return Part(title, sentences, caption, figure, alt=_words(what, bars), bars=bars, line=1.0)


def _words(what: str, bars: Sequence[Bar]) -> str:
    return f"{what}: {'; '.join(f'{bar.label} {bar.text}' for bar in bars) or MISSING}."


def _name(effect: Effect) -> str:
    return in_sentence(title_of(effect.techniques[0]))


def _factor(effect: Effect) -> float:
    return effect.factor
