"""Cautions with what is known of the model, the engine that would be planned for it, and the load."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from app.engine.checkpoint import read_checkpoint
from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB
from app.engine.plan import EngineOptions
from app.experiment.cautions import cautions_of
from app.experiment.sent_prompts import sent_by
from app.experiment.spec import ExperimentSpec, Rung, ladder_rungs
from app.prompts.prompt_set import PromptSet
from app.replay.body import Sampling
from app.replay.load import LoadProfile
from optimizers.prompt import Document, Message, Prompt
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store
from tests.app.prompts.test_encoding import make_tokenizer
from tests.building import checkpoint_folder

CPU = Hardware("cpu", 2, 8 * GIB)
UNIQUE = PromptSet("s", (Prompt("a", text="one"), Prompt("b", text="two")))


def spec(*uses: tuple[str, dict[str, object]], concurrency: int = 4, temperature: float = 0.0) -> ExperimentSpec:
    recipe = Recipe.of(uses)
    return ExperimentSpec(
        "ladder", 1, (Rung("a", recipe), Rung("b", recipe)), model="m",
        load=LoadProfile("closed_loop", concurrency), sampling=Sampling(temperature=temperature),
    )  # fmt: skip


def test_each_sentence_once_for_the_whole_experiment(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(checkpoint_folder(tmp_path / "m"))
    tight = replace(spec(("continuous_batching", {"max_num_seqs": 64})), engine=EngineOptions(kv_cache_gib=0.001))
    (said,) = cautions_of(tight, checkpoint, CPU)
    # 0.001 GiB at 256 bytes a token are 32 blocks of 128, one of which is held back.
    assert "the KV cache holds 3,968 tokens, enough for 1 sequence of the full 2,048" in said


def test_prompts_that_share_nothing_are_told(tmp_path: Path) -> None:
    folder = checkpoint_folder(tmp_path / "m")
    caching = spec(("prefix_caching", {}))
    assert cautions_of(caching, read_checkpoint(folder), CPU, UNIQUE) == ()
    make_tokenizer(folder)
    (said,) = cautions_of(caching, read_checkpoint(folder), CPU, UNIQUE)
    assert said.startswith("prefix_caching: the prompts share no beginning of a whole block")


DOCUMENTS = tuple(Document(f"d{at}", f"{word} " * 200) for at, word in enumerate(("one", "two", "three")))


def test_prompts_are_changed_to_foretell_the_prefix_cache(tmp_path: Path) -> None:
    folder = make_tokenizer(checkpoint_folder(tmp_path / "m"))
    asked = tuple(
        Prompt(f"p{at}", (Message("user", f"{{{{documents}}}} Where is the {word}?"),), documents=DOCUMENTS)
        for at, word in enumerate(("one", "two", "three"))
    )
    checkpoint = read_checkpoint(folder)
    store, settings = Store.open(f"sqlite:///{tmp_path / 'rung.db'}"), Settings(tmp_path, "")
    both = spec(("prefix_caching", {}), ("context_selection", {"top_k": 1}))
    sent = sent_by(store, settings, both, checkpoint, CPU, asked)
    prompts = PromptSet("s", asked)
    (before,) = cautions_of(both, checkpoint, CPU, prompts)
    assert "may get shorter" in before
    (said,) = cautions_of(both, checkpoint, CPU, prompts, sent)
    saved, changed = (float(found) for found in re.findall(r"([\d.]+)%", said))
    # All three share three documents as saved; of one document each, only the first was sent before.
    assert saved > 50
    assert changed == 0
    assert [len(prompt.documents) for prompt in sent(both.rungs[0].recipe) or ()] == [1, 1, 1]


def test_only_changed_prompts_in_front_of_a_prefix_cache_are_made(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(checkpoint_folder(tmp_path / "m"))

    def never(recipe: Recipe) -> None:
        raise AssertionError(recipe)

    for key in ("prefix_caching", "context_selection"):
        cautions_of(spec((key, {})), checkpoint, CPU, UNIQUE, never)


def test_at_an_endpoint_only_the_load_is_known() -> None:
    found = cautions_of(spec(("speculative_decoding", {}), concurrency=32, temperature=0.5), None, CPU)
    assert [text.partition(": ")[0] for text in found] == ["speculative_decoding"] * 2


def test_an_open_loop_says_what_to_compare(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(checkpoint_folder(tmp_path / "m"))
    rated = replace(spec(), load=LoadProfile("poisson", rate=2.0))
    assert [said.partition(":")[0] for said in cautions_of(rated, checkpoint, CPU)] == ["load"]


def test_a_plain_ladder_has_none(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(checkpoint_folder(tmp_path / "m"))
    plain = ladder_rungs(("prefix_caching", "continuous_batching", "speculative_decoding"))
    assert cautions_of(replace(spec(), rungs=plain), checkpoint, CPU) == ()
