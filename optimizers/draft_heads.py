"""What a config.json says about drafting heads: whether a checkpoint is one, and whether a model has its own.

Names and rules follow vllm/config/speculative.py and vllm/transformers_utils/configs/eagle.py of vLLM 0.32. Reads
configurations only: whether the weights fit is for the engine to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEAD_NAMES = ("eagle", "medusa", "mtp", "dflash", "dspark")
SPECULATOR_FIELDS = ("speculators_model_type", "speculators_config", "draft_vocab_size")
MTP_FIELDS = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
MTP_UNSAID = frozenset({"longcat_flash", "step3p5", "step3p7", "dots3_note", "mimo_v2", "mimo_v2_flash"})
"""Model types that vLLM gives one MTP layer where their config names no number."""


def is_head(config: Mapping[str, Any]) -> bool:
    """Whether this is a drafting head rather than a model that answers by itself.

    EAGLE's first heads carry the architecture of the model that they were made for; they are told by their one layer.
    """
    names = [str(name).lower() for name in (*(config.get("architectures") or ()), config.get("model_type", ""))]
    named = any(head in name for name in names for head in HEAD_NAMES)
    return named or any(config.get(field) for field in SPECULATOR_FIELDS) or _layers(config) == 1


def is_eagle3(config: Mapping[str, Any]) -> bool | None:
    """Whether a head is of EAGLE's third kind; None where its config does not tell."""
    names = " ".join([*map(str, config.get("architectures") or ()), str(config.get("speculators_model_type", ""))])
    if "eagle3" in names.lower() or config.get("draft_vocab_size"):
        return True
    return False if "eagle" in names.lower() else None


def expects_hidden_size(config: Mapping[str, Any]) -> int | None:
    """The hidden size of the model that a head was made for."""
    for field in ("target_hidden_size", "hidden_size"):
        if isinstance(config.get(field), int):
            return int(config[field])
    return None


def mtp_layers(config: Mapping[str, Any]) -> int:
    """Layers of the model itself that predict further tokens; 0 where it has none."""
    places = [config, *(config[key] for key in ("text_config", "mtp_config") if isinstance(config.get(key), Mapping))]
    for place in places:
        for field in MTP_FIELDS:
            value = place.get(field)
            if isinstance(value, int) and value > 0:
                return value
    return 1 if str(config.get("model_type")) in MTP_UNSAID else 0


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part that describes the language model, in checkpoints that also see or hear."""
    nested = config.get("text_config")
    return nested if isinstance(nested, Mapping) else config


def _layers(config: Mapping[str, Any]) -> Any:
    return text_config(config).get("num_hidden_layers")
