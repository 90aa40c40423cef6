"""A minute of training: enough to give short answers of the right form and to stop, not enough to be right.

Contexts are far shorter than the saved prompts.
"""

import itertools

import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM

from starter.corpus import Example
from starter.recipe import Training


def _rate(step: int, plan: Training) -> float:
    warm = min(1.0, (step + 1) / max(1, plan.warmup_steps))
    return plan.peak_rate * warm * max(0.05, 1 - step / plan.steps)


def _batches(examples: list[Example], plan: Training) -> list[list[Example]]:
    endless = itertools.cycle(examples)
    return [list(itertools.islice(endless, plan.batch)) for _ in range(plan.steps)]


def _tensors(batch: list[Example], pad_id: int, plan: Training) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), width), pad_id)
    weights = torch.zeros(len(batch), width)
    for row, example in enumerate(batch):
        length = len(example.ids)
        ids[row, :length] = torch.tensor(example.ids)
        weights[row, :length] = torch.where(torch.tensor(example.is_answer), 1.0, plan.context_weight)
    return ids, weights


def train(model: LlamaForCausalLM, examples: list[Example], pad_id: int, plan: Training) -> float:
    """The mean loss on answer tokens over the last tenth of the steps."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=plan.peak_rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True
    )
    model.train()
    answer_losses: list[float] = []
    bar = tqdm(_batches(examples, plan), desc="Training the starter model", unit="step", mininterval=0.5)
    for step, batch in enumerate(bar):
        ids, weights = _tensors(batch, pad_id, plan)
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, plan)
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        targets, weights = ids[:, 1:].flatten(), weights[:, 1:].flatten()
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets, reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        answer_losses.append(losses[weights == 1.0].mean().item())
        bar.set_postfix(answer_loss=f"{answer_losses[-1]:.2f}")
    tail = answer_losses[-max(1, plan.steps // 10) :]
    return sum(tail) / len(tail)
