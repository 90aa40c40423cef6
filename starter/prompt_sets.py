"""The starter prompt sets by name, and the command that writes their files.

`python -m starter.prompt_sets` writes starter/prompts/*.jsonl; the same seed gives the same bytes.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from starter.rows import PromptSet
from starter.sets import extraction, few_shot, multi_turn, support_desk, unique

SEED = 20261123
PROMPTS_DIR = Path(__file__).parent / "prompts"
MAKERS: tuple[Callable[[int], PromptSet], ...] = (
    support_desk.make,
    multi_turn.make,
    few_shot.make,
    unique.make,
    extraction.make,
    multi_turn.make_long,
)


def make_all(seed: int = SEED) -> list[PromptSet]:
    return [make(seed) for make in MAKERS]


def main() -> int:
    PROMPTS_DIR.mkdir(exist_ok=True)
    for prompt_set in make_all():
        path = prompt_set.write(PROMPTS_DIR)
        print(f"{path.name}: {len(prompt_set.rows)} prompts", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
