"""`python -m starter.make --out DIR` makes the starter model, or says that it is there already.

Exit codes: 0 done, 2 the folder cannot be used, 3 making failed, 130 interrupted. Nothing half-written stays behind.
"""

import argparse
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from starter import folder
from starter.card import model_card
from starter.recipe import Recipe, Training


@dataclass(frozen=True)
class Made:
    path: Path
    fresh: bool
    seconds: float


def make_starter(out: Path, recipe: Recipe | None = None) -> Made:
    recipe = recipe or Recipe()
    started = time.monotonic()
    digest = recipe.digest()
    if not folder.is_complete(out, digest):
        folder.check_replaceable(out)
        with folder.exclusive(out):
            # Another process may have made it while this one waited for the lock.
            if not folder.is_complete(out, digest):
                _make(out, recipe, digest)
                return Made(out, True, time.monotonic() - started)
    return Made(out, False, time.monotonic() - started)


def _make(out: Path, recipe: Recipe, digest: str) -> None:
    # Threads that wait by spinning take the cores from whoever they wait for: on a busy machine, five times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Imported here, so that a model that is already there costs no ten-second import of torch.
    import torch
    from transformers.utils import logging

    from starter.corpus import encode, practice_chats, tokenizer_texts
    from starter.model import build_model
    from starter.tokenizer import PAD, TURN_END, save_tokenizer, train_tokenizer
    from starter.train import train

    logging.disable_progress_bar()
    tokenizer = train_tokenizer(tokenizer_texts(recipe.tokenizer_rows))
    pad_id, end_id = (tokenizer.encode(token).ids[0] for token in (PAD, TURN_END))
    examples = [encode(chat, tokenizer) for chat in practice_chats(recipe.practice_chats)]
    details: dict[str, object] = {"settings": asdict(recipe)}
    with folder.replacing(out, digest, details) as draft:
        torch.manual_seed(recipe.training.seed)
        model = build_model(recipe.shape, tokenizer.get_vocab_size(), pad_id, end_id)
        loss = train(model, examples, pad_id, recipe.training)
        model.to(torch.bfloat16).save_pretrained(draft)
        save_tokenizer(tokenizer, draft, recipe.shape.max_positions)
        card = model_card(
            **asdict(recipe.shape),
            **asdict(recipe.training),
            parameters=sum(p.numel() for p in model.parameters()) / 1e6,
            vocab=tokenizer.get_vocab_size(),
            loss=loss,
        )
        (draft / "README.md").write_text(card, encoding="utf-8")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m starter.make", description="Make Rung's starter model.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the model to")
    parser.add_argument("--steps", type=_positive, default=Training.steps, help="training steps (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        made = make_starter(options.out, Recipe(training=replace(Training(), steps=options.steps)))
    except folder.FolderError as error:
        print(f"Starter model: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Starter model: cannot write {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("Starter model: interrupted, nothing was written", file=sys.stderr)
        return 130
    state = f"made in {made.seconds:.0f} s" if made.fresh else "already complete"
    print(f"Starter model {state}: {made.path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
