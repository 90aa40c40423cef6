"""Which build of vLLM a machine gets, and what it is told."""

from __future__ import annotations

import sys

import pytest

from app.setup.engine_build import Gpu, Gpus, check_platform, choose, detect_gpus, parse_gpus
from app.setup.failure import SetupFailure

H100 = Gpu("NVIDIA H100 80GB HBM3", "580.65.06", 9.0)


def test_a_gpu_takes_the_cuda_build() -> None:
    build = choose(Gpus((H100,)))
    assert build.key == "cuda"
    assert build.why == "NVIDIA H100 80GB HBM3, driver 580.65.06"


def test_no_gpu_takes_the_cpu_build_and_says_why() -> None:
    build = choose(Gpus(problem="nvidia-smi is not installed"))
    assert (build.key, build.why) == ("cpu", "no NVIDIA GPU: nvidia-smi is not installed")


@pytest.mark.parametrize(
    ("gpu", "reason"),
    [
        (Gpu("Tesla V100", "580.1", 7.0), "compute capability 7.0"),
        (Gpu("NVIDIA A10", "535.104.05", 8.6), "the driver of NVIDIA A10 is 535.104.05"),
        (Gpu("NVIDIA A10", "[N/A]", 8.6), "the driver of NVIDIA A10 is [N/A]"),
    ],
)
def test_a_gpu_that_the_cuda_build_cannot_use_takes_the_cpu_build(gpu: Gpu, reason: str) -> None:
    build = choose(Gpus((gpu,)))
    assert build.key == "cpu"
    assert reason in build.why


def test_of_several_gpus_the_newest_decides() -> None:
    assert choose(Gpus((Gpu("Tesla K80", "580.65.06", 3.7), H100))).key == "cuda"


@pytest.mark.parametrize("wanted", ["cpu", "cuda"])
def test_a_person_can_choose(wanted: str) -> None:
    assert choose(Gpus((H100,)), wanted).key == wanted
    assert choose(Gpus(), wanted).key == wanted


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(SetupFailure, match="RUNG_ENGINE is 'tpu'") as caught:
        choose(Gpus(), "tpu")
    assert "cpu, cuda or auto" in caught.value.remedy


def test_the_listing_is_read_whatever_it_holds() -> None:
    listing = "NVIDIA A100, 580.65.06, 8.0\n\nnot a gpu\nNVIDIA X, 580.65.06, [N/A]\n"
    assert parse_gpus(listing) == (Gpu("NVIDIA A100", "580.65.06", 8.0), Gpu("NVIDIA X", "580.65.06", 0.0))


def test_a_missing_nvidia_smi_is_no_gpu() -> None:
    assert detect_gpus(("rung-no-such-program",)) == Gpus(problem="nvidia-smi is not installed")


def test_a_failing_nvidia_smi_is_quoted() -> None:
    command = (sys.executable, "-c", "print('NVIDIA-SMI has failed because of the driver'); raise SystemExit(9)")
    assert detect_gpus(command).problem == "nvidia-smi says 'NVIDIA-SMI has failed because of the driver'"


def test_other_platforms_are_refused_before_anything_is_installed() -> None:
    with pytest.raises(SetupFailure, match="Darwin on arm64"):
        check_platform("Darwin", "arm64")
    check_platform("Linux", "x86_64")
