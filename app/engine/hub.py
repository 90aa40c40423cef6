"""Finds the model that a person named: a built-in or saved name, a folder, or a hub id that is downloaded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.engine.builtin import BUILTIN, builtin_folder, read_known
from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.paths import existing_path
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
ADVICE = "give a folder that holds config.json, a tokenizer and weights"


def find_model(store: Store, settings: Settings, name: str) -> Checkpoint:
    """A built-in name wins over a saved one, that over a folder, a folder over a hub id. Raises InputError when there
    is none, or when it would have to be downloaded and the settings do not allow that."""
    built_in = builtin_folder(name)
    if built_in is not None:
        return read_known(settings.starter_models / built_in, name)
    saved = store.models.find(name)
    location = saved.location if saved is not None else name
    label = saved.name if saved is not None else None
    folder = existing_path(location)
    if folder is not None or not HUB_ID.match(location):
        if saved is None and folder is None:
            known = ", ".join([*BUILTIN, *(row.name for row in store.models.all())])
            raise InputError(f"model {name!r}: no such folder, and no saved model of that name; saved: {known}")
        return read_checkpoint(folder or Path(location), label)
    here = download(location) if settings.may_download else cached(location)
    if here is None:
        raise InputError(
            f"model {location!r} is not on this machine; add it on the Models page or by `models add`, which downloads "
            "it"
        )
    return read_checkpoint(here, label or location)


def whole_name(store: Store, name: str) -> str:
    """The name as a worker in any folder will understand it: a relative folder becomes a whole path."""
    path = None if builtin_folder(name) or store.models.find(name) is not None else existing_path(name)
    return name if path is None else str(path.resolve())


def download(hub_id: str) -> Path:
    """The local folder of a hub model; downloads what the cache lacks, with the hub client's own progress."""
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "10")
    from huggingface_hub import snapshot_download

    here = cached(hub_id)
    if here is not None:
        return here
    with hub_errors(hub_id):
        return Path(snapshot_download(hub_id, allow_patterns=FILES))


def cached(hub_id: str) -> Path | None:
    """The folder of a hub model that is here as a whole; asks nobody. Raises InputError for what is no hub id."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # The same files as are downloaded: without them the client misses those that were never wanted.
        return Path(snapshot_download(hub_id, allow_patterns=FILES, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    except HFValidationError:
        raise InputError(f"model {hub_id!r}: no such folder here, and it is no hub id; {ADVICE}") from None


@contextmanager
def hub_errors(hub_id: str) -> Iterator[None]:
    """What a hub answers, or that it does not, as one line that says what to do."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )  # fmt: skip

    try:
        yield
    except GatedRepoError:
        raise InputError(f"model {hub_id!r} is gated; accept its terms and set HF_TOKEN, or {ADVICE}") from None
    except RepositoryNotFoundError:
        raise InputError(f"model {hub_id!r} is neither a folder here nor a model on the hub; {ADVICE}") from None
    except (LocalEntryNotFoundError, HTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise InputError(
            f"model {hub_id!r}: no such folder here, and the hub could not be reached ({reason}); {ADVICE}"
        ) from None
