"""Where things are: the state folder, the database, the starter models. Read once at each process's start.

RUNG_HOME moves the state folder, RUNG_DATABASE_URL the database; `--database` on a command wins over both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTER_MODELS = ROOT / "starter" / "models"


@dataclass(frozen=True)
class Settings:
    """`may_download`: whether finding a model may fetch it. Not in the studio, where it would be drawing a page that
    does; there a person asks for a download, and a process of its own carries it out."""

    home: Path
    database_url: str
    may_download: bool = True

    @staticmethod
    def load(database: str | None = None) -> Settings:
        home = Path(os.environ.get("RUNG_HOME") or ROOT / ".rung").expanduser().resolve()
        url = database or os.environ.get("RUNG_DATABASE_URL") or f"sqlite:///{home / 'rung.db'}"
        if "://" not in url:
            url = f"sqlite:///{Path(url).expanduser().resolve()}"
        return Settings(home, url)

    @property
    def starter_models(self) -> Path:
        """They come with the repository, whatever the state folder."""
        return STARTER_MODELS

    @property
    def starter_model(self) -> Path:
        return self.starter_models / "target"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def prepared_prompts(self) -> Path:
        return self.home / "prepared"

    @property
    def quantized_models(self) -> Path:
        """Checkpoints that Rung made, each in a folder named after what decides its content."""
        return self.home / "models" / "quantized"
