"""Which text a quantizer sees and which is held out."""

from __future__ import annotations

from app.preparation.calibration import CHOICES, HELD_OUT_PIECES, calibration_text, default_set
from app.prompts.prompt_set import PromptSet
from optimizers.prompt import Prompt


def prompt_set(conversations: int, turns: int = 2, words: int = 10) -> PromptSet:
    """Each word is a number that tells its conversation; later turns hold the earlier ones."""
    prompts = [
        Prompt(id=f"{at}-{turn}", text=" ".join([str(at)] * words * turn), conversation=f"c{at}")
        for turn in range(1, turns + 1)
        for at in range(conversations)
    ]
    return PromptSet("texts", tuple(prompts))


def tokenize(prompt: Prompt) -> list[int]:
    return [int(word) for word in (prompt.text or "").split()]


def test_no_conversation_is_on_both_sides() -> None:
    found = calibration_text(prompt_set(8), tokenize, samples=100, piece_tokens=30)
    shown = {token for piece in found.pieces for token in piece}
    hidden = {token for piece in found.held_out for token in piece}
    assert hidden == {3, 7}
    assert shown <= {0, 1, 2, 4, 5, 6}
    assert not shown & hidden


def test_pieces_have_one_length_and_are_no_more_than_asked() -> None:
    found = calibration_text(prompt_set(40), tokenize, samples=5, piece_tokens=30)
    assert [len(piece) for piece in found.pieces] == [30] * 5
    assert len(found.held_out) <= HELD_OUT_PIECES
    assert all(1 <= len(piece) <= 30 for piece in found.held_out)


def test_little_text_makes_one_short_piece() -> None:
    found = calibration_text(prompt_set(1, turns=1), tokenize, samples=5, piece_tokens=512)
    assert [len(piece) for piece in found.pieces] == [10]
    assert found.held_out == ()


def test_no_text_makes_no_piece() -> None:
    assert calibration_text(PromptSet("none", (Prompt(id="a", text=""),)), tokenize, 5).pieces == ()


def test_the_hash_tells_texts_apart() -> None:
    one, other, again = (calibration_text(prompt_set(size), tokenize, 100, 30).content_hash for size in (8, 12, 8))
    assert one == again != other


def test_what_is_measured_is_not_calibrated_on_by_default() -> None:
    assert default_set(None) == default_set("support-desk") == "multi-turn"
    assert default_set("multi-turn") == "support-desk"
    assert all(default_set(name) != name for name in CHOICES)
