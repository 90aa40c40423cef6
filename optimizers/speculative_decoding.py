"""Speculative decoding: a cheap proposer drafts tokens and the model verifies them in one pass.

Covers proposals by n-gram look-up in the prompt, by a draft model, by EAGLE heads, and by the MTP layers that some
models bring. Does not cover Medusa heads, suffix trees and drafts with another vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from optimizers.draft_heads import expects_hidden_size, is_eagle3, is_head, mtp_layers, text_config
from optimizers.errors import InputError
from optimizers.technique import (
    Beside,
    Evidence,
    ModelFacts,
    Observation,
    Setting,
    Surroundings,
    Technique,
    Value,
    no_metrics,
)  # fmt: skip

PREFIX = "vllm:spec_decode_num_"
DRAFTS, DRAFTED, ACCEPTED = f"{PREFIX}drafts_total", f"{PREFIX}draft_tokens_total", f"{PREFIX}accepted_tokens_total"
PER_POSITION = f"{PREFIX}accepted_tokens_per_pos_total"
NGRAM = ("method", "ngram")
HEADS = ("eagle", "eagle3")
NAMING = ("draft_model", *HEADS)
"""Methods whose proposer is a checkpoint of its own, which `draft_model` names."""
WITH_HIDDEN_STATES = (*HEADS, "mtp")
"""Methods that draft from the model's hidden states, for which vLLM computes the last cached block anew."""
MANY = 16
"""Requests at once from which a step has work enough without drafts, and wrong ones cost more than they save."""


