"""Context selection: a prompt's documents are ranked by its question, and only the best of them are sent.

Covers ranking by BM25 and by embeddings of a local model, within the documents that a prompt carries. Does not cover an
index over a whole collection, re-ranking, or cutting a document into pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from time import perf_counter
from typing import Any

from optimizers import bm25
from optimizers.errors import InputError
from optimizers.prompt import DOCUMENTS_MARKER, Prompt
from optimizers.technique import Evidence, ModelFacts, Observation, Setting, Technique, Value
from optimizers.transform import SELECTING, Change, Changed, PromptFigures, Tools

EMBED_JOB = "optimizers.jobs.embed_job"


@dataclass(frozen=True)
class _Ranked:
    """A score for each document of a prompt, what finding them took, and counts for the evidence."""

    scores: Sequence[float]
    seconds: float
    figures: Mapping[str, float] = field(default_factory=dict)


class ContextSelection(Technique):
    key = "context_selection"
    title = "Context selection"
    attacks = "tokens sent"
    summary = "Sends the documents that fit the question best, instead of all of them."
    claim = "retrieve, don't dump: the highest-leverage lever of sending fewer tokens; no figure of its own"
    off_means = "all documents of a prompt are sent"
    prompt_order = SELECTING
    settings = (
        Setting("top_k", "int", 2, "Documents that a prompt keeps.", minimum=1, maximum=1000),
        Setting(
            "by",
            "choice",
            "bm25",
            "bm25 ranks by the words that a document shares with the question; embeddings by meaning, as a small "
            "model sees it.",
            choices=("bm25", "embeddings"),
        ),
        Setting(
            "embedder",
            "model",
            None,
            "embeddings: the model that reads question and documents: a name, folder or hub id.",
            only_with=("by", "embeddings"),
        ),
        Setting("keep_order", "bool", True, "Keep the saved order of the documents; off, the best comes first."),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        if checked["by"] == "embeddings" and not checked["embedder"]:
            raise InputError(f"{self.key}.embedder is empty; name the embedding model, its folder or its hub id")
        return checked

    def refuse(self, settings: Mapping[str, Value], served: ModelFacts, named: Mapping[str, ModelFacts]) -> str | None:
        embedder = named.get("embedder")
        if embedder is not None and embedder.config.get("is_encoder_decoder"):
            return f"{embedder.name} is an encoder with a decoder; an embedder has one of the two alone"
        return None

    def variant(self, settings: Mapping[str, Value]) -> str:
        embedder = self._embedder(settings)
        return f"by embeddings of {embedder}" if embedder else ""

    def _embedder(self, settings: Mapping[str, Value]) -> str | None:
        """The embedding model as people speak of it: a folder by its last part."""
        name = self.named_models(settings).get("embedder")
        return PurePath(name).name if name and PurePath(name).is_absolute() else name

    def idle_on(self, settings: Mapping[str, Value], prompts: Sequence[Prompt]) -> str | None:
        most = max((len(prompt.documents) for prompt in prompts if _sends_documents(prompt)), default=0)
        top_k = _top_k(settings)
        if most == 0:
            return "no prompt carries documents"
        if most <= top_k:
            return f"no prompt carries more than {most} document{'' if most == 1 else 's'}, and top_k is {top_k}"
        return None

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        top_k = _top_k(settings)
        crowded = [at for at, p in enumerate(prompts) if _sends_documents(p) and len(p.documents) > top_k]
        asked = [(question_of(prompts[at]), [document.text for document in prompts[at].documents]) for at in crowded]
        facts: Mapping[str, float] = {}
        if settings["by"] == "embeddings":
            ranked, facts = await _by_embeddings(str(settings["embedder"]), asked, tools)
        else:
            ranked = await _by_bm25(asked, tools)
        changes = [Change(prompt, figures=_counted(prompt, prompt)) for prompt in prompts]
        for at, found in zip(crowded, ranked, strict=True):
            before = prompts[at]
            kept = best(found.scores, top_k, keep_order=bool(settings["keep_order"]))
            after = replace(before, documents=tuple(before.documents[place] for place in kept))
            changes[at] = Change(after, found.seconds, {**_counted(before, after), **found.figures})
        return Changed(tuple(changes), facts)

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        found = seen.prompts
        if found is None:
            return Evidence(self.key, None, "nothing is known of what was sent, so nothing proves or disproves it")
        counts = dict(found.figures)
        before, after = counts.get("documents_before", 0), counts.get("documents_after", 0)
        figures = {**counts, "tokens_before": found.tokens_before, "tokens_after": found.tokens_after}
        figures["seconds"] = found.seconds
        if after >= before:
            return Evidence(self.key, False, f"no document was left out: all {before:,.0f} were sent", figures)
        parts = [
            f"{after:,.0f} of {before:,.0f} documents sent",
            f"prompt tokens {found.tokens_before:,} -> {found.tokens_after:,} ({found.kept:.1%})",
            answers_told(counts.get("answers_known", 0), counts.get("answers_kept", 0)),
            *self._remarks(settings, found),
        ]
        return Evidence(self.key, True, "; ".join(parts), figures)

    def _remarks(self, settings: Mapping[str, Value], found: PromptFigures) -> list[str]:
        counts, remarks = found.figures, []
        if unmatched := counts.get("unmatched", 0):
            remarks.append(
                f"prompts whose question shares no word with any document, so the first stayed: {unmatched:,.0f}"
            )
        if cut := counts.get("cut_texts", 0):
            remarks.append(f"texts longer than the embedder reads, so judged by their beginning: {cut:,.0f}")
        how = self._embedder(settings) or "BM25"
        remarks.append(f"ranking by {how} took {1000 * found.seconds / max(found.prompts, 1):,.1f} ms a prompt")
        return remarks


def question_of(prompt: Prompt) -> str:
    """What the documents are ranked by: the last thing that the user said beside them."""
    for message in reversed(prompt.messages):
        said = message.content.replace(DOCUMENTS_MARKER, " ").strip()
        if message.role == "user" and said:
            return said
    raise InputError(
        f"prompt {prompt.id}: the user says nothing beside the documents, so there is no question to choose them by; "
        "put the question into a user message"
    )


def best(scores: Sequence[float], top_k: int, keep_order: bool) -> list[int]:
    """Places of the `top_k` highest scores; of equal ones the earlier wins."""
    ranked = sorted(range(len(scores)), key=lambda place: -scores[place])[:top_k]
    return sorted(ranked) if keep_order else ranked


def answers_told(known: float, kept: float) -> str:
    """Whether the document that holds a prompt's answer is still there, in words."""
    if not known:
        return "which documents hold the answers is not known"
    if kept == known:
        return f"the document with the answer survived in all {known:,.0f} prompts where it is known"
    return (
        f"the document with the answer survived in {kept:,.0f} of {known:,.0f} prompts where it is known; "
        f"prompts that lost it: {known - kept:,.0f}"
    )


