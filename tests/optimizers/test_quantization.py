"""Quantization: its methods and what each refuses, what it orders, and the evidence."""

from __future__ import annotations

from typing import Any

import pytest

from optimizers.errors import InputError
from optimizers.layer_sizes import Linear, linear_layers
from optimizers.quantization import METHODS, Quantization
from optimizers.technique import ModelFacts, Observation, Surroundings

TECHNIQUE = Quantization()
STARTER = {
    "model_type": "llama",
    "hidden_size": 384,
    "intermediate_size": 1152,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "num_hidden_layers": 7,
    "vocab_size": 2048,
}
AWQ_LOG = ("Using CPUWNA16LinearKernel for AutoAWQMarlinLinearMethod", "Loading weights took 0.01 seconds")
MADE = {
    "weight_bytes_before": 28 * 2**20,
    "weight_bytes_after": 10 * 2**20,
    "unquantized_bytes": 1.5 * 2**20,
    "perplexity_before": 2.0,
    "perplexity_after": 2.1,
}


def checked(**settings: Any) -> Any:
    return TECHNIQUE.check(settings)


def refused(config: dict[str, Any], named: dict[str, ModelFacts] | None = None, **settings: Any) -> str:
    return TECHNIQUE.refuse(checked(**settings), ModelFacts("small", config), named or {}) or ""


def test_the_layers_of_a_decoder() -> None:
    found = {layer.name: layer for layer in linear_layers(STARTER)}
    assert found["k_proj"] == Linear("k_proj", 384, 128)
    assert found["o_proj"] == Linear("o_proj", 384, 384)
    assert found["down_proj"] == Linear("down_proj", 1152, 384)
    assert {layer.name for layer in linear_layers({"text_config": STARTER})} == found.keys()
    assert "down_proj" not in {layer.name for layer in linear_layers({**STARTER, "intermediate_size": None})}
    assert linear_layers({"n_embd": 768}) == ()


def test_a_model_that_fits_is_taken() -> None:
    for method in METHODS:
        if method != "checkpoint":
            assert not refused(STARTER, method=method)


def test_a_model_too_small_for_the_group_size_is_refused_with_the_setting_and_a_remedy() -> None:
    said = refused({**STARTER, "intermediate_size": 1088})
    assert "the layer down_proj of small has 1,088 inputs, no multiple of quantization.group_size 128" in said
    assert said.endswith("; set quantization.group_size to 64")
    assert not refused({**STARTER, "intermediate_size": 1088}, group_size=64)
    said = refused({**STARTER, "intermediate_size": 1120})
    assert said.endswith("; set quantization.group_size to 32 and method to gptq_w4a16")
    assert not refused({**STARTER, "intermediate_size": 1120}, method="gptq_w4a16", group_size=32)
    said = refused({**STARTER, "intermediate_size": 1100})
    assert "no group size fits this model: set quantization.method to int8_w8a8" in said
    assert not refused({**STARTER, "intermediate_size": 1100}, method="int8_w8a8")


def test_outputs_that_a_kernel_cannot_take_are_refused() -> None:
    said = refused({**STARTER, "hidden_size": 128, "head_dim": 48, "intermediate_size": 800}, group_size=32)
    assert "the layer q_proj of small has 288 outputs, and AutoAWQ needs a multiple of 64" in said


