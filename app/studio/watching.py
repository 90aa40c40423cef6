"""Looking at what is measured without slowing it down: how often pages look, and that nothing moves meanwhile.

What one look costs, and how it was found: docs/design/016-live.md.
"""

from __future__ import annotations

import streamlit as st

from app.engine.hardware import usable_cores

LOOK_CORE_S = 20.0
"""Seconds between two looks times processors: a look takes the studio and a browser beside it under 0.1 s together, so
watching takes at most half of a hundredth of the machine."""
SHORTEST_S = 2.0
STILL = (
    "<style>[data-testid=stMain] *, [data-testid=stMain] *::before, [data-testid=stMain] *::after "
    "{transition: none !important; animation: none !important}</style>"
)


def look_every(cores: int) -> float:
    """Seconds between two looks at what is measured on this machine."""
    return max(SHORTEST_S, LOOK_CORE_S / cores)


LOOK_S = look_every(usable_cores())


def stand_still() -> None:
    """Nothing on the page moves by itself: a bar that glides and a box that fades are drawn sixty times a second."""
    st.html(STILL)
