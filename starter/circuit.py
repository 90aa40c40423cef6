"""Gives a fresh Llama a head start at looking things up: attention that already knows how to find a repeated phrase.

To read an answer out of its context, a transformer needs two layers that work together: heads that look one, two,
three and four tokens back, and heads that use what those found to go to the place where the same tokens stood before,
and copy what came next (an induction circuit; Olsson et al. 2022, "In-context Learning and Induction Heads"). Trained
from random weights, a small model spends most of its time finding that pair. Here both are written into the first two
layers before training (as in mimetic initialization; Trockman and Kolter 2023), and everything stays free to change.

Knows only the rotary Llama of transformers, with as many key as query heads.
"""

from __future__ import annotations

import torch
from transformers import LlamaForCausalLM

EMBEDDING_STD = 0.05
CONSTANT = 4.0
"""One embedding coordinate holds this many standard deviations for every token: a bias for heads that look at
places."""
PLACE_SHARPNESS = 2.0
PLACE_PAIRS = 11
MATCH_SHARPNESS = 1.8
FAR_PAIRS_FROM = 14
"""Rotary pairs from here on turn so slowly that two equal tokens match across thousands of places."""
COPY_STRENGTH = 8.0


@torch.no_grad()
def write_circuit(model: LlamaForCausalLM, seed: int) -> None:
    """Overwrites the embeddings and the attention of the first two layers."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = model.model.embed_tokens.weight
    embeddings.normal_(0.0, EMBEDDING_STD, generator=generator)
    embeddings[:, 0] = CONSTANT * EMBEDDING_STD
    reads = _orthonormal(model, generator)
    _write_places(model, reads)
    _write_matches(model, reads, generator)


def _orthonormal(model: LlamaForCausalLM, generator: torch.Generator) -> torch.Tensor:
    """(head size, hidden): what every first-layer head reads off a token."""
    config = model.config
    mixed = torch.randn(config.hidden_size, config.hidden_size, generator=generator)
    mixed[0] = 0.0
    return torch.linalg.qr(mixed)[0][:, : config.head_dim].T.contiguous()


def _write_places(model: LlamaForCausalLM, reads: torch.Tensor) -> None:
    """Head h of layer 0 attends to the token h + 1 places back and writes it into a part of the stream of its own."""
    config, attention = model.config, model.model.layers[0].self_attn
    size, half = config.head_dim, config.head_dim // 2
    theta = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    pairs = torch.arange(half) < PLACE_PAIRS
    for projection in (attention.q_proj, attention.k_proj, attention.o_proj):
        projection.weight.mul_(0.2)
    for head in range(config.num_attention_heads):
        rows = slice(head * size, head * size + size)
        back = head + 1
        attention.q_proj.weight[rows][:half, 0] = PLACE_SHARPNESS * pairs
        attention.k_proj.weight[rows][:half, 0] = PLACE_SHARPNESS * pairs * torch.cos(back * theta)
        attention.k_proj.weight[rows][half:, 0] = PLACE_SHARPNESS * pairs * torch.sin(back * theta)
        attention.v_proj.weight[rows] = reads
        attention.o_proj.weight[rows.start : rows.stop, rows] += 2.0 * EMBEDDING_STD * torch.eye(size)


def _write_matches(model: LlamaForCausalLM, reads: torch.Tensor, generator: torch.Generator) -> None:
    """Layer 1: a key tells what stood 1, 2, 3, 4 places before it, a query what stands 0, 1, 2, 3 places before it."""
    config, attention = model.config, model.model.layers[1].self_attn
    size, half, heads = config.head_dim, config.head_dim // 2, config.num_attention_heads
    far = torch.arange(size) % half >= FAR_PAIRS_FROM
    attention.o_proj.weight.mul_(0.2)
    identity = torch.eye(config.hidden_size)
    for head in range(heads):
        rows = slice(head * size, head * size + size)
        query = torch.zeros(size, config.hidden_size)
        key = torch.zeros(size, config.hidden_size)
        for back in range(heads):
            code = torch.randn(size, size, generator=generator) / far.sum().sqrt() * far[:, None]
            written = identity[back * size : back * size + size]
            key += code @ written
            earlier = reads if back == 0 else identity[(back - 1) * size : back * size]
            query += code @ earlier
        attention.q_proj.weight[rows] = MATCH_SHARPNESS * query
        attention.k_proj.weight[rows] = MATCH_SHARPNESS * key
        attention.v_proj.weight[rows] = identity[rows]
        attention.o_proj.weight[:, rows] += COPY_STRENGTH * EMBEDDING_STD * identity[:, rows]
