"""How true is what the client reports? Against a server with known behaviour that writes its own times.

`python -m benchmarks.client_truth [--json]`. The server's chunks hold the moment at which they were written, on the
clock that both processes share, so each stamp of the client has a truth beside it; how many requests it cut off or
turned away it says itself. 64 streams, known TTFT 100 ms, ITL 20 ms, 16 tokens, unless the scene says otherwise. The
truth of a TTFT counts from when the request was due, as Rung's does. Exit code 1 when a figure misses its reach; on a
busy machine some do.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import uvloop

from app.analysis.summary import Observed, itl_ms, summarise, token_itl_ms, tpot_ms, ttft_ms
from app.replay.load import LoadProfile, Schedule, plan_schedule
from app.replay.record import RequestRecord
from app.reports.text import plain_table, show
from benchmarks.client_replay import Replayed, answered, questions, replayed
from optimizers.recipe import Recipe
from tests.fakes.launch import truth_server
from tests.fakes.truth import Told, told
from tests.fakes.truth_plan import Behaviour

RATE, SECONDS = 500.0, 20.0
WIDTH = 64
P50_MS, P99_MS = 1.0, 3.0
"""How far off a percentile may be at 64 streams."""


@dataclass(frozen=True)
class Row:
    """`truth` and `found` are in `unit`. `reach` is how far they may lie apart, in `unit` or, with `percent`, in
    percent of the truth; None where a figure is shown for what it is."""

    scene: str
    what: str
    truth: float
    found: float
    unit: str = "ms"
    reach: float | None = None
    percent: bool = False

    @property
    def off(self) -> float:
        apart = abs(self.found - self.truth)
        return 100 * apart / self.truth if self.percent and apart else apart

    @property
    def reached(self) -> bool:
        return self.reach is None or self.off <= self.reach


Pair = tuple[RequestRecord, Told]


def streams(behaviour: Behaviour, width: int = WIDTH, rounds: int = 6) -> tuple[list[Pair], float]:
    """Records, each with what the server says of it, of all but the first round; and the loop's lag (p99, ms)."""
    with truth_server(behaviour) as url:
        found = uvloop.run(answered(url, questions(width * rounds), Schedule("slots", width)))
    pairs = [(record, told(record.reasoning + record.text)) for record in found.records if record.position >= width]
    return pairs, found.loop_lag_p99_ms


def ttft_rows(scene: str, pairs: Sequence[Pair], reaches: tuple[float, float], percent: bool = False) -> list[Row]:
    found = [ttft_ms(record) or 0.0 for record, _ in pairs]
    truth = [(said.written_ns[0] - record.scheduled_ns) / 1e6 for record, said in pairs]
    return _percentiles(scene, "TTFT", truth, found, reaches, percent)


def gap_rows(scene: str, what: str, pairs: Sequence[Pair]) -> list[Row]:
    found = [gap for record, _ in pairs for gap in itl_ms(record)]
    truth = [gap for _, said in pairs for gap in _gaps(said)]
    each = float(np.percentile(np.abs(np.subtract(found, truth)), 99))
    return [
        *_percentiles(scene, what, truth, found, (P50_MS, P99_MS)),
        Row(scene, "each gap, p99", 0.0, each, reach=P99_MS),
    ]


def steady() -> list[Row]:
    scene = "64 streams"
    pairs, lag = streams(Behaviour(), rounds=12)
    early = sum((record.first_token_ns or 0) < said.written_ns[0] for record, said in pairs)
    return [
        *ttft_rows(scene, pairs, (P50_MS, P99_MS)),
        *gap_rows(scene, "ITL", pairs),
        Row(scene, "TTFT at the role chunk", 0, early, "", 0),
        Row(scene, "the loop's lag p99", 0, lag),
    ]


