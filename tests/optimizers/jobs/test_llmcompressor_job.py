"""What a checkpoint that was quantized in 32 bits is saved as."""

from __future__ import annotations

import torch

from optimizers.jobs.llmcompressor_job import _narrow


def test_all_but_weights_and_scales_of_quantized_layers_is_as_wide_as_the_source() -> None:
    packed, norm = torch.nn.Linear(4, 4), torch.nn.LayerNorm(4)
    packed.quantization_scheme = "W8A8"
    packed.weight_scale = torch.nn.Parameter(torch.ones(4, 1))
    model = torch.nn.Sequential(packed, norm)
    model.config = type("Config", (), {"dtype": torch.float32})()
    _narrow(model, torch.bfloat16)
    kept = {name: parameter.dtype for name, parameter in model.named_parameters()}
    assert kept == {
        "0.weight": torch.float32, "0.weight_scale": torch.float32, "0.bias": torch.bfloat16,
        "1.weight": torch.bfloat16, "1.bias": torch.bfloat16,
    }  # fmt: skip
    assert model.config.dtype is torch.bfloat16
