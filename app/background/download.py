"""The job that brings a model from a hub into the hub client's cache and saves its name.

Progress is what lies on the disk, finished files and the beginnings of others. What came stays after a cut or a cancel:
the next download takes whole files from there.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from time import time
from typing import Any

from app.background.jobs import all_jobs, start
from app.background.run import Report
from app.engine.builtin import refuse_builtin
from app.engine.checkpoint import read_checkpoint
from app.engine.hub import FILES, HUB_ID, cached, hub_errors
from app.engine.memory_fit import GIB
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

KIND = "download"
LOOK_S = 0.25
HUB_PATIENCE_S = 15.0
STALE_S = 3600.0


@dataclass(frozen=True)
class HubFile:
    """`blob` is its name in the cache's folder of contents, which is its hash."""

    name: str
    blob: str
    size: int


def start_download(store: Store, settings: Settings, hub_id: str, name: str = "") -> str:
    """The job's id. Raises InputError for a name that is taken and for what is being downloaded already."""
    hub_id, name = hub_id.strip(), name.strip() or hub_id.strip()
    if not HUB_ID.match(hub_id):
        raise InputError(f"{hub_id!r} is no hub id; give it as organisation/model")
    refuse_builtin(name)
    known = store.models.find(name)
    if known is not None and known.location != hub_id:
        raise InputError(f"a model named {name!r} exists at another place; give this one another name")
    if any(job.is_live and job.spec.get("hub_id") == hub_id for job in all_jobs(settings, KIND)):
        raise InputError(f"{hub_id} is being downloaded already")
    return start(settings, KIND, f"Download {hub_id}", __name__, {"hub_id": hub_id, "name": name})


async def work(spec: Mapping[str, Any], settings: Settings, report: Report) -> Mapping[str, Any]:
    hub_id, name = spec["hub_id"], spec["name"]
    here = cached(hub_id)
    if here is None:
        report.runs("asking the hub what there is")
        here = await _download(hub_id, report)
    checkpoint = read_checkpoint(here, hub_id)
    store = Store.open(settings.database_url)
    try:
        store.models.add(name, hub_id)
    finally:
        store.close()
    return {"name": name, "bytes": checkpoint.weight_bytes}


async def _download(hub_id: str, report: Report) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.file_download import repo_folder_name

    with hub_errors(hub_id):
        files = await asyncio.to_thread(files_on_hub, hub_id)
    blobs = Path(HF_HUB_CACHE) / repo_folder_name(repo_id=hub_id, repo_type="model") / "blobs"
    total = sum(file.size for file in {file.blob: file for file in files}.values())
    _remove_stale(blobs)
    _check_room(blobs, total - bytes_here(blobs, files))
    before = set(_beginnings(blobs))

    def tell() -> None:
        whole = sum((blobs / file.blob).is_file() for file in files)
        report.runs(f"{whole} of {len(files)} files", bytes_here(blobs, files), total, "bytes")

    coming = asyncio.create_task(asyncio.to_thread(snapshot_download, hub_id, allow_patterns=FILES))
    try:
        while not coming.done():
            tell()
            await asyncio.wait({coming}, timeout=LOOK_S)
        with hub_errors(hub_id):
            folder = coming.result()
    except asyncio.CancelledError:
        # The client's threads cannot be ended; this process can. What they have begun could not be gone on with.
        for path in set(_beginnings(blobs)) - before:
            path.unlink(missing_ok=True)
        raise
    tell()
    return Path(folder)


def files_on_hub(hub_id: str) -> list[HubFile]:
    """The files that an engine needs, with their sizes. Raises as the hub's client does, and InputError for a model
    without weights that an engine could load."""
    from huggingface_hub import HfApi

    found = HfApi().model_info(hub_id, files_metadata=True, timeout=HUB_PATIENCE_S)
    files = [
        HubFile(each.rfilename, each.lfs.sha256 if each.lfs else str(each.blob_id), each.size or 0)
        for each in found.siblings or ()
        if any(fnmatch(each.rfilename, pattern) for pattern in FILES)
    ]
    if not any(file.name.endswith(".safetensors") for file in files):
        raise InputError(f"model {hub_id!r} has no weights as safetensors on the hub; name another, or give a folder")
    return files


def bytes_here(blobs: Path, files: Sequence[HubFile]) -> int:
    """Bytes of these files that are on the disk, no more of each than it has."""
    begun: dict[str, int] = {}
    for path in _beginnings(blobs):
        blob = path.name.partition(".")[0]
        begun[blob] = max(begun.get(blob, 0), _size(path))
    return sum(
        min(file.size, _size(blobs / file.blob) or begun.get(file.blob, 0))
        for file in {file.blob: file for file in files}.values()
    )


def _beginnings(blobs: Path) -> list[Path]:
    return list(blobs.glob("*.incomplete"))


def _remove_stale(blobs: Path) -> None:
    """What a killed download left: the client never goes on with it."""
    for path in _beginnings(blobs):
        if time() - path.stat().st_mtime > STALE_S:
            path.unlink(missing_ok=True)


def _check_room(blobs: Path, wanted: int) -> None:
    folder = next(path for path in (blobs, *blobs.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise InputError(
            f"{wanted / GIB:,.1f} GiB are to come, and the disk has {free / GIB:,.1f} GiB free; make room, or set "
            "HF_HOME to another disk"
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
