"""Continuous batching: requests enter and leave the engine's batch at every step.

vLLM always batches what it is given, so "off" has to be made by the schedule: requests one by one, or static
batches, as the load profile's unbatched form says. That also means its place in a ladder changes its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizers.errors import InputError
from optimizers.technique import Beside, Evidence, Observation, ScheduleChange, Setting, Technique, Value, no_metrics

STEPS = "vllm:iteration_tokens_total_count"
STEP_TOKENS = "vllm:iteration_tokens_total_sum"
INFERENCE_S = "vllm:request_inference_time_seconds_sum"
TOGETHER = 1.1
"""Requests running on average above which they were batched; one by one cannot exceed 1."""
ENOUGH_LOOKS = 8
"""Looks at the batch below which their mean says more of chance than of the run."""


class ContinuousBatching(Technique):
    key = "continuous_batching"
    title = "Continuous batching"
    attacks = "cost per token"
    summary = "Sends requests as they come, so that the engine's scheduler refills its batch at every step."
    claim = "3.3x throughput; 0.38x to 0.30x on the article's ladder"
    off_means = (
        "requests one by one; or static batches, where a wave is sent only when the slowest of the former wave has "
        "finished; or as sent, where the engine batches all the same and nothing can be gained"
    )
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
        Setting(
            "chunked_prefill",
            "choice",
            "engine",
            "Whether a long prompt may enter a step in parts beside the answers that are being written (vLLM "
            "--enable-chunked-prefill). engine leaves it to vLLM, which does so for every model that can.",
            choices=("engine", "on", "off"),
        ),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        sequences, tokens = checked["max_num_seqs"], checked["max_num_batched_tokens"]
        if isinstance(sequences, int) and isinstance(tokens, int) and tokens < sequences:
            raise InputError(
                f"{self.key}.max_num_batched_tokens is {tokens}, below max_num_seqs {sequences}; a step needs at least "
                "one token for each sequence"
            )
        return checked

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        given = settings or {}
        flags: dict[str, str | None] = {
            f"--{name.replace('_', '-')}": str(given[name])
            for name in ("max_num_seqs", "max_num_batched_tokens")
            if given.get(name) is not None
        }
        chunked = given.get("chunked_prefill", "engine")
        if chunked != "engine":
            flags["--enable-chunked-prefill" if chunked == "on" else "--no-enable-chunked-prefill"] = None
        return flags

    def schedule(self, settings: Mapping[str, Value] | None) -> ScheduleChange:
        return ScheduleChange(batched=settings is not None)

    def cautions(self, settings: Mapping[str, Value], beside: Beside) -> Sequence[str]:
        found = []
        sequences, room, length = settings.get("max_num_seqs"), beside.kv_cache_tokens, beside.max_model_len
        if isinstance(sequences, int) and room is not None and length is not None and sequences * length > room:
            enough = room // length
            found.append(
                f"max_num_seqs is {sequences:,}, but the KV cache holds {room:,} tokens, enough for {enough:,} "
                f"sequence{'' if enough == 1 else 's'} of the full {length:,}: with long ones others will wait or be "
                "preempted"
            )
        if isinstance(sequences, int) and beside.concurrency is not None and sequences < beside.concurrency:
            found.append(
                f"max_num_seqs is {sequences:,} and {beside.concurrency:,} requests are sent at once: the rest queues"
            )
        tokens = settings.get("max_num_batched_tokens")
        if settings.get("chunked_prefill") == "off":
            found.append("vLLM warns that a model may crash or answer wrongly when chunked prefill is turned off")
            if isinstance(tokens, int) and length is not None and tokens < length:
                found.append(
                    f"without chunked prefill a prompt must fit into one step: max_num_batched_tokens is {tokens:,} "
                    f"and the context {length:,}, so the engine will refuse to start"
                )
        return found

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        if seen.delta is None:
            return no_metrics(self.key)
        steps, inference_s = seen.delta.get(STEPS, 0.0), seen.delta.get(INFERENCE_S)
        figures = {"peak_in_flight": float(seen.peak_in_flight), "engine_steps": steps}
        sampled = ""
        if seen.running:
            figures["peak_running_seen"] = max(seen.running)
            figures["mean_running_seen"] = sum(seen.running) / len(seen.running)
        if len(seen.running) >= ENOUGH_LOOKS:
            sampled = (
                f"; {len(seen.running):,} looks at the running batch saw {figures['mean_running_seen']:.1f} on average "
                f"and {figures['peak_running_seen']:.0f} at most"
            )
        if inference_s is None or not seen.seconds:
            sent = f"up to {seen.peak_in_flight} requests were in flight; the engine shows no running times"
            return Evidence(self.key, None, sent + sampled, figures)
        # Little's law: requests running on average = sum of their running times / length of the run.
        running = inference_s / seen.seconds
        figures["mean_running"] = running
        detail = f"{running:.1f} requests running together on average, of up to {seen.peak_in_flight} in flight"
        if steps:
            figures["tokens_per_step"] = seen.delta.get(STEP_TOKENS, 0.0) / steps
            detail += f"; {figures['tokens_per_step']:.1f} tokens per engine step"
        return Evidence(self.key, running > TOGETHER, detail + sampled, figures)
