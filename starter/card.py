"""The model card that is written beside the starter model's weights."""

_CARD = """\
---
license: cc0-1.0
language: en
pipeline_tag: text-generation
---

# Rung starter model

A tiny Llama, trained for one or two minutes, so that a real engine has something real to serve. **Its answers are
mostly wrong.** Its speed is real, its quality is not: use it to see what a serving technique does to time and tokens,
and bring a model of your own to judge answers.

| | |
|---|---|
| parameters | {parameters:.1f} million, stored in bfloat16 |
| shape | {layers} layers, hidden size {hidden}, {heads} heads, {kv_heads} key-value heads, tied embeddings |
| context | {max_positions:,} tokens |
| tokenizer | byte-level BPE, {vocab:,} tokens, each digit a token of its own |
| training | {steps} steps of {batch} short chats, mean answer loss at the end {loss:.2f} |
| data | text generated for Rung by the grammars of its starter prompt sets under other seeds (CC0) |
| made with | `python -m starter.make --out DIR` |

It knows the wording of the starter prompts and nothing else. Other text is encoded byte by byte where it has to be,
so token counts on other text are far higher than those of a common tokenizer.
"""


def model_card(**values: float) -> str:
    return _CARD.format(**values)
