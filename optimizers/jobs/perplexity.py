"""How surprised a model is by held-out text: exp of the mean loss over every token but the first of each piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def perplexity(model: Any, pieces: Sequence[Sequence[int]]) -> float | None:
    """None without text."""
    import torch

    total, count = 0.0, 0
    device = next(model.parameters()).device
    with torch.inference_mode():
        for piece in pieces:
            if len(piece) < 2:
                continue
            tokens = torch.tensor([list(piece)], device=device)
            logits = model(input_ids=tokens, use_cache=False).logits.float()
            loss = torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:], reduction="sum")
            total, count = total + float(loss), count + len(piece) - 1
    return math.exp(total / count) if count else None
