"""A writer that is killed loses nothing that it had reported as saved."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from store.database import sqlite_url
from store.experiments import PlannedRun
from store.store import Store
from tests.fakes.launch import ROOT

BATCH = 50
WRITER = f"""
import sys
from app.experiment.measure import save_records
from store.store import Store
from tests.building import record
store = Store.open(sys.argv[1])
position = 0
while True:
    save_records(store, int(sys.argv[2]), 0, [record(position + at) for at in range({BATCH})])
    position += {BATCH}
    print(position, flush=True)
"""


def test_every_reported_record_is_found_after_sigkill(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "killed.db")
    store = Store.open(url)
    experiment = store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "t", [], 10)])
    run = store.runs.of_experiment(experiment)[0].id
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url, str(run)], stdout=subprocess.PIPE, cwd=ROOT)
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(random.uniform(0.0, 0.3))
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read()
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    # The last line may have been cut off in the middle of being said; whole ones are promises.
    promised = int((first + rest).rpartition(b"\n")[0].splitlines()[-1])
    kept = store.runs.finished_positions(run)
    assert promised >= BATCH
    assert kept >= set(range(promised))
    assert len(kept) % BATCH == 0, "a batch is saved whole or not at all"
