"""Prompt compression by LLMLingua, LongLLMLingua and LLMLingua-2: words that say little are left out.

Covers what is compressed, what stays, and what that took. The library runs in a process of its own
(optimizers/jobs/lingua_job.py). Does not cover leaving out whole documents or turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.prompt_parts import Parts, parts_of, rebuilt
from optimizers.technique import Evidence, ModelFacts, Observation, Setting, Technique, Value
from optimizers.transform import COMPRESSING, Change, Changed, Tools

LONG, CLASSIFIER = "longllmlingua", "llmlingua2"
TITLES = {CLASSIFIER: "LLMLingua-2", "llmlingua": "LLMLingua", LONG: "LongLLMLingua"}
JOB = "optimizers.jobs.lingua_job"
LOWEST = 0.05
NAME_ONE = "name the model that judges the words, such as starter-classifier for the starter model"
FEWEST_WORDS = 8
"""A text with fewer words is left as it is: a turn such as \"thank you\" has nothing to lose."""
MIB = 2**20


@dataclass(frozen=True)
class _Unit:
    """Texts that are compressed together: one, or the documents of a prompt that are ranked by its question."""

    texts: tuple[str, ...]
    rate: float
    question: str = ""
    rank: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"texts": list(self.texts), "rate": self.rate, "question": self.question, "rank": self.rank}