def _top_k(settings: Mapping[str, Value]) -> int:
    top_k = settings["top_k"]
    assert isinstance(top_k, int)
    return top_k


def _sends_documents(prompt: Prompt) -> bool:
    return any(DOCUMENTS_MARKER in message.content for message in prompt.messages)


def _counted(before: Prompt, after: Prompt) -> dict[str, float]:
    if not _sends_documents(before):
        return {}
    known = before.answer_document in {document.id for document in before.documents}
    kept = before.answer_document in {document.id for document in after.documents}
    return {
        "documents_before": len(before.documents),
        "documents_after": len(after.documents),
        "answers_known": int(known),
        "answers_kept": int(kept),
    }


async def _by_bm25(asked: Sequence[tuple[str, Sequence[str]]], tools: Tools) -> list[_Ranked]:
    await asyncio.to_thread(bm25.load)
    ranked = []
    for done, (question, documents) in enumerate(asked, start=1):
        began = perf_counter()
        scores = await asyncio.to_thread(bm25.scores, question, documents)
        ranked.append(_Ranked(scores, perf_counter() - began, {"unmatched": int(not any(scores))}))
        tools.progress(done, len(asked))
    return ranked


async def _by_embeddings(
    embedder: str, asked: Sequence[tuple[str, Sequence[str]]], tools: Tools
) -> tuple[list[_Ranked], dict[str, float]]:
    """Loading the embedder is no prompt's cost: a service has it loaded."""
    if not asked:
        return [], {}
    prompts = [{"question": question, "documents": documents} for question, documents in asked]
    worked = await tools.work(EMBED_JOB, {"model": embedder, "prompts": prompts})
    ranked = [_Ranked(one["scores"], one["seconds"], {"cut_texts": one["cut"]}) for one in worked.result["prompts"]]
    facts = {
        "embedder_load_seconds": float(worked.result["load_seconds"]),
        "embedder_peak_memory_bytes": float(worked.peak_memory_bytes),
    }
    return ranked, facts
