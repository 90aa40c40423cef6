"""Makes a larger Llama that begins by saying what a smaller, trained one says.

Wider: the old numbers keep their places in the stream, the new places begin near zero, and each norm is rescaled so
that the old places come out as before. Deeper: a new layer begins as the identity, because what it would add is
multiplied by zero. More heads and neurons begin with nothing to add either. (Chen et al. 2016, "Net2Net"; Shen et al.
2022, "Staged training for transformer language models".) Small noise everywhere else lets training use the new room.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

NOISE = 0.005
FRESH = 0.02


@torch.no_grad()
def grow(small: LlamaForCausalLM, large: LlamaForCausalLM, places: Sequence[int], seed: int) -> None:
    """Fills `large`. `places[i]` is where layer i of `small` goes; the other layers begin as the identity."""
    generator = torch.Generator().manual_seed(seed)
    narrow = small.config.hidden_size
    norm_scale = (narrow / large.config.hidden_size) ** 0.5

    def fill(name: str, parameter: Tensor, source: Tensor | None) -> None:
        if parameter.dim() == 1:
            parameter.fill_(1.0 if source is None else norm_scale)
            if source is not None:
                parameter[: len(source)] = source * norm_scale
            return
        adds = name.endswith(("o_proj.weight", "down_proj.weight"))
        if source is None:
            parameter.normal_(0.0, FRESH, generator=generator)
            if adds:
                parameter.zero_()
            return
        rows, columns = source.shape
        parameter.normal_(0.0, FRESH, generator=generator)
        if adds or name.endswith("embed_tokens.weight"):
            parameter.mul_(NOISE / FRESH)
        if adds:  # new heads and neurons say nothing yet
            parameter[:, columns:] = 0.0
        else:  # and nothing listens closely to new places yet
            parameter[:rows, columns:] *= NOISE / FRESH
        parameter[:rows, :columns] = source

    old = dict(small.named_parameters())
    origin = {place: layer for layer, place in enumerate(places)}
    for name, parameter in large.named_parameters():
        source_name: str | None = name
        if name.startswith("model.layers."):
            _, _, layer, rest = name.split(".", 3)
            came = origin.get(int(layer))
            source_name = None if came is None else f"model.layers.{came}.{rest}"
        fill(name, parameter, None if source_name is None else old[source_name])
