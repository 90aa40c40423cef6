"""Quantization: the model's weights in 4 or 8 bits, so that a step reads fewer bytes.

A checkpoint is made before the engine starts (AutoAWQ, or GPTQ, INT8 and FP8 by llm-compressor), or one that is
quantized already is named, or the engine does it while it loads. How a checkpoint is made is app/preparation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizers.checkpoint_order import CheckpointOrder
from optimizers.errors import InputError
from optimizers.layer_sizes import Linear, linear_layers
from optimizers.technique import Evidence, ModelFacts, Observation, Setting, Surroundings, Technique, Value

GROUP_SIZES = ("32", "64", "128", "-1")
AWQ_ARCHITECTURES = (
    "mpt", "llama", "opt", "RefinedWeb", "RefinedWebModel", "exaone", "falcon", "bloom", "gptj", "gpt_bigcode",
    "mistral", "mixtral", "gpt_neox", "aquila", "Yi", "qwen", "baichuan", "qwen2", "qwen3", "qwen3_moe", "gemma",
    "gemma2", "stablelm", "starcoder2", "phi3", "cohere", "deepseek_v2", "deepseek_v3", "minicpm",
    "internlm2", "minicpm3",
)  # fmt: skip
"""The model types of language models that AutoAWQ 0.2.9 knows."""
NO_4_BITS = "vLLM's CPU build multiplies by 4-bit weights on processors with AVX-512 only; int8_w8a8 needs none"
MIB = 2**20
KERNEL = re.compile(r"(?:Using|Selected) (\w*Kernel\w*) for ([\w .-]+)")
KV_CACHE = re.compile(r"fp8 data type to store kv cache|kv_cache_dtype=.?fp8")


@dataclass(frozen=True)
class Method:
    """`job` and `tool` are those of its checkpoint order, None where nothing is made. `log_name` is what its kernel's
    line in the engine's log holds. Inputs are cut into groups when `grouped`; `outputs` must divide each layer's."""

    title: str
    tool: str | None = None
    job: str | None = None
    log_name: str = ""
    grouped: bool = False
    outputs: int = 1
    calibrated: bool = True
    bits: int = 4


METHODS: Mapping[str, Method] = {
    "awq": Method("AutoAWQ", "awq", "awq_job", "AutoAWQ", grouped=True, outputs=64),
    "gptq_w4a16": Method("GPTQ", "llmcompressor", "llmcompressor_job", "WNA16", grouped=True, outputs=32),
    "int8_w8a8": Method("SmoothQuant and GPTQ, INT8", "llmcompressor", "llmcompressor_job", "W8A8Int8", bits=8),
    "fp8": Method("FP8", "llmcompressor", "llmcompressor_job", "W8A8Fp8", calibrated=False, bits=8),
    "checkpoint": Method("a quantized checkpoint", bits=0),
    "engine_fp8": Method("the engine, FP8", log_name="Fp8", bits=8),
}


class Quantization(Technique):
    key = "quantization"
    title = "Quantization"
    attacks = "cost per token"
    summary = "Serves weights of 4 or 8 bits in place of 16, so that each step reads fewer bytes."
    claim = "4-bit: roughly 4x smaller and faster; 1.00x to 0.55x on the article's ladder"
    off_means = "the checkpoint's own data type"
    changes_engine = True
    settings = (
        Setting(
            "method",
            "choice",
            "awq",
            "awq: AutoAWQ, 4 bits. gptq_w4a16, int8_w8a8, fp8: by llm-compressor. checkpoint: one that is quantized "
            "already. engine_fp8: the engine rounds the weights while it loads them.",
            choices=tuple(METHODS),
        ),
        Setting("bits", "int", 4, "awq: bits of a weight.", 2, 8, only_with=("method", "awq")),
        Setting(
            "group_size",
            "choice",
            "128",
            "awq, gptq_w4a16: weights that share a scale. Smaller is more exact and larger on disk; -1 is one scale "
            "for each output (gptq_w4a16).",
            choices=GROUP_SIZES,
        ),
        Setting(
            "zero_point",
            "bool",
            None,
            "awq, gptq_w4a16: a zero point for each group. Empty: as the method has it, AWQ with and GPTQ without.",
        ),
        Setting(
            "calibration",
            "text",
            None,
            "The prompt set that shows the quantizer the model at work. Empty: multi-turn, or support-desk where "
            "multi-turn is what is measured.",
        ),
        Setting(
            "calibration_samples", "int", 32, "Pieces of calibration text, of 512 tokens each.", 1, 1024, unit="pieces"
        ),
        Setting(
            "checkpoint",
            "model",
            None,
            "checkpoint: the quantized model (AWQ, GPTQ, compressed-tensors, FP8): a name, folder or hub id.",
            only_with=("method", "checkpoint"),
        ),
        Setting(
            "kv_cache_dtype",
            "choice",
            "auto",
            "Data type of keys and values; fp8 fits twice the tokens into the same memory.",
            choices=("auto", "fp8"),
        ),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        group = settings.get("group_size")
        if isinstance(group, int) and not isinstance(group, bool):
            settings = {**settings, "group_size": str(group)}
        checked = super().check(settings)
        if checked["method"] == "awq":
            if checked["bits"] != 4:
                raise InputError(
                    f"{self.key}.bits is {checked['bits']}, but AutoAWQ packs 4 bits only; set bits to 4, or method "
                    "to int8_w8a8 for 8 bits"
                )
            if checked["zero_point"] is False:
                raise InputError(
                    f"{self.key}.zero_point is false, but AutoAWQ's packed format always has zero points; leave it "
                    "empty, or set method to gptq_w4a16"
                )
            if checked["group_size"] == "-1":
                raise InputError(
                    f"{self.key}.group_size is -1, which AutoAWQ cannot pack; set 32, 64 or 128, or method to "
                    "gptq_w4a16"
                )
        if checked["method"] == "checkpoint" and not checked["checkpoint"]:
            raise InputError(f"{self.key}.checkpoint is empty; name the quantized model, its folder or its hub id")
        return checked

    def barred(self, surroundings: Surroundings) -> Mapping[tuple[str, str], str]:
        if surroundings.device == "cuda":
            return {}
        found = {
            (
                "method",
                "engine_fp8",
            ): "vLLM's CPU build cannot round weights to FP8 while it loads them; method fp8 makes a "
            "checkpoint that it reads",
            ("checkpoint", "bitsandbytes"): "vLLM's CPU build reads no bitsandbytes checkpoints",
        }
        if surroundings.computes_in_32_bits:
            found |= {("method", name): NO_4_BITS for name, method in METHODS.items() if method.bits == 4}
        if not {"avx512f", "amx_bf16"} & set(surroundings.cpu_features):
            found["kv_cache_dtype", "fp8"] = "vLLM keeps an FP8 KV cache on processors with AVX-512 or AMX only"
        return found

    def refuse(self, settings: Mapping[str, Value], served: ModelFacts, named: Mapping[str, ModelFacts]) -> str | None:
        method = METHODS[str(settings["method"])]
        if settings["method"] == "checkpoint":
            return _unlike(served, named["checkpoint"])
        already = _quantized_by(served.config)
        if already:
            return (
                f"{served.name} is quantized already ({already}); measure the original model and name this one with "
                f"{self.key}.method=checkpoint"
            )
        kind = str(served.config.get("model_type", ""))
        if settings["method"] == "awq" and kind and kind not in AWQ_ARCHITECTURES:
            return (
                f"AutoAWQ does not know models of the type {kind} ({served.name}); set {self.key}.method to gptq_w4a16"
            )
        return self._misfit(settings, method, served) if method.grouped else None

    def _misfit(self, settings: Mapping[str, Value], method: Method, served: ModelFacts) -> str | None:
        layers, size = linear_layers(served.config), int(str(settings["group_size"]))
        uneven = next((layer for layer in layers if size > 0 and layer.inputs % size), None)
        if uneven is not None:
            return (
                f"the layer {uneven.name} of {served.name} has {uneven.inputs:,} inputs, no multiple of "
                f"{self.key}.group_size {size}; {self._remedy(layers, method)}"
            )
        narrow = next((layer for layer in layers if layer.outputs % method.outputs), None)
        if narrow is not None:
            return (
                f"the layer {narrow.name} of {served.name} has {narrow.outputs:,} outputs, and {method.title} needs "
                f"a multiple of {method.outputs}; set {self.key}.method to int8_w8a8, which has no such limit"
            )
        return None

    def _remedy(self, layers: tuple[Linear, ...], method: Method) -> str:
        """The largest group size that fits, of this method or of one that takes narrower layers."""
        for name, other in METHODS.items():
            fitting = [size for size in (128, 64, 32) if other.grouped and _fits(layers, other, size)]
            if fitting:
                same = other == method
                return f"set {self.key}.group_size to {fitting[0]}" + ("" if same else f" and method to {name}")
        return f"no group size fits this model: set {self.key}.method to int8_w8a8, which has no groups"

    def checkpoint_order(self, settings: Mapping[str, Value]) -> CheckpointOrder | None:
        name = str(settings["method"])
        method = METHODS[name]
        if method.tool is None or method.job is None:
            return None
        decides: dict[str, Value] = {"method": name}
        if method.grouped:
            zero_point = settings["zero_point"]
            decides["bits"] = method.bits
            decides["group_size"] = int(str(settings["group_size"]))
            decides["zero_point"] = name == "awq" if zero_point is None else zero_point
        calibration = settings["calibration"]
        return CheckpointOrder(
            tool=method.tool,
            job=method.job,
            settings=tuple(sorted(decides.items())),
            calibration=str(calibration) if calibration else None,
            samples=int(settings["calibration_samples"] or 0) if method.calibrated else 0,
        )

    def serves(self, settings: Mapping[str, Value]) -> str | None:
        return "checkpoint" if settings["method"] == "checkpoint" else None

    def variant(self, settings: Mapping[str, Value]) -> str:
        name = str(settings["method"])
        method = METHODS[name]
        if name == "checkpoint":
            return f"with the quantized checkpoint {settings['checkpoint']}"
        groups = ""
        if method.grouped:
            size = settings["group_size"]
            groups = ", one scale for each output" if size == "-1" else f", groups of {size}"
        kv = "; FP8 keys and values" if settings["kv_cache_dtype"] == "fp8" else ""
        return f"by {method.title} ({method.bits} bits{groups}){kv}"

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        flags: dict[str, str | None] = {}
        if settings is not None and settings["method"] == "engine_fp8":
            flags["--quantization"] = "fp8"
        if settings is not None and settings["kv_cache_dtype"] != "auto":
            flags["--kv-cache-dtype"] = str(settings["kv_cache_dtype"])
        return flags

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        """The kernel's line proves it; sizes and perplexity say what it brought and what it cost."""
        method = METHODS[str(settings["method"])]
        if not seen.engine_log:
            return Evidence(self.key, None, "the engine's log was not seen, so nothing proves or disproves it")
        found = [match for line in seen.engine_log if (match := KERNEL.search(line))]
        kernel = next((match for match in found if method.log_name in match[2]), None)
        facts = dict(seen.checkpoint)
        parts = [_size_text(facts, method), _perplexity_text(facts)]
        if facts.get("calibrated_on_measured"):
            parts.append("calibrated on the prompts that are measured")
        if settings["kv_cache_dtype"] == "fp8":
            stored = any(KV_CACHE.search(line) for line in seen.engine_log)
            parts.append("keys and values in FP8" if stored else "the engine's log says nothing of FP8 keys and values")
        if kernel is None:
            said = "no quantized kernel in the engine's log"
            return Evidence(self.key, False, "; ".join([said, *filter(None, parts)]), facts)
        return Evidence(self.key, True, "; ".join([kernel[1], *filter(None, parts)]), facts)


