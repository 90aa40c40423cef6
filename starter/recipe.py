"""Everything that decides what a starter model becomes: shapes and training plans. Imports neither torch nor
transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Shape:
    hidden: int
    layers: int
    heads: int
    intermediate: int
    head_size: int = 64
    max_positions: int = 4096
    rope_theta: float = 1e7


@dataclass(frozen=True)
class Stage:
    """`steps` of `rows` x `length` tokens, of chats with `shortest` to `longest` characters of context."""

    steps: int
    rows: int
    length: int
    shortest: int
    longest: int


@dataclass(frozen=True)
class Training:
    stages: tuple[Stage, ...]
    peak_rate: float
    seed: int
    mix: tuple[int, ...]
    """How often each task of starter.corpus comes."""
    warmup_steps: int = 50
    context_weight: float = 0.1
    probe_every: int = 200
    save_every: int = 200
    compiled: bool = True
    half: bool = True

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)


SEED = 20261124
TOKENIZER_CHATS = 4000
TOKENIZER_MIX = (8, 5, 5, 3, 3)
CLASSIFIER_STEPS = 1000


@dataclass(frozen=True)
class Stretch:
    """A last training on long contexts, for which the rotary base is raised: distances that were never practised then
    look like such that were (as in Rozière et al. 2023, "Code Llama")."""

    rope_theta: float
    training: Training


@dataclass(frozen=True)
class Plan:
    """One causal model of the family. It grows out of a smaller one, whose layers go to `places`, or starts alone."""

    name: str
    shape: Shape
    training: Training
    grown_from: Plan | None = None
    places: tuple[int, ...] = ()
    stretch: Stretch | None = None

    @property
    def served_shape(self) -> Shape:
        """The shape that the finished model has."""
        return self.shape if self.stretch is None else replace(self.shape, rope_theta=self.stretch.rope_theta)


DRAFT = Plan(
    "draft",
    Shape(hidden=256, layers=3, heads=4, intermediate=384),
    Training(
        stages=(Stage(2500, 8, 512, 150, 1200), Stage(1200, 4, 1024, 300, 3000), Stage(500, 2, 2560, 600, 6500)),
        peak_rate=2e-3,
        seed=SEED,
        mix=(8, 5, 5, 3, 3),
    ),
)
TARGET = Plan(
    "target",
    Shape(hidden=384, layers=7, heads=6, intermediate=1152),
    Training(
        stages=(
            Stage(900, 8, 512, 150, 1200),
            Stage(500, 4, 1024, 300, 3000),
            Stage(350, 8, 512, 150, 1200),
            Stage(150, 2, 2560, 600, 6500),
        ),
        peak_rate=1.2e-3,
        seed=SEED + 4,
        mix=(7, 2, 2, 9, 4),
    ),
    grown_from=DRAFT,
    places=(0, 1, 4),
    stretch=Stretch(
        rope_theta=1e8,
        training=Training(
            stages=(Stage(700, 4, 1024, 300, 3500), Stage(1900, 2, 2560, 1500, 7500)),
            peak_rate=6e-4,
            seed=SEED + 6,
            mix=(10, 2, 3, 9, 4),
            warmup_steps=20,
            # The language is known by now, and answers are few among many tokens.
            context_weight=0.01,
        ),
    ),
)
