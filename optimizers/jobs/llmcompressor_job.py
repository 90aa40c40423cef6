"""Quantizes a checkpoint with llm-compressor: GPTQ W4A16, INT8 W8A8 or FP8. Run by the Python of .venv-llmcompressor.

`python -m optimizers.jobs.llmcompressor_job JOB.json`. It works in the data type that the source has; on a processor
without AVX-512 in 32 bits, because half precision is many times slower there, and saves what is not quantized as the
source has it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from optimizers.jobs import protocol
from optimizers.jobs.checkpoint_files import finish, unquantized_bytes, weight_bytes
from optimizers.jobs.perplexity import perplexity
from optimizers.jobs.protocol import Reporter

LEFT_OUT = ["lm_head"]
SMOOTHING = 0.8
STEP = re.compile(r"\((\d+)/(\d+)\): (\w+)")


def work(job: dict[str, Any], report: Reporter) -> tuple[dict[str, float], dict[str, str]]:
    report.progress(0, 0, "loading llm-compressor and the model")
    import torch
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.pipelines.sequential import pipeline
    from transformers import AutoConfig, AutoModelForCausalLM

    source, target = Path(job["source"]), Path(job["target"])
    on_gpu = torch.cuda.is_available()
    slow = not on_gpu and torch.backends.cpu.get_cpu_capability() == "AVX2"
    model = AutoModelForCausalLM.from_pretrained(
        source,
        dtype=torch.float32 if slow else "auto",
        device_map="auto" if on_gpu else None,
        trust_remote_code=False,
    ).eval()
    report.progress(0, 0, "perplexity of the original")
    before = perplexity(model, job["held_out"])
    pipeline.tqdm = lambda items, **bar: _counted(items, report, str(bar.get("desc", "")))
    pieces = job["calibration"]
    rows = [{"input_ids": piece, "attention_mask": [1] * len(piece)} for piece in pieces]
    data = {"dataset": Dataset.from_list(rows), "max_seq_length": job["piece_tokens"]} if rows else {}
    count = {"num_calibration_samples": len(rows), "shuffle_calibration_samples": False} if rows else {}
    report.progress(0, 0, "quantizing")
    oneshot(model=model, recipe=recipe_of(job["settings"]), **data, **count)
    report.progress(0, 0, "perplexity of the quantized model")
    after = perplexity(model, job["held_out"])
    report.progress(0, 0, "saving")
    if slow:
        _narrow(model, AutoConfig.from_pretrained(source).dtype or torch.bfloat16)
    model.save_pretrained(target, save_compressed=True)
    finish(source, target)
    facts = {
        "weight_bytes_before": weight_bytes(source),
        "weight_bytes_after": weight_bytes(target),
        "unquantized_bytes": unquantized_bytes(target),
        "calibration_tokens": float(sum(map(len, pieces))),
        "held_out_tokens": float(sum(map(len, job["held_out"]))),
    }
    measured = {"perplexity_before": before, "perplexity_after": after}
    facts |= {name: value for name, value in measured.items() if value is not None}
    return facts, {name: version(name) for name in ("llmcompressor", "compressed-tensors", "torch", "transformers")}


def recipe_of(settings: dict[str, Any]) -> list[Any]:
    from llmcompressor.modifiers.gptq import GPTQModifier
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier

    method = settings["method"]
    if method == "fp8":
        return [QuantizationModifier(targets="Linear", scheme="FP8_DYNAMIC", ignore=LEFT_OUT)]
    if method == "int8_w8a8":
        gptq = GPTQModifier(targets="Linear", scheme="W8A8", ignore=LEFT_OUT)
        return [SmoothQuantModifier(smoothing_strength=SMOOTHING), gptq]
    size = settings["group_size"]
    weights = {
        "num_bits": settings["bits"],
        "type": "int",
        "symmetric": not settings["zero_point"],
        "strategy": "channel" if size == -1 else "group",
        "group_size": None if size == -1 else size,
    }
    return [GPTQModifier(config_groups={"group_0": {"targets": ["Linear"], "weights": weights}}, ignore=LEFT_OUT)]


def _narrow(model: Any, dtype: Any) -> None:
    """All but weights and scales of quantized layers: scales must stay those that the weights were rounded by."""
    for module in model.modules():
        is_quantized = getattr(module, "quantization_scheme", None) is not None
        for name, parameter in module.named_parameters(recurse=False):
            if not is_quantized or name == "bias":
                parameter.data = parameter.data.to(dtype)
    model.config.dtype = dtype


def _counted(items: Iterable[Any], report: Reporter, label: str) -> Iterable[Any]:
    """In place of the progress bar of each pass over a layer, whose label counts layers from 1."""
    found = STEP.search(label)
    if found:
        number, total = int(found[1]), int(found[2])
        report.progress(number - 1, total, f"layer {number} of {total}: {found[3].lower()}")
    return items


if __name__ == "__main__":
    sys.exit(protocol.run(work))
