"""Speculative decoding: a cheap proposer drafts tokens and the model verifies them in one pass.

Covers proposals by n-gram look-up in the prompt and by a draft model. Does not cover EAGLE and MTP heads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optimizers.errors import InputError
from optimizers.technique import Evidence, Observation, Setting, Technique, Value, no_metrics

PREFIX = "vllm:spec_decode_num_"
DRAFTS, DRAFTED, ACCEPTED = f"{PREFIX}drafts_total", f"{PREFIX}draft_tokens_total", f"{PREFIX}accepted_tokens_total"
PER_POSITION = f"{PREFIX}accepted_tokens_per_pos_total"


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
        Setting("prompt_lookup_min", "int", 2, "ngram: shortest match.", minimum=1, maximum=32, unit="tokens"),
        Setting("prompt_lookup_max", "int", 4, "ngram: longest match.", minimum=1, maximum=32, unit="tokens"),
        Setting("draft_model", "text", None, "draft_model: folder or hub id of the small model."),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        low, high = checked["prompt_lookup_min"], checked["prompt_lookup_max"]
        if isinstance(low, int) and isinstance(high, int) and low > high:
            raise InputError(f"{self.key}.prompt_lookup_min is {low}, above prompt_lookup_max {high}")
        if checked["method"] == "draft_model" and not checked["draft_model"]:
            raise InputError(f"{self.key}.draft_model is empty; name the draft model's folder or hub id")
        return checked

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
            return Evidence(self.key, False, "the engine drafted no token: nothing in the prompts matched")
        rate, length = accepted / drafted, 1 + accepted / max(drafts, 1)
        figures = {"drafts": drafts, "drafted": drafted, "accepted": accepted}
        figures |= {"acceptance_rate": rate, "acceptance_length": length}
        for sample, value in sorted(seen.delta.items()):
            if sample.startswith(PER_POSITION):
                position = sample.partition('position="')[2].partition('"')[0]
                figures[f"accepted_at_{position}"] = value
        detail = (
            f"{accepted:,.0f} of {drafted:,.0f} drafted tokens were accepted ({rate:.1%}); "
            f"{length:.2f} tokens per verified step"
        )
        return Evidence(self.key, True, detail, figures)
