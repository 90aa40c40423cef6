"""Who may change things, and what a secrets file says of logging in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from app.studio.access import login_providers, may_change, told
from optimizers.errors import InputError


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    known: dict[str, Any] = {}
    monkeypatch.setattr(st, "user", known)
    return known


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "secrets.toml"
    monkeypatch.setattr(st, "get_option", lambda _: [str(tmp_path / "none.toml"), str(file)])
    return file


@pytest.mark.parametrize(("value", "may"), [("1", False), ("yes", False), ("0", True), ("", True)])
def test_read_only_makes_everybody_a_viewer(
    monkeypatch: pytest.MonkeyPatch, person: dict[str, Any], value: str, may: bool
) -> None:
    monkeypatch.setenv("RUNG_READ_ONLY", value)
    assert may_change() is may


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ({"email": "Ann@x.org"}, True),
        ({"email": "ann@x.org", "email_verified": True}, True),
        ({"email": "ann@x.org", "email_verified": False}, False),
        ({"email": "bob@x.org"}, False),
        ({"email": None}, False),
        ({}, False),
    ],
)
def test_editors_are_named_by_a_verified_address(
    monkeypatch: pytest.MonkeyPatch, person: dict[str, Any], user: dict[str, Any], may: bool
) -> None:
    monkeypatch.setenv("RUNG_EDITORS", "ann@X.org, eve@x.org")
    person.update(user)
    assert may_change() is may


def test_only_viewers_are_kept_from_learning_of_folders(
    monkeypatch: pytest.MonkeyPatch, person: dict[str, Any]
) -> None:
    said = "model /srv/models/small: there is no such folder"
    assert told(said) == said
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    assert told(said) == "model small: there is no such folder"


@pytest.mark.parametrize(
    ("text", "providers"),
    [
        ("", {}),
        ("[other]\nkey = 1", {}),
        ('[auth]\nclient_id = "a"', {"default": "Log in"}),
        ('[auth]\nredirect_uri = "u"\n[auth.example]\nclient_id = "a"', {"example": "Log in with example"}),
    ],
)
def test_providers_come_from_the_secrets_file(secrets: Path, text: str, providers: dict[str, str]) -> None:
    secrets.write_text(text)
    assert login_providers() == providers


def test_without_a_secrets_file_nobody_has_to_log_in(secrets: Path) -> None:
    assert login_providers() == {}


def test_a_broken_secrets_file_lets_nobody_in(secrets: Path) -> None:
    secrets.write_text("[auth\nclient_id = 1")
    with pytest.raises(InputError, match=r"secrets\.toml cannot be read .*; mend it, or remove it"):
        login_providers()
