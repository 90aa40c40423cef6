"""An order for a checkpoint that is made from another one before an engine starts. Making it is app/preparation."""

from __future__ import annotations

from dataclasses import dataclass

Plain = int | float | bool | str | None


@dataclass(frozen=True)
class CheckpointOrder:
    """`tool` names the environment that makes it, `job` the module in optimizers/jobs that does. `settings` are all
    that decides the result beside the model and the texts: the same order on the same inputs is made once.

    `calibration` names the prompt set whose texts show the model at work, None to leave the choice to Rung;
    `samples` is how many pieces of text are used, 0 for a method that needs none.
    """

    tool: str
    job: str
    settings: tuple[tuple[str, Plain], ...]
    calibration: str | None = None
    samples: int = 0
