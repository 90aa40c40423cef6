"""Real files of the tools: Rung's figures from their requests equal the figures that the tools wrote themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.interchange.imported import ImportedRun
from app.interchange.read import read_results
from app.interchange.save import _summary
from optimizers.errors import InputError

DATA = Path(__file__).parent / "data"


def loaded(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def read(name: str) -> list[ImportedRun]:
    return read_results(DATA / name)[1]


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_vllm_requests_give_the_figures_of_vllm() -> None:
    (run,) = read("vllm_detailed.json")
    theirs, ours = loaded("vllm_detailed.json"), _summary(run)["metrics"]
    for tag, name in (("ttft_ms", "ttft"), ("tpot_ms", "tpot"), ("itl_ms", "itl"), ("e2e_ms", "e2el")):
        for part in ("mean", "p50", "p95", "p99"):
            assert ours[tag][part] == pytest.approx(theirs[f"{part}_{name}_ms"], rel=0.01, abs=1e-5), (tag, part)
    assert ours["output_tokens"] == theirs["total_output_tokens"]
    assert ours["sent_prompt_tokens"] == theirs["total_input_tokens"]
    assert ours["send_delay_ms"]["p99"] is None
    assert ours["prompt_tokens"] is None


def test_vllm_aggregates_stand_as_they_are() -> None:
    (run,) = read("vllm.json")
    theirs, summary = loaded("vllm.json"), _summary(run)
    assert (run.records, summary["intervals"]) == ((), {})
    assert summary["metrics"]["ttft_ms"]["p95"] == theirs["p95_ttft_ms"]
    assert summary["metrics"]["requests_per_s"] == theirs["request_throughput"]
    assert summary["metrics"]["quality"] is None


def test_vllm_failures_have_no_latency(tmp_path: Path) -> None:
    document = loaded("vllm_detailed.json")
    document["errors"][3], document["ttfts"][3], document["itls"][3] = "Traceback:\n  x\nValueError: gone\n", 0.0, []
    document |= {"completed": 11, "failed": 1}
    (run,) = read_results(written(tmp_path / "f.json", document))[1]
    assert (run.requests, run.errors) == (12, 1)
    assert (run.records[3].error, run.records[3].first_token_ns) == ("ValueError: gone", None)
    assert _summary(run)["errors"] == 1


def test_each_guidellm_benchmark_is_a_run() -> None:
    runs = read("guidellm.json")
    assert [run.label for run in runs] == ["concurrent 1", "concurrent 2"]
    for run, benchmark in zip(runs, loaded("guidellm.json")["benchmarks"], strict=True):
        ours, theirs = _summary(run)["metrics"], benchmark["metrics"]
        pairs = (("ttft_ms", "time_to_first_token_ms", 1), ("tpot_ms", "inter_token_latency_ms", 1))
        for tag, name, scale in (*pairs, ("e2e_ms", "request_latency", 1000)):
            assert ours[tag]["mean"] == pytest.approx(scale * theirs[name]["successful"]["mean"], rel=0.01)
        assert ours["output_tokens"] == theirs["output_token_count"]["successful"]["total_sum"]
        assert ours["itl_ms"]["mean"] is None
        assert ours["tpot_ms"]["mean"] != pytest.approx(theirs["time_per_output_token_ms"]["successful"]["mean"])


def test_a_sample_of_guidellm_requests_is_not_taken_for_all(tmp_path: Path) -> None:
    document = loaded("guidellm.json")
    del document["benchmarks"][0]["requests"]["successful"][1]
    first, second = read_results(written(tmp_path / "g.json", document))[1]
    assert (len(first.records), first.requests, len(second.records)) == (0, 6, 6)
    assert first.metrics["tpot_ms"]["mean"] is not None


def test_aiperf_requests_give_the_figures_of_aiperf() -> None:
    (run,), theirs = read("aiperf.jsonl"), loaded("aiperf.json")
    ours = _summary(run)["metrics"]
    for tag, name in (("ttft_ms", "time_to_first_token"), ("e2e_ms", "request_latency")):
        for part, their_part in (("mean", "avg"), ("p50", "p50"), ("p95", "p95"), ("p99", "p99")):
            assert ours[tag][part] == pytest.approx(theirs[name][their_part], rel=0.01)
    assert ours["output_tokens"] == theirs["total_usage_completion_tokens"]["avg"]
    assert ours["requests_per_s"] == pytest.approx(theirs["request_throughput"]["avg"], rel=0.05)
    assert ours["empty_answers"] is None


def test_aiperf_aggregates() -> None:
    (run,) = read("aiperf.json")
    assert (run.version, run.model, run.requests, run.records) == ("0.13.0", "instant", 12, ())
    assert run.metrics["output_tokens"] == 192
    assert run.metrics["tpot_ms"]["mean"] is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ((DATA / "guidellm.json").read_text()[:4000], "cut short"),
        ((DATA / "aiperf.jsonl").read_text()[:-40], "line 12"),
        ("[]", "is not a result that Rung knows"),
        ('{"a": 1}', "is not a result that Rung knows"),
        ('{"metadata": {"guidellm_version": "9", "version": 3}, "benchmarks": []}', "schema 3"),
        ('{"metadata": {"guidellm_version": "9", "version": 2}, "benchmarks": []}', "no benchmark"),
        ('{"metadata": {"guidellm_version": "9", "version": 2}, "benchmarks": [{}]}', "damaged"),
        ('{"aiperf_version": "2.0", "schema_version": "2.0"}', "schema 2.0"),
        ('{"aiperf_version": "0.1", "schema_version": "1.0"}', "no request"),
        ('{"completed": 0, "num_prompts": 0, "request_throughput": 0, "total_input_tokens": 0}', "no request"),
        ('{"completed": "x", "request_throughput": 0, "total_input_tokens": 0}', "a number is expected"),
        ('{"schema": "rung.run/2"}', "update it"),
        ('{"schema": "rung.run/1", "status": "failed"}', "only finished runs"),
        ('{"schema": "rung.run/1", "status": "done"}', "lacks metrics"),
        ('{"schema": "rung.export/1", "runs": []}', "no run"),
        (json.dumps(loaded("vllm_detailed.json") | {"ttfts": None}), "differ in length"),
        (json.dumps(loaded("vllm_detailed.json") | {"ttfts": ["x"] * 12}), "no numbers"),
    ],
)
def test_bad_files(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(InputError, match=told) as caught:
        read_results(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_another_format_than_was_named() -> None:
    with pytest.raises(InputError, match="not a GuideLLM report; it looks like a result of vllm bench serve"):
        read_results(DATA / "vllm.json", "guidellm")
