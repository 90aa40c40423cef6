"""What a technique is: its typed settings, what it changes, and what proves that it took effect.

A technique may change four things and nothing else: engine launch flags, the checkpoint that is served, the
prompts that are sent, and the schedule they are sent on. This module does not know any technique by name.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from optimizers.checkpoint_order import CheckpointOrder
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.transform import Changed, PromptFigures, Tools

Value = int | float | bool | str | None
Attack = Literal["tokens sent", "cost per token", "recomputation"]


@dataclass(frozen=True)
class Setting:
    """One typed knob. Forms and command-line flags are generated from it.

    A `default` of None means "leave it to the engine". The kind "model" is text that names a model as people do: a
    saved name, a folder or a hub id. `only_with` is the other setting, and its value or values, without which this one
    is idle.
    """

    name: str
    kind: Literal["int", "float", "bool", "choice", "text", "model"]
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    only_with: tuple[str, Value | tuple[Value, ...]] | None = None

    def is_idle(self, settings: Mapping[str, Value]) -> bool:
        """Whether this setting changes nothing beside the technique's others."""
        if self.only_with is None:
            return False
        name, wanted = self.only_with
        return settings[name] not in (wanted if isinstance(wanted, tuple) else (wanted,))

    def read(self, text: str) -> Any:
        """The value that `text` stands for on a command line, still to be checked; no text stands for None."""
        if not text and self.default is None:
            return None
        if self.kind == "bool":
            return {"true": True, "false": False}.get(text.lower(), text)
        if self.kind not in ("int", "float"):
            return text
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
        return text

    def check(self, value: Any, technique: str) -> Value:
        """Return `value` in this setting's type, or raise InputError saying what is allowed."""
        where = f"{technique}.{self.name}"
        if value is None:
            if self.default is None:
                return None
            raise InputError(f"{where} needs a value ({self._allowed()})")
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise InputError(f"{where} is {value!r}, but must be true or false")
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
            raise InputError(f"{where} is {value!r}, but must be one of: {', '.join(self.choices)}")
        if self.kind in ("text", "model"):
            if isinstance(value, str):
                return value
            raise InputError(f"{where} is {value!r}, but must be text")
        return self._number(value, where)

    def _number(self, value: Any, where: str) -> int | float:
        finite = isinstance(value, int | float) and abs(value) <= sys.float_info.max
        if isinstance(value, bool) or not finite:
            raise InputError(f"{where} is {value!r}, but must be a number ({self._allowed()})")
        if self.kind == "int" and value != int(value):
            raise InputError(f"{where} is {value!r}, but must be a whole number ({self._allowed()})")
        too_low = self.minimum is not None and value < self.minimum
        too_high = self.maximum is not None and value > self.maximum
        if too_low or too_high:
            raise InputError(f"{where} is {value}, outside what is allowed ({self._allowed()})")
        return int(value) if self.kind == "int" else float(value)

    def _allowed(self) -> str:
        low = "" if self.minimum is None else f"at least {self.minimum:g}"
        high = "" if self.maximum is None else f"at most {self.maximum:g}"
        return ", ".join(part for part in (low, high) if part) or self.kind


@dataclass(frozen=True)
class Surroundings:
    """What a technique may ask about before it says whether it can be used here.

    `device` is "cpu" or "cuda". `launches_engine` is False when Rung is attached to a running endpoint, whose
    launch flags it cannot change. `model_config` is the checkpoint's config.json, empty when unknown. `cpu_features`
    are the processor's instruction sets that engines care about, under the operating system's names.
    """

    device: Literal["cpu", "cuda"] = "cpu"
    launches_engine: bool = True
    model_config: Mapping[str, Any] = field(default_factory=dict)
    cpu_features: tuple[str, ...] = ()

    @property
    def computes_in_32_bits(self) -> bool:
        """Whether numbers of 16 bits cost more there than those of 32: a processor with AVX2 that lacks AVX-512."""
        return self.device == "cpu" and "avx2" in self.cpu_features and "avx512f" not in self.cpu_features


@dataclass(frozen=True)
class ModelFacts:
    """What a technique may know of a model: the served one, or one that its settings name.

    `vocabulary` maps tokens to their numbers; it and `vocab_size` are None where the checkpoint does not tell.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    vocab_size: int | None = None
    vocabulary: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Observation:
    """What was seen of the engine during one run, for `Technique.evidence`.

    `delta` maps a Prometheus sample (name with labels other than engine and model) to its growth over the run;
    None stands for "the engine shows no metrics". `running` is the engine's batch size sampled during the run;
    `peak_in_flight` is the most requests the client had open at once; `seconds` is the length of the run. `prompts` is
    what the technique itself did to the prompts, None where it did nothing to them. `engine_log` has those lines of the
    engine's log that tell what it loaded and with which kernels; `checkpoint` has the figures of the checkpoint that
    was served, where it is another one than the model's own. `prediction` is what the prompts alone let expect of a
    prefix cache (`app/analysis/prediction.py` names its figures), None where their tokens are not known.
    """

    delta: Mapping[str, float] | None
    running: Sequence[float] = ()
    peak_in_flight: int = 0
    seconds: float = 0.0
    prompts: PromptFigures | None = None
    engine_log: Sequence[str] = ()
    checkpoint: Mapping[str, float] = field(default_factory=dict)
    prediction: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Beside:
    """What a technique finds itself beside in an experiment, for `Technique.cautions`. None stands for "not known".

    `settings` has those of the recipe's other techniques by key. The hit rates are what the prompts let expect of a
    prefix cache, as they are saved and as they are sent.
    """

    settings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    temperature: float = 0.0
    concurrency: int | None = None
    saved_hit_rate: float | None = None
    sent_hit_rate: float | None = None
    kv_cache_tokens: int | None = None
    max_model_len: int | None = None
    served: ModelFacts | None = None


@dataclass(frozen=True)
class Evidence:
    """What proves that a technique took effect. `took_effect` is None when nothing could be observed."""

    technique: str
    took_effect: bool | None
    detail: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduleChange:
    """How a technique alters the sending of requests. `batched` False asks for no overlap of requests
    beyond what the load profile's unbatched form allows."""

    batched: bool | None = None