def test_one_scale_for_each_output_needs_no_multiple() -> None:
    assert not refused({**STARTER, "intermediate_size": 1120}, method="gptq_w4a16", group_size="-1")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"bits": 8}, "bits is 8, but AutoAWQ packs 4 bits only; set bits to 4, or method to int8_w8a8"),
        ({"zero_point": False}, "zero_point is false, but AutoAWQ's packed format always has zero points"),
        ({"group_size": -1}, "group_size is -1, which AutoAWQ cannot pack; set 32, 64 or 128"),
        ({"group_size": 48}, "group_size is '48', but must be one of: 32, 64, 128, -1"),
        ({"group_size": True}, "group_size is True, but must be one of"),
        ({"method": "gguf"}, "method is 'gguf', but must be one of: awq"),
        ({"method": "checkpoint"}, "checkpoint is empty; name the quantized model"),
        ({"calibration_samples": 0}, "calibration_samples is 0, outside what is allowed"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        checked(**settings)
    assert says in str(caught.value)


def test_a_number_will_do_for_the_group_size() -> None:
    assert checked(group_size=64)["group_size"] == "64"


def test_a_model_that_is_quantized_already_is_not_quantized_again() -> None:
    said = refused({**STARTER, "quantization_config": {"quant_method": "gptq"}})
    assert said.startswith("small is quantized already (gptq); ")
    assert "quantization.method=checkpoint" in said


def test_autoawq_knows_its_architectures() -> None:
    assert "AutoAWQ does not know models of the type qwen9" in refused({**STARTER, "model_type": "qwen9"})
    assert not refused({**STARTER, "model_type": "qwen9"}, method="gptq_w4a16")


class TestNamedCheckpoint:
    def said(self, config: dict[str, Any], vocabulary: dict[str, int] | None = None) -> str:
        quantized = ModelFacts("four-bit", config, 2048, vocabulary)
        served = ModelFacts("small", STARTER, 2048, {"a": 1})
        settings = checked(method="checkpoint", checkpoint="four-bit")
        return TECHNIQUE.refuse(settings, served, {"checkpoint": quantized}) or ""

    def test_a_quantized_form_of_the_model_is_served(self) -> None:
        assert not self.said({**STARTER, "quantization_config": {"quant_method": "awq"}}, {"a": 1})
        assert TECHNIQUE.serves(checked(method="checkpoint", checkpoint="four-bit")) == "checkpoint"
        assert TECHNIQUE.serves(checked()) is None

    def test_another_model_is_refused(self) -> None:
        quantized = {"quantization_config": {"quant_method": "awq"}}
        assert "has no quantization_config; name one that is" in self.said(STARTER)
        assert "its hidden_size is 512, not 384" in self.said({**STARTER, **quantized, "hidden_size": 512})
        assert "have different tokenizers" in self.said({**STARTER, **quantized}, {"b": 1})


class TestOrder:
    def test_it_holds_all_that_decides_the_result(self) -> None:
        order = TECHNIQUE.checkpoint_order(checked())
        assert order is not None
        assert (order.tool, order.job, order.calibration, order.samples) == ("awq", "awq_job", None, 32)
        assert dict(order.settings) == {"method": "awq", "bits": 4, "group_size": 128, "zero_point": True}

    def test_gptq_is_symmetric_unless_it_is_told_otherwise(self) -> None:
        for given, expected in ((None, False), (True, True), (False, False)):
            order = TECHNIQUE.checkpoint_order(checked(method="gptq_w4a16", zero_point=given))
            assert order is not None
            assert dict(order.settings)["zero_point"] is expected

    def test_settings_that_are_idle_order_nothing_else(self) -> None:
        one, other = (
            TECHNIQUE.checkpoint_order(checked(method="int8_w8a8", group_size=size)) for size in ("32", "128")
        )
        assert one == other

    def test_fp8_needs_no_text(self) -> None:
        order = TECHNIQUE.checkpoint_order(checked(method="fp8"))
        assert order is not None
        assert order.samples == 0

    def test_the_engines_own_way_orders_nothing(self) -> None:
        assert TECHNIQUE.checkpoint_order(checked(method="engine_fp8")) is None


def test_engine_flags() -> None:
    assert TECHNIQUE.engine_flags(None) == {}
    assert TECHNIQUE.engine_flags(checked()) == {}
    assert TECHNIQUE.engine_flags(checked(method="engine_fp8")) == {"--quantization": "fp8"}
    assert TECHNIQUE.engine_flags(checked(kv_cache_dtype="fp8")) == {"--kv-cache-dtype": "fp8"}


def test_what_the_hardware_lacks_is_said_with_the_reason() -> None:
    old, new = Surroundings(cpu_features=("avx2",)), Surroundings(cpu_features=("avx512f",))
    settings = checked(method="int8_w8a8", kv_cache_dtype="fp8")
    assert TECHNIQUE.unusable(settings, new) is None
    assert (TECHNIQUE.unusable(settings, old) or "").startswith("kv_cache_dtype=fp8: vLLM keeps an FP8 KV cache")
    assert TECHNIQUE.unusable(checked(), new) is None
    for method in ("awq", "gptq_w4a16"):
        assert "on processors with AVX-512 only" in (TECHNIQUE.unusable(checked(method=method), old) or "")
    assert TECHNIQUE.unusable(checked(method="int8_w8a8"), old) is None
    assert TECHNIQUE.unusable(checked(), Surroundings(cpu_features=("asimd",))) is None
    assert "cannot round weights to FP8" in (TECHNIQUE.unusable(checked(method="engine_fp8"), new) or "")
    assert TECHNIQUE.unusable(checked(method="engine_fp8"), Surroundings("cuda")) is None


class TestEvidence:
    def test_the_kernel_the_sizes_and_the_perplexity(self) -> None:
        found = TECHNIQUE.evidence(checked(), Observation({}, engine_log=AWQ_LOG, checkpoint=MADE))
        assert found.took_effect is True
        assert found.detail == (
            "CPUWNA16LinearKernel; weights 28.0 to 10.0 MiB (2.8x smaller; the article says about 4x, but 1.5 MiB stay "
            "in 16 bits and each group has a scale); perplexity on held-out text 2.000 to 2.100 (+5.0%)"
        )
        assert found.figures["times_smaller"] == pytest.approx(2.8)

    def test_without_the_kernels_line_it_did_not_take_effect(self) -> None:
        log = ("Using CPUWNA16LinearKernel for CompressedTensorsWNA16", "Loading weights took 0.01 seconds")
        found = TECHNIQUE.evidence(checked(), Observation({}, engine_log=log, checkpoint=MADE))
        assert found.took_effect is False
        assert found.detail.startswith("no quantized kernel in the engine's log; weights 28.0 to 10.0 MiB")
        assert TECHNIQUE.evidence(checked(method="gptq_w4a16"), Observation({}, engine_log=log)).took_effect is True

    @pytest.mark.parametrize(
        ("method", "line"),
        [
            ("int8_w8a8", "Selected CPUInt8ScaledMMLinearKernel for CompressedTensorsW8A8Int8"),
            ("fp8", "Selected ChannelWiseTorchFP8ScaledMMLinearKernel for CompressedTensorsW8A8Fp8"),
            ("engine_fp8", "Selected PerTensorTorchFP8ScaledMMLinearKernel for Fp8PerTensorOnlineLinearMethod"),
        ],
    )
    def test_each_method_has_its_own_line(self, method: str, line: str) -> None:
        seen = Observation({}, engine_log=(line,))
        assert TECHNIQUE.evidence(checked(method=method), seen).took_effect is True
        assert TECHNIQUE.evidence(checked(), seen).took_effect is False

    def test_eight_bits_are_not_held_to_the_claim_of_four(self) -> None:
        line = "Selected CPUInt8ScaledMMLinearKernel for CompressedTensorsW8A8Int8"
        found = TECHNIQUE.evidence(checked(method="int8_w8a8"), Observation({}, engine_log=(line,), checkpoint=MADE))
        assert "(2.8x smaller)" in found.detail

    def test_calibrating_on_the_measured_prompts_is_said(self) -> None:
        facts = {**MADE, "calibrated_on_measured": 1.0}
        found = TECHNIQUE.evidence(checked(), Observation({}, engine_log=AWQ_LOG, checkpoint=facts))
        assert found.detail.endswith("calibrated on the prompts that are measured")

    def test_without_a_log_nothing_is_claimed(self) -> None:
        assert TECHNIQUE.evidence(checked(), Observation({})).took_effect is None
