"""The model cards that are written beside the starter models' weights. Their evaluation is in starter/EVALUATION.md."""

from __future__ import annotations

from starter import recipe

_CAUSAL = """\
---
license: cc0-1.0
language: en
pipeline_tag: text-generation
---

# Rung starter model: {name}

{role}

**An instrument, not an assistant.** It knows the grammar of the starter prompts: it finds a fact in records, letters
and chats and repeats the line or sentence that holds it, copies a record, reads a message into JSON, and repeats its
answers as a summary. It knows nothing else: no facts of the world, no other language, no other task. Its use is that
a serving technique's price in right answers can be seen on any machine.

| | |
|---|---|
| parameters | {parameters:.1f} million, stored in bfloat16 |
| shape | Llama: {layers} layers, hidden size {hidden}, {heads} heads of 64, intermediate {intermediate} |
| context | {max_positions:,} tokens; practised up to 2,560 |
| tokenizer | byte-level BPE, 2,048 tokens; digits in pairs |
| data | chats made up by the grammars in `starter/sets`, on the side of the words that no saved prompt uses (CC0) |
| training | {steps:,} steps, {tokens:.1f} million tokens, {time} on two cores with AVX512-BF16, seed {seed} |
| start | {start} |
| made with | `python -m starter.make --only {name}`; {history} |
| evaluation | `python -m starter.evaluate`; figures in `starter/EVALUATION.md` |
"""

_ROLES = {
    "target": "The model that the starter ladder serves.",
    "draft": "Drafts for the target in speculative decoding, and ranks tokens for LLMLingua and LongLLMLingua.",
}

_STARTS = {
    "target": "grown from the draft (`starter/grow.py`): it began by saying what the draft says",
    "draft": "the first two layers began as an induction circuit written by hand (`starter/circuit.py`)",
}
# As seen when the committed weights were made, with other programs running beside.
_TIMES = {"target": "three hours", "draft": "half an hour"}

# The committed weights are older than parts of the grammar; a new training has them from its first step.
_HISTORY = {
    "target": (
        "put-together questions and requests joined its practice at steps 600 and 1,400; its training on long contexts "
        "went in seven parts, with names of common words' pieces and more summaries in the fifth and contexts with "
        "words missing in the last two; the weights are the mean of those after the last three parts (0.2, 0.4, 0.4; "
        "as in Wortsman et al. 2022, Model soups)"
    ),
    "draft": "put-together questions (`starter/sets/wordings.py`) are younger than these weights",
}

_CLASSIFIER = """\
---
license: cc0-1.0
language: en
pipeline_tag: token-classification
---

# Rung starter model: token classifier

Says for LLMLingua-2 which words of a starter context carry facts. **An instrument, not a compressor for other texts:**
it was trained on the grammars of the starter prompts and calls most other words filler. The folder's name holds
`xlm-roberta-large` because LLMLingua-2 tells the shape of a model by its path; the model is a hundred times smaller.

| | |
|---|---|
| parameters | {parameters:.1f} million |
| shape | XLM-R: 3 layers, hidden size 192, 3 heads, 512 positions |
| labels | by rule: values 0.97, what names them 0.8, "Order" and ":" 0.45, all else 0.03 |
| training | {steps:,} steps of 16 windows of 254 tokens, a few minutes on two cores, loss {loss:.3f} |
| made with | `python -m starter.make --only classifier` |
| evaluation | `python -m starter.evaluate`; figures in `starter/EVALUATION.md` |
"""


def causal_card(plan: recipe.Plan, parameters: int) -> str:
    trainings = [plan.training] if plan.stretch is None else [plan.training, plan.stretch.training]
    tokens = sum(stage.steps * stage.rows * stage.length for part in trainings for stage in part.stages)
    return _CAUSAL.format(
        name=plan.name,
        role=_ROLES[plan.name],
        parameters=parameters / 1e6,
        layers=plan.shape.layers,
        hidden=plan.shape.hidden,
        heads=plan.shape.heads,
        intermediate=plan.shape.intermediate,
        max_positions=plan.shape.max_positions,
        steps=sum(part.steps for part in trainings),
        tokens=tokens / 1e6,
        time=_TIMES[plan.name],
        start=_STARTS[plan.name],
        history=_HISTORY[plan.name],
        seed=plan.training.seed,
    )


def classifier_card(parameters: int, steps: int, loss: float) -> str:
    return _CLASSIFIER.format(parameters=parameters / 1e6, steps=steps, loss=loss)
