"""The load profile that a command's options name."""

from __future__ import annotations

import argparse
import math

from app.replay.load import LoadProfile, Unbatched
from optimizers.errors import InputError

UNBATCHED: dict[str, Unbatched] = {"one-by-one": "one_by_one", "static": "static", "as-sent": "as_sent"}
CONCURRENCY = 8


def add_load_options(parser: argparse.ArgumentParser, unbatched: str | None = None) -> None:
    """`unbatched` is the default of that option, None for a command that does not have it."""
    group = parser.add_argument_group("load")
    load = group.add_mutually_exclusive_group()
    load.add_argument("--concurrency", type=int, metavar="N", help=f"closed loop: requests in flight ({CONCURRENCY})")
    load.add_argument("--static-batch", type=int, metavar="N", help="waves of N, each waits for its slowest")
    load.add_argument("--rate", type=float, metavar="R", help="open loop: requests a second, however slow the answers")
    load.add_argument(
        "--as-recorded", type=float, nargs="?", const=1.0, metavar="SPEED",
        help="open loop: at the prompts' own times (arrival_s), SPEED times as fast (1)",
    )  # fmt: skip
    group.add_argument(
        "--arrivals", choices=("poisson", "constant"), default="poisson", help="of --rate; drawn by --seed (poisson)"
    )
    group.add_argument(
        "--history", choices=("live", "saved"), default="live",
        help="earlier answers in a conversation: this run's own, or those that were saved with the prompts (live)",
    )  # fmt: skip
    if unbatched is not None:
        group.add_argument(
            "--unbatched", choices=UNBATCHED, default=unbatched,
            help="how rungs without continuous batching are sent; in an open loop, what is due waits in the client "
            f"({unbatched})",
        )  # fmt: skip


def chosen_load(arguments: argparse.Namespace) -> LoadProfile:
    """Raises InputError for a load that cannot be."""
    unbatched = UNBATCHED[getattr(arguments, "unbatched", "as-sent")]
    concurrency = CONCURRENCY if arguments.concurrency is None else arguments.concurrency
    rest = {"unbatched": unbatched, "history": arguments.history, "seed": arguments.seed}
    if arguments.static_batch is not None:
        return LoadProfile("static_batches", arguments.static_batch, **rest)
    if arguments.rate is not None:
        if not math.isfinite(arguments.rate):
            raise InputError(f"--rate is {arguments.rate}; give a number of requests a second")
        kind = "poisson" if arguments.arrivals == "poisson" else "constant_rate"
        return LoadProfile(kind, concurrency, rate=arguments.rate, **rest)  # type: ignore[arg-type]
    if arguments.as_recorded is not None:
        return LoadProfile("as_recorded", concurrency, speed=arguments.as_recorded, **rest)
    return LoadProfile("closed_loop", concurrency, **rest)
