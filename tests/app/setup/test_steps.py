"""Which steps run again, what a stamp remembers, and that two set-ups take turns."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.setup.command import Shell
from app.setup.console import Console
from app.setup.failure import SetupFailure
from app.setup.steps import Facts, Stamps, Step, digest, only_one, run_steps


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, tmp_path / "setup.log", Console(io.StringIO()))


class Product:
    """A step that makes one file, and counts how often."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "product"
        self.made = 0

    def step(self, inputs: str = "one") -> Step:
        return Step("product", "the product", inputs, self.check, self.work)

    def check(self, facts: Facts) -> str | None:
        size = self.file.stat().st_size if self.file.exists() else None
        return None if size and size == facts.get("size") else f"{self.file.name} is not as it was made"

    def work(self, shell: Shell, facts: Facts) -> Facts:
        self.made += 1
        self.file.write_text("made")
        return {"size": 4}


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(tmp_path)


@pytest.fixture
def stamps(tmp_path: Path) -> Stamps:
    return Stamps(tmp_path / "setup")


def test_a_finished_step_is_skipped(product: Product, stamps: Stamps, shell: Shell) -> None:
    assert run_steps([product.step()], stamps, shell) == 1
    assert run_steps([product.step()], stamps, shell) == 0
    assert product.made == 1


def test_changed_inputs_do_it_again(product: Product, stamps: Stamps, shell: Shell) -> None:
    run_steps([product.step("one"), replace(product.step("one"), name="other")], stamps, shell)
    run_steps([product.step("two"), replace(product.step("one"), name="other")], stamps, shell)
    assert product.made == 3


@pytest.mark.parametrize("damage", ["", "longer than it was"])
def test_a_damaged_product_is_made_again(product: Product, stamps: Stamps, shell: Shell, damage: str) -> None:
    run_steps([product.step()], stamps, shell)
    product.file.write_text(damage)
    assert run_steps([product.step()], stamps, shell) == 1
    assert product.file.read_text() == "made"


def test_a_broken_stamp_is_no_stamp(product: Product, stamps: Stamps, shell: Shell) -> None:
    run_steps([product.step()], stamps, shell)
    (stamps.folder / "product.json").write_text('{"digest": "on')
    assert run_steps([product.step()], stamps, shell) == 1


def test_a_step_that_made_nothing_gets_no_stamp(product: Product, stamps: Stamps, shell: Shell) -> None:
    idle = replace(product.step(), work=lambda shell, facts: {})
    with pytest.raises(SetupFailure, match="product is not as it was made") as caught:
        run_steps([idle], stamps, shell)
    assert caught.value.step.startswith("step 1 of 1, the product (after ")
    assert not (stamps.folder / "product.json").exists()


def test_the_steps_before_a_failure_stay_done(product: Product, stamps: Stamps, shell: Shell) -> None:
    def fail(shell: Shell, facts: Facts) -> Facts:
        raise SetupFailure("no")

    bad = Step("bad", "bad step", "", lambda facts: "never", fail)
    for _ in range(2):
        with pytest.raises(SetupFailure, match="no"):
            run_steps([product.step(), bad], stamps, shell)
    assert product.made == 1


def test_a_digest_sees_names_contents_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = digest("x", tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("compiled")
    assert digest("x", tmp_path) == first
    (tmp_path / "b.py").write_text("")
    assert digest("x", tmp_path) != first
    assert digest("ab", "c") != digest("a", "bc")


def test_two_setups_take_turns_and_the_second_says_that_it_waits(tmp_path: Path) -> None:
    said = io.StringIO()
    entered = threading.Event()

    def second() -> None:
        with only_one(tmp_path, Console(said)):
            entered.set()

    with only_one(tmp_path, Console(io.StringIO())):
        waiting = threading.Thread(target=second)
        waiting.start()
        while "waiting" not in said.getvalue():
            assert waiting.is_alive()
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()
    assert said.getvalue() == f"waiting for another set-up (process {os.getpid()}) to finish\n"
