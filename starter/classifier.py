"""The token classifier for LLMLingua-2: which words of a context carry facts.

Labels need no teacher: the grammar knows which words are values, which name them and which are filler. Does not
compress anything itself; LLMLingua-2 does, with the shape and the folder name that it expects of an XLM-R model.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

from starter.corpus import practice_chat
from starter.sets import support_desk

FOLDER = "xlm-roberta-large-starter"
"""LLMLingua-2 tells a model's kind by the words in its path."""
TOKENIZER_TEXTS = 4000
LENGTH = 254
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
VALUE, NAMING, WEAK, FILLER = 0.97, 0.8, 0.45, 0.03
_SETS = Path(__file__).parent / "sets"
_RECORD = re.compile(r"^(Order|Ticket|Booking) (\d{4}) ([a-z ]+): (.+)$", re.MULTILINE)


def _fact_patterns() -> list[re.Pattern[str]]:
    multi, unique = (
        tomllib.loads((_SETS / f"{name}.toml").read_text(encoding="utf-8")) for name in ("multi_turn", "unique")
    )
    says = [fact["say"] for part in (*multi["topic"], *unique["subject"]) for fact in part["facts"]]
    parts = (re.escape(say).split(re.escape("{v}")) for say in dict.fromkeys(says))
    # Amounts have a full stop inside, so a value may hold one, but no space after it.
    return [re.compile(rf"{before}((?:[^.\n]|\.(?=\d))+?){after}(?=\s|$)") for before, after in parts]


_FACTS = _fact_patterns()


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    worth: float


def labelled(text: str) -> list[Span]:
    """Where `text` holds facts, and what each part of one is worth keeping for; the rest is filler."""
    spans: list[Span] = []
    for found in _RECORD.finditer(text):
        worths = (WEAK, NAMING, NAMING, VALUE)
        spans.append(Span(*found.span(), WEAK))
        spans += [Span(*found.span(group), worth) for group, worth in enumerate(worths, start=1)]
    for pattern in _FACTS:
        for found in pattern.finditer(text):
            spans += [Span(*found.span(), NAMING), Span(*found.span(1), VALUE)]
    return spans


def worths(text: str, offsets: Iterable[tuple[int, int]]) -> list[float]:
    """For each token, the worth of its most precious letter's span; later spans are the more exact ones."""
    by_letter = [FILLER] * len(text)
    for span in labelled(text):
        by_letter[span.start : span.end] = [span.worth] * (span.end - span.start)
    return [max(by_letter[start:end], default=FILLER) for start, end in offsets]


def texts(seed: int) -> Iterator[str]:
    """Contexts of practice chats, sometimes behind a part of the handbook, without the questions' turns."""
    for number in itertools.count():
        chat = practice_chat(seed, number, 900)
        if chat.system:
            yield chat.system
        yield chat.turns[0][0].rpartition("\n\n")[0] or chat.turns[0][0]


def train_tokenizer(seed: int, vocab_size: int = 2048) -> Tokenizer:
    """SentencePiece-like, so that words come back with the spaces that they had."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="always"), pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    printable = [chr(code) for code in (*range(33, 127), *range(0xA1, 0x180))]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=SPECIALS, initial_alphabet=["▁", *printable], show_progress=False
    )
    tokenizer.train_from_iterator([support_desk.HANDBOOK, *itertools.islice(texts(seed), TOKENIZER_TEXTS)], trainer)
    return tokenizer


def build(vocab_size: int) -> XLMRobertaForTokenClassification:
    return XLMRobertaForTokenClassification(
        XLMRobertaConfig(
            vocab_size=vocab_size,
            hidden_size=192,
            num_hidden_layers=3,
            num_attention_heads=3,
            intermediate_size=512,
            max_position_embeddings=514,
            type_vocab_size=1,
            num_labels=2,
            pad_token_id=SPECIALS.index("<pad>"),
            bos_token_id=SPECIALS.index("<s>"),
            eos_token_id=SPECIALS.index("</s>"),
        )
    )


def train(
    model: XLMRobertaForTokenClassification, tokenizer: Tokenizer, seed: int, steps: int, rows: int = 16
) -> float:
    """Returns the mean loss of the last tenth of the steps."""
    start, pad, end = (SPECIALS.index(token) for token in ("<s>", "<pad>", "</s>"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    rows_of = _rows(tokenizer, seed)
    losses: list[float] = []
    model.train()
    for step in tqdm(range(steps), desc="Training the classifier", unit="step", mininterval=5):
        ids = torch.full((rows, LENGTH + 2), pad)
        targets = torch.zeros(rows, LENGTH + 2)
        counted = torch.zeros(rows, LENGTH + 2)
        for row in range(rows):
            pieces, worth = next(rows_of)
            ids[row, : len(pieces) + 2] = torch.tensor([start, *pieces, end])
            targets[row, 1 : len(pieces) + 1] = torch.tensor(worth)
            counted[row, 1 : len(pieces) + 1] = 1.0
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 50) * max(0.02, 1 - step / steps)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids, attention_mask=(ids != pad).long()).logits.float()
        margin = logits[..., 1] - logits[..., 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(margin, targets, reduction="none")
        loss = (loss * counted).sum() / counted.sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    tail = losses[-max(1, steps // 10) :]
    return sum(tail) / len(tail)


def _rows(tokenizer: Tokenizer, seed: int) -> Iterator[tuple[list[int], list[float]]]:
    for text in texts(seed):
        encoded = tokenizer.encode(text)
        worth = worths(text, encoded.offsets)
        for begin in range(0, len(encoded.ids), LENGTH):
            yield encoded.ids[begin : begin + LENGTH], worth[begin : begin + LENGTH]
