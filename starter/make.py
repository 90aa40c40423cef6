"""`python -m starter.make` trains the starter models anew: target, draft and token classifier.

Nobody needs this to use Rung: the weights are in the repository. Training is seeded, shows its progress, and goes on
from its last checkpoint when it was stopped. Two cores with AVX512-BF16 take an hour and a half for the family, others
longer.

Exit codes: 0 done, 2 bad usage, 130 stopped; what was trained before stays and nothing half-written is left.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from starter import cards, circuit, classifier, recipe
from starter.corpus import tokenizer_texts
from starter.folder import MODELS, replacing
from starter.grow import grow
from starter.model import build_model
from starter.tokenizer import PAD, TURN_END, save_tokenizer, train_tokenizer
from starter.train import train


def trained(plan: recipe.Plan, tokenizer: Tokenizer, work: Path) -> LlamaForCausalLM:
    """The plan's model, trained or read from its finished checkpoint in `work`; the one it grows from comes first."""
    pad_id, end_id = (tokenizer.encode(token).ids[0] for token in (PAD, TURN_END))
    torch.manual_seed(plan.training.seed)
    model = build_model(plan.shape, tokenizer.get_vocab_size(), pad_id, end_id)
    if plan.grown_from is None:
        circuit.write_circuit(model, plan.training.seed)
    else:
        grow(trained(plan.grown_from, tokenizer, work), model, plan.places, plan.training.seed)
    train(model, tokenizer, plan.training, work / f"{plan.name}.pt")
    if plan.stretch is None:
        return model
    stretched = build_model(plan.served_shape, tokenizer.get_vocab_size(), pad_id, end_id)
    stretched.load_state_dict(model.state_dict())
    train(stretched, tokenizer, plan.stretch.training, work / f"{plan.name}-long.pt")
    return stretched


def make_causal(plan: recipe.Plan, out: Path, work: Path) -> None:
    """Trains one Llama of the family and puts its folder, with tokenizer and card, in the place of `out`."""
    tokenizer = train_tokenizer(tokenizer_texts(recipe.SEED + 1, recipe.TOKENIZER_CHATS, recipe.TOKENIZER_MIX))
    model = trained(plan, tokenizer, work)
    with replacing(out) as folder:
        model.to(torch.bfloat16).save_pretrained(folder)
        save_tokenizer(tokenizer, folder, plan.shape.max_positions)
        parameters = sum(p.numel() for p in model.parameters())
        (folder / "README.md").write_text(cards.causal_card(plan, parameters), encoding="utf-8")


def make_classifier(out: Path, steps: int) -> None:
    """Trains the token classifier; `out` must have XLM-R's name in its path, by which LLMLingua-2 knows its kind."""
    torch.manual_seed(recipe.SEED)
    tokenizer = classifier.train_tokenizer(recipe.SEED + 2)
    model = classifier.build(tokenizer.get_vocab_size())
    loss = classifier.train(model, tokenizer, recipe.SEED + 3, steps)
    with replacing(out) as folder:
        model.save_pretrained(folder)
        names = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, model_max_length=512, **dict(zip(names, classifier.SPECIALS, strict=True))
        )
        fast.save_pretrained(folder)
        parameters = sum(p.numel() for p in model.parameters())
        card = cards.classifier_card(parameters, steps, loss)
        (folder / "README.md").write_text(card, encoding="utf-8")


def _make_causal_in(plan: recipe.Plan, out: Path, work: Path) -> None:
    make_causal(plan, out / plan.name, work)


def _make_classifier_in(out: Path, work: Path) -> None:
    make_classifier(out / classifier.FOLDER, recipe.CLASSIFIER_STEPS)


def main(argv: list[str] | None = None) -> int:
    makers: dict[str, Callable[[Path, Path], None]] = {
        plan.name: partial(_make_causal_in, plan) for plan in (recipe.DRAFT, recipe.TARGET)
    }
    makers["classifier"] = _make_classifier_in
    parser = argparse.ArgumentParser(prog="python -m starter.make", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=tuple(makers), help="one model instead of all")
    parser.add_argument("--out", type=Path, default=MODELS, metavar="DIR", help="where the models' folders go")
    parser.add_argument(
        "--checkpoints", type=Path, default=Path(".rung/training"), metavar="DIR", help="where training is kept"
    )
    options = parser.parse_args(argv)
    logging.disable_progress_bar()
    options.checkpoints.mkdir(parents=True, exist_ok=True)
    try:
        for name, make in makers.items():
            if options.only in (None, name):
                make(options.out, options.checkpoints)
    except KeyboardInterrupt:
        print("Starter models: stopped; the next start goes on from the last checkpoint", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print(f"Starter models: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
