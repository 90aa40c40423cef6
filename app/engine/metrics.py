"""Reads an engine's Prometheus metrics and subtracts one reading from another. Keeps vLLM's own names."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

SAME_FOR_ALL = ("engine", "model_name")
RUNNING, WAITING, KV_USAGE = "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"
SCRAPE_TIMEOUT = aiohttp.ClientTimeout(total=10)


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
