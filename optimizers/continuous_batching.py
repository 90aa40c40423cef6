"""Continuous batching: requests enter and leave the engine's batch at every step.

vLLM always batches what it is given, so "off" has to be made by the schedule: requests one by one, or static
batches, as the load profile's unbatched form says. That also means its place in a ladder changes its size.
"""

from __future__ import annotations

from collections.abc import Mapping

from optimizers.technique import Evidence, Observation, ScheduleChange, Setting, Technique, Value, no_metrics

STEPS = "vllm:iteration_tokens_total_count"
STEP_TOKENS = "vllm:iteration_tokens_total_sum"
INFERENCE_S = "vllm:request_inference_time_seconds_sum"
TOGETHER = 1.1
"""Requests running on average above which they were batched; one by one cannot exceed 1."""


class ContinuousBatching(Technique):
    key = "continuous_batching"
    title = "Continuous batching"
    attacks = "cost per token"
    summary = "Sends requests as they come, so that the engine's scheduler refills its batch at every step."
    claim = "3.3x throughput; 0.38x to 0.30x on the article's ladder"
    off_means = "requests one by one, or static batches: a wave is sent only when the former wave has finished"
    claims_identical_output = True
    settings = (
        Setting(
            "max_num_seqs",
            "int",
            None,
            "Most sequences in one engine step (vLLM --max-num-seqs). Empty leaves it to vLLM; setting it "
            "starts an engine of its own.",
            minimum=1,
            maximum=4096,
        ),
        Setting(
            "max_num_batched_tokens",
            "int",
            None,
            "Most tokens in one engine step (vLLM --max-num-batched-tokens). Empty leaves it to vLLM.",
            minimum=64,
            maximum=1_048_576,
        ),
    )

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        given = settings or {}
        return {
            f"--{name.replace('_', '-')}": str(given[name])
            for name in ("max_num_seqs", "max_num_batched_tokens")
            if given.get(name) is not None
        }

    def schedule(self, settings: Mapping[str, Value] | None) -> ScheduleChange:
        return ScheduleChange(batched=settings is not None)

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        if seen.delta is None:
            return no_metrics(self.key)
        steps, inference_s = seen.delta.get(STEPS, 0.0), seen.delta.get(INFERENCE_S)
        figures = {"peak_in_flight": float(seen.peak_in_flight), "engine_steps": steps}
        if seen.running:
            figures["peak_running_seen"] = max(seen.running)
        if inference_s is None or not seen.seconds:
            sent = f"up to {seen.peak_in_flight} requests were in flight; the engine shows no running times"
            return Evidence(self.key, None, sent, figures)
        # Little's law: requests running on average = sum of their running times / length of the run.
        running = inference_s / seen.seconds
        figures["mean_running"] = running
        detail = f"{running:.1f} requests running together on average, of up to {seen.peak_in_flight} in flight"
        if steps:
            figures["tokens_per_step"] = seen.delta.get(STEP_TOKENS, 0.0) / steps
            detail += f"; {figures['tokens_per_step']:.1f} tokens per engine step"
        return Evidence(self.key, running > TOGETHER, detail, figures)
