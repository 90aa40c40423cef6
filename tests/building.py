"""Makes what tests are about: requests, rungs, checkpoint folders, the fake engine's environment. Starts nothing."""

from __future__ import annotations

import json
import os
import shlex
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.analysis.compare import RungData
from app.engine.builtin import BUILTIN, BUILTIN_TOOLS, STARTER
from app.prompts.prompt_set import PromptSet
from app.replay.record import RequestRecord
from optimizers.prompt import Message, Prompt
from tests.fakes.engine_settings import PREFIX
from tests.fakes.launch import ENGINE_COMMAND, ROOT, engine_environment

MS = 1_000_000
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "max_position_embeddings": 2048,
}

CLASSIFIER = {"architectures": ["XLMRobertaForTokenClassification"], "model_type": "xlm-roberta", "vocab_size": 64}


def checkpoint_folder(folder: Path, config: Mapping[str, Any] = LLAMA, chat_template: bool = True) -> Path:
    """What passes for a checkpoint of that configuration, the built-in ones included; its weights hold no tensor."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 56) + b"{}".ljust(56))
    if chat_template:
        (folder / "chat_template.jinja").write_text("{{ messages }}")
    return folder


def starter_folders(models: Path) -> Path:
    """The built-in models as a whole clone has them, without anything learnt; the folder of `starter`."""
    for folder in BUILTIN.values():
        checkpoint_folder(models / folder)
    for folder in BUILTIN_TOOLS.values():
        checkpoint_folder(models / folder, CLASSIFIER, chat_template=False)
    return models / BUILTIN[STARTER]


def use_processor(patch: pytest.MonkeyPatch, *features: str) -> None:
    """This machine's processor has these features from now on, or those that most have."""
    patch.setattr("app.engine.hardware._cpu_features", lambda: features or ("avx2", "avx512f"))


def use_fake_engine(patch: pytest.MonkeyPatch, **behaviour: object) -> None:
    """Engines that are launched from now on are fakes of this behaviour, as in `fault="stall"`."""
    patch.setenv("RUNG_ENGINE_COMMAND", shlex.join(ENGINE_COMMAND))
    # Engines start in the log folder, from where the fake one would not be found.
    patch.setenv("PYTHONPATH", str(ROOT))
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        patch.delenv(name)
    for name, value in engine_environment(**behaviour).items():
        patch.setenv(name, value)


def record(
    position: int = 0,
    *,
    due_ms: float = 0.0,
    ttft_ms: float = 100.0,
    tpot_ms: float = 10.0,
    tokens: int = 11,
    prompt_tokens: int | None = 50,
    cached_tokens: int | None = None,
    send_delay_ms: float = 0.0,
    text: str = "answer",
    error: str | None = None,
    client_prompt_tokens: int | None = None,
) -> RequestRecord:
    """A request whose tokens come one by one; it ends with its last token."""
    due, first = due_ms * MS, (due_ms + ttft_ms) * MS
    times = tuple(int(first + at * tpot_ms * MS) for at in range(tokens))
    return RequestRecord(
        position=position,
        scheduled_ns=int(due),
        sent_ns=int(due + send_delay_ms * MS),
        first_byte_ns=int(first),
        first_token_ns=times[0] if times and error is None else None,
        last_token_ns=times[-1] if times and error is None else None,
        end_ns=times[-1] if times else int(first),
        status=200,
        text=text if error is None else "",
        reasoning="",
        finish_reason="stop" if error is None else None,
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        completion_tokens=tokens if error is None else None,
        token_ns=times if error is None else (),
        error=error,
        client_prompt_tokens=client_prompt_tokens,
    )


def rung(*repeats: Iterable[RequestRecord], prompt_set: str = "set", hardware: str = "machine") -> RungData:
    """Each repeat in one segment."""
    return RungData(tuple(tuple((0, r) for r in repeat) for repeat in repeats), prompt_set, hardware)


def one_by_one(latencies_ms: Sequence[float]) -> list[RequestRecord]:
    """Requests that follow one another; the first token comes halfway through each."""
    due = 0.0
    made = []
    for position, latency in enumerate(latencies_ms):
        step = latency / 2 / 10
        made.append(record(position, due_ms=due, ttft_ms=latency / 2, tpot_ms=step))
        due += latency
    return made


def chat_prompts(count: int, shared_words: int = 40, expected: str | None = None) -> PromptSet:
    """Chat prompts with the same system text of `shared_words` words and a question of their own."""
    system = Message("system", " ".join(f"rule{at}" for at in range(shared_words)))
    prompts = (
        Prompt(f"p{at}", (system, Message("user", f"question number {at} please")), expected=expected)
        for at in range(count)
    )
    return PromptSet("tests", tuple(prompts))
