"""Makes the prompts of an experiment's recipes ready: before an engine starts as far as that goes, then with it.

Runs of one recipe share the work. Refuses prompts that the engine has no room for while nothing has been started yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from app.engine.named_models import Resolved
from app.preparation.counting import Counter
from app.preparation.prompts import Prepared, prepare
from app.preparation.tools import Asked, PreparationTools
from app.prompts.prompt_set import PromptSet
from app.replay.body import Sampling
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques


class PromptWork:
    """`report` is told what is going on; `seconds` is what all of it took here, kept results included."""

    def __init__(self, prompt_set: PromptSet, sampling: Sampling, folder: Path, report: Callable[[str], None]) -> None:
        self._prompt_set = prompt_set
        self._sampling = sampling
        self._folder = folder
        self._report = report
        self._begun: dict[Recipe, Prepared] = {}
        self._finished: dict[tuple[Recipe, str], Prepared] = {}
        self._checked: set[tuple[Recipe, int]] = set()
        self.seconds = 0.0

    async def before_launch(self, resolved: Resolved, counter: Counter, room: int | None) -> None:
        """What needs no engine. `room` is the context in tokens, None when it is not known.

        Raises InputError for a prompt that will not fit with its answer.
        """
        began = monotonic()
        recipe = resolved.recipe
        if recipe not in self._begun:
            begun = Prepared.begin(self._prompt_set.prompts, recipe)
            tools = PreparationTools(counter, self._telling(begun))
            self._begun[recipe] = await prepare(begun, tools, counter, self._folder, resolved.to_json())
        prepared = self._begun[recipe]
        if room is not None and not prepared.waits_for_engine and (recipe, room) not in self._checked:
            await self._check_room(prepared, counter, room)
            self._checked.add((recipe, room))
        self.seconds += monotonic() - began

    async def ready(
        self, resolved: Resolved, counter: Counter, asked: Asked, engine: Mapping[str, Any], room: int | None
    ) -> Prepared | None:
        """The prompts to send, None where the recipe leaves them as they are saved."""
        recipe = resolved.recipe
        if not recipe.prompt_uses():
            return None
        began = monotonic()
        place = (recipe, repr(engine))
        if place not in self._finished:
            begun = self._begun[recipe]
            tools = PreparationTools(counter, self._telling(begun), asked)
            found = await prepare(begun, tools, counter, self._folder, resolved.to_json(), engine)
            if begun.waits_for_engine and room is not None:
                await self._check_room(found, counter, room)
            self._finished[place] = found
        self.seconds += monotonic() - began
        return self._finished[place]

    def _telling(self, prepared: Prepared) -> Callable[[int, int], None]:
        titles = ", then ".join(techniques().get(use.key).title.lower() for use in prepared.left)

        def tell(done: int, total: int) -> None:
            self._report(f"Preparing prompts ({titles}): {done} of {total}")

        return tell

    async def _check_room(self, prepared: Prepared, counter: Counter, room: int) -> None:
        counts = await counter.prompts(prepared.prompts)
        for prompt, tokens in zip(prepared.prompts, counts, strict=True):
            answer = prompt.max_tokens or self._sampling.max_tokens
            if tokens is not None and tokens + answer > room:
                changed = f" after {', '.join(prepared.figures)}" if prepared.figures else ""
                raise InputError(
                    f"prompt {prompt.id} has {tokens:,} tokens{changed} and asks for {answer:,} more, but the context "
                    f"is {room:,}; raise --max-model-len if the model allows it, lower --max-tokens, or shorten it"
                )
