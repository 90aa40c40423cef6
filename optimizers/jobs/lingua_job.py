"""`python -m optimizers.jobs.lingua_job`: compresses texts by LLMLingua in a process of its own.

One JSON line comes in, progress and the result go out (optimizers/transform.py, `Tools.work`). The model is loaded and
tried once before the clock starts: a service loads it once and compresses for days. Each unit's own time is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

LONG = "longllmlingua"
TRY = "The compressor is tried once, on a sentence or two. That takes longer than any sentence after it."
LOWEST, HIGHEST = 0.05, 0.95


def main() -> int:
    # What libraries print must not come between the lines of JSON.
    out = sys.stdout
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

    def say(line: Mapping[str, Any]) -> None:
        print(json.dumps(line), file=out, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        try:
            say(
                {
                    "result": work(
                        json.loads(sys.stdin.readline()), lambda done, total: say({"done": done, "total": total})
                    )
                }
            )
        except Exception as error:  # whatever a library raises, the one line says it
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            say({"error": f"the compressor failed: {reason}"})
            return 1
    return 0


def work(task: Mapping[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    """`units` are `{"texts", "rate", "question", "rank"}`; each gives its texts, their order and its seconds."""
    began = time.monotonic()
    compress, device, counted = _compressor(task)
    compress({"texts": [TRY], "rate": 0.5, "question": "What is tried?", "rank": False})
    loaded = time.monotonic() - began
    found = []
    for at, unit in enumerate(task["units"], start=1):
        started = time.perf_counter()
        texts, order = compress(unit)
        found.append({"texts": texts, "order": order, "seconds": time.perf_counter() - started})
        progress(at, len(task["units"]))
    return {
        "units": found, "load_seconds": loaded, "device": device, "counted_by": counted,
        "gpu_memory_bytes": _gpu_memory(device),
    }  # fmt: skip


def _compressor(task: Mapping[str, Any]) -> tuple[Callable[[Mapping[str, Any]], tuple[list[str], list[int]]], str, str]:
    from optimizers.jobs.lingua_adapter import load_compressor
    from optimizers.jobs.lingua_causal import CausalCompressor
    from optimizers.jobs.lingua_classifier import ClassifierCompressor
    from optimizers.jobs.tiktoken_files import encoding

    folder = Path(task["compressor"])
    device = _device(task["device"], folder)
    library = load_compressor(folder, device)
    counted = "the compressor's tokenizer" if encoding("cl100k_base") is None else "cl100k_base"
    if task["method"] == "llmlingua2":
        classifier = ClassifierCompressor(library, task["forced"], task["numbers"])

        def each(unit: Mapping[str, Any]) -> tuple[list[str], list[int]]:
            return [classifier.compress(text, unit["rate"]) for text in unit["texts"]], [*range(len(unit["texts"]))]

        return each, device, counted
    causal = CausalCompressor(library, task["scoring"], task["contrast"], task["forced"], task["numbers"])

    def by_relevance(unit: Mapping[str, Any]) -> tuple[list[str], list[int]]:
        texts, question = unit["texts"], unit["question"] if task["method"] == LONG else ""
        order, rates = [*range(len(texts))], [unit["rate"]] * len(texts)
        if question and unit["rank"] and len(texts) > 1:
            order = causal.ranked(texts, question)
            rates = spread_rates(unit["rate"], order, task["spread"])
        return [causal.compress(t, rate, question) for t, rate in zip(texts, rates, strict=True)], order

    return by_relevance, device, counted


def spread_rates(rate: float, order: Sequence[int], spread: float) -> list[float]:
    """The rate of each text: the most relevant keeps `spread` more than `rate`, the least so much less."""
    last, rates = len(order) - 1, [rate] * len(order)
    for rank, at in enumerate(order):
        rates[at] = min(HIGHEST, max(LOWEST, rate + spread * (1 - 2 * rank / last))) if last else rate
    return rates


def _device(wanted: str, folder: Path) -> str:
    import torch

    if wanted != "auto":
        if wanted == "cuda" and not torch.cuda.is_available():
            raise ValueError("there is no GPU that PyTorch can use; set prompt_compression.device=cpu")
        return wanted
    if not torch.cuda.is_available():
        return "cpu"
    weights = sum(path.stat().st_size for pattern in ("*.safetensors", "*.bin") for path in folder.glob(pattern))
    free, _ = torch.cuda.mem_get_info()
    # An engine may already hold the GPU's memory.
    return "cuda" if free > 2 * weights + 2**30 else "cpu"


def _gpu_memory(device: str) -> int | None:
    if device != "cuda":
        return None
    import torch

    return int(torch.cuda.max_memory_allocated())


if __name__ == "__main__":
    sys.exit(main())
