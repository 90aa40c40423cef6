"""The hand-written start finds repeated phrases before any training, and random weights do not."""

import torch
from transformers import LlamaForCausalLM

from starter.circuit import write_circuit
from starter.model import build_model
from starter.recipe import DRAFT

VOCABULARY, LENGTH = 2048, 64


def copied(model: LlamaForCausalLM) -> float:
    """Share of tokens foretold in the second half of a random sequence said twice."""
    torch.manual_seed(3)
    once = torch.randint(3, VOCABULARY, (4, LENGTH))
    ids = torch.cat([once, once], dim=1)
    with torch.no_grad():
        best = model(input_ids=ids).logits.argmax(-1)
    return float((best[:, LENGTH + 4 : -1] == ids[:, LENGTH + 5 :]).float().mean())


def test_circuit_copies_what_stood_before() -> None:
    torch.manual_seed(1)
    model = build_model(DRAFT.shape, VOCABULARY, pad_id=0, end_id=2).eval()
    assert copied(model) < 0.02
    write_circuit(model, seed=1)
    assert copied(model) > 0.3


def test_circuit_follows_its_seed() -> None:
    torch.manual_seed(1)
    one, two = (build_model(DRAFT.shape, VOCABULARY, pad_id=0, end_id=2) for _ in range(2))
    two.load_state_dict(one.state_dict())
    write_circuit(one, seed=5)
    write_circuit(two, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
