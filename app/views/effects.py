"""Effects of techniques in words and rows that pages and terminal tables share. Pure."""

from __future__ import annotations

from app.analysis.factorial import Effect, Effects, Share
from app.analysis.metric import BY_TAG, MISSING
from app.analysis.statistics import Interval
from app.words import in_sentence, listed, title_of

COST = BY_TAG["relative_cost"]
SINGLE_TITLES = (
    "Technique", "Alone", "Alone, 95 %", "Alone it is", "Left out", "Left out, 95 %", "Leaving it out is",
)  # fmt: skip
SINGLE_HELP = (
    "Alone: its cost as a multiple of the baseline's. Left out: the cost of everything without it, as a multiple of "
    "everything's."
)
PAIR_HELP = "The cost of both together over what their two savings multiply to, every other technique off."
SHARE_HELP = (
    "What adding a technique saves, averaged over every order of adding them (Shapley); below 0 it costs. Shares add "
    "up to 100 %."
)
PAIR_TITLES = ("Pair", "Interaction", "95 % interval", "Together they")
SHARE_TITLES = ("Technique", "Share of the saving", "95 % interval")
MEETING = {
    "better": "help each other",
    "worse": "get in each other's way",
    "no clear change": "show no clear interaction",
}
MISSED = {
    "better": "it does not pay beside the others",
    "worse": "it pays beside the others",
    "no clear change": "it is not missed",
}


def times(value: float | None) -> str:
    """A multiple, written as people say it: 0.55x."""
    return MISSING if value is None else COST.format(value, unit=False) + COST.unit


def span(interval: Interval | None) -> str:
    return MISSING if interval is None else f"{times(interval.low)} to {times(interval.high)}"


def percent_span(share: Share) -> str:
    found = share.interval
    return MISSING if found is None else f"{found.low:.0f} to {found.high:.0f} %"


def single_rows(effects: Effects) -> list[tuple[str, ...]]:
    """Each technique alone beside the baseline, and everything without it beside everything."""
    alone = {effect.techniques[0]: effect for effect in effects.alone}
    without = {effect.techniques[0]: effect for effect in effects.without}
    return [
        (title_of(key), *_cells(alone.get(key)), *_cells(without.get(key))) for key in dict.fromkeys((*alone, *without))
    ]


def pair_rows(effects: Effects) -> list[tuple[str, ...]]:
    return [
        (
            " and ".join(_names(effect)),
            times(effect.factor),
            span(effect.interval),
            MEETING.get(effect.verdict, MISSING),
        )
        for effect in effects.interactions
    ]


def share_rows(effects: Effects) -> list[tuple[str, ...]]:
    return [(title_of(share.technique), f"{share.percent:.1f} %", percent_span(share)) for share in effects.shares]


def single_sentences(effects: Effects) -> list[str]:
    alone = [
        f"{title_of(effect.techniques[0])} alone costs {times(effect.factor)} the baseline{_in_brackets(effect)}: "
        f"{effect.verdict}."
        for effect in effects.alone
    ]
    without = [
        f"Without {in_sentence(title_of(effect.techniques[0]))}, everything costs {times(effect.factor)} as much"
        f"{_in_brackets(effect)}: {effect.verdict}, so {MISSED[effect.verdict]}."
        for effect in effects.without
        if effect.verdict in MISSED
    ]
    return alone + without


def pair_sentences(effects: Effects) -> list[str]:
    return [
        f"{_names(effect)[0]} and {_names(effect)[1]} cost {times(effect.factor)} of what their two savings multiply to"
        f"{_in_brackets(effect)}: they {MEETING[effect.verdict]}."
        for effect in effects.interactions
        if effect.verdict in MEETING
    ]


def share_sentence(effects: Effects) -> str | None:
    """Who the saving is due to; why that cannot be said where every combination was planned; else None."""
    if effects.no_shares:
        return f"The saving is not shared out: {effects.no_shares}."
    if not effects.shares or effects.total is None:
        return None
    of = "saving" if effects.total.factor < 1 else "extra cost"
    parts = [
        f"{in_sentence(title_of(share.technique))} has {share.percent:.0f} %"
        + ("" if share.interval is None else f" ({percent_span(share)})")
        for share in effects.shares
    ]
    said = f"Of the {of} of everything together ({times(effects.total.factor)} the baseline), {listed(parts)}."
    recipes = 2 ** (len(effects.shares) - 1)
    doubts = [
        f" Read the share of {in_sentence(title_of(share.technique))} with care: in {share.idle} of {recipes} recipes "
        "with it, it is seen to do nothing."
        for share in effects.shares
        if share.idle
    ]
    return said + "".join(doubts)


def _names(effect: Effect) -> tuple[str, str]:
    first, second = (title_of(key) for key in effect.techniques)
    return first, in_sentence(second)


def _cells(effect: Effect | None) -> tuple[str, str, str]:
    if effect is None:
        return MISSING, MISSING, MISSING
    return times(effect.factor), span(effect.interval), effect.verdict


def _in_brackets(effect: Effect) -> str:
    return "" if effect.interval is None else f" ({span(effect.interval)})"
