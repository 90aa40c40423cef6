"""The committed family: small enough, fit for quantizers, of one vocabulary, and able to do what its cards say."""

import json

import pytest
from safetensors import safe_open

from app.analysis.scoring import holds_expected
from starter.answering import Answerer
from starter.classifier import FOLDER
from starter.folder import MODELS
from starter.prompt_sets import make_all
from starter.speculation import acceptance
from starter.without import without_answer

PROMPTS = 16


def parameters(name: str) -> int:
    total = 0
    with safe_open(MODELS / name / "model.safetensors", "numpy") as weights:
        for key in weights.keys():  # noqa: SIM118 - no mapping
            size = 1
            for side in weights.get_slice(key).get_shape():
                size *= side
            total += size
    return total


def config(name: str) -> dict[str, int]:
    return dict(json.loads((MODELS / name / "config.json").read_text()))


@pytest.fixture(scope="module")
def target() -> Answerer:
    return Answerer(MODELS / "target")


def test_the_family_is_small() -> None:
    size = sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file())
    assert size < 80e6
    assert 12e6 < parameters("target") < 30e6
    assert parameters("draft") * 6 <= parameters("target")


def test_quantizers_can_work_on_the_target() -> None:
    shape = config("target")
    assert shape["hidden_size"] % 128 == shape["intermediate_size"] % 128 == 0
    assert (shape["head_dim"], shape["max_position_embeddings"]) == (64, 4096)


def test_target_and_draft_read_alike() -> None:
    one, other = ((MODELS / name / "tokenizer.json").read_bytes() for name in ("target", "draft"))
    assert one == other
    assert config("target")["vocab_size"] == config("draft")["vocab_size"]


@pytest.mark.parametrize("name", ["target", "draft", FOLDER])
def test_each_model_has_a_card(name: str) -> None:
    card = (MODELS / name / "README.md").read_text()
    assert "An instrument, not" in card
    assert "python -m starter.evaluate" in card


def test_the_target_reads_its_context_and_the_draft_foretells_it(target: Answerer) -> None:
    chats = next(made for made in make_all() if made.name == "multi-turn")
    rows = chats.rows[:: len(chats.rows) // PROMPTS]
    prompts = [target.ids(target.render(row.rendered())) for row in rows]
    answers = target.answer(prompts, 32)
    right = sum(holds_expected(target.text(a), row.expected) for a, row in zip(answers, rows, strict=True))
    assert right >= 0.8 * len(rows)

    bare = [cut for row in rows if (cut := without_answer(row)) is not None]
    blind = target.answer([target.ids(target.render(row.rendered())) for row in bare], 32)
    assert sum(holds_expected(target.text(a), row.expected) for a, row in zip(blind, bare, strict=True)) <= 2

    found = acceptance(Answerer(MODELS / "draft"), prompts, answers)
    assert found.rate is not None
    assert found.rate > 0.6
