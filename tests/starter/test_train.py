"""Training: packed batches, the schedule, and going on after a stop as if there had been none."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from starter import probe as probing
from starter.corpus import tokenizer_texts
from starter.model import build_model
from starter.recipe import Shape, Stage, Training
from starter.tokenizer import train_tokenizer
from starter.train import batch_at, rate_at, stage_at, train

PLAN = Training(
    stages=(Stage(3, 2, 256, 100, 200), Stage(3, 1, 320, 150, 300)),
    peak_rate=1e-3,
    seed=1,
    mix=(1, 1, 1, 1, 1),
    warmup_steps=2,
    probe_every=100,
    save_every=3,
    compiled=False,
    half=False,
)
SHAPE = Shape(hidden=128, layers=1, heads=2, intermediate=128)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(tokenizer_texts(1, 40), vocab_size=600)


@pytest.fixture(autouse=True)
def short_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("starter.train.probe", lambda *_: {"all": 0.0})


def fresh() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return build_model(SHAPE, 640, pad_id=0, end_id=2)


def test_stages_follow_each_other_and_the_rate_falls() -> None:
    assert [stage_at(step, PLAN).length for step in range(6)] == [256, 256, 256, 320, 320, 320]
    rates = [rate_at(step, PLAN) for step in range(6)]
    assert rates[0] < rates[1] > rates[2] > rates[5] > 0
    assert max(rates) <= PLAN.peak_rate


def test_batches_are_full_and_weigh_answers_most(tokenizer: Tokenizer) -> None:
    batch = batch_at(0, PLAN, tokenizer)
    assert batch.ids.shape == batch.weights.shape == (2, 257)
    assert set(batch.weights.unique().tolist()) == {torch.tensor(PLAN.context_weight).item(), 1.0}
    assert torch.equal(batch.ids, batch_at(0, PLAN, tokenizer).ids)
    assert not torch.equal(batch.ids, batch_at(1, PLAN, tokenizer).ids)


def test_a_stopped_training_goes_on_to_the_same_weights(tokenizer: Tokenizer, tmp_path: Path) -> None:
    straight = fresh()
    train(straight, tokenizer, PLAN, tmp_path / "straight.pt")
    # The checkpoint of step 3, as a stop would have left it.
    stopped = fresh()

    class Stop(Exception):
        pass

    def stop_at(step: int, plan: Training, tokenizer: Tokenizer) -> object:
        if step == 4:
            raise Stop
        return batch_at(step, plan, tokenizer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("starter.train.batch_at", stop_at)
        with pytest.raises(Stop):
            train(stopped, tokenizer, PLAN, tmp_path / "stopped.pt")
    resumed = fresh()
    train(resumed, tokenizer, PLAN, tmp_path / "stopped.pt")
    for one, other in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(next(resumed.parameters()), next(fresh().parameters()))


def test_a_checkpoint_of_another_plan_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    train(fresh(), tokenizer, PLAN, tmp_path / "one.pt")
    with pytest.raises(ValueError, match="another plan"):
        train(fresh(), tokenizer, replace(PLAN, seed=2), tmp_path / "one.pt")


def test_probe_knows_an_answer_when_it_sees_one(tokenizer: Tokenizer) -> None:
    shares = probing.probe(fresh(), tokenizer, seed=1, size=200, chats=2)
    assert set(shares) == {"support_desk", "unique", "multi_turn", "extraction", "few_shot"}
    assert all(share == 0.0 for share in shares.values())