class Technique(ABC):
    """Base of every technique; subclasses override what they change. Instances hold no state."""

    key: ClassVar[str]
    title: ClassVar[str]
    attacks: ClassVar[Attack]
    summary: ClassVar[str]
    claim: ClassVar[str]
    """What the article says of it, in its own figures."""
    off_means: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]] = ()
    conflicts: ClassVar[Mapping[str, str]] = {}
    """Other technique's key -> why the two cannot be used together."""
    changes_engine: ClassVar[bool] = False
    claims_identical_output: ClassVar[bool] = False
    """Whether it promises the answers that the model gives without it; the ladder checks and shows the rate."""
    prompt_order: ClassVar[int | None] = None
    """Its place among the techniques that change prompts (optimizers/transform.py); None where it changes none."""
    asks_the_model: ClassVar[bool] = False
    """Whether changing prompts takes answers of the served model, so that it has to wait for the engine."""

    def unavailable(self, surroundings: Surroundings) -> str | None:
        """The reason this technique cannot be used there, or None."""
        if self.changes_engine and not surroundings.launches_engine:
            return "it is a launch flag, and the engine was started by someone else"
        return None

    def barred(self, surroundings: Surroundings) -> Mapping[tuple[str, str], str]:
        """(setting, choice) -> why it cannot be used there, for choices that the hardware or its engine lacks."""
        return {}

    def unusable(self, settings: Mapping[str, Value], surroundings: Surroundings) -> str | None:
        """The reason this technique cannot be used there as it is set, or None."""
        barred = self.barred(surroundings).items()
        reasons = (f"{name}={choice}: {reason}" for (name, choice), reason in barred if settings[name] == choice)
        return self.unavailable(surroundings) or next(reasons, None)

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        """Settings with defaults filled in; raises InputError for an unknown name or an illegal value."""
        known = {setting.name: setting for setting in self.settings}
        for name in settings:
            if name not in known:
                names = ", ".join(known) or "none"
                raise InputError(f"{self.key} has no setting {name!r}; it has: {names}")
        given = {name: settings.get(name, setting.default) for name, setting in known.items()}
        return {name: known[name].check(value, self.key) for name, value in given.items()}

    def named_models(self, settings: Mapping[str, Value]) -> dict[str, str]:
        """Setting -> the model that it names, without settings that are idle beside the others."""
        return {
            setting.name: str(settings[setting.name])
            for setting in self.settings
            if setting.kind == "model" and settings[setting.name] and not setting.is_idle(settings)
        }

    def refuse(self, settings: Mapping[str, Value], served: ModelFacts, named: Mapping[str, ModelFacts]) -> str | None:
        """Why these settings cannot be used on the served model, or None. `named` has the models that they name, each
        by its setting."""
        return None

    def checkpoint_order(self, settings: Mapping[str, Value]) -> CheckpointOrder | None:
        """The checkpoint to make from the served one, and to serve in its place; None to serve it as it is."""
        return None

    def serves(self, settings: Mapping[str, Value]) -> str | None:
        """The setting whose model is served in place of the run's own, under its name; None for none."""
        return None

    def cautions(self, settings: Mapping[str, Value], beside: Beside) -> Sequence[str]:
        """What a person should know before measuring these settings beside the others: one sentence each."""
        return ()

    def variant(self, settings: Mapping[str, Value]) -> str:
        """What a plan says of these settings, as in "with the draft model small"; empty when there is no need."""
        return ""

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        """vLLM flags with this technique on, or, when `settings` is None, off. A None value is a bare flag."""
        return {}

    def recomputed_blocks(self, settings: Mapping[str, Value]) -> int:
        """Cached blocks at the end of a shared prefix that the engine computes anew because of these settings."""
        return 0

    def schedule(self, settings: Mapping[str, Value] | None) -> ScheduleChange:
        """How requests are sent with this technique on, or, when `settings` is None, off."""
        return ScheduleChange()

    def idle_on(self, settings: Mapping[str, Value], prompts: Sequence[Prompt]) -> str | None:
        """Why there is nothing to do for it on these prompts, or None."""
        return None

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        """The prompts as they are to be sent, one for each, in order. Asked where it has a `prompt_order`.

        What a prompt becomes may depend on nothing but that prompt, the settings and the models: results are kept by
        their content, and used again. Raises InputError for a prompt that it cannot work on, naming it.
        """
        raise NotImplementedError(f"{self.key} has a place in the order of prompt techniques but changes no prompt")

    @abstractmethod
    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        """What in `seen` proves that the technique took effect."""


def no_metrics(technique: str) -> Evidence:
    """Evidence when the engine shows no metrics at all."""
    return Evidence(technique, None, "the endpoint shows no engine metrics, so nothing proves or disproves it")
