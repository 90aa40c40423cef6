"""AutoAWQ and llm-compressor for real: the starter model is quantized, and a real vLLM loads it and answers.

Needs the quantizers' environments, which `make quantizers` makes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.commands.common import DONE
from app.engine.builtin import STARTER
from app.preparation.quantizers import environment
from store.settings import ROOT
from tests.app.commands.conftest import Rung, rung

__all__ = ["rung"]


@pytest.mark.engine
@pytest.mark.timeout(20 * 60)
@pytest.mark.parametrize(("method", "tool"), [("awq", "awq"), ("gptq_w4a16", "llmcompressor")])
def test_the_starter_model_in_four_bits(
    method: str, tool: str, rung: Rung, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not environment(tool).ready():
        pytest.skip(f"there is no {environment(tool).name}; make it with: make quantizers")
    monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")
    out = tmp_path / "run.json"
    said = rung(
        "run", "--model", STARTER, "--prompts", "support-desk", "--limit", 8, "--techniques", "quantization",
        "--set", f"quantization.method={method}", "--set", "quantization.calibration_samples=2", "--out", out,
    )  # fmt: skip
    assert said.code == DONE, said.err
    document = json.loads(out.read_text())
    (evidence,) = document["evidence"]
    assert evidence["took_effect"] is True, evidence
    assert "WNA16LinearKernel" in evidence["detail"]
    figures = evidence["figures"]
    assert 2.5 < figures["times_smaller"] < 4
    # AutoAWQ costs this small model more than GPTQ does: 1.7 times the perplexity, with two samples.
    assert 1 < figures["perplexity_after"] < (2.2 if method == "awq" else 1.5) * figures["perplexity_before"]
    assert (document["requests"], document["errors"]) == (8, 0)
    if method == "gptq_w4a16":
        # AutoAWQ costs this small model most of its right answers: a finding for the ladder, and not for a test.
        assert document["metrics"]["quality"] > 50
    served = document["manifest"]["model"]["served"]
    assert served["weight_bytes"] == figures["weight_bytes_after"]