class SpeculativeDecoding(Technique):
    key = "speculative_decoding"
    title = "Speculative decoding"
    attacks = "cost per token"
    summary = "Drafts several tokens cheaply and lets the model accept or refuse them in one pass."
    claim = "2-3x throughput for identical output"
    off_means = "one token per sequence and step"
    changes_engine = True
    claims_identical_output = True
    settings = (
        Setting(
            "method",
            "choice",
            "ngram",
            "ngram looks the last words up in the prompt and proposes what followed them there; draft_model asks a "
            "smaller model; eagle and eagle3 ask a head made for this model; mtp asks the model's own extra layers.",
            choices=("ngram", "draft_model", *HEADS, "mtp"),
        ),
        Setting("num_speculative_tokens", "int", 4, "Tokens drafted per step.", minimum=1, maximum=32),
        Setting("prompt_lookup_min", "int", 2, "ngram: shortest match.", 1, 32, unit="tokens", only_with=NGRAM),
        Setting("prompt_lookup_max", "int", 4, "ngram: longest match.", 1, 32, unit="tokens", only_with=NGRAM),
        Setting(
            "draft_model",
            "model",
            None,
            "draft_model: the small model; eagle, eagle3: the head. A name, folder or hub id.",
            only_with=("method", NAMING),
        ),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        low, high = checked["prompt_lookup_min"], checked["prompt_lookup_max"]
        if isinstance(low, int) and isinstance(high, int) and low > high:
            raise InputError(f"{self.key}.prompt_lookup_min is {low}, above prompt_lookup_max {high}")
        if checked["method"] in NAMING and not checked["draft_model"]:
            what = "EAGLE head" if checked["method"] in HEADS else "draft model"
            raise InputError(f"{self.key}.draft_model is empty; name the {what}, its folder or its hub id")
        return checked

    def unusable(self, settings: Mapping[str, Value], surroundings: Surroundings) -> str | None:
        reason = super().unusable(settings, surroundings)
        if reason or settings["method"] != "mtp" or not surroundings.model_config:
            return reason
        layers, asked = mtp_layers(surroundings.model_config), settings["num_speculative_tokens"]
        if not layers:
            return "the model has no MTP layers to draft with; choose another method, as ngram, which needs none"
        if isinstance(asked, int) and asked > layers and asked % layers:
            return f"num_speculative_tokens is {asked}, but must be a multiple of the model's {layers} MTP layers"
        return None

    def refuse(self, settings: Mapping[str, Value], served: ModelFacts, named: Mapping[str, ModelFacts]) -> str | None:
        """The two exchange tokens as numbers: a draft that numbers them otherwise proposes nonsense, if it starts."""
        draft = named.get("draft_model")
        if draft is None:
            return None
        if settings["method"] in HEADS:
            return _refuse_head(str(settings["method"]), served, draft)
        needed = "a draft model needs the served model's own tokenizer"
        if served.vocab_size and draft.vocab_size and served.vocab_size != draft.vocab_size:
            return (
                f"{draft.name} has a vocabulary of {draft.vocab_size:,} tokens, {served.name} one of "
                f"{served.vocab_size:,}; {needed}"
            )
        if served.vocabulary and draft.vocabulary and served.vocabulary != draft.vocabulary:
            unlike = len({*served.vocabulary.items()} ^ {*draft.vocabulary.items()})
            return f"the tokenizers of {draft.name} and {served.name} differ in {unlike:,} entries; {needed}"
        return None

    def variant(self, settings: Mapping[str, Value]) -> str:
        drafter = self._drafter(settings)
        if settings["method"] == "mtp":
            return "with the model's own MTP layers"
        what = "head" if settings["method"] in HEADS else "draft model"
        return f"with the {what} {drafter}" if drafter else ""

    def _drafter(self, settings: Mapping[str, Value]) -> str | None:
        """The draft model as people speak of it: a folder by its last part."""
        name = self.named_models(settings).get("draft_model")
        return PurePath(name).name if name and PurePath(name).is_absolute() else name

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        if settings is None:
            return {}
        config: dict[str, Value] = {"method": settings["method"]}
        if settings["method"] == "ngram":
            config |= {name: settings[name] for name in ("prompt_lookup_min", "prompt_lookup_max")}
        elif settings["method"] in NAMING:
            config["model"] = settings["draft_model"]
        config["num_speculative_tokens"] = settings["num_speculative_tokens"]
        return {"--speculative-config": json.dumps(config, sort_keys=True)}

    def recomputed_blocks(self, settings: Mapping[str, Value]) -> int:
        return 1 if settings["method"] in WITH_HIDDEN_STATES else 0

    def cautions(self, settings: Mapping[str, Value], beside: Beside) -> Sequence[str]:
        found = []
        if beside.temperature > 0:
            found.append(
                f"at temperature {beside.temperature:g} speculative decoding keeps the distribution of answers, not "
                "each answer: they will differ from those of the rung before"
            )
        quantized = "quantization" in beside.settings or (
            beside.served is not None and "quantization_config" in beside.served.config
        )
        if quantized and settings["method"] != "ngram":
            found.append("the model is quantized and its drafter is not, so fewer drafts may be accepted")
        if beside.concurrency is not None and beside.concurrency >= MANY:
            found.append(
                f"with {beside.concurrency:,} requests at once the engine's steps are full without drafts, and "
                "speculative decoding may cost more than it saves"
            )
        return found

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        if seen.delta is None:
            return no_metrics(self.key)
        drafts, drafted, accepted = (seen.delta.get(name, 0.0) for name in (DRAFTS, DRAFTED, ACCEPTED))
        if drafted <= 0:
            why = ": nothing in the prompts matched" if settings["method"] == "ngram" else ""
            return Evidence(self.key, False, f"the engine drafted no token{why}")
        rate, length = accepted / drafted, 1 + accepted / max(drafts, 1)
        figures = {"drafts": drafts, "drafted": drafted, "accepted": accepted}
        figures |= {"acceptance_rate": rate, "acceptance_length": length}
        positions = _accepted_by_position(seen.delta)
        figures |= {f"accepted_at_{position}": value for position, value in positions.items()}
        drafter = "the model's MTP layers" if settings["method"] == "mtp" else self._drafter(settings)
        tokens = f"tokens drafted by {drafter}" if drafter else "drafted tokens"
        detail = (
            f"{accepted:,.0f} of {drafted:,.0f} {tokens} were accepted ({rate:.1%}); "
            f"{length:.2f} tokens per verified step"
        )
        if positions and drafts:
            shares = ", ".join(f"{value / drafts:.0%}" for value in positions.values())
            detail += f"; by position: {shares}"
        return Evidence(self.key, True, detail, figures)


def _accepted_by_position(delta: Mapping[str, float]) -> dict[int, float]:
    """Accepted tokens by their place in the draft, from 0, in order."""
    found = {
        int(sample.partition('position="')[2].partition('"')[0]): value
        for sample, value in delta.items()
        if sample.startswith(PER_POSITION) and 'position="' in sample
    }
    return dict(sorted(found.items()))


def _refuse_head(method: str, served: ModelFacts, head: ModelFacts) -> str | None:
    """A head reads the model's hidden states, so it fits the model that it was made for and no other."""
    if not is_head(head.config):
        layers = text_config(head.config).get("num_hidden_layers")
        return (
            f"{head.name} is a model of {layers} layers and no EAGLE head; name a head made for {served.name}, or use "
            "method draft_model"
        )
    third = is_eagle3(head.config)
    if third is not None and third != (method == "eagle3"):
        return f"{head.name} is an {'EAGLE-3' if third else 'EAGLE'} head; use method {'eagle3' if third else 'eagle'}"
    wanted, has = expects_hidden_size(head.config), text_config(served.config).get("hidden_size")
    if wanted and has and wanted != has:
        return (
            f"{head.name} was made for a hidden size of {wanted:,}, {served.name} has {has:,}; "
            f"name a head made for {served.name}"
        )
    return None
