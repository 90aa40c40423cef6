"""How true are the client's stamps, and does it keep a timetable? Against a server that writes its own times.

`python -m benchmarks.client_truth [--json]`. The server's chunks hold the moment at which they were written, on the
clock that both processes share, so each stamp of the client has a truth beside it. Known TTFT 100 ms, ITL 20 ms, 16
tokens. Then 500 requests/s by a Poisson timetable: the rate that was reached and how late requests left.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import uvloop

from app.replay.body import Sampling, wire_request
from app.replay.client import open_session
from app.replay.load import LoadProfile, Schedule, plan_schedule
from app.replay.record import Exchange, RequestRecord
from app.replay.runner import Replay
from app.replay.stream import parse_exchange
from app.reports.text import plain_table, show
from optimizers.prompt import Message, Prompt
from optimizers.recipe import Recipe
from tests.fakes.launch import truth_server

TTFT_MS, ITL_MS, TOKENS = 100.0, 20.0, 16
RATE, SECONDS = 500.0, 20.0


@dataclass(frozen=True)
class Row:
    what: str
    found: float
    reach: float
    unit: str

    @property
    def reached(self) -> bool:
        return self.found <= self.reach


async def replayed(url: str, prompts: list[Prompt], schedule: Schedule) -> list[RequestRecord]:
    async def there() -> str | None:
        return None

    done: list[Exchange] = []
    requests = [wire_request(prompt, at, "truth", Sampling(), chat=True) for at, prompt in enumerate(prompts)]
    async with open_session(schedule.width + 4, 60, None) as session:
        await Replay(session, url, schedule, done.append, there).run(requests)
    records = [parse_exchange(exchange) for exchange in done]
    failed = [record.error for record in records if not record.ok]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(records)} requests failed: {failed[0]}")
    return records


def questions(count: int) -> list[Prompt]:
    return [Prompt(f"p{at}", (Message("user", f"Question {at}"),)) for at in range(count)]


def truths(record: RequestRecord) -> list[int]:
    return [int(text) for text in record.text.split()]


def streams(width: int, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """(measured TTFT, its truth, errors of the gaps between chunks), in milliseconds, all but the first round's."""
    with truth_server(TTFT_MS, ITL_MS, TOKENS) as url:
        records = uvloop.run(replayed(url, questions(width * rounds), Schedule("slots", width)))
    measured, true, gaps = [], [], []
    for record in records:
        if record.position < width:
            continue
        written = truths(record)
        assert record.first_token_ns is not None
        measured.append((record.first_token_ns - record.scheduled_ns) / 1e6)
        true.append((written[0] - record.scheduled_ns) / 1e6)
        gaps += [abs(a - b) / 1e6 for a, b in zip(np.diff(record.token_ns), np.diff(written), strict=True)]
    return measured, true, gaps


def poisson() -> list[Row]:
    prompts = questions(int(RATE * SECONDS))
    schedule = plan_schedule(
        LoadProfile("poisson", rate=RATE), Recipe.of([("continuous_batching", {})]).schedule(), prompts
    )
    with truth_server(1.0, 0.0, 1) as url:
        records = uvloop.run(replayed(url, prompts, schedule))
    sent = sorted(record.sent_ns or 0 for record in records)
    delays = [((record.sent_ns or 0) - record.scheduled_ns) / 1e6 for record in records]
    reached = (len(sent) - 1) / ((sent[-1] - sent[0]) / 1e9)
    meant = (len(sent) - 1) / (schedule.due_s[-1] - schedule.due_s[0])
    return [
        Row(f"Poisson, {RATE:.0f} requests/s: rate off its timetable by", 100 * abs(reached / meant - 1), 0.5, "%"),
        Row("the same: send delay p99", float(np.percentile(delays, 99)), 5.0, "ms"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    measured, true, gaps = streams(64, 12)
    off: Callable[[float], float] = lambda p: abs(float(np.percentile(measured, p) - np.percentile(true, p)))  # noqa: E731
    rows += [
        Row("64 streams: TTFT p50 off by", off(50), 1.0, "ms"),
        Row("64 streams: TTFT p99 off by", off(99), 3.0, "ms"),
    ]
    rows.append(Row("64 streams: gap between chunks off by, p99", float(np.percentile(gaps, 99)), 3.0, "ms"))
    measured, true, gaps = streams(1000, 4)
    for p in (50, 99):
        truth = float(np.percentile(true, p))
        rows.append(Row(f"1,000 streams: TTFT p{p} off by", 100 * off(p) / truth, 5.0, "%"))
    rows += poisson()
    if arguments.json:
        print(json.dumps([asdict(row) | {"reached": row.reached} for row in rows], indent=2))
        return
    cells = [(r.what, f"{r.found:.3f} {r.unit}", f"{r.reach:g} {r.unit}", "yes" if r.reached else "no") for r in rows]
    show(plain_table(("What", "Found", "Reach", "Reached"), cells, (1, 2)))


if __name__ == "__main__":
    main()
