"""The manifests of compared sides as one table: differences only, or everything; searched by word. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.analysis.environment import configurations
from app.experiment.comparing import Side
from app.views.compare_view import value


def configuration_rows(sides: Sequence[Side], everything: bool, words: str = "") -> list[dict[str, str]]:
    """A row for each fact, with a column for each side; `words` have to stand in its name or in a value, in any
    order and case."""
    found = configurations([side.manifest for side in sides])
    wanted = words.casefold().split()
    rows = [
        {"Fact": fact.name}
        | ({"Differs": "differs" if fact.differs else "same"} if everything else {})
        | {side.name: value(each) for side, each in zip(sides, fact.values, strict=True)}
        for fact in found
        if everything or fact.differs
    ]
    return [row for row in rows if all(word in " ".join(row.values()).casefold() for word in wanted)]
