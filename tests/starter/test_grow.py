"""A grown model says what the small one said, and has room that can learn."""

import torch

from starter.circuit import write_circuit
from starter.grow import grow
from starter.model import build_model
from starter.recipe import Shape

SMALL = Shape(hidden=128, layers=2, heads=2, intermediate=128)
LARGE = Shape(hidden=256, layers=4, heads=4, intermediate=384)


def test_grown_model_gives_the_same_answers() -> None:
    torch.manual_seed(0)
    small, large = (build_model(shape, 512, pad_id=0, end_id=2).eval() for shape in (SMALL, LARGE))
    write_circuit(small, seed=1)
    for parameter in small.model.layers[0].input_layernorm.parameters():
        parameter.data.mul_(1.3)
    ids = torch.randint(3, 512, (2, 80))
    with torch.no_grad():
        before = small(input_ids=ids).logits
        unlike = large(input_ids=ids).logits
        grow(small, large, (0, 2), seed=1)
        after = large(input_ids=ids).logits
    spread = before.std()
    assert (after - before).abs().mean() < 0.1 * spread
    assert (unlike - before).abs().mean() > 0.5 * spread


def test_new_layers_can_learn() -> None:
    torch.manual_seed(0)
    small, large = (build_model(shape, 512, pad_id=0, end_id=2) for shape in (SMALL, LARGE))
    grow(small, large, (0, 2), seed=1)
    ids = torch.randint(3, 512, (2, 40))
    large(input_ids=ids, labels=ids).loss.backward()
    for layer in (1, 3):
        gradient = large.model.layers[layer].self_attn.o_proj.weight.grad
        assert gradient is not None
        assert gradient.abs().max() > 0
