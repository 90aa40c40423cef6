"""What commands share: exit codes, options that several take, opening the store, JSON on stdout."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any, NoReturn

from app.engine.plan import AUTO, DTYPES, EngineOptions
from app.replay.body import Sampling
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store

DONE, GATE_FAILED, BAD_INPUT, RUN_FAILED = 0, 1, 2, 3


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong on one line, where argparse would print its whole usage first."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"rung: {message}; see: python -m app {self._command()} --help\n")

    def _command(self) -> str:
        return self.prog.partition(" ")[2] or ""


def open_store(arguments: argparse.Namespace) -> tuple[Store, Settings]:
    settings = Settings.load(arguments.database)
    return Store.open(settings.database_url), settings


def print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", metavar="URL", help="SQLite file or SQLAlchemy URL (default: RUNG_DATABASE_URL)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")


DTYPE_HELP = "what the engine computes in (default: the checkpoint's type; float32 on processors without AVX-512)"


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("engine")
    group.add_argument("--max-model-len", type=int, metavar="N", help="context length to serve, in tokens")
    group.add_argument("--kv-cache-gib", type=float, metavar="G", help="memory for the KV cache")
    group.add_argument("--dtype", choices=DTYPES, default=AUTO, help=DTYPE_HELP)
    group.add_argument("--trust-remote-code", action="store_true", help="run code that the checkpoint brings")
    group.add_argument("--engine-arg", action="append", default=[], metavar="ARG", help="one more vLLM argument, as is")


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("measuring")
    group.add_argument("--limit", type=int, metavar="N", help="only the first N prompts")
    group.add_argument("--max-tokens", type=int, default=64, metavar="N", help="for prompts that name none (64)")
    group.add_argument("--temperature", type=float, default=0.0, help="sampling temperature (0)")
    group.add_argument("--seed", type=int, default=0, help="sampling seed (0)")
    group.add_argument("--warm-up", type=int, default=2, metavar="N", help="requests before each run, not measured (2)")
    group.add_argument(
        "--idle-timeout", type=float, default=300.0, metavar="S", help="give up on a silent stream (300)"
    )
    group.add_argument("--price-per-hour", type=float, metavar="USD", help="of the hardware, for cost in dollars")


def engine_options(arguments: argparse.Namespace) -> EngineOptions:
    return EngineOptions(
        max_model_len=arguments.max_model_len,
        kv_cache_gib=arguments.kv_cache_gib,
        dtype=arguments.dtype,
        trust_remote_code=arguments.trust_remote_code,
        extra_args=tuple(arguments.engine_arg),
    )


def sampling(arguments: argparse.Namespace) -> Sampling:
    if arguments.max_tokens < 1:
        raise InputError(f"--max-tokens is {arguments.max_tokens}; give at least 1")
    if arguments.limit is not None and arguments.limit < 1:
        raise InputError(f"--limit is {arguments.limit}; give at least 1")
    if arguments.warm_up < 0:
        raise InputError(f"--warm-up is {arguments.warm_up}; give 0 or more")
    if not 0 <= arguments.temperature < math.inf:
        raise InputError(f"--temperature is {arguments.temperature}; give 0 or more")
    return Sampling(arguments.max_tokens, arguments.temperature, arguments.seed)
