"""Trains a starter model on practice chats: seeded, resumable, with progress.

Chats are packed end to end into rows of one length, so that every step has one shape and can be compiled. Loss is
weighted to the answers; a little weight on the context teaches the language, which compressors rank tokens by. Half
precision in the products only: processors with AVX512-BF16 or AMX are several times faster that way.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tqdm import tqdm
from transformers import LlamaForCausalLM

from starter.corpus import Example, encode, practice_chat
from starter.probe import probe
from starter.recipe import Stage, Training


@dataclass(frozen=True)
class Batch:
    """(rows, length + 1) token ids and, aligned with them, the weight of predicting each."""

    ids: torch.Tensor
    weights: torch.Tensor


def stage_at(step: int, plan: Training) -> Stage:
    for stage in plan.stages:
        if step < stage.steps:
            return stage
        step -= stage.steps
    return plan.stages[-1]


def rate_at(step: int, plan: Training) -> float:
    """A short warm-up, then a straight line down to a fiftieth."""
    warm = min(1.0, (step + 1) / plan.warmup_steps)
    return plan.peak_rate * warm * max(0.02, 1 - step / plan.steps)


def packed(examples: Iterator[Example], rows: int, length: int, context_weight: float) -> Batch:
    ids = torch.zeros(rows, length + 1, dtype=torch.long)
    weights = torch.zeros(rows, length + 1)
    for row in range(rows):
        taken: list[int] = []
        weight: list[float] = []
        while len(taken) < length + 1:
            example = next(examples)
            taken += example.ids
            weight += [1.0 if answer else context_weight for answer in example.is_answer]
        ids[row] = torch.tensor(taken[: length + 1])
        weights[row] = torch.tensor(weight[: length + 1])
    return Batch(ids, weights)


def batch_at(step: int, plan: Training, tokenizer: Tokenizer) -> Batch:
    """The batch of a step depends on the step alone, so a resumed training goes on as if never stopped."""
    stage = stage_at(step, plan)
    sizes = random.Random(f"{plan.seed}/sizes/{step}")

    def examples() -> Iterator[Example]:
        for number in itertools.count():
            size = sizes.randint(stage.shortest, stage.longest)
            yield encode(practice_chat(plan.seed, step * 10_000 + number, size, plan.mix), tokenizer)

    return packed(examples(), stage.rows, stage.length, plan.context_weight)


def train(
    model: LlamaForCausalLM, tokenizer: Tokenizer, plan: Training, checkpoint: Path | None = None
) -> dict[str, float]:
    """Trains to the end of the plan. With a `checkpoint` file, goes on from it and keeps it up to date.

    Returns the last held-out probe, by task.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=plan.peak_rate, betas=(0.9, 0.95), weight_decay=0.05, fused=True
    )
    done = _resume(checkpoint, model, optimizer, plan)
    forward = torch.compile(model) if plan.compiled else model
    found: dict[str, float] = {}
    bar = tqdm(range(done, plan.steps), initial=done, total=plan.steps, desc="Training", unit="step", mininterval=5)
    for step in bar:
        model.train()
        batch = batch_at(step, plan, tokenizer)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.half):
            logits = forward(input_ids=batch.ids[:, :-1], use_cache=False).logits
        weights = batch.weights[:, 1:].flatten()
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), batch.ids[:, 1:].flatten(), reduction="none"
        )
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 10 == 0:
            answers = losses.detach()[weights == 1.0]
            shown = f"{answers.mean().item():.3f}" if len(answers) else "none"
            bar.set_postfix(answer_loss=shown, loss=f"{loss.item():.3f}")
        last = step + 1 == plan.steps
        if last or (step + 1) % plan.probe_every == 0:
            found = probe(model, tokenizer, plan.seed, stage_at(step, plan).longest)
            tqdm.write(f"step {step + 1}: " + ", ".join(f"{name} {share:.1%}" for name, share in found.items()))
        if checkpoint is not None and (last or (step + 1) % plan.save_every == 0):
            _save(checkpoint, model, optimizer, plan, step + 1)
    return found


def _save(path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, plan: Training, done: int) -> None:
    new = path.with_suffix(".new")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "done": done,
        "made_for": _made_for(model, plan),
    }
    torch.save(state, new)
    new.replace(path)


def _resume(path: Path | None, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, plan: Training) -> int:
    """Steps already done. A checkpoint of another plan is an error: going on from it would be neither plan."""
    if path is None or not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state.get("made_for") != _made_for(model, plan):
        raise ValueError(f"{path} is a checkpoint of another plan; remove it, or name another folder")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["done"])


def _made_for(model: LlamaForCausalLM, plan: Training) -> dict[str, object]:
    return {"plan": asdict(plan), "shapes": {name: list(value.shape) for name, value in model.state_dict().items()}}
