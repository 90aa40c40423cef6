"""The one exception that carries a message meant for a person."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what, where and what to do, on one line."""
