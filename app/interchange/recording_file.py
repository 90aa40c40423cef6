"""Recordings between files and the store. A file is compressed JSON, the same bytes for the same experiment."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import socket
import zlib
from dataclasses import replace
from pathlib import Path
from time import gmtime, strftime
from typing import Any, NoReturn

from app.analysis.compare import RungData
from app.analysis.explain import explain
from app.analysis.ladder import RungRuns, build_ladder
from app.experiment.kinds import KINDS, reference_of
from app.experiment.measure import RECORD_FIELDS
from app.interchange.nameless import nameless
from app.interchange.recording import Recorded, Recording, from_document, marked, to_document
from app.prompts.saved import load_prompt_set, save_under_free_name
from app.replay.record import RequestRecord
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.experiments import RECORDED
from store.settings import ROOT, Settings
from store.store import Store
from store.tables import RunRow
from store.whole import REQUEST_COLUMNS, ExperimentCopy, RunCopy, SegmentCopy

ENDING = ".rung.json.gz"
MAGIC = b"\x1f\x8b"
MOST_BYTES = 512 * 2**20
"""Of the JSON in a file; more is refused before it fills the memory."""


def record(store: Store, settings: Settings, experiment_id: int) -> bytes:
    """The experiment as a file's content. Raises InputError for one that is not finished, or that another tool made."""
    row = store.experiments.get(experiment_id)
    if row.status != "done" or row.started_at is None or row.finished_at is None:
        raise InputError(f"experiment {experiment_id} is {row.status}; only a finished one can be written whole")
    if "prompt_set_id" not in row.spec:
        raise InputError(f"experiment {experiment_id} is {row.kind}; hand on the file that it came from instead")
    runs = tuple(_copy(store, run) for run in store.runs.of_experiment(experiment_id))
    spec = {name: value for name, value in row.spec.items() if name != RECORDED} | {"prompt_set_id": 0}
    copy = ExperimentCopy(
        kind=row.kind, title=row.title, spec=spec, engine_starts=row.engine_starts, seconds=row.seconds,
        created_at=row.created_at, started_at=row.started_at, finished_at=row.finished_at, runs=runs,
    )  # fmt: skip
    known = row.spec.get(RECORDED)
    recorded = _recorded(copy) if known is None else Recorded.of(known)
    document = to_document(Recording(recorded, copy, load_prompt_set(store, row.spec["prompt_set_id"])))
    return packed(_without_names(document, settings))


def packed(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode(), mtime=0)


def is_recording(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == MAGIC
    except OSError:
        return False


def read_recording(path: Path) -> tuple[Recording, str]:
    """(what is in the file, the SHA-256 of the file). Raises InputError, in one line, for a file that is damaged."""
    try:
        content = path.read_bytes()
        with gzip.open(io.BytesIO(content)) as unpacked:
            text = unpacked.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise InputError(f"{path} unpacks to more than {MOST_BYTES >> 20} MiB; that is no recording")
        document = json.loads(text.decode(), parse_constant=_no_number)
        json.dumps(document, ensure_ascii=False).encode()
    except InputError:
        raise
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path} is damaged or cut short; fetch it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except UnicodeError:
        raise InputError(f"{path} holds text that is not UTF-8; fetch it again") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is compressed, but holds no JSON; give a file that export wrote") from None
    return from_document(document, str(path)), hashlib.sha256(content).hexdigest()


def try_out(recording: Recording, where: str) -> None:
    """Raises InputError where nothing can be worked out from the figures of a recording: pages would fail on it."""
    copy = recording.copy
    try:
        for run in copy.runs:
            explain(run.summary, run.manifest.get("price_per_hour"))
        if copy.kind in KINDS:
            rungs = sorted({run.rung for run in copy.runs})
            build_ladder([_rung(recording, rung) for rung in rungs], reference_of(copy.kind))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise InputError(f"{where}: its figures cannot be worked with ({told}); the file was edited") from None


def save_recording(
    store: Store, recording: Recording, sha256: str, source: str, name: str | None = None, offered: str | None = None
) -> int | None:
    """The new experiment's id. `offered` as for Recordings.add."""
    prompts = save_under_free_name(store, recording.prompts, source)
    copy = marked(recording.copy, recording.recorded, sha256, prompts.id)
    return store.recordings.add(copy if name is None else replace(copy, title=name), offered)


def _copy(store: Store, run: RunRow) -> RunCopy:
    if run.manifest is None or run.summary is None or run.started_at is None or run.finished_at is None:
        raise InputError(f"run {run.id} was never finished; only a whole experiment can be written whole")
    manifest = {name: value for name, value in run.manifest.items() if name not in (RECORDED, "engine_id")}
    segments = tuple(SegmentCopy(s.number, s.started_at, s.observed) for s in store.runs.segments(run.id))
    return RunCopy(
        rung=run.rung, repeat=run.repeat, label=run.label, recipe=run.recipe, planned_requests=run.planned_requests,
        manifest=manifest, summary=run.summary, started_at=run.started_at, finished_at=run.finished_at,
        segments=segments, requests=tuple(store.runs.request_values(run.id, REQUEST_COLUMNS)),
    )  # fmt: skip


def _recorded(copy: ExperimentCopy) -> Recorded:
    manifest = copy.runs[0].manifest
    attached = (manifest.get("engine") or {}).get("attached_to")
    machine = "an endpoint" if attached else (manifest.get("hardware") or {}).get("title") or "an unknown machine"
    day = strftime("%Y-%m-%d", gmtime(copy.finished_at))
    return Recorded(machine, day, (manifest.get("versions") or {}).get("rung"))


def _without_names(document: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Prompts and answers stay as they are: they are what was measured."""
    roots, host = {"RUNG_HOME": settings.home, "RUNG": ROOT}, socket.gethostname()
    error = document["columns"].index("error")
    runs = []
    for run in document["runs"]:
        rows = [[*row[:error], nameless(row[error], roots, host), *row[error + 1 :]] for row in run["requests"]]
        rest = {name: value for name, value in run.items() if name != "requests"}
        runs.append(nameless(rest, roots, host) | {"requests": rows})
    return document | {"experiment": nameless(document["experiment"], roots, host), "runs": runs}


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _rung(recording: Recording, rung: int) -> RungRuns:
    runs = [run for run in recording.copy.runs if run.rung == rung]
    asked = recording.prompts.limited(recording.copy.spec.get("prompt_limit"))
    hardware = runs[0].manifest["hardware"]["title"]
    return RungRuns(
        rung=rung, label=runs[0].label, recipe=Recipe.from_json(runs[0].recipe), run_ids=tuple(range(len(runs))),
        statuses=("done",) * len(runs), summaries=tuple(run.summary for run in runs),
        data=RungData(tuple(map(_records, runs)), asked.content_hash, hardware, asked.expected, asked.score),
        schedule=runs[0].manifest["schedule"],
    )  # fmt: skip


def _records(run: RunCopy) -> tuple[tuple[int, RequestRecord], ...]:
    found = []
    for row in run.requests:
        named = dict(zip(REQUEST_COLUMNS, row, strict=True))
        values = {name: named[name] for name in RECORD_FIELDS} | {"token_ns": tuple(named["token_ns"])}
        found.append((named["segment"], RequestRecord(**values)))
    return tuple(found)