def crowd() -> list[Row]:
    scene = "1,000 streams"
    pairs, lag = streams(Behaviour(), width=1000, rounds=4)
    return [*ttft_rows(scene, pairs, (5.0, 5.0), percent=True), Row(scene, "the loop's lag p99", 0, lag)]


def jitter() -> list[Row]:
    scene = "jitter, ± 50 and ± 15 ms"
    pairs, _ = streams(Behaviour(ttft_jitter_ms=50, itl_jitter_ms=15))
    return [*ttft_rows(scene, pairs, (P50_MS, P99_MS)), *gap_rows(scene, "ITL", pairs)]


def chunks() -> list[Row]:
    scene = "chunks of 4 tokens"
    behaviour = Behaviour(tokens=32, per_chunk=4)
    pairs, _ = streams(behaviour)
    per_token = [sum(_gaps(said)) / (behaviour.tokens - 1) for _, said in pairs]
    tpot = [tpot_ms(record) or 0.0 for record, _ in pairs]
    mistaken = sum(len(token_itl_ms(record)) for record, _ in pairs)
    return [
        *gap_rows(scene, "ITL per chunk", pairs),
        Row(scene, "taken for gaps of tokens", 0, mistaken, "", 0),
        Row(scene, "TPOT p50", _p(per_token, 50), _p(tpot, 50), reach=P50_MS),
    ]


def stalls() -> list[Row]:
    scene = "stall, 300 ms at token 8"
    pairs, _ = streams(Behaviour(stall_at=8, stall_ms=300))
    longest = [max(itl_ms(record)) for record, _ in pairs]
    truth = [max(_gaps(said)) for _, said in pairs]
    misplaced = sum(int(np.argmax(itl_ms(record))) != 6 for record, _ in pairs)
    return [
        *_percentiles(scene, "longest gap", truth, longest, (P50_MS, P99_MS)),
        Row(scene, "found elsewhere", 0, misplaced, "", 0),
    ]


def reasoning(key: str) -> list[Row]:
    scene = f"{key}, 8 of 16"
    behaviour = Behaviour(reasoning=8, reasoning_key=key)
    pairs, _ = streams(behaviour)
    thought = sum(told(record.reasoning).tokens for record, _ in pairs)
    output = summarise([(0, record) for record, _ in pairs], Observed(None), Recipe(), {})["metrics"]["output_tokens"]
    return [
        *ttft_rows(scene, pairs, (P50_MS, P99_MS)),
        Row(scene, "tokens kept as reasoning", behaviour.reasoning * len(pairs), thought, "", 0),
        Row(scene, "output tokens", behaviour.tokens * len(pairs), output or 0, "", 0),
    ]


def struck(behaviour: Behaviour) -> tuple[Replayed, dict[str, int]]:
    """Some of 640 requests fail; what the server says of how many."""
    with truth_server(behaviour) as url:
        found = uvloop.run(replayed(url, questions(10 * WIDTH), Schedule("slots", WIDTH)))
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - the server started above
            return found, json.load(answer)


def cut_off() -> list[Row]:
    scene = "every 5th cut in chunk 5"
    behaviour = Behaviour(cut_every=5, cut_at=5)
    found, made = struck(behaviour)
    kept = sum(len(record.token_ns) for record in found.records if not record.ok)
    return [
        *_failures(scene, found, made),
        Row(scene, "whole chunks kept of them", made["cut"] * (behaviour.cut_at - 1), kept, "", 0),
    ]


def busy(status: int) -> list[Row]:
    scene = f"every 4th answered {status}"
    found, made = struck(Behaviour(busy_every=4, busy_status=status, retry_after_s=7))
    refused = [record for record in found.records if record.status == status]
    kept = sum("(Retry-After: 7)" in (record.error or "") for record in refused)
    return [
        *_failures(scene, found, made),
        Row(scene, f"of them with status {status}", made["busy"], len(refused), "", 0),
        Row(scene, "with their Retry-After", made["busy"], kept, "", 0),
    ]


