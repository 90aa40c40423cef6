"""What the What-if page says besides figures: what they rest on, what to doubt, break-even with an API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from app.analysis.compare import MIN_POINTS
from app.analysis.load_curve import LoadCurve, small_tails
from app.analysis.metric import MISSING
from app.analysis.scenario import Scenario
from app.analysis.what_if import CLOSED_LOOP_LOAD, MIX_CURVE, MIX_POINT
from app.studio.what_if_view import Side, differing_facts, money, price_words
from app.views.wording import without_folders
from app.words import count_of, listed

RULES = f"""\
A replica is never planned beyond the highest load that was measured on it; between two loads latency is taken as a \
straight line, and at a lighter load than the lightest it is shown as measured at the lightest.
Token counts may be up to {MIX_CURVE:g}x the measured ones either way, {MIX_POINT:g}x where only one load was measured.
Where users waited for one another (a closed loop), at most {CLOSED_LOOP_LOAD:.0%} of the measured load is planned.
Replicas are taken to share the traffic evenly and to be as fast as the one that was measured.
Within an hour, requests are taken to come as evenly as they came in the run.
A month has 730 hours.
""".splitlines()


def break_even_sentences(sides: Sequence[Side], model: str) -> list[str]:
    said: list[str] = []
    for side in sides:
        found = side.api
        if found is None:
            continue
        cached = ", cached input at its own price" if found.cached_is_priced else ""
        said.append(
            f"The same tokens at {model} cost {money(found.usd)} a month, {money(1000 * found.usd_per_request)} for "
            f"1,000 requests{cached}."
        )
        if found.requests_per_day is None:
            said.append(
                f"{side.name} does not get there at any volume: on a replica that is always full, 1,000 requests cost "
                f"{money(1000 * found.least_usd_per_request)}."
            )
        elif found.requests_per_day < 1:
            said.append(f"{side.name} costs less at any volume.")
        else:
            said.append(
                f"{side.name} costs no more from {_about(found.requests_per_day)} requests a day; just behind a volume "
                "that needs one more replica it may cost more again."
            )
    return list(dict.fromkeys(said))


def cautions(sides: Sequence[Side], scenario: Scenario) -> list[str]:
    """What an answer rests on weakly."""
    found = []
    if len(sides) == 2:
        before, after = (side.curve for side in sides)
        differing = differing_facts(sides)
        if differing:
            found.append(
                f"Not comparable: the {listed(differing)} differ, so the difference is not the technique's alone"
            )
        if before.machine != after.machine and scenario.usd_per_hour is not None:
            found.append("Both machines are billed at the one price that was given")
        prices = [side.scenario.usd_per_hour for side in sides]
        if prices[0] != prices[1]:
            found.append(
                f"Each side is billed at the price that it was measured with, {price_words(prices)}: give a price to "
                "have one for both"
            )
        right = before.mean("quality"), after.mean("quality")
        if right[0] is not None and right[1] is not None and right[1] < right[0] - MIN_POINTS:
            found.append(
                f"The candidate gave {right[1]:.0f} % of the expected answers, the baseline {right[0]:.0f} %: what it "
                "saves is paid for in answers"
            )
    weak = [_weak(side, scenario) for side in sides]
    both = [text for text in weak[0] if text in weak[-1]] if len(weak) == 2 else []
    found += [f"Both: {text}" for text in both]
    for side, texts in zip(sides, weak, strict=True):
        found += [f"{side.role}: {text}" for text in texts if text not in both]
    return found


def basis_rows(sides: Sequence[Side]) -> list[dict[str, str]]:
    """What each side rests on, but its runs, which the page links."""
    table = {
        "Measured": [side.curve.title for side in sides],
        "Loads": [_loads(side.curve) for side in sides],
        "Machine": [side.curve.machine or MISSING for side in sides],
        "Model": [without_folders(side.curve.model) or MISSING for side in sides],
        "Prompts": [side.curve.prompt_set or MISSING for side in sides],
        "Expected answers": [_right(side.curve) for side in sides],
        "Tokens of a request": [_tokens(side.curve) for side in sides],
        "Requests in a run": [f"{min(r.requests for r in side.curve.runs):,} or more" for side in sides],
        "Run numbers": [", ".join(str(run.run_id) for level in side.curve.levels for run in level) for side in sides],
    }
    return [
        {"Fact": name, **{side.role: text for side, text in zip(sides, texts, strict=True)}}
        for name, texts in table.items()
    ]


def _weak(side: Side, scenario: Scenario) -> list[str]:
    curve, answer = side.curve, side.answer
    found = list(answer.estimates) if answer else []
    if curve.is_point:
        found.append("only one load was measured: that a lighter one is no slower is assumed")
    if answer is not None and answer.capacity.at_least:
        found.append(
            f"every measured load is within the limits: a replica may answer more than {answer.capacity.rate:.3g} "
            "requests/s; measure higher loads"
        )
    if small_tails(curve, scenario.percentile):
        fewest = min(run.requests for run in curve.runs)
        found.append(f"a {scenario.percentile} of {fewest} requests rests on few; measure 100 or more a run")
    suspect = [run.run_id for run in curve.runs if run.suspect]
    if suspect:
        found.append(
            f"{len(suspect)} of {count_of(len(curve.runs), 'run')} {'is' if len(suspect) == 1 else 'are'} suspect"
        )
    return found


def _loads(curve: LoadCurve) -> str:
    rates = [run.requests_per_s for run in curve.runs]
    kind = "sent by the clock" if curve.is_open else "users who wait for one another"
    if curve.is_point:
        return f"one load, {min(rates):.3g} to {max(rates):.3g} requests/s answered, {kind}"
    return f"{len(curve.levels)} loads, {min(rates):.3g} to {max(rates):.3g} requests/s answered, {kind}"


def _tokens(curve: LoadCurve) -> str:
    sent, written = curve.mean("prompt_tokens"), curve.mean("output_tokens")
    shown = [MISSING if value is None else f"{value:,.0f}" for value in (sent, written)]
    return f"{shown[0]} prompt, {shown[1]} output"


def _right(curve: LoadCurve) -> str:
    right = curve.mean("quality")
    return MISSING if right is None else f"{right:.1f} %"


def _about(value: float) -> str:
    """Two significant digits: it is an estimate."""
    digits = 10 ** max(0, floor(log10(value)) - 1)
    return f"{ceil(value / digits) * digits:,.0f}"