def _fits(layers: tuple[Linear, ...], method: Method, size: int) -> bool:
    return all(layer.inputs % size == 0 and layer.outputs % method.outputs == 0 for layer in layers)


def _size_text(facts: dict[str, float], method: Method) -> str:
    before, after = facts.get("weight_bytes_before"), facts.get("weight_bytes_after")
    if not before or not after:
        return ""
    facts["times_smaller"] = before / after
    claim, rest = "", facts.get("unquantized_bytes")
    if method.bits == 4:
        claim = "; the article says about 4x"
        claim += f", but {_mebibytes(rest)} MiB stay in 16 bits and each group has a scale" if rest else ""
    return f"weights {_mebibytes(before)} to {_mebibytes(after)} MiB ({before / after:.1f}x smaller{claim})"


def _perplexity_text(facts: Mapping[str, float]) -> str:
    before, after = facts.get("perplexity_before"), facts.get("perplexity_after")
    if before is None or after is None:
        return ""
    return f"perplexity on held-out text {before:.3f} to {after:.3f} ({after / before - 1:+.1%})"


def _mebibytes(size: float) -> str:
    return f"{size / MIB:,.1f}" if size < 1000 * MIB else f"{size / MIB:,.0f}"


def _quantized_by(config: Mapping[str, Any]) -> str | None:
    found = config.get("quantization_config")
    return str(found.get("quant_method")) if isinstance(found, Mapping) else None


def _unlike(served: ModelFacts, quantized: ModelFacts) -> str | None:
    """Why one is no quantized form of the other, or None."""
    if _quantized_by(quantized.config) is None:
        return f"{quantized.name} is not quantized: its config.json has no quantization_config; name one that is"
    for name in ("model_type", "hidden_size", "num_hidden_layers", "vocab_size"):
        here, there = served.config.get(name), quantized.config.get(name)
        if here != there:
            return (
                f"{quantized.name} is no quantized {served.name}: its {name} is {there}, not {here}; name a checkpoint "
                "that was made from it"
            )
    if served.vocabulary and quantized.vocabulary and served.vocabulary != quantized.vocabulary:
        return f"{quantized.name} and {served.name} have different tokenizers; name a checkpoint that was made from it"
    return None
