"""A text cell that a spreadsheet would run as a formula (it begins with = + - @, wide forms of these, tab or a line's
end) gets an apostrophe in front, which spreadsheets hide. Numbers stay numbers. Source: OWASP, CSV injection.
"""

from __future__ import annotations

from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value
