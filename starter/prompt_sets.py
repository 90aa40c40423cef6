"""The starter prompt sets by name, and the command that writes their files.

`python -m starter.prompt_sets` writes starter/prompts/*.jsonl; the same seed gives the same bytes.
"""

import sys
from pathlib import Path

from starter.rows import PromptSet
from starter.sets import few_shot, multi_turn, support_desk, unique

SEED = 20261123
PROMPTS_DIR = Path(__file__).parent / "prompts"
SETS = (support_desk, multi_turn, few_shot, unique)


def make_all(seed: int = SEED) -> list[PromptSet]:
    return [module.make(seed) for module in SETS]


def main() -> int:
    PROMPTS_DIR.mkdir(exist_ok=True)
    for prompt_set in make_all():
        path = prompt_set.write(PROMPTS_DIR)
        print(f"{path.name}: {len(prompt_set.rows)} prompts", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
