"""Quantizes a checkpoint with AutoAWQ. Run by the Python of .venv-awq: `python -m optimizers.jobs.awq_job JOB.json`.

On a CPU it works in 32 bits, because half precision is several times slower there; what is not quantized is saved in
the data type that the source has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from optimizers.jobs import protocol
from optimizers.jobs.checkpoint_files import finish, readable_copy, unquantized_bytes, weight_bytes
from optimizers.jobs.perplexity import perplexity
from optimizers.jobs.protocol import Reporter

PARALLEL_PIECES = 16
"""Pieces that go through a layer at once: all of them would need memory for every piece's activations."""


def work(job: dict[str, Any], report: Reporter) -> tuple[dict[str, float], dict[str, str]]:
    report.progress(0, 0, "loading AutoAWQ and the model")
    import torch
    from awq import AutoAWQForCausalLM
    from awq.quantize import quantizer
    from transformers import AutoConfig

    source, target, scratch = Path(job["source"]), Path(job["target"]), Path(job["scratch"])
    settings = job["settings"]
    readable = readable_copy(source, scratch / "source")
    config = AutoConfig.from_pretrained(readable)
    saved_as = config.torch_dtype or torch.bfloat16
    on_gpu = torch.cuda.is_available()
    model = AutoAWQForCausalLM.from_pretrained(
        str(readable),
        torch_dtype=torch.float16 if on_gpu else torch.float32,
        trust_remote_code=False,
        device_map="auto" if on_gpu else None,
    )
    layers = len(model.get_model_layers(model.model))
    total = layers + 3
    report.progress(0, total, "perplexity of the original")
    before = perplexity(model.model, job["held_out"])
    quantizer.tqdm = lambda items, **_: _counted(items, report, layers, total)
    model.quantize(
        None,
        quant_config={
            "zero_point": settings["zero_point"],
            "q_group_size": settings["group_size"],
            "w_bit": settings["bits"],
            "version": "GEMM",
        },
        calib_data=job["calibration"],
        max_calib_samples=len(job["calibration"]),
        max_calib_seq_len=job["piece_tokens"],
        n_parallel_calib_samples=PARALLEL_PIECES,
    )
    report.progress(layers + 1, total, "perplexity of the quantized model")
    with _unpacked(model.model, on_gpu):
        after = perplexity(model.model, job["held_out"])
    report.progress(layers + 2, total, "saving")
    for parameter in model.model.parameters():
        parameter.data = parameter.data.to(saved_as)
    model.save_quantized(str(target))
    finish(source, target)
    report.progress(total, total, "saved")
    facts = {
        "weight_bytes_before": weight_bytes(source),
        "weight_bytes_after": weight_bytes(target),
        "unquantized_bytes": unquantized_bytes(target),
        "calibration_tokens": float(sum(map(len, job["calibration"]))),
        "held_out_tokens": float(sum(map(len, job["held_out"]))),
    }
    measured = {"perplexity_before": before, "perplexity_after": after}
    facts |= {name: value for name, value in measured.items() if value is not None}
    return facts, {name: version(name) for name in ("autoawq", "torch", "transformers")}


def _counted(items: Iterable[Any], report: Reporter, layers: int, total: int) -> Iterator[Any]:
    """In place of AutoAWQ's progress bar, which counts layers."""
    for at, item in enumerate(items):
        report.progress(at + 1, total, f"layer {at + 1} of {layers}")
        yield item


@contextmanager
def _unpacked(model: Any, on_gpu: bool) -> Iterator[None]:
    """Multiplies by the packed weights' values in 32 bits: AutoAWQ's own way on a CPU unpacks them for every call and
    multiplies in half precision, in minutes where this takes seconds."""
    from awq.modules.linear import WQLinear_GEMM
    from awq.utils.packing_utils import dequantize_gemm

    packed = [] if on_gpu else [module for module in model.modules() if isinstance(module, WQLinear_GEMM)]
    for module in packed:
        weight = dequantize_gemm(module.qweight, module.qzeros, module.scales, module.w_bit, module.group_size).float()
        module.forward = lambda x, weight=weight, bias=module.bias: x @ weight + (0 if bias is None else bias.float())
    try:
        yield
    finally:
        for module in packed:
            del module.forward


if __name__ == "__main__":
    sys.exit(protocol.run(work))
