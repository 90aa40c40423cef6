"""How often a page looks at what is measured: less often where it would take more of the machine."""

from __future__ import annotations

import pytest

from app.studio.watching import LOOK_CORE_S, look_every


@pytest.mark.parametrize(
    ("cores", "seconds"), [(1, LOOK_CORE_S), (2, LOOK_CORE_S / 2), (4, 5.0), (16, 2.0), (128, 2.0)]
)
def test_few_processors_are_looked_at_less_often(cores: int, seconds: float) -> None:
    assert look_every(cores) == seconds
