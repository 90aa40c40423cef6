"""`python -m optimizers.jobs.embed_job`: how close documents are to a question, by a local model's embeddings.

A text's embedding is the mean of the model's last hidden states, and closeness is the cosine. Any checkpoint of an
encoder or a decoder works; one that was trained for retrieval works well. Adds no prefix such as "query: ", which some
of those want. Runs on the processor, so that an engine keeps its accelerator to itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any


class Embedder:
    """One text at a time: what else is in a batch never changes an embedding."""

    def __init__(self, folder: str) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self._torch = torch
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        # A tokenizer that does not know the limit says 10^30; two places of RoBERTa's table belong to no text.
        places = getattr(self._model.config, "max_position_embeddings", None) or self._tokenizer.model_max_length
        self._longest = max(1, min(self._tokenizer.model_max_length, places - 2))
        self._known: dict[str, tuple[Any, bool]] = {}

    def embed(self, text: str) -> tuple[Any, bool]:
        """(its direction, whether it was cut). A text that comes again is not read again, as in a service."""
        if text not in self._known:
            self._known[text] = self._read(text)
        return self._known[text]

    def _read(self, text: str) -> tuple[Any, bool]:
        torch = self._torch
        cut = len(self._tokenizer(text, verbose=False).input_ids) > self._longest
        ids = self._tokenizer(text, truncation=True, max_length=self._longest).input_ids
        if not ids:
            return torch.zeros(self._model.config.hidden_size), cut
        with torch.inference_mode():
            tokens = torch.tensor([ids])
            states = self._model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
        return torch.nn.functional.normalize(states[0].mean(0), dim=0), cut


def similarities(
    embedder: Embedder, prompts: Sequence[Mapping[str, Any]], progress: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """For each prompt a score from -1 to 1 for each document, the seconds, and how many texts were cut."""
    found = []
    for done, prompt in enumerate(prompts, start=1):
        began = perf_counter()
        (question, was_cut), *documents = [embedder.embed(text) for text in (prompt["question"], *prompt["documents"])]
        scores = [float(question @ document) for document, _ in documents]
        cut = was_cut + sum(document_cut for _, document_cut in documents)
        found.append({"scores": scores, "seconds": perf_counter() - began, "cut": int(cut)})
        progress(done, len(prompts))
    return found


def main() -> int:
    lines = sys.stdout

    def say(line: Mapping[str, Any]) -> None:
        print(json.dumps(line), file=lines, flush=True)

    # Libraries print to standard output as they please; it belongs to the protocol.
    with redirect_stdout(sys.stderr):
        task = json.loads(sys.stdin.readline())
        began = perf_counter()
        try:
            embedder = Embedder(task["model"])
            loaded = perf_counter() - began
            prompts = similarities(embedder, task["prompts"], lambda done, total: say({"done": done, "total": total}))
        except (OSError, ValueError, TypeError, AttributeError, RuntimeError, ImportError) as error:
            why = str(error).strip().partition("\n")[0] or type(error).__name__
            say({"error": f"the embedder {task['model']} cannot be used: {why}"})
            return 1
        say({"result": {"prompts": prompts, "load_seconds": loaded}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
