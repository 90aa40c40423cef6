"""What to know before an experiment starts: the launch plan's notes, and the techniques' cautions, asked with what is
known of model and load."""

from __future__ import annotations

from dataclasses import replace

from app.analysis.shared_prefix import shared_prefix
from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Hardware
from app.engine.plan import plan_engine
from app.experiment.prompt_tokens import prompt_tokens
from app.experiment.sent_prompts import Sent, needs_sent
from app.experiment.spec import ExperimentSpec
from app.prompts.prompt_set import PromptSet
from optimizers.cautions import cautions
from optimizers.kv_blocks import DEFAULT_TOKENS
from optimizers.technique import Beside, ModelFacts

OPEN_LOOP = (
    "load: in an open loop the rate decides how long a run takes, so the cost of a request hardly changes; "
    "compare latency, or find the highest load within an SLO (sweep)"
)


def cautions_of(
    spec: ExperimentSpec,
    checkpoint: Checkpoint | None,
    hardware: Hardware,
    prompt_set: PromptSet | None = None,
    sent: Sent | None = None,
) -> tuple[str, ...]:
    """One sentence each, over all rungs. Without a checkpoint (at an endpoint) only the load is known; without prompts,
    which take a moment to count, nothing is said of how much they share. With `sent`, which takes as long as the
    techniques that change prompts, the rungs that have the prefix cache beside them say what it will serve."""
    rate = None
    if checkpoint is not None and prompt_set is not None:
        rate = _hit_rate(checkpoint, prompt_set, hardware)
    found: list[str] = []
    for rung in spec.rungs:
        beside = Beside(
            temperature=spec.sampling.temperature,
            concurrency=None if spec.load.is_open else spec.load.concurrency,
            saved_hit_rate=rate,
        )
        if checkpoint is not None:
            plan = plan_engine(checkpoint, rung.recipe, hardware, spec.engine)
            found += [f"engine: {note}" for note in plan.notes]
            beside = replace(
                beside,
                kv_cache_tokens=plan.kv_cache_tokens,
                max_model_len=plan.max_model_len,
                served=ModelFacts(checkpoint.name, checkpoint.config, checkpoint.vocab_size),
            )
            if sent is not None and needs_sent(rung.recipe):
                prompts = sent(rung.recipe)
                changed = None if prompts is None else PromptSet("as sent", tuple(prompts))
                beside = replace(beside, sent_hit_rate=_hit_rate(checkpoint, changed, hardware) if changed else None)
        found += cautions(rung.recipe, beside)
    if spec.load.is_open and len(spec.rungs) > 1:
        found.append(OPEN_LOOP)
    return tuple(dict.fromkeys(found))


def _hit_rate(checkpoint: Checkpoint, prompt_set: PromptSet, hardware: Hardware) -> float | None:
    tokens = prompt_tokens(checkpoint.folder, prompt_set, checkpoint.has_chat_template, quick=True)
    if tokens is None or None in tokens:
        return None
    return shared_prefix([ids for ids in tokens if ids is not None], DEFAULT_TOKENS[hardware.device]).hit_rate
