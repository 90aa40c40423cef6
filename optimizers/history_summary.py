"""History summary: the older turns of a chat are replaced by a running summary that the served model writes.

Covers chats whose turns are in the prompt. Does not cover a memory outside the prompt that the model searches, as
MemGPT has it, or summaries by another model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizers.errors import InputError
from optimizers.prompt import DOCUMENTS_MARKER, Message, Prompt
from optimizers.technique import Evidence, Observation, Setting, Technique, Value
from optimizers.transform import SUMMARISING, Change, Changed, PromptFigures, Reply, Tools
from optimizers.turns import Chat, Turn, parted

HEADING = "Summary of the earlier conversation:"
INSTRUCTION = (
    "Summarise our conversation so far in a few sentences, as notes to go on from. Keep every name, number, date, "
    "amount, code and decision exactly as it was said, and what is still open. Carry over what an earlier summary "
    "says. Write nothing but the summary."
)


@dataclass(frozen=True)
class _Written:
    """The running summary at the end of its last block, and what all of its blocks took. Empty where one failed."""

    text: str
    seconds: float
    figures: Mapping[str, float]


class HistorySummary(Technique):
    key = "history_summary"
    title = "History summary"
    attacks = "tokens sent"
    summary = "Sends a summary of the older turns of a chat, written by the served model, instead of the turns."
    claim = "summarize history: old turns become a running summary; no figure of its own"
    off_means = "every turn of a chat is sent again with each question"
    prompt_order = SUMMARISING
    asks_the_model = True
    settings = (
        Setting("keep_turns", "int", 4, "Latest turns that stay word for word.", 0, 1000, unit="turns"),
        Setting("summary_tokens", "int", 160, "Longest summary.", 8, 8192, unit="tokens"),
        Setting(
            "block_turns",
            "int",
            8,
            "Older turns that are folded into the running summary at a time.",
            1,
            1000,
            unit="turns",
        ),
        Setting("instruction", "text", INSTRUCTION, "What the model is told when it is to write a summary."),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        if not str(checked["instruction"]).strip():
            raise InputError(f"{self.key}.instruction is empty; say what the summary has to hold")
        return checked

    def variant(self, settings: Mapping[str, Value]) -> str:
        told = settings["instruction"]
        return "" if told == INSTRUCTION else f'with the instruction "{told}"'

    def idle_on(self, settings: Mapping[str, Value], prompts: Sequence[Prompt]) -> str | None:
        keep = _whole(settings, "keep_turns")
        chats = [parted(prompt.messages) for prompt in prompts]
        if any(split(chat, keep)[0] for chat in chats):
            return None
        most = max((len(chat.past) for chat in chats), default=0)
        if most > keep:
            return f"the turns before the last {keep} all carry documents or instructions, which are not summarised"
        if not most:
            return "no prompt has turns before its question"
        turns = "1 turn" if most == 1 else f"{most} turns"
        return f"no prompt has more than {turns} before its question, and keep_turns is {keep}"

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        """One summary after the other, so that the seconds of each are the machine's alone."""
        keep, writer = _whole(settings, "keep_turns"), _Writer(settings, tools)
        changes: list[Change] = []
        for prompt in prompts:
            chat = parted(prompt.messages)
            old, kept = split(chat, keep)
            if not old:
                changes.append(Change(prompt))
            else:
                try:
                    written = await writer.write(old)
                except InputError as error:
                    raise InputError(f"prompt {prompt.id}: {error}") from None
                after = _shortened(prompt, chat, kept, written.text) if written.text else prompt
                changes.append(Change(after, written.seconds, written.figures))
            tools.progress(len(changes), len(prompts))
        histories = await _counted(prompts, changes, tools)
        return Changed(
            tuple(
                replace(change, figures={**counts, **change.figures})
                for change, counts in zip(changes, histories, strict=True)
            )
        )

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        found = seen.prompts
        if found is None:
            return Evidence(self.key, None, "nothing is known of what was sent, so nothing proves or disproves it")
        counts = found.figures
        figures = {**counts, "tokens_before": found.tokens_before, "tokens_after": found.tokens_after}
        figures["seconds"] = found.seconds
        before, after = counts.get("turns_before", 0), counts.get("turns_after", 0)
        failed = counts.get("failed_summaries", 0)
        if after >= before:
            why = f"the model wrote an empty summary, {failed:,.0f} times" if failed else "all turns were sent"
            return Evidence(self.key, False, f"nothing was summarised: {why}", figures)
        long_before, long_after = counts["history_tokens_before"] / before, counts["history_tokens_after"] / before
        figures |= {"tokens_per_turn_before": long_before, "tokens_per_turn_after": long_after}
        parts = [
            f"{found.changed:,} of {found.prompts:,} prompts have a summary",
            f"{after:,.0f} of {before:,.0f} earlier turns are sent word for word",
            f"history {long_before:,.1f} -> {long_after:,.1f} tokens per turn",
            f"prompt tokens {found.tokens_before:,} -> {found.tokens_after:,} ({found.kept:.1%})",
            *_bill(found),
        ]
        if cut := counts.get("cut_summaries", 0):
            parts.append(f"prompts whose summary was cut off at {settings['summary_tokens']} tokens: {cut:,.0f}")
        if failed:
            parts.append(f"prompts that kept all turns, because the model wrote an empty summary: {failed:,.0f}")
        return Evidence(self.key, True, "; ".join(parts), figures)