class PromptCompression(Technique):
    key = "prompt_compression"
    title = "Prompt compression"
    attacks = "tokens sent"
    summary = "Leaves out the words of a prompt that a small model finds foreseeable or needless."
    claim = "0.30x to 0.22x on its ladder"
    off_means = "prompts as they are saved"
    prompt_order = COMPRESSING
    settings = (
        Setting(
            "method",
            "choice",
            CLASSIFIER,
            "llmlingua2 asks a token classifier which words to keep; llmlingua drops the words that a small language "
            "model foresees; longllmlingua does so in the light of the question.",
            choices=(CLASSIFIER, "llmlingua", LONG),
        ),
        Setting("compressor", "model", None, "The model that judges the words: a name, folder or hub id. Needed."),
        Setting("rate", "float", 0.5, "Share of the tokens to keep, of what is not protected.", LOWEST, 1),
        Setting(
            "target_tokens",
            "int",
            None,
            "Tokens to aim at for a whole prompt, protected parts included; wins over the rate. A prompt that has "
            "fewer is left as it is.",
            1,
            unit="tokens",
        ),
        Setting(
            "protect_question",
            "bool",
            True,
            "Leave the question as it is: the last paragraph of the last user message, or all around the documents.",
        ),
        Setting("protect_system", "bool", False, "Leave system messages as they are."),
        Setting("force_tokens", "text", "", "Words to keep wherever they stand, parted by commas."),
        Setting("keep_numbers", "bool", False, "Keep every word that holds a digit."),
        Setting(
            "reorder", "bool", True, "longllmlingua: put the most relevant document first.", only_with=("method", LONG)
        ),
        Setting(
            "spread",
            "float",
            0.3,
            "longllmlingua: how much more the most relevant document keeps than the rate, and the least relevant less.",
            0,
            0.9,
            only_with=("method", LONG),
        ),
        Setting(
            "contrast",
            "bool",
            True,
            "longllmlingua: judge a word by how much likelier the question makes it, as its paper does; off, by its "
            "surprise alone, and the question only ranks documents.",
            only_with=("method", LONG),
        ),
        Setting(
            "scoring",
            "choice",
            "tokens",
            "llmlingua, longllmlingua: tokens judges each token by its own surprise, as the papers do; words judges "
            "whole words by their most surprising token; library leaves llmlingua 0.2.2 as it is, which judges a token "
            "by the next one.",
            choices=("tokens", "words", "library"),
        ),
        Setting(
            "device",
            "choice",
            "auto",
            "Where the compressor runs; auto takes a GPU that has room for it.",
            choices=("auto", "cpu", "cuda"),
        ),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        by_library = checked["scoring"] == "library" and checked["method"] != CLASSIFIER
        if by_library and (checked["keep_numbers"] or _forced(checked)):
            raise InputError(
                f"{self.key}.scoring=library drops forced words and numbers as any others; choose tokens or words, or "
                "leave force_tokens and keep_numbers alone"
            )
        return checked

    def refuse(self, settings: Mapping[str, Value], served: ModelFacts, named: Mapping[str, ModelFacts]) -> str | None:
        compressor = named.get("compressor")
        if compressor is None:
            return f"{self.key}.compressor is empty; {NAME_ONE}"
        kinds = [str(kind) for kind in compressor.config.get("architectures") or ()]
        title = TITLES[str(settings["method"])]
        what = f"{compressor.name} is {', '.join(kinds) or 'of no known kind'}"
        if settings["method"] != CLASSIFIER:
            is_causal = any("ForCausalLM" in kind or "LMHead" in kind for kind in kinds)
            return None if is_causal else f"{title} needs a causal language model; {what}"
        if not any("ForTokenClassification" in kind for kind in kinds):
            return f"{title} needs a token classifier (…ForTokenClassification); {what}"
        tokens = compressor.vocabulary
        if tokens and not any(token.startswith(("##", "▁")) for token in tokens):
            return f"{title} reads tokenizers that mark words with ## or ▁; that of {compressor.name} does neither"
        return None

    def variant(self, settings: Mapping[str, Value]) -> str:
        name = self._compressor(settings)
        return f"by {TITLES[str(settings['method'])]} with {name}" if name else ""

    def _compressor(self, settings: Mapping[str, Value]) -> str:
        """The compressor as people speak of it: a folder by its last part."""
        name = str(settings["compressor"] or "")
        return PurePath(name).name if PurePath(name).is_absolute() else name

    def idle_on(self, settings: Mapping[str, Value], prompts: Sequence[Prompt]) -> str | None:
        if settings["rate"] == 1 and settings["target_tokens"] is None:
            return f"{self.key}.rate is 1, which keeps every word"
        if not any(any(text.strip() for text in self._parts(settings, prompt).free) for prompt in prompts):
            return "all of every prompt is protected"
        return None

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        if not settings["compressor"]:
            raise InputError(f"{self.key}.compressor is empty; {NAME_ONE}")
        parts = [self._parts(settings, prompt) for prompt in prompts]
        rates = await self._rates(settings, parts, tools)
        plans = [
            self._units(settings, prompt, part, rate) for prompt, part, rate in zip(prompts, parts, rates, strict=True)
        ]
        units = list(dict.fromkeys(unit for plan in plans for unit in plan))
        if not units:
            return Changed(tuple(Change(prompt) for prompt in prompts))
        task = {
            "method": settings["method"], "compressor": settings["compressor"], "device": settings["device"],
            "scoring": settings["scoring"], "contrast": settings["contrast"], "spread": settings["spread"],
            "forced": _forced(settings), "numbers": settings["keep_numbers"],
            "units": [unit.to_json() for unit in units],
        }  # fmt: skip
        worked = await tools.work(JOB, task)
        done = await _judged(units, worked.result["units"], tools)
        changes, charged = [], set[_Unit]()
        for prompt, part, plan in zip(prompts, parts, plans, strict=True):
            fresh = [done[unit] for unit in dict.fromkeys(plan) if unit not in charged]
            charged |= set(plan)
            changes.append(self._change(settings, prompt, part, [done[unit] for unit in plan], fresh))
        facts = {
            "peak_memory_bytes": float(worked.peak_memory_bytes),
            "load_seconds": float(worked.result["load_seconds"]),
        }
        if worked.result["gpu_memory_bytes"] is not None:
            facts["gpu_memory_bytes"] = float(worked.result["gpu_memory_bytes"])
        return Changed(tuple(changes), facts)

    def _parts(self, settings: Mapping[str, Value], prompt: Prompt) -> Parts:
        return parts_of(prompt, bool(settings["protect_question"]), bool(settings["protect_system"]))

    async def _rates(self, settings: Mapping[str, Value], parts: Sequence[Parts], tools: Tools) -> list[float]:
        target, rate = settings["target_tokens"], settings["rate"]
        if not isinstance(target, int):
            return [float(rate or 0)] * len(parts)
        texts = list(dict.fromkeys(text for part in parts for text in (*part.free, *part.kept)))
        counts = dict(zip(texts, await tools.count(texts), strict=True))
        found = []
        for part in parts:
            free, kept = (sum(counts[text] for text in texts) for texts in (part.free, part.kept))
            found.append(max(LOWEST, round((target - kept) / free, 2)) if free else 1.0)
        return found

    def _units(self, settings: Mapping[str, Value], prompt: Prompt, parts: Parts, rate: float) -> list[_Unit]:
        if rate >= 1:
            return []
        by_question = settings["method"] == LONG
        if by_question and not parts.question and any(map(_long_enough, parts.free)):
            raise InputError(f"prompt {prompt.id}: longllmlingua needs a question, and this prompt has no user message")
        question = parts.question if by_question else ""
        texts, units = list(parts.free), []
        if by_question and len(parts.documents) > 1 and (settings["reorder"] or settings["spread"]):
            units = [_Unit(parts.documents, rate, question, rank=True)]
            texts = texts[len(parts.documents) :]
        return units + [_Unit((text,), rate, question) for text in texts if _long_enough(text)]

    def _change(
        self,
        settings: Mapping[str, Value],
        prompt: Prompt,
        parts: Parts,
        plan: Sequence[_Compressed],
        fresh: Sequence[_Compressed],
    ) -> Change:
        """`fresh` is the part of the plan that no earlier prompt has paid for."""
        texts = {before: after for compressed in plan for before, after in compressed.pairs}
        ranked = next((compressed.order for compressed in plan if compressed.order), None)
        order = ranked if settings["reorder"] else None
        changed = rebuilt(prompt, parts, lambda text: texts.get(text, text), order)
        if not settings["protect_question"] and _words(parts.question) not in _words(changed.plain_text()):
            raise InputError(
                f"prompt {prompt.id}: the compressor drops words of its question; set {self.key}.protect_question=true"
            )
        figures = {
            "texts": sum(len(compressed.pairs) for compressed in fresh),
            "texts_left": sum(before == after for compressed in fresh for before, after in compressed.pairs),
            "source_tokens": sum(compressed.tokens for compressed in fresh),
        }
        return Change(changed, sum(compressed.seconds for compressed in fresh), figures)

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        found = seen.prompts
        if found is None:
            return Evidence(self.key, None, "no prompt was compressed in this run")
        by = self.variant(settings)
        figures = {
            "tokens_before": float(found.tokens_before),
            "tokens_after": float(found.tokens_after),
            "kept": found.kept,
            "changed": float(found.changed),
            "seconds": found.seconds,
            **found.figures,
        }
        source = found.figures.get("source_tokens", 0.0)
        if source:
            figures["seconds_per_1000_tokens"] = 1000 * found.seconds / source
        took = found.tokens_after < found.tokens_before
        if took:
            said = f"{found.tokens_before:,} prompt tokens became {found.tokens_after:,} ({found.kept:.1%} kept) {by}"
        elif found.tokens_after > found.tokens_before:
            said = f"prompts grew from {found.tokens_before:,} to {found.tokens_after:,} tokens {by}"
        else:
            said = f"all {found.tokens_before:,} prompt tokens were kept {by}"
        return Evidence(self.key, took, "; ".join([said, *_cost(figures), *_left(figures)]), figures)


@dataclass(frozen=True)
class _Compressed:
    """What became of a unit: (text, compressed text) pairs, the documents' order where it ranked them, seconds."""

    pairs: tuple[tuple[str, str], ...]
    order: tuple[int, ...] | None
    seconds: float
    tokens: int


async def _judged(
    units: Sequence[_Unit], results: Sequence[Mapping[str, Any]], tools: Tools
) -> dict[_Unit, _Compressed]:
    """A text that came back empty, or with no fewer tokens, stays as it was."""
    before = [text for unit in units for text in unit.texts]
    after = [text for result in results for text in result["texts"]]
    counts = iter(await tools.count([*before, *after]))
    sizes = {text: next(counts) for text in before}, [next(counts) for _ in after]
    shorter = iter(zip(after, sizes[1], strict=True))
    found = {}
    for unit, result in zip(units, results, strict=True):
        pairs = []
        for text in unit.texts:
            new, size = next(shorter)
            pairs.append((text, new.strip() if new.strip() and size < sizes[0][text] else text))
        order = tuple(result["order"]) if unit.rank else None
        found[unit] = _Compressed(
            tuple(pairs), order, float(result["seconds"]), sum(sizes[0][text] for text in unit.texts)
        )
    return found


def _forced(settings: Mapping[str, Value]) -> list[str]:
    return [word.strip() for word in str(settings["force_tokens"]).split(",") if word.strip()]


def _words(text: str) -> str:
    return " ".join(text.split())


def _long_enough(text: str) -> bool:
    return len(text.split()) >= FEWEST_WORDS


def _cost(figures: Mapping[str, float]) -> list[str]:
    each = figures.get("seconds_per_1000_tokens")
    said = [] if each is None else [f"{figures['seconds']:.2f} s of compressor time, {each:.2f} s per 1,000 tokens"]
    if figures.get("peak_memory_bytes"):
        said.append(f"{figures['peak_memory_bytes'] / MIB:,.0f} MiB at most")
    return said


def _left(figures: Mapping[str, float]) -> list[str]:
    left, texts = figures.get("texts_left", 0.0), figures.get("texts", 0.0)
    return [f"{left:,.0f} of {texts:,.0f} texts would not have got shorter and stay as they are"] if left else []
