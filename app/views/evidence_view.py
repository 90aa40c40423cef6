"""Why to believe a ladder and why to doubt it: evidence, cautions and what it was measured with. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.analysis.compare import MIN_EFFECT
from app.analysis.ladder import Ladder, RungResult
from app.analysis.metric import MISSING
from app.views.ladder_view import measured, technique_of
from app.views.wording import EFFECTS, Sign, without_folders
from app.words import title_of

FEW_REQUESTS = 100
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class EvidenceRow:
    technique: str
    sign: Sign
    detail: str
    claim: str
    later: tuple[str, ...]
    """Rungs above on which it did not show the same."""


def evidence_rows(ladder: Ladder) -> list[EvidenceRow]:
    """Each technique once, as seen on the rung that adds it."""
    first: dict[str, tuple[RungResult, Mapping[str, Any]]] = {}
    later: dict[str, list[str]] = {}
    for rung in ladder.rungs:
        for item in rung.evidence:
            key = item["technique"]
            if key not in first:
                first[key] = (rung, item)
            elif item["took_effect"] is not first[key][1]["took_effect"]:
                later.setdefault(key, []).append(f"On “{rung.label}”: {EFFECTS[item['took_effect']].word}.")
    return [
        EvidenceRow(
            technique=title_of(key),
            sign=EFFECTS[item["took_effect"]],
            detail=item["detail"],
            claim=rung.spoken_claim or (known.claim if (known := technique_of(key)) else ""),
            later=tuple(later.get(key, ())),
        )
        for key, (rung, item) in first.items()
    ]


def cautions(ladder: Ladder) -> list[str]:
    """Why to read the figures with care, one sentence each; what many rungs share is said once."""
    by_kind: dict[str, dict[int, list[str]]] = {}
    for rung in ladder.rungs:
        for text in rung.suspect:
            by_kind.setdefault(NUMBER.sub("", text), {}).setdefault(rung.rung, []).append(text)
    everywhere = len(measured(ladder))
    found = []
    for by_rung in by_kind.values():
        labels = [rung.label for rung in ladder.rungs if rung.rung in by_rung]
        where = "Every rung" if len(labels) == everywhere > 1 else ", ".join(labels)
        found.append(f"{where}: {merged([text for texts in by_rung.values() for text in texts])}.")
    found += [f"{reason[:1].upper()}{reason[1:]}." for reason in small_samples(ladder)]
    per_run = min((rung.requests // len(rung.run_ids) for rung in measured(ladder)), default=0)
    if 0 < per_run < FEW_REQUESTS:
        slowest = max(1, round(per_run * 0.05))
        which = "the slowest" if slowest == 1 else f"the {slowest} slowest"
        found.append(f"A p95 rests on {which} of {per_run} requests in each repeat: below {FEW_REQUESTS} it is rough.")
    return found


def small_samples(ladder: Ladder) -> list[str]:
    """What is too small to be trusted much, each reason once."""
    return list(dict.fromkeys(reason for rung in ladder.rungs[1:] for reason in rung.comparison.small_sample))


def merged(texts: list[str]) -> str:
    """Sentences that differ only in their figures as one, each figure as its range."""
    figures = [[float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in texts]
    ranges = iter([(min(column), max(column)) for column in zip(*figures, strict=True)])

    def spread(found: re.Match[str]) -> str:
        low, high = next(ranges)
        return found.group() if low == high else f"{low:,g} to {high:,g}"

    return NUMBER.sub(spread, texts[0])


def noise_sentence(ladder: Ladder) -> str | None:
    noise = ladder.noise.get("relative_cost")
    if noise is None:
        return None
    floor = max(noise, MIN_EFFECT)
    return (
        f"Noise floor: the baseline measured twice differs by {noise:.1%} in cost. "
        f"A difference below {floor:.1%}, or one whose interval holds zero, is called no clear change."
    )


def configuration(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The manifest's facts as pairs, without folders."""
    model, prompts = manifest.get("model", {}), manifest.get("prompt_set", {})
    hardware, load = manifest.get("hardware", {}), manifest.get("load", {})
    pairs = [
        ("Model", _joined(model.get("name"), model.get("architecture"), model.get("fingerprint"))),
        ("Prompt set", _joined(prompts.get("name"), f"{prompts.get('prompts')} prompts", prompts.get("content_hash"))),
        ("Hardware", _joined(hardware.get("title"), *hardware.get("cpu_features", ()))),
        ("Load", _joined(*(f"{name} {value}" for name, value in load.items()))),
        ("Sampling", _joined(*(f"{name} {value}" for name, value in manifest.get("sampling", {}).items()))),
        ("Warm-up", f"{manifest.get('warm_up', 0)} requests before each run, not measured"),
        ("Versions", _joined(*(f"{name} {value}" for name, value in manifest.get("versions", {}).items() if value))),
    ]
    return [(name, without_folders(text)) for name, text in pairs]


def launch_command(manifest: Mapping[str, Any]) -> str:
    """How the engine was launched, or what was attached to."""
    engine = manifest.get("engine", {})
    if "argv" not in engine:
        return without_folders(f"attached to {engine.get('attached_to', MISSING)}")
    return without_folders(shlex.join(engine["argv"]))


def _joined(*facts: str | None) -> str:
    return ", ".join(fact for fact in facts if fact) or MISSING
