"""The Summary of the Compare page: each metric beside the baseline's, what else was measured, evidence and doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from app.experiment.comparing import Pairing, Side
from app.studio import parts
from app.studio.access import told
from app.views import compare_sides, compare_view
from app.views.wording import plain, plain_rows


def show_summary(before: Side, pairings: Sequence[Pairing]) -> None:
    sides = [before, *(pairing.side for pairing in pairings)]
    rows = compare_view.summary_rows(pairings)
    if rows:
        _table(rows, "summary", "Each metric beside the baseline's")
        st.caption("Changes from the baseline with their 95 % intervals. Verdicts are corrected for their number.")
    figures = compare_sides.figure_rows(before, pairings)
    st.header("What else was measured", anchor=False)
    _table(figures, "figures", "More figures of each side, without a verdict", "right")
    st.caption(
        "Means over repeats; tokens are of a whole run, failed requests of all repeats. Same output: share of the "
        "first repeat's answers that equal the baseline's to the letter."
    )
    evidence = compare_sides.evidence_rows(sides)
    if evidence:
        st.header("Did each technique take effect?", anchor=False)
        st.table(plain_rows(evidence), border="horizontal", hide_index=True, alt="Evidence for each technique")
    doubts = compare_sides.doubts(sides, pairings)
    if doubts:
        with st.container(border=True):
            st.markdown("**:material/visibility: Read with care**")
            st.markdown("\n".join(f"- {plain(told(text))}" for text in doubts), width=parts.TEXT_WIDTH)


def _table(rows: Sequence[Mapping[str, str]], key: str, alt: str, alignment: Literal["left", "right"] = "left") -> None:
    """The first column stays in view, and each other one is as wide as its texts need."""
    first, *others = rows[0]
    columns = {name: st.column_config.TextColumn(width=_width(rows, name, 110), alignment=alignment) for name in others}
    columns[first] = st.column_config.TextColumn(pinned=True, width=_width(rows, first, 180))
    st.dataframe(list(rows), hide_index=True, height="content", column_config=columns, key=key, alt=alt)


def _width(rows: Sequence[Mapping[str, str]], name: str, least: int) -> int:
    """Pixels."""
    return min(max(least, 8 * max(len(row[name]) for row in rows)), 380)
