"""Which input matters most: each is moved by 20 % either way while the others stay. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.analysis.load_curve import LoadCurve, Unanswered
from app.analysis.scenario import NUMBERS, Scenario
from app.analysis.what_if import Answer, answer, mix_of

STEP = 0.2
MOVED = (
    "requests_per_day", "usd_per_hour", "tokens_in", "tokens_out", "most_ttft", "most_tpot", "most_e2e", "most_load",
    "prefix_share", "peak_to_mean", "usd_per_kwh", "watts",
)  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """What moving an input by 20 % does to a month's cost, as shares of it (0.2 is 20 % more). None where that is not
    answered, and `reason` then says why; near its end an input moves no farther than that."""

    name: str
    title: str
    value: float
    less: float | None
    more: float | None
    reason: str = ""

    @property
    def size(self) -> float:
        return max(abs(self.less or 0.0), abs(self.more or 0.0))


def sensitivity(scenario: Scenario, found: Answer, curve: LoadCurve, uncached: LoadCurve | None = None) -> list[Effect]:
    """The inputs that are in use, the one that matters most first."""
    values = {name: _value(name, scenario, found) for name in MOVED}
    effects = [
        _effect(name, value, scenario, found, curve, uncached)
        for name, value in values.items()
        if value and _in_use(name, scenario, found, uncached)
    ]
    return sorted(effects, key=lambda effect: -effect.size)


def _value(name: str, scenario: Scenario, found: Answer) -> float | None:
    sent, written = mix_of(scenario, found.curve)
    as_measured = {"tokens_in": sent, "tokens_out": written, "watts": found.watts}
    return as_measured[name] if name in as_measured else getattr(scenario, name)


def _in_use(name: str, scenario: Scenario, found: Answer, uncached: LoadCurve | None) -> bool:
    if name == "peak_to_mean":
        return scenario.daily_shape == "custom"
    if name == "prefix_share":
        return uncached is not None
    if name in ("usd_per_kwh", "watts"):
        return found.chosen.usd is not None and scenario.usd_per_kwh is not None and found.watts is not None
    return True


def _effect(
    name: str, value: float, scenario: Scenario, found: Answer, curve: LoadCurve, uncached: LoadCurve | None
) -> Effect:
    changes: list[float | None] = []
    reasons: list[str] = []
    for factor in (1 - STEP, 1 + STEP):
        rule = NUMBERS[name]
        target = min(rule.high, max(rule.low, value * factor))
        if target == value:
            changes.append(None)
            reasons.append(f"{factor - 1:+.0%}: it is at its end")
            continue
        moved = replace(scenario, **{name: target})  # type: ignore[arg-type]
        try:
            changes.append(answer(moved, curve, uncached).monthly / found.monthly - 1 if found.monthly else 0.0)
        except Unanswered as refused:
            changes.append(None)
            reasons.append(f"{factor - 1:+.0%} is not answered: {refused}")
    return Effect(name, NUMBERS[name].title, value, changes[0], changes[1], "; ".join(reasons))


def sentence(effects: list[Effect]) -> str:
    """What matters most and what does not matter at all, in words."""
    moving = [effect for effect in effects if effect.size > 0.0005]
    still = [effect.title for effect in effects if effect.size <= 0.0005 and not effect.reason]
    if not moving:
        return "20 % more or less of any one input changes nothing: the same replicas are enough."
    first = moving[0]
    text = f"{first.title} matters most: {_ends(first)}"
    if len(moving) > 1:
        text += f"; then {moving[1].title}: {_ends(moving[1])}"
    if still:
        text += f". No change, as the same replicas are enough: {', '.join(still)}"
    return text + "."


def _ends(effect: Effect) -> str:
    parts = [("20 % less", effect.less), ("20 % more", effect.more)]
    return ", ".join(f"{what} gives {change:+.0%}" for what, change in parts if change is not None)
