"""Who may see the studio, and who may change things: start, cancel, edit, load. A viewer sees results and nothing else.

RUNG_READ_ONLY=1 makes everybody a viewer. With OIDC login configured (`[auth]` in .streamlit/secrets.toml, as Streamlit
documents it), only who logs in sees anything, and RUNG_EDITORS names those who may change things, by e-mail address and
separated by commas; without it, all who log in may.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app.views.wording import plain, without_folders
from optimizers.errors import InputError

NO_PREVIEW = "A preview loads models onto this machine, so it is for those who may change things here."


def may_change() -> bool:
    """Whether the person before this page may start, change or delete anything."""
    if os.environ.get("RUNG_READ_ONLY", "") not in ("", "0"):
        return False
    editors = {name.strip().lower() for name in os.environ.get("RUNG_EDITORS", "").split(",") if name.strip()}
    if not editors:
        return True
    # A provider that says nothing of it does not let people choose an address.
    return st.user.get("email_verified", True) is True and str(st.user.get("email", "")).lower() in editors


def told(text: str) -> str:
    """A reason as this person may read it: viewers learn of no folder."""
    return text if may_change() else without_folders(text)


def admit() -> bool:
    """Ends the page at a login where one is asked for; whether somebody is logged in."""
    try:
        providers = login_providers()
    except InputError as error:
        st.error(plain(str(error)), icon=":material/lock:", title="Nobody can log in")
        st.stop()
    if not providers:
        return False
    if not st.user.is_logged_in:
        st.title("Rung", anchor=False)
        st.markdown("This studio is open to those who log in.")
        for key, title in providers.items():
            if st.button(title, type="primary", icon=":material/login:", key=f"login_{key}"):
                st.login(key)
        st.stop()
    return True


def login_providers() -> dict[str, str]:
    """Provider -> what its button says; empty where no login is configured.

    Raises InputError for a secrets file that cannot be read: Streamlit would go on without a login.
    """
    section: Mapping[str, Any] = {}
    for name in st.get_option("secrets.files"):
        path = Path(name)
        if not path.exists():
            continue
        try:
            section = tomllib.loads(path.read_text(encoding="utf-8")).get("auth", section)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path.name} cannot be read ({str(error).splitlines()[0]}); mend it, or remove it to go without login"
            ) from None
    named = [key for key, value in section.items() if isinstance(value, Mapping) and "client_id" in value]
    if named:
        return {key: f"Log in with {key}" for key in named}
    return {"default": "Log in"} if section else {}
