"""The files beside the weights: what an older transformers can read, and what the finished checkpoint keeps."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from optimizers.jobs.checkpoint_files import finish, older_names, readable_copy, unquantized_bytes, weight_bytes
from tests.building import checkpoint_folder

NEW = {"model_type": "llama", "dtype": "bfloat16", "rope_parameters": {"rope_type": "default", "rope_theta": 1e8}}


def test_the_rotary_base_has_its_older_name_too() -> None:
    """Without it transformers 4 would take 10,000 and calibrate another model."""
    found = older_names(NEW)
    assert found["rope_theta"] == 1e8
    assert found["torch_dtype"] == "bfloat16"
    assert "rope_scaling" not in found
    scaled = older_names({"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}})
    assert scaled["rope_scaling"] == {"rope_type": "yarn", "factor": 4.0}
    assert older_names({"rope_theta": 5.0, "rope_parameters": {"rope_theta": 6.0}})["rope_theta"] == 5.0


def test_the_readable_copy_links_all_but_the_config(tmp_path: Path) -> None:
    source = checkpoint_folder(tmp_path / "model", NEW)
    copy = readable_copy(source, tmp_path / "scratch" / "source")
    assert json.loads((copy / "config.json").read_text())["rope_theta"] == 1e8
    assert (copy / "model.safetensors").resolve() == source / "model.safetensors"
    assert json.loads((source / "config.json").read_text()) == NEW


def test_the_finished_checkpoint_keeps_the_sources_tokenizer_and_config(tmp_path: Path) -> None:
    source = checkpoint_folder(tmp_path / "model", NEW)
    (source / "README.md").write_text("about the original")
    made = checkpoint_folder(tmp_path / "made", {"model_type": "other", "quantization_config": {"quant_method": "awq"}})
    (made / "tokenizer.json").write_text("rewritten by a library")
    (made / "recipe.yaml").write_text("of a tool")
    finish(source, made)
    assert json.loads((made / "config.json").read_text()) == {**NEW, "quantization_config": {"quant_method": "awq"}}
    assert (made / "tokenizer.json").read_text() == "{}"
    assert (made / "chat_template.jinja").exists()
    assert not (made / "README.md").exists()
    assert not (made / "recipe.yaml").exists()
    assert weight_bytes(made) == 64


def test_what_stays_in_sixteen_bits_is_counted(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "embed.weight": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]},
        "layer.weight_packed": {"dtype": "I32", "shape": [2], "data_offsets": [8, 16]},
        "layer.weight_scale": {"dtype": "BF16", "shape": [2], "data_offsets": [16, 20]},
        "eight.weight": {"dtype": "I8", "shape": [4], "data_offsets": [20, 24]},
    }
    text = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 24)
    assert unquantized_bytes(tmp_path) == 8
