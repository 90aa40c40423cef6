"""`models fit`: the page's memory fit on the command line, with an exit code for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.commands import fit
from app.engine.memory_fit import GIB, Room
from tests.app.commands.conftest import Rung, check
from tests.building import LLAMA, checkpoint_folder, use_processor

KIB = 1024
LARGE = {**LLAMA, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
"""128 KiB of keys and values a token."""


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "free_memory", lambda: Room("cpu", 16 * GIB, 8 * GIB))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "large", LARGE)


def test_one_that_fits(rung: Rung, large: Path) -> None:
    said = rung("models", "fit", large, "--context", 2048, "--concurrency", 4)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("large: Fits with 4 requests of 2,048 tokens; the most is 25.")
    rows = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "KV cache 1.02 GiB 4 requests x 256 MiB, and a spare block" in rows
    assert "RAM to be had 8.00 GiB free of 16.0 GiB" in rows
    assert "Keys and values, grouped-query (GQA): 32 layers of 2,048 numbers a token." in said.out


def test_the_same_as_json(rung: Rung, large: Path) -> None:
    said = rung("models", "fit", large, "--context", 2048, "--concurrency", 4, "--json")
    found = said.json
    assert (said.code, found["schema"], found["model"], found["fits"]) == (0, "rung.fit/1", "large", True)
    assert (found["context"], found["concurrency"]) == (2048, 4)
    assert found["kv_cache_bytes_per_request"] == 2048 * 128 * KIB
    assert found["kv_cache_bytes"] == (4 * 2048 + 128) * 128 * KIB
    assert found["memory"] == {
        "kind": "RAM", "total_bytes": 16 * GIB, "free_bytes": 8 * GIB, "usable_bytes": 8 * GIB
    }  # fmt: skip
    known = found["weight_bytes"] + found["kv_cache_bytes"] + sum(found["assumed"].values())
    assert found["needed_bytes"] == known
    assert (found["most_requests"], found["longest_context"]) == (25, 2048)


def test_one_that_does_not_fit_ends_with_1_and_says_what_would(rung: Rung, large: Path) -> None:
    said = rung("models", "fit", large, "--concurrency", 100)
    assert said.code == 1
    assert said.out.startswith("large: Does not fit with 100 requests of 2,048 tokens: that takes 26.")
    assert "the most is 25 requests; 100 at once fit up to 512 tokens" in " ".join(said.out.split())
    assert rung("models", "fit", large, "--concurrency", 100, "--json").json["fits"] is False


def test_what_cannot_be_counted_is_not_called_a_fit(rung: Rung, tmp_path: Path) -> None:
    unknown = checkpoint_folder(tmp_path / "mamba", {**LLAMA, "mamba_d_state": 16})
    said = rung("models", "fit", unknown, "--json")
    assert (said.code, said.json["fits"], said.json["kv_cache_bytes"]) == (1, None, None)
    assert "Mamba keep a state whose size config.json does not tell" in said.json["unknown"]
    assert rung("models", "fit", unknown).out.startswith("mamba: Not known: the weights leave ")


def test_fp8_keys_and_values_take_half(rung: Rung, large: Path) -> None:
    def kv(*options: str) -> int:
        return int(rung("models", "fit", large, *options, "--json").json["kv_cache_bytes"])

    assert kv() == 2 * kv("--kv-cache-dtype", "fp8")


def test_without_a_context_it_is_no_longer_than_the_models_own(rung: Rung, tmp_path: Path) -> None:
    short = checkpoint_folder(tmp_path / "short", {**LLAMA, "max_position_embeddings": 512})
    assert rung("models", "fit", short, "--json").json["context"] == 512


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--context 4096", "the context is 4,096 tokens, but large was made for 2,048"),
        ("--context 0", "8 requests of 0 tokens are no load; give at least 1 of each"),
        ("--concurrency -1", "are no load"),
        ("--context many", "argument --context: invalid int value: 'many'"),
        ("--dtype int3", "argument --dtype: invalid choice: 'int3'"),
        ("--dtype int4", "the weights of large are no safetensors files, so only as-served is known"),
    ],
)
def test_bad_input(rung: Rung, large: Path, options: str, says: str) -> None:
    check(rung("models", "fit", large, *options.split()), says)


def test_a_model_that_is_not_here_is_not_downloaded(rung: Rung) -> None:
    check(rung("models", "fit", "no-such-organisation/no-such-model"), "is not on this machine; add it")
    check(rung("models", "fit", "/no/such/folder"), "no such folder")


def test_what_no_engine_here_would_serve_is_no_fit(rung: Rung, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_in_fp8 = ("models", "fit", large, "--kv-cache-dtype", "fp8")
    assert rung(*fit_in_fp8).code == 0
    use_processor(monkeypatch, "avx2")
    said = rung(*fit_in_fp8)
    assert said.code == 1
    assert "An engine here would refuse it: vLLM keeps an FP8 KV cache on processors" in " ".join(said.out.split())
    assert rung(*fit_in_fp8, "--json").json["refused"][0].startswith("An engine here would refuse it")
