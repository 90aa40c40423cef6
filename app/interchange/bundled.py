"""The recordings that come with Rung, so that the studio has something to show before anything was measured."""

from __future__ import annotations

from app.interchange.recording_file import ENDING, read_recording, save_recording
from optimizers.errors import InputError
from store.experiments import RECORDED
from store.settings import ROOT
from store.store import Store

FOLDER = ROOT / "starter" / "recorded"


def offer_recordings(store: Store) -> list[str]:
    """Puts them into a store that has nothing of its own, each once: one that was removed does not come back. What
    could not be read, in a line each."""
    if any(RECORDED not in row.spec for row in store.experiments.recent()):
        return []
    problems = []
    found = {path.name.removesuffix(ENDING): path for path in FOLDER.glob(f"*{ENDING}")}
    # The ladder is experiment 1, the rest by name.
    for name in sorted(found, key=lambda name: (name != "ladder", name)):
        path = found[name]
        if store.recordings.was_offered(name):
            continue
        try:
            recording, sha256 = read_recording(path)
            save_recording(store, recording, sha256, path.name, offered=name)
        except InputError as error:
            problems.append(str(error))
    return problems
