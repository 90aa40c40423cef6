"""Who may change things: start, cancel, edit, load. A viewer sees results and nothing else.

RUNG_READ_ONLY=1 makes everybody a viewer. With OIDC login configured (`[auth]` in .streamlit/secrets.toml),
RUNG_EDITORS names those who may change things, by e-mail address and separated by commas; without it, all who log in
may.
"""

from __future__ import annotations

import os

import streamlit as st


def may_change() -> bool:
    """Whether the person before this page may start, change or delete anything."""
    if os.environ.get("RUNG_READ_ONLY", "") not in ("", "0"):
        return False
    editors = {name.strip().lower() for name in os.environ.get("RUNG_EDITORS", "").split(",") if name.strip()}
    if not login_is_configured() or not editors:
        return True
    return bool(st.user.get("email_verified", True)) and str(st.user.get("email", "")).lower() in editors


def login_is_configured() -> bool:
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False
