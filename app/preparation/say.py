"""Progress of a preparation as one line of text, with what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from app.preparation.job import Progress, Say

MIN_PART = 0.15
"""Below this share done, what is left is a guess that nobody should see."""


def phases(show: Callable[[str], None]) -> Say:
    """Shows each step: "Preparing the checkpoint: layer 3 of 7 (about 40 s left)"."""
    began = monotonic()

    def say(progress: Progress) -> None:
        text = f"Preparing the checkpoint: {progress.what}"
        if progress.total and progress.done / progress.total >= MIN_PART:
            left = (monotonic() - began) * (progress.total - progress.done) / progress.done
            text += f" (about {left:.0f} s left)" if progress.done < progress.total else ""
        show(text)

    return say
