"""Which lines of an engine's log are kept as evidence. The lines are from real logs of vLLM 0.32."""

from __future__ import annotations

from pathlib import Path

from app.engine.log_facts import LONGEST, MOST, read_telling_lines, telling_lines

LOG = """(EngineCore pid=27725) INFO 11-25 01:22:13 [core.py:133] Initializing an engine with config: quantization=awq{}
(EngineCore pid=27725) INFO 11-25 01:22:13 [linear.py:923] Using CPUWNA16LinearKernel for mixed-precision linear
(EngineCore pid=27725) INFO 11-25 01:22:13 [linear.py:923] Using CPUWNA16LinearKernel for mixed-precision linear
(EngineCore pid=27725) INFO 11-25 01:22:13 [auto_awq.py:451] Using CPUWNA16LinearKernel for AutoAWQMarlinLinearMethod
(EngineCore pid=27725) INFO 11-25 01:22:14 [default_loader.py:502] Loading weights took 0.02 seconds
(APIServer pid=27712) INFO 11-25 01:22:20 [launcher.py:41] Route: /health, Methods: GET
"""


def test_kernels_and_weights_once_each_without_times() -> None:
    assert telling_lines(LOG.format(", " * LONGEST)) == (
        "Using CPUWNA16LinearKernel for mixed-precision linear",
        "Using CPUWNA16LinearKernel for AutoAWQMarlinLinearMethod",
        "Loading weights took 0.02 seconds",
    )


def test_a_log_that_repeats_itself_stays_short() -> None:
    assert len(telling_lines("\n".join(f"Using K{at}Kernel for layer {at}" for at in range(500)))) == MOST


def test_a_log_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert read_telling_lines(tmp_path / "none.log") == ()
    (tmp_path / "log").write_text(LOG)
    assert len(read_telling_lines(tmp_path / "log")) >= 3
