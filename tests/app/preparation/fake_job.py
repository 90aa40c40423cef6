"""Stands in for a quantizer: speaks its protocol and copies the source as its result.

RUNG_TEST_JOB is its behaviour: good, chatty, slow, fails or dies.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from optimizers.jobs import protocol
from optimizers.jobs.protocol import Reporter


def work(job: dict[str, Any], report: Reporter) -> tuple[dict[str, float], dict[str, str]]:
    behaviour = os.environ["RUNG_TEST_JOB"]
    target = Path(job["target"])
    for layer in range(3):
        report.progress(layer, 3, f"layer {layer + 1} of 3")
        if behaviour == "chatty":
            print('{"a library": "says this"}', "and that")
        if behaviour == "fails" and layer == 1:
            raise ValueError("the layer has no weights\nand more")
        if behaviour == "dies" and layer == 1:
            os.kill(os.getpid(), 9)
        if behaviour == "slow" and layer == 1:
            (target / "half").write_text("half a model")
            time.sleep(60)
    for path in Path(job["source"]).iterdir():
        shutil.copy(path, target / path.name)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "awq"}}))
    report.progress(3, 3, "saved")
    facts = {"weight_bytes_before": 64.0, "weight_bytes_after": 16.0}
    return facts, {"fake": "1"}


if __name__ == "__main__":
    sys.exit(protocol.run(work))
