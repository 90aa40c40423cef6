"""Making the family: whole folders that an engine can load, or nothing new at all."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, LlamaForCausalLM, XLMRobertaForTokenClassification

from starter import classifier, make, recipe
from starter.recipe import Plan, Shape, Stage, Training

TRAINING = Training(
    stages=(Stage(2, 1, 64, 100, 200),),
    peak_rate=1e-3,
    seed=1,
    mix=(1, 1, 1, 1, 1),
    warmup_steps=1,
    compiled=False,
    half=False,
)
DRAFT = Plan("draft", Shape(hidden=128, layers=2, heads=2, intermediate=128), TRAINING)
TARGET = Plan(
    "target", Shape(hidden=256, layers=3, heads=4, intermediate=128), TRAINING, grown_from=DRAFT, places=(0, 1)
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "TOKENIZER_CHATS", 20)
    monkeypatch.setattr(recipe, "DRAFT", DRAFT)
    monkeypatch.setattr(recipe, "TARGET", TARGET)
    monkeypatch.setattr("starter.train.probe", lambda *_: {})


def arguments(folder: Path, only: str) -> list[str]:
    return ["--only", only, "--out", str(folder / "models"), "--checkpoints", str(folder / "work")]


def test_target_folder_loads_and_says_what_it_is(tmp_path: Path) -> None:
    assert make.main(arguments(tmp_path, "target")) == 0
    folder = tmp_path / "models" / "target"
    model, report = LlamaForCausalLM.from_pretrained(folder, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert model.config.hidden_size == TARGET.shape.hidden
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert "instrument, not an assistant" in (folder / "README.md").read_text()
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"draft.pt", "target.pt"}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["target"]


def test_a_second_making_goes_on_from_the_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make.main(arguments(tmp_path, "draft")) == 0
    before = (tmp_path / "models" / "draft" / "model.safetensors").read_bytes()
    monkeypatch.setattr("starter.train.batch_at", lambda *_: pytest.fail("nothing is left to train"))
    assert make.main(arguments(tmp_path, "draft")) == 0
    assert (tmp_path / "models" / "draft" / "model.safetensors").read_bytes() == before


def test_stopped_making_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make.main(arguments(tmp_path, "draft")) == 0
    folder = tmp_path / "models" / "draft"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(make, "save_tokenizer", stop)
    assert make.main(arguments(tmp_path, "draft")) == 130
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["draft"]


def test_a_checkpoint_of_other_settings_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(arguments(tmp_path, "draft")) == 0
    (tmp_path / "work" / "draft.pt").rename(tmp_path / "work" / "target.pt")
    assert make.main(arguments(tmp_path, "target")) == 2
    assert "Starter models:" in capsys.readouterr().err.splitlines()[-1]


def test_classifier_folder_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "CLASSIFIER_STEPS", 2)
    monkeypatch.setattr(classifier, "TOKENIZER_TEXTS", 30)
    assert make.main(arguments(tmp_path, "classifier")) == 0
    folder = tmp_path / "models" / classifier.FOLDER
    model = XLMRobertaForTokenClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.num_labels == 2
    assert tokenizer.tokenize("Order 4821")[0].startswith("▁")
    assert isinstance(tokenizer.backend_tokenizer, Tokenizer)