class _Writer:
    """Asks for running summaries. A summary that the same turns had before is written once: chats that are saved turn
    by turn share their blocks, as they do in a service, and the first prompt that needs one pays for it."""

    def __init__(self, settings: Mapping[str, Value], tools: Tools) -> None:
        self._instruction = str(settings["instruction"])
        self._max_tokens = _whole(settings, "summary_tokens")
        self._block = _whole(settings, "block_turns")
        self._tools = tools
        self._known: dict[tuple[Message, ...], Reply] = {}

    async def write(self, old: Sequence[Turn]) -> _Written:
        text, seconds, cut = "", 0.0, False
        figures = dict.fromkeys(("calls", "prompt_tokens", "output_tokens", "reused"), 0)
        for start in range(0, len(old), self._block):
            asked = request(old[start : start + self._block], text, self._instruction)
            reply = self._known.get(asked)
            if reply is not None:
                figures["reused"] += 1
            else:
                messages = [{"role": m.role, "content": m.content} for m in asked]
                reply = self._known[asked] = await self._tools.ask(messages, self._max_tokens)
                seconds += reply.seconds
                figures["calls"] += 1
                figures["prompt_tokens"] += reply.prompt_tokens
                figures["output_tokens"] += reply.completion_tokens
            # It would be taken for a place where documents go.
            text = reply.text.replace(DOCUMENTS_MARKER, "").strip()
            cut = cut or reply.completion_tokens >= self._max_tokens
            if not text:
                break
        counted = {f"summary_{name}": float(value) for name, value in figures.items()}
        return _Written(text, seconds, {**counted, "cut_summaries": int(cut), "failed_summaries": int(not text)})


def split(chat: Chat, keep_turns: int) -> tuple[list[Turn], list[Turn]]:
    """The turns that a summary replaces, and those that stay."""
    edge = max(0, len(chat.past) - keep_turns)
    old = [turn for turn in chat.past[:edge] if turn.can_be_summarised]
    kept = [turn for turn in chat.past[:edge] if not turn.can_be_summarised]
    return old, [*kept, *chat.past[edge:]]


def request(turns: Sequence[Turn], summary: str, instruction: str) -> tuple[Message, ...]:
    """The turns as they were spoken, then the wish for a summary. The chat's own system message stays out: it says how
    to answer the user, and it would be paid again with every summary."""
    so_far = with_summary((), summary) if summary else ()
    spoken = (message for turn in turns for message in turn.messages)
    return (*so_far, *spoken, Message("user", instruction))


def with_summary(head: Sequence[Message], summary: str) -> tuple[Message, ...]:
    """The chat's instructions with the summary at their end."""
    told = f"{HEADING}\n{summary}"
    if not head:
        return (Message("system", told),)
    return (*head[:-1], replace(head[-1], content=f"{head[-1].content}\n\n{told}"))


def _shortened(prompt: Prompt, chat: Chat, kept: Sequence[Turn], summary: str) -> Prompt:
    spoken = (message for turn in kept for message in turn.messages)
    return replace(prompt, messages=(*with_summary(chat.head, summary), *spoken, *chat.asking))


def _whole(settings: Mapping[str, Value], name: str) -> int:
    value = settings[name]
    assert isinstance(value, int)
    return value


async def _counted(prompts: Sequence[Prompt], changes: Sequence[Change], tools: Tools) -> list[dict[str, float]]:
    """Turns and tokens of each prompt's history, before and after; the summary is history too."""
    turns, texts = [], []
    for before, change in zip(prompts, changes, strict=True):
        chats = parted(before.messages), parted(change.prompt.messages)
        turns.append([len(chat.past) for chat in chats])
        added = _head(chats[1])[len(_head(chats[0])) :]
        texts += [_spoken(chats[0]), f"{added}\n\n{_spoken(chats[1])}".strip()]
    tokens = await tools.count(texts)
    return [
        {
            "turns_before": before,
            "turns_after": after,
            "history_tokens_before": tokens[2 * at],
            "history_tokens_after": tokens[2 * at + 1],
        }
        for at, (before, after) in enumerate(turns)
    ]


def _head(chat: Chat) -> str:
    return "".join(message.content for message in chat.head)


def _spoken(chat: Chat) -> str:
    return "\n\n".join(f"{message.role}: {message.content}" for turn in chat.past for message in turn.messages)


def _bill(found: PromptFigures) -> list[str]:
    """What the summaries took, against what they saved."""
    counts = found.figures
    read, wrote = counts.get("summary_prompt_tokens", 0), counts.get("summary_output_tokens", 0)
    calls = f"{counts.get('summary_calls', 0):,.0f} calls for summaries"
    parts = [f"{calls} read {read:,.0f} and wrote {wrote:,.0f} tokens in {found.seconds:,.1f} s"]
    saved = found.tokens_before - found.tokens_after
    if read + wrote > saved:
        parts.append(
            f"that is more than the {max(saved, 0):,} tokens saved: a summary pays when several later turns use it"
        )
    return parts
