"""What was worked out of an experiment, kept so that it is worked out once: one text for each experiment.

A copy says under which key it was made, and is found under that key alone. Nothing depends on its being there.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from store.tables import AnalysisRow


class Analyses:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def find(self, experiment_id: int, key: str) -> str | None:
        """None as well where what is kept was made under another key."""
        query = select(AnalysisRow.content).where(AnalysisRow.experiment_id == experiment_id, AnalysisRow.key == key)
        with self._session() as session:
            return session.scalar(query)

    def keep(self, experiment_id: int, key: str, content: str) -> None:
        """In the place of what was kept before. Raises DatabaseError where the experiment is gone, or another process
        keeps the same at this moment."""
        with self._session.begin() as session:
            session.merge(AnalysisRow(experiment_id=experiment_id, key=key, content=content))
