"""One open database with its repositories. The studio, the worker and every command open it the same way."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from store.analyses import Analyses
from store.database import make_engine, plain_database_errors, sessions
from store.engines import Engines
from store.experiments import Experiments
from store.imports import Imports
from store.migrate import migrate
from store.models import Models
from store.prompt_sets import PromptSets
from store.recordings import Recordings
from store.runs import Runs
from store.saved import Saved
from store.workers import Workers


@dataclass(frozen=True)
class Store:
    url: str
    engine: Engine
    prompt_sets: PromptSets
    models: Models
    saved: Saved
    experiments: Experiments
    runs: Runs
    analyses: Analyses
    imports: Imports
    recordings: Recordings
    engines: Engines
    workers: Workers

    @staticmethod
    def open(url: str) -> Store:
        """Opens and, where needed, migrates; raises InputError for a database that cannot be used."""
        with plain_database_errors(url):
            engine = make_engine(url)
            migrate(engine)
        session = sessions(engine)
        return Store(
            url=url,
            engine=engine,
            prompt_sets=PromptSets(session),
            models=Models(session),
            saved=Saved(session),
            experiments=Experiments(session),
            runs=Runs(session),
            analyses=Analyses(session),
            imports=Imports(session),
            recordings=Recordings(session),
            engines=Engines(session),
            workers=Workers(session),
        )

    def close(self) -> None:
        self.engine.dispose()
