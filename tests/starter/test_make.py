"""Making the starter model: whole or absent, made once, and a folder that an engine can load."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer, LlamaForCausalLM

from starter import folder, make
from starter.recipe import Recipe, Shape, Training

SMALL = Recipe(
    shape=Shape(hidden=128, layers=1, heads=2, kv_heads=1, head_size=64, intermediate=128),
    training=Training(steps=2, batch=2, warmup_steps=1),
    tokenizer_rows=16,
    practice_chats=4,
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "starter"
    assert make.make_starter(out, SMALL).fresh
    return out


@pytest.fixture
def out(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "starter"))


def leftovers(out: Path) -> list[str]:
    return [path.name for path in out.parent.iterdir() if path.name not in (out.name, f".{out.name}.lock")]


def test_folder_loads_and_says_what_it_is(pristine: Path) -> None:
    model, report = LlamaForCausalLM.from_pretrained(pristine, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(pristine)
    config = json.loads((pristine / "config.json").read_text())
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert config["dtype"] == "bfloat16"
    assert config["tie_word_embeddings"]
    assert model.config.vocab_size >= len(tokenizer)
    assert tokenizer.bos_token is None
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert "mostly wrong" in " ".join((pristine / "README.md").read_text().split())
    assert leftovers(pristine) == []


def test_chat_template_makes_the_system_prompt_a_shared_prefix(pristine: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(pristine)
    system = {"role": "system", "content": "Order 12 is in transit."}

    def render(content: str, generate: bool) -> str:
        messages = [system, {"role": "user", "content": content}]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate))

    shared = "<|im_start|>system\nOrder 12 is in transit.<|im_end|>\n<|im_start|>user\n"
    assert render("How far?", False) == f"{shared}How far?<|im_end|>\n"
    assert render("Why?", True) == f"{shared}Why?<|im_end|>\n<|im_start|>assistant\n"
    assert len(tokenizer("<|im_start|>user\n").input_ids) < 16


def test_complete_model_is_left_alone(out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert not make.make_starter(out, SMALL).fresh
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


@pytest.mark.parametrize("damage", ["record missing", "weights missing", "weights cut short", "record is garbage"])
def test_half_written_model_is_replaced(out: Path, damage: str) -> None:
    weights, record = out / "model.safetensors", out / folder.RECORD
    match damage:
        case "record missing":
            record.unlink()
        case "weights missing":
            weights.unlink()
        case "weights cut short":
            weights.write_bytes(weights.read_bytes()[:-1])
        case "record is garbage":
            record.write_bytes(b"\xff{")
    assert make.make_starter(out, SMALL).fresh
    assert folder.is_complete(out, SMALL.digest())
    assert leftovers(out) == []


def test_other_recipe_replaces_the_model(out: Path) -> None:
    other = replace(SMALL, training=replace(SMALL.training, steps=1))
    assert make.make_starter(out, other).fresh
    assert folder.is_complete(out, other.digest())
    assert not folder.is_complete(out, SMALL.digest())


def test_interrupted_making_leaves_the_old_model_and_no_draft(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr("starter.train.train", interrupt)
    before = sorted(path.name for path in out.iterdir())
    assert make.main(["--out", str(out), "--steps", "1"]) == 130
    assert sorted(path.name for path in out.iterdir()) == before
    assert leftovers(out) == []


def test_what_a_killed_maker_left_is_cleared(out: Path) -> None:
    (out.parent / ".starter.draft").mkdir()
    (out / "config.json").unlink()
    assert make.make_starter(out, SMALL).fresh
    assert leftovers(out) == []


def test_folder_with_other_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert make.main(["--out", str(tmp_path)]) == 2
    assert "thesis.txt" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "starter").write_text("not a folder")
    assert make.main(["--out", str(tmp_path / "starter")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_unwritable_parent_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    assert make.main(["--out", str(tmp_path / "taken" / "starter")]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("steps", ["0", "-1", "many"])
def test_steps_must_be_a_whole_number(tmp_path: Path, steps: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        make.main(["--out", str(tmp_path / "starter"), "--steps", steps])
    assert exit_info.value.code == 2
    assert "whole number above 0" in capsys.readouterr().err
