"""Speculative decoding: a cheap proposer drafts tokens and the model verifies them in one pass.

Covers proposals by n-gram look-up in the prompt and by a draft model. Does not cover EAGLE and MTP heads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from optimizers.errors import InputError
from optimizers.technique import Evidence, ModelFacts, Observation, Setting, Technique, Value, no_metrics

PREFIX = "vllm:spec_decode_num_"
DRAFTS, DRAFTED, ACCEPTED = f"{PREFIX}drafts_total", f"{PREFIX}draft_tokens_total", f"{PREFIX}accepted_tokens_total"
PER_POSITION = f"{PREFIX}accepted_tokens_per_pos_total"
NGRAM, DRAFT = ("method", "ngram"), ("method", "draft_model")


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
            "ngram looks the last words up in the prompt and proposes what followed them there; draft_model "
            "asks a smaller model.",
            choices=("ngram", "draft_model"),
        ),
        Setting("num_speculative_tokens", "int", 4, "Tokens drafted per step.", minimum=1, maximum=32),
        Setting("prompt_lookup_min", "int", 2, "ngram: shortest match.", 1, 32, unit="tokens", only_with=NGRAM),
        Setting("prompt_lookup_max", "int", 4, "ngram: longest match.", 1, 32, unit="tokens", only_with=NGRAM),
        Setting(
            "draft_model",
            "model",
            None,
            "draft_model: the small model: a name, folder or hub id.",
            only_with=DRAFT,
        ),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        low, high = checked["prompt_lookup_min"], checked["prompt_lookup_max"]
        if isinstance(low, int) and isinstance(high, int) and low > high:
            raise InputError(f"{self.key}.prompt_lookup_min is {low}, above prompt_lookup_max {high}")
        if checked["method"] == "draft_model" and not checked["draft_model"]:
            raise InputError(f"{self.key}.draft_model is empty; name the draft model, its folder or its hub id")
        return checked

    def refuse(self, settings: Mapping[str, Value], served: ModelFacts, named: Mapping[str, ModelFacts]) -> str | None:
        """The two exchange tokens as numbers: a draft that numbers them otherwise proposes nonsense, if it starts."""
        draft = named.get("draft_model")
        if draft is None:
            return None
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
        return f"with the draft model {drafter}" if drafter else ""

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
        else:
            config["model"] = settings["draft_model"]
        config["num_speculative_tokens"] = settings["num_speculative_tokens"]
        return {"--speculative-config": json.dumps(config, sort_keys=True)}

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        if seen.delta is None:
            return no_metrics(self.key)
        drafts, drafted, accepted = (seen.delta.get(name, 0.0) for name in (DRAFTS, DRAFTED, ACCEPTED))
        if drafted <= 0:
            why = "" if self._drafter(settings) else ": nothing in the prompts matched"
            return Evidence(self.key, False, f"the engine drafted no token{why}")
        rate, length = accepted / drafted, 1 + accepted / max(drafts, 1)
        figures = {"drafts": drafts, "drafted": drafted, "accepted": accepted}
        figures |= {"acceptance_rate": rate, "acceptance_length": length}
        for sample, value in sorted(seen.delta.items()):
            if sample.startswith(PER_POSITION):
                position = sample.partition('position="')[2].partition('"')[0]
                figures[f"accepted_at_{position}"] = value
        drafter = self._drafter(settings)
        tokens = f"tokens drafted by {drafter}" if drafter else "drafted tokens"
        detail = (
            f"{accepted:,.0f} of {drafted:,.0f} {tokens} were accepted ({rate:.1%}); "
            f"{length:.2f} tokens per verified step"
        )
        return Evidence(self.key, True, detail, figures)
