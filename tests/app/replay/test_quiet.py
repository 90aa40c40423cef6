"""The interpreter is quiet for as long as a replay runs, and as before afterwards, however that ended."""

from __future__ import annotations

import gc
import sys

import pytest

from app.replay.quiet import quiet_interpreter


def test_it_is_quiet_inside_and_as_before_outside() -> None:
    before = (sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count())
    collected: list[int] = []

    def watch(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            collected.append(info["generation"])

    with pytest.raises(KeyError), quiet_interpreter():
        assert sys.getswitchinterval() == pytest.approx(0.0005)
        assert gc.get_freeze_count() > before[2]
        gc.callbacks.append(watch)
        kept = [[at] for at in range(200_000)]
        gc.callbacks.remove(watch)
        raise KeyError(len(kept))
    assert set(collected) == {0, 1}
    assert (sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()) == before


def test_young_garbage_is_still_collected() -> None:
    class Node:
        pass

    with quiet_interpreter():
        count = len(gc.get_objects())
        for _ in range(50_000):
            node = Node()
            node.me = node  # type: ignore[attr-defined]
        assert len(gc.get_objects()) - count < 25_000