def poisson() -> list[Row]:
    scene = f"Poisson, {RATE:.0f}/s"
    prompts = questions(int(RATE * SECONDS))
    schedule = plan_schedule(
        LoadProfile("poisson", rate=RATE), Recipe.of([("continuous_batching", {})]).schedule(), prompts
    )
    with truth_server(Behaviour(ttft_ms=1, itl_ms=0, tokens=1)) as url:
        records = uvloop.run(answered(url, prompts, schedule)).records
    sent = sorted(record.sent_ns or 0 for record in records)
    spans = (schedule.due_s[-1] - schedule.due_s[0], (sent[-1] - sent[0]) / 1e9)
    meant, reached = ((len(sent) - 1) / span for span in spans)
    late = [((record.sent_ns or 0) - record.scheduled_ns) / 1e6 for record in records]
    read = [(told(record.text).read_ns - record.scheduled_ns) / 1e6 for record in records]
    return [
        Row(scene, "rate", meant, reached, "/s", 0.5, percent=True),
        Row(scene, "send delay p99", 0, _p(late, 99), reach=5),
        Row(scene, "due to server, p99", 0, _p(read, 99), reach=5),
    ]


def all_rows() -> list[Row]:
    thinking = [row for key in ("reasoning", "reasoning_content") for row in reasoning(key)]
    turned_away = [row for status in (429, 503) for row in busy(status)]
    measured = [*steady(), *crowd(), *poisson(), *jitter(), *chunks(), *stalls()]
    return [*measured, *thinking, *cut_off(), *turned_away]


def _failures(scene: str, found: Replayed, made: dict[str, int]) -> list[Row]:
    """That failures are counted, and that nothing of them is in the latencies."""
    summary = summarise([(0, record) for record in found.records], Observed(None), Recipe(), {})
    whole = [record for record in found.records if record.ok]
    truth = [(told(record.text).written_ns[0] - record.scheduled_ns) / 1e6 for record in whole]
    failed = made.get("cut", 0) + made.get("busy", 0)
    return [
        Row(scene, "failed", failed, summary["errors"], "", 0),
        Row(scene, "TTFT p99 of the rest", _p(truth, 99), summary["metrics"]["ttft_ms"]["p99"], reach=P99_MS),
    ]


def _percentiles(
    scene: str,
    what: str,
    truth: Sequence[float],
    found: Sequence[float],
    reaches: tuple[float, float],
    percent: bool = False,
) -> list[Row]:
    pairs = zip((50, 99), reaches, strict=True)
    return [Row(scene, f"{what} p{p}", _p(truth, p), _p(found, p), "ms", reach, percent) for p, reach in pairs]


def _gaps(said: Told) -> list[float]:
    return [float(gap) / 1e6 for gap in np.diff(said.written_ns)]


def _p(values: Sequence[float], at: float) -> float:
    return float(np.percentile(values, at))


def _cells(row: Row, scene: str) -> tuple[str, ...]:
    def amount(value: float) -> str:
        return f"{value:,.3f} {row.unit}" if row.unit else f"{value:,.0f}"

    off = f"{row.off:.3f} %" if row.percent else amount(row.off)
    reach = "–" if row.reach is None else f"{row.reach:g} {'%' if row.percent else row.unit}".strip()
    verdict = "–" if row.reach is None else "yes" if row.reached else "no"
    return scene, row.what, amount(row.truth), amount(row.found), off, reach, verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = all_rows()
    if arguments.json:
        print(json.dumps([asdict(row) | {"off": row.off, "reached": row.reached} for row in rows], indent=2))
    else:
        before = ("", *(row.scene for row in rows))
        cells = [_cells(row, "" if row.scene == last else row.scene) for row, last in zip(rows, before, strict=False)]
        show(plain_table(("Scene", "What", "Truth", "Rung", "Off by", "Reach", "Reached"), cells, (2, 3, 4, 5)))
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
