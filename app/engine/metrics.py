"""Reads an engine's Prometheus metrics and subtracts one reading from another. Keeps vLLM's own names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

SAME_FOR_ALL = ("engine", "model_name")
RUNNING, WAITING, KV_USAGE = "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"
GENERATED = "vllm:generation_tokens_total"
CACHE_INFO = "vllm:cache_config_info{"
GAUGES = (RUNNING, WAITING, KV_USAGE)
SCRAPE_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class CacheFacts:
    """What the engine says of its KV cache: tokens of a block, and tokens of all blocks."""

    block_size: int | None = None
    tokens: int | None = None


def parse_metrics(text: str) -> dict[str, float]:
    """Sample -> value for vLLM's samples. Labels that every sample has are dropped and their values summed;
    the others stay in the name. Histogram buckets are left out."""
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.startswith("vllm:") or sample.name.endswith(("_bucket", "_created")):
                continue
            labels = {key: value for key, value in sample.labels.items() if key not in SAME_FOR_ALL}
            name = sample.name
            if labels:
                name += "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"
            samples[name] = samples.get(name, 0.0) + sample.value
    return samples


async def scrape(session: aiohttp.ClientSession, base_url: str) -> dict[str, float] | None:
    """The engine's samples, or None when the endpoint shows none."""
    try:
        async with session.get(f"{base_url}/metrics", timeout=SCRAPE_TIMEOUT) as response:
            if response.status != 200:
                return None
            text = await response.text()
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError):
        return None
    try:
        samples = parse_metrics(text)
    except ValueError:
        return None
    return samples or None


def delta(before: Mapping[str, float] | None, after: Mapping[str, float] | None) -> dict[str, float] | None:
    """Growth of every counter; samples that did not move are left out. None when either reading is missing."""
    if before is None or after is None:
        return None
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {name: value for name, value in grown.items() if value}


def cache_facts(samples: Mapping[str, float] | None) -> CacheFacts:
    """Read from the labels of vLLM's `cache_config_info`. Hits land on `cache_hit_alignment_tokens`, which is the block
    size in all but a few hybrid models."""
    info = next((name for name in samples or () if name.startswith(CACHE_INFO)), "")
    labels = {key: int(value) for key, value in re.findall(r'(\w+)="(\d+)"', info)}
    block = labels.get("cache_hit_alignment_tokens") or labels.get("block_size") or None
    tokens = labels.get("kv_cache_size_tokens") or labels.get("num_gpu_blocks", 0) * labels.get("block_size", 0)
    return CacheFacts(block, tokens or None)


async def scrape_named(
    session: aiohttp.ClientSession, base_url: str, names: Sequence[str] = GAUGES
) -> dict[str, float] | None:
    """Only what is sampled while requests run. The server is asked for no more, and what comes is not parsed as a
    whole: a full reading would cost both sides milliseconds of the time that is being measured."""
    query = [("name[]", name) for name in names]
    try:
        async with session.get(f"{base_url}/metrics", params=query, timeout=SCRAPE_TIMEOUT) as response:
            return read_named(await response.text(), names) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError):
        return None


def read_named(text: str, names: Sequence[str] = GAUGES) -> dict[str, float] | None:
    """Samples of these names, summed over the engines behind one server; None where the text has none of them."""
    wanted = frozenset(names)
    found: dict[str, float] = {}
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name in wanted:
            try:
                found[name] = found.get(name, 0.0) + float(line.rsplit(None, 1)[-1])
            except ValueError:
                return None
    return found or None
